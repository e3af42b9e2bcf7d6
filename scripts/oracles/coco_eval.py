"""Prints tests/goldens/coco-eval.golden.json: random boxes (crowds, ties, several categories) and pycocotools' scores.

Run: .venv/bin/python scripts/oracles/coco_eval.py > tests/goldens/coco-eval.golden.json
"""
import contextlib
import io
import json

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def random_case(seed, images, categories, per_image, noise, crowd_share):
    rng = np.random.default_rng(seed)
    truths, found = [], []
    for image in range(1, images + 1):
        for category in range(1, categories + 1):
            boxes = []
            for _ in range(rng.integers(0, per_image + 1)):
                side = rng.choice([12.0, 50.0, 150.0])
                box = np.concatenate([rng.uniform(0, 200, 2), rng.uniform(0.5, 1.5, 2) * side]).round(1)
                boxes.append(box)
                truths.append({"image": image, "category": category, "xywh": box.tolist(), "crowd": bool(rng.random() < crowd_share),
                               "area": round(float(box[2] * box[3] * rng.uniform(0.5, 1)), 1)})
            for box in boxes:
                for _ in range(rng.integers(0, 4)):
                    jittered = box + rng.normal(0, noise, 4) * np.tile(box[2:], 2)
                    found.append((image, category, np.maximum(jittered, 1)))
            for _ in range(rng.integers(0, 3)):
                found.append((image, category, np.concatenate([rng.uniform(0, 200, 2), rng.uniform(10, 120, 2)])))
    found = [{"image": i, "category": c, "xywh": b.round(1).tolist(), "score": round(float(rng.random()), 2)} for i, c, b in found]
    return truths, found


def coco_scores(truths, found, images, categories):
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in range(1, images + 1)],
        "categories": [{"id": c, "name": str(c)} for c in range(1, categories + 1)],
        "annotations": [
            {"id": n, "image_id": t["image"], "category_id": t["category"], "bbox": t["xywh"], "area": t["area"], "iscrowd": int(t["crowd"])}
            for n, t in enumerate(truths, 1)
        ],
    }
    coco.createIndex()
    results = coco.loadRes([{"image_id": d["image"], "category_id": d["category"], "bbox": d["xywh"], "score": d["score"]} for d in found])
    evaluation = COCOeval(coco, results, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    names = ["AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100", "ARsmall", "ARmedium", "ARlarge"]
    return dict(zip(names, evaluation.stats.tolist()))


cases = []
for seed, images, categories, per_image, noise, crowd_share in [(1, 6, 3, 4, 0.05, 0.0), (2, 8, 2, 6, 0.1, 0.25), (3, 3, 4, 30, 0.03, 0.1)]:
    truths, found = random_case(seed, images, categories, per_image, noise, crowd_share)
    with contextlib.redirect_stdout(io.StringIO()):
        scores = coco_scores(truths, found, images, categories)
    cases.append({"images": images, "categories": categories, "truths": truths, "found": found, "scores": scores})
print(json.dumps(cases, separators=(",", ":")))
