"""pycocotools' side of `npm run parity:coco`.

coco_peer.py make OUT [--data FOLDER] [--random N] [--seed S]   cases as folders: instances.json, results.json, expected.*
coco_peer.py check OUT                                          scores every ours.json with pycocotools against the expected numbers
coco_peer.py golden OUT > tests/goldens/coco-files.golden.json  six random cases with the numbers and one curve each (OUT is scratch)
"""
import argparse
import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
from pycocotools import mask as masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def evaluate(instances, results, iou_type):
    """The twelve numbers, precision [T, R, K, A, M], recall [T, K, A, M] and scores like precision; -1 where there is no object."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(instances))
        evaluation = COCOeval(coco, coco.loadRes(str(results)), iou_type)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats, evaluation.eval["precision"], evaluation.eval["recall"], evaluation.eval["scores"]


def write_case(folder, instances, results, iou_type, ids_shifted=None):
    folder.mkdir(parents=True)
    (folder / "instances.json").write_text(instances if isinstance(instances, str) else json.dumps(instances))
    (folder / "results.json").write_text(json.dumps(results))
    stats, *arrays = evaluate(folder / "instances.json", folder / "results.json", iou_type)
    with open(folder / "expected.f64", "wb") as file:
        for array in (stats, *arrays):
            file.write(np.ascontiguousarray(array, dtype="<f8").tobytes())
    about = {"iouType": iou_type, "zeroId": ids_shifted is not None}
    if ids_shifted is not None:
        (folder / "shifted.json").write_text(json.dumps(ids_shifted))
        about["statsWithoutId0"] = evaluate(folder / "shifted.json", folder / "results.json", iou_type)[0].tolist()
        (folder / "shifted.json").unlink()
    (folder / "about.json").write_text(json.dumps(about))


def perturbed_boxes(rng, annotations, images, categories):
    """What a middling detector says: jittered, doubled, missed, of another class, false, with many equal scores."""
    results = []
    for annotation in annotations:
        for _ in range(rng.choice([0, 1, 1, 1, 2])):
            box = np.array(annotation["bbox"]) + rng.normal(0, rng.choice([0.01, 0.05, 0.15]), 4) * np.tile(annotation["bbox"][2:], 2)
            category = annotation["category_id"] if rng.random() < 0.9 else int(rng.choice(categories))
            results.append((annotation["image_id"], category, box))
    for image in images:
        for _ in range(rng.integers(0, 4)):
            results.append((image, int(rng.choice(categories)), np.concatenate([rng.uniform(0, 300, 2), rng.uniform(1, 200, 2)])))
    return [
        {"image_id": i, "category_id": c, "bbox": [float(v) for v in np.round(np.concatenate([b[:2], np.maximum(b[2:], 0)]), 2)],
         "score": round(float(rng.random()), int(rng.choice([1, 2, 8])))}
        for i, c, b in results
    ]


def perturbed_masks(rng, coco, annotations, images, categories):
    results = []
    sizes = {image["id"]: (image["height"], image["width"]) for image in images}
    for annotation in annotations:
        if rng.random() < 0.2:
            continue
        mask = coco.annToMask(annotation)
        mask = np.roll(mask, (int(rng.integers(-8, 9)), int(rng.integers(-8, 9))), axis=(0, 1))
        if rng.random() < 0.3:
            mask[:, : mask.shape[1] // 2] = 0
        results.append((annotation["image_id"], annotation["category_id"], mask))
    for image in rng.choice(list(sizes), len(sizes) // 3):
        h, w = sizes[image]
        mask = np.zeros((h, w), np.uint8)
        y, x = rng.integers(0, h), rng.integers(0, w)
        mask[y : y + 50, x : x + 80] = 1
        results.append((int(image), int(rng.choice(categories)), mask))
    encoded = []
    for image, category, mask in results:
        rle = masks.encode(np.asfortranarray(mask))
        encoded.append({"image_id": image, "category_id": category, "score": round(float(rng.random()), int(rng.choice([1, 2, 8]))),
                        "segmentation": {"size": [int(v) for v in rle["size"]], "counts": rle["counts"].decode()}})
    return encoded


def real_cases(out, data, seed):
    for split in ("val2017", "train2017"):
        path = data / "coco/annotations" / f"instances_{split}.json"
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(path))
        annotations, images, categories = coco.dataset["annotations"], coco.dataset["images"], sorted(coco.cats)
        rng = np.random.default_rng(seed)
        boxes = perturbed_boxes(rng, annotations, [i["id"] for i in images], categories)
        found = perturbed_masks(rng, coco, annotations, images, categories)
        text = path.read_text()
        write_case(out / f"real-{split}-bbox", text, boxes, "bbox")
        write_case(out / f"real-{split}-segm", text, found, "segm")
        write_case(out / f"real-{split}-masks-as-boxes", text, found, "bbox")


def random_case(out, name, seed):
    """Few images, some empty; boxes of no area, crowds, an annotation 0 in a third of the cases, equal scores, more than 100 boxes."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(40, 400))
    images = [{"id": int(i), "width": size, "height": size + 7} for i in rng.choice(1000, rng.integers(1, 9), replace=False)]
    categories = [int(c) for c in rng.choice(90, rng.integers(1, 6), replace=False)]
    segm = seed % 4 == 0
    first = 0 if seed % 3 == 0 else int(rng.integers(1, 50))
    whole = rng.random() < 0.5
    annotations = []
    for image in images:
        for category in categories:
            for _ in range(rng.integers(0, rng.choice([1, 3, 8]))):
                box = np.concatenate([rng.uniform(0, size * 0.7, 2), rng.uniform(0, rng.choice([0.1, 0.4, 1]) * size, 2)])
                if whole:
                    box = np.round(box)
                if rng.random() < 0.03:
                    box[2] = 0
                box = [round(float(v), 2) for v in box]
                x, y, w, h = box
                annotation = {"id": first + len(annotations), "image_id": image["id"], "category_id": category, "bbox": box,
                              "iscrowd": int(rng.random() < 0.15), "area": round(w * h * float(rng.uniform(0.4, 1)), 2)}
                if rng.random() < 0.1:
                    annotation["ignore"] = 1
                if segm:
                    annotation["segmentation"] = [[x, y, x + w, y, x + w * 0.7, y + h, x, y + h * 0.8]]
                    if annotation["iscrowd"]:
                        mask = np.zeros((size + 7, size), np.uint8)
                        mask[int(y) : int(y + h), int(x) : int(x + w)] = 1
                        flat, runs, last = mask.flatten(order="F"), [0], 0
                        for v in flat:
                            if v != last:
                                runs.append(0)
                                last = v
                            runs[-1] += 1
                        annotation["segmentation"] = {"size": [size + 7, size], "counts": runs}
                annotations.append(annotation)
    ids = [image["id"] for image in images]
    results = perturbed_boxes(rng, annotations, ids, categories)
    if whole:  # corners on whole pixels make overlaps that fall on a threshold exactly
        for result in results:
            result["bbox"] = [float(round(v)) for v in result["bbox"]]
    if seed % 10 == 1:  # more than COCO looks at
        results += [{**results[0], "score": round(float(rng.random()), 2)} for _ in range(150)] if results else []
    instances = {"images": images, "categories": [{"id": c, "name": f"class {c}"} for c in categories], "annotations": annotations}
    if segm:
        path = out / "scratch.json"
        path.write_text(json.dumps(instances))
        with contextlib.redirect_stdout(io.StringIO()):
            results = perturbed_masks(rng, COCO(str(path)), annotations, images, categories)
        path.unlink()
    if not results:  # pycocotools cannot load an empty list
        return False
    shifted = {**instances, "annotations": [{**a, "id": a["id"] + 1} for a in annotations]} if first == 0 else None
    write_case(out / name, instances, results, "segm" if segm else "bbox", shifted)
    return True


def make(out, data, random, seed):
    out.mkdir(parents=True, exist_ok=True)
    if data:
        real_cases(out, data, seed)
    made = index = 0
    while made < random:
        made += random_case(out, f"random-{made:04d}", seed * 1_000_003 + index)
        index += 1


def check(out):
    """Largest difference between what pycocotools makes of our results file and of the one that it was read from."""
    largest = 0.0
    for folder in sorted(out.iterdir()):
        about = json.loads((folder / "about.json").read_text())
        stats = evaluate(folder / "instances.json", folder / "ours.json", about["iouType"])[0]
        expected = np.fromfile(folder / "expected.f64", "<f8", 12)
        largest = max(largest, float(np.abs(stats - expected).max()))
    print(json.dumps({"largest": largest}))


def golden(out):
    out.mkdir(parents=True, exist_ok=True)
    cases = []
    for seed in (2, 3, 4, 9, 10, 12):
        random_case(out, f"{seed}", seed)
        folder = out / f"{seed}"
        about = json.loads((folder / "about.json").read_text())
        stats, precision, recall, scores = evaluate(folder / "instances.json", folder / "results.json", about["iouType"])
        instances = json.loads((folder / "instances.json").read_text())
        cases.append({**about, "instances": instances, "results": json.loads((folder / "results.json").read_text()), "stats": stats.tolist(),
                      "recall": recall[:, :, 0, -1].tolist(), "precision50": precision[0, :, 0, 0, -1].tolist(),
                      "scores50": scores[0, :, 0, 0, -1].tolist()})
    print(json.dumps(cases, separators=(",", ":")))


parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["make", "check", "golden"])
parser.add_argument("out", type=Path)
parser.add_argument("--data", type=Path)
parser.add_argument("--random", type=int, default=300)
parser.add_argument("--seed", type=int, default=0)
arguments = parser.parse_args()
if arguments.command == "make":
    make(arguments.out, arguments.data, arguments.random, arguments.seed)
elif arguments.command == "golden":
    golden(arguments.out)
else:
    check(arguments.out)
sys.stdout.flush()
