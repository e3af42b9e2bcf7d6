"""Prints tests/goldens/corpus/hf-dataset.json: an exported corpus as Hugging Face `datasets` and pyarrow read it.

Run: npx vite-node tests/helpers/dump-small-corpus.ts DIR &&
  .venv/bin/python scripts/oracles/hf_dataset.py DIR/export > tests/goldens/corpus/hf-dataset.json
"""
import hashlib
import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import pyarrow.parquet as pq  # noqa: E402
from datasets import Image, disable_progress_bars, load_dataset  # noqa: E402

folder = sys.argv[1]
disable_progress_bars()
pictures = ["input_image", "edited_image"]

with tempfile.TemporaryDirectory() as cache:
    loaded = load_dataset(folder, cache_dir=cache)
    splits = {}
    for split, rows in loaded.items():
        encoded = rows
        for column in pictures:
            encoded = encoded.cast_column(column, Image(decode=False))
        splits[split] = []
        for row, raw in zip(rows, encoded):
            out = {name: value for name, value in row.items() if name not in pictures}
            for column in pictures:
                picture = row[column]
                out[column] = {
                    "decoded": [type(picture).__module__.split(".")[0], picture.mode, *picture.size],
                    "path": raw[column]["path"],
                    "sha256": hashlib.sha256(raw[column]["bytes"]).hexdigest(),
                }
            splits[split].append(out)
    features = {name: repr(feature) for name, feature in loaded["train"].features.items()}

files = {}
for name in sorted(os.listdir(f"{folder}/data")):
    path = f"{folder}/data/{name}"
    table = pq.read_table(path)
    files[name] = {
        "sha256": hashlib.sha256(open(path, "rb").read()).hexdigest(),
        "rows": table.num_rows,
        "types": {field.name: str(field.type) for field in table.schema},
    }
print(json.dumps({"features": features, "files": files, "splits": splits}, indent=1))
