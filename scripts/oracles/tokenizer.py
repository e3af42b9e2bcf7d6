"""Goldens of the tokenizer: transformers' CLIPTokenizer with the vocabulary in tests/goldens/tokenizer.

That vocabulary is what src/models/bpe-trainer.ts learns from texts.json (`vitest -u` writes it). Writes encoded.json.
Run: .venv/bin/python scripts/oracles/tokenizer.py
"""

import json
from pathlib import Path

from transformers import CLIPTokenizer

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "goldens" / "tokenizer"
LENGTH = 32

if __name__ == "__main__":
    tokenizer = CLIPTokenizer.from_pretrained(FOLDER)
    strings = json.loads((FOLDER / "texts.json").read_text())["strings"]
    encoded = [
        dict(text=text,
             ids=tokenizer(text, padding="max_length", truncation=True, max_length=LENGTH).input_ids,
             all=tokenizer(text, add_special_tokens=False).input_ids)
        for text in strings
    ]
    lines = ",\n".join(json.dumps(one) for one in encoded)
    (FOLDER / "encoded.json").write_text(f'{{"maxLength": {LENGTH}, "cases": [\n{lines}\n]}}\n')
    print(len(encoded), "strings")
