"""Goldens of the tokenizer: transformers' CLIPTokenizer with a small vocabulary and with CLIP's own.

The small one is what src/models/bpe-trainer.ts learns from tests/goldens/tokenizer/texts.json (`vitest -u` writes it); its ids
go to encoded.json. CLIP's is models/clip-vocabulary; a thousand strings with their ids go to clip.json.gz.

What is matched is the tokenizer of transformers 5, which is the fast one of transformers 4. The slow one of transformers 4.46 gives
the same ids for the sentences of the instruction bank and others for about a third of all: with ftfy installed it first repairs
text (curly quotes to straight, ligatures and full-width letters to plain ones, HTML entities to their characters, control
characters gone), without it it puts spaces around Chinese characters and drops control and format characters (so joined emoji fall
apart). Both read <|EndOfText|> in any case of letters as the marker.
Run: .venv/bin/python scripts/oracles/tokenizer.py
"""

import gzip
import json
from pathlib import Path

from tokenizer_strings import strings
from transformers import CLIPTokenizer

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "goldens" / "tokenizer"


def encode(tokenizer, length, texts):
    """The ids of `length` tokens, and all of the text's own."""
    return [
        dict(text=text,
             ids=tokenizer(text, padding="max_length", truncation=True, max_length=length).input_ids,
             all=tokenizer(text, add_special_tokens=False).input_ids)
        for text in texts
    ]


def golden(length, cases):
    lines = ",\n".join(json.dumps(one) for one in cases)
    return f'{{"maxLength": {length}, "cases": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    small = encode(CLIPTokenizer.from_pretrained(FOLDER), 32, json.loads((FOLDER / "texts.json").read_text())["strings"])
    (FOLDER / "encoded.json").write_text(golden(32, small))
    clip = encode(CLIPTokenizer.from_pretrained(ROOT / "models" / "clip-vocabulary"), 77, strings())
    (FOLDER / "clip.json.gz").write_bytes(gzip.compress(golden(77, clip).encode(), mtime=0))
    print(len(small), "and", len(clip), "strings")
