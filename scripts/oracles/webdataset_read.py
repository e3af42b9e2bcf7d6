"""Prints tests/goldens/corpus/webdataset.json: the shards of a corpus as Python's `webdataset` reads them.

Run: npx vite-node tests/helpers/dump-small-corpus.ts DIR &&
  .venv/bin/python scripts/oracles/webdataset_read.py DIR/corpus > tests/goldens/corpus/webdataset.json
"""
import hashlib
import json
import sys

import webdataset as wds

folder = sys.argv[1]
manifest = json.load(open(f"{folder}/manifest.json"))
splits = {}
files = {}
for split, info in manifest["splits"].items():
    shards = [f"{folder}/{shard['file']}" for shard in info["shards"]]
    files.update({path.split("/")[-1]: hashlib.sha256(open(path, "rb").read()).hexdigest() for path in shards})
    splits[split] = [
        {
            "key": sample["__key__"],
            "members": {
                suffix: hashlib.sha256(value).hexdigest()
                for suffix, value in sample.items()
                if not suffix.startswith("__")
            },
        }
        for sample in wds.WebDataset(shards, shardshuffle=False)
    ]
# What decoders of the library make of the pictures.
decoded = next(iter(wds.WebDataset([shards[0]], shardshuffle=False).decode("rgb8")))
shapes = {suffix: list(value.shape) for suffix, value in decoded.items() if hasattr(value, "shape")}
print(json.dumps({"files": files, "splits": splits, "decoded": {"key": decoded["__key__"], "shapes": shapes}}, indent=1))
