"""Prints masks that pycocotools makes of polygons and run lengths: golden for src/datasets/polygon.ts.

Usage: python scripts/oracles/coco_masks.py ANNOTATIONS.json > tests/goldens/coco-masks.json
ANNOTATIONS.json is a COCO instances file; a dozen of its regions are taken, then random and degenerate polygons are added.
"""
import json
import random
import sys

from pycocotools import mask as tools


def golden(name, segmentation, height, width):
    if isinstance(segmentation, list):
        rle = tools.merge(tools.frPyObjects(segmentation, height, width))
    else:
        rle = tools.frPyObjects(segmentation, height, width)
    return {
        "name": name,
        "height": height,
        "width": width,
        "segmentation": segmentation,
        "counts": rle["counts"].decode(),
        "area": int(tools.area(rle)),
    }


def main():
    coco = json.load(open(sys.argv[1]))
    images = {image["id"]: image for image in coco["images"]}
    regions = sorted(coco["annotations"], key=lambda a: a["id"])
    many = [a for a in regions if isinstance(a["segmentation"], list) and len(a["segmentation"]) > 2][:4]
    one = [a for a in regions if isinstance(a["segmentation"], list) and len(a["segmentation"]) == 1][:: len(regions) // 8]
    crowd = [a for a in regions if isinstance(a["segmentation"], dict)][:2]
    cases = []
    for a in many + one + crowd:
        image = images[a["image_id"]]
        cases.append(golden(f"annotation {a['id']}", a["segmentation"], image["height"], image["width"]))
    rng = random.Random(7)
    for i in range(24):
        height, width = rng.randint(3, 40), rng.randint(3, 40)
        corners = rng.randint(3, 12)
        # A margin outside the image, and coordinates on and between pixel borders.
        point = lambda side: rng.choice([round(rng.uniform(0, side), 2), rng.randint(0, side), rng.uniform(-0.4, side + 5)])
        polygon = [value for _ in range(corners) for value in (point(width), point(height))]
        cases.append(golden(f"random {i}", [polygon], height, width))
    cases.append(golden("repeated corner", [[2, 2, 2, 2, 8, 2, 8, 2, 8, 9, 2, 9]], 12, 10))
    cases.append(golden("whole frame", [[0, 0, 10, 0, 10, 12, 0, 12]], 12, 10))
    cases.append(golden("no height", [[1, 5, 9, 5, 4, 5]], 12, 10))
    json.dump(cases, sys.stdout, separators=(",", ":"))


main()
