"""Prints tests/goldens/metrics.golden.json: random answers, and what scikit-learn and the formulas in numpy make of them.

Needs scikit-learn 1.9 besides numpy. Run: python scripts/oracles/metrics.py > tests/goldens/metrics.golden.json
"""
import json

import numpy as np
from sklearn import metrics
from sklearn.calibration import calibration_curve

rng = np.random.default_rng(11)


def classes():
    labels = [0, 1, 2, 3, 4]  # 4 is never true
    truth = rng.choice(4, 60, p=[0.5, 0.3, 0.15, 0.05])
    scores = rng.random((60, 5)).round(3)
    scores[np.arange(60), truth] += 0.4
    predicted = scores.argmax(1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=np.nan)
    seen = sorted(set(truth) | set(predicted))
    return {
        "truth": truth.tolist(), "scores": scores.tolist(),
        "confusion": metrics.confusion_matrix(truth, predicted, labels=labels).tolist(),
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced": metrics.recall_score(truth, predicted, labels=sorted(set(truth)), average="macro"),
        "precision": [None if np.isnan(v) else v for v in precision], "recall": [None if np.isnan(v) else v for v in recall],
        "f1": [None if np.isnan(v) else v for v in f1], "support": support.tolist(),
        "macroF1": metrics.f1_score(truth, predicted, labels=seen, average="macro"),
        "top2": metrics.top_k_accuracy_score(truth, scores, k=2, labels=labels),
    }


def segmentation():
    maps, pooled_truth, pooled_found = [], [], []
    for _ in range(3):
        truth = rng.choice([0, 1, 2, 255], (6, 9), p=[0.6, 0.2, 0.1, 0.1])
        found = np.where(rng.random((6, 9)) < 0.7, np.where(truth == 255, 3, truth), rng.integers(0, 4, (6, 9)))
        maps.append({"truth": truth.flatten().tolist(), "found": found.flatten().tolist()})
        pooled_truth.append(truth[truth != 255])
        pooled_found.append(found[truth != 255])
    truth, found = np.concatenate(pooled_truth), np.concatenate(pooled_found)
    iou = metrics.jaccard_score(truth, found, labels=[0, 1, 2, 3], average=None, zero_division=0)
    share = np.bincount(truth, minlength=4) / len(truth)
    return {"width": 9, "height": 6, "maps": maps, "iou": iou.tolist(), "miou": iou.mean(), "pixelAccuracy": (truth == found).mean(),
            "meanAccuracy": metrics.recall_score(truth, found, labels=[0, 1, 2], average="macro"), "fwIou": (share * iou).sum()}


CROPS = {"none": (0, 1, 0, 1), "nyu-eigen": (45 / 480, 471 / 480, 41 / 640, 601 / 640),
         "kitti-garg": (0.40810811, 0.99189189, 0.03594771, 0.96405229), "kitti-eigen": (0.3324324, 0.91351351, 0.0359477, 0.96405229)}


def align(how, p, t, farthest):
    if how == "median":
        return p * np.median(t) / np.median(p)
    if how == "scale":
        return p * np.linalg.lstsq(p[:, None], t, rcond=None)[0][0]
    line = np.stack([p, np.ones_like(p)], 1)
    if how == "scale-shift":
        return line @ np.linalg.lstsq(line, t, rcond=None)[0]
    if how == "disparity":
        return 1 / np.maximum(line @ np.linalg.lstsq(line, 1 / t, rcond=None)[0], 1 / farthest)
    return p


def depth_errors(p, t):
    ratio, ln = np.maximum(p / t, t / p), np.log(p) - np.log(t)
    return {"rmse": np.sqrt(((p - t) ** 2).mean()), "absRel": (np.abs(p - t) / t).mean(), "sqRel": ((p - t) ** 2 / t).mean(),
            "log10": np.abs(np.log10(p) - np.log10(t)).mean(), "rmseLog": np.sqrt((ln**2).mean()), "silog": 100 * np.std(ln),
            "delta1": (ratio < 1.25).mean(), "delta2": (ratio < 1.25**2).mean(), "delta3": (ratio < 1.25**3).mean()}


def depth():
    h, w = 24, 32
    truths = [np.where(rng.random((h, w)) < 0.1, 0, rng.uniform(0.5, 12, (h, w))).astype(np.float32) for _ in range(3)]
    found = [(0.2 + 0.4 * t * rng.uniform(0.7, 1.4, (h, w)) + 0.3).astype(np.float32) for t in truths]
    cases = []
    for options in [{}, {"nearest": 1, "farthest": 8}, {"crop": "nyu-eigen"}, {"crop": "kitti-garg", "farthest": 80}, {"crop": "kitti-eigen"},
                    {"align": "median"}, {"align": "scale"}, {"align": "scale-shift"}, {"align": "disparity"}, {"align": "scale-shift", "crop": "nyu-eigen"}]:
        nearest, farthest = options.get("nearest", 0), options.get("farthest", 10)
        top, bottom, left, right = CROPS[options.get("crop", "none")]
        window = np.zeros((h, w), bool)
        window[int(top * h) : int(bottom * h), int(left * w) : int(right * w)] = True
        pairs = []
        for t, p in zip(truths, found):
            valid = window & (t > nearest) & (t <= farthest)
            t, p = t[valid].astype(float), p[valid].astype(float)
            pairs.append((np.clip(align(options.get("align"), p, t, farthest), max(nearest, 1e-3), farthest), t))
        each = [depth_errors(p, t) for p, t in pairs]
        cases.append({"options": options, "pooled": depth_errors(*(np.concatenate(side) for side in zip(*pairs))),
                      "perImage": {key: np.mean([errors[key] for errors in each]) for key in each[0]}})
    flat = lambda maps: [[float(np.float32(v)) for v in m.flatten()] for m in maps]
    return {"width": w, "height": h, "truths": flat(truths), "found": flat(found), "cases": cases}


def voc():
    """voc_eval of py-faster-rcnn, with the devkit's >= and recalls i / 10, over half-open boxes."""
    truths, found = [], []
    for image in range(8):
        for _ in range(rng.integers(0, 5)):
            box = np.concatenate([rng.integers(0, 60, 2), rng.integers(10, 50, 2)]).astype(float)
            truths.append({"image": image, "box": [*box[:2], *(box[:2] + box[2:])], "difficult": bool(rng.random() < 0.25)})
            for _ in range(rng.integers(0, 4)):
                corners = np.array(truths[-1]["box"]) + rng.integers(-5, 6, 4)
                found.append({"image": image, "box": corners.tolist(), "score": round(float(rng.random()), 6)})
        found.append({"image": image, "box": [0.0, 0.0, 15.0, 15.0], "score": round(float(rng.random()), 6)})
    objects, seen, tp, fp = sum(not t["difficult"] for t in truths), set(), [], []
    for d in sorted(found, key=lambda d: -d["score"]):
        own = [(i, t) for i, t in enumerate(truths) if t["image"] == d["image"]]
        overlaps = []
        for _, t in own:
            (ax, ay, ar, ab), (bx, by, br, bb) = d["box"], t["box"]
            inter = max(min(ar, br) - max(ax, bx), 0) * max(min(ab, bb) - max(ay, by), 0)
            overlaps.append(inter / ((ar - ax) * (ab - ay) + (br - bx) * (bb - by) - inter))
        hit, miss = 0, 0
        if overlaps and max(overlaps) >= 0.5:
            i, t = own[int(np.argmax(overlaps))]
            if not t["difficult"]:
                hit, miss = (0, 1) if i in seen else (1, 0)
                seen.add(i)
        else:
            miss = 1
        tp.append(hit)
        fp.append(miss)
    tp, fp = np.cumsum(tp), np.cumsum(fp)
    recall, precision = tp / objects, tp / np.maximum(tp + fp, np.finfo(float).eps)
    eleven = np.mean([precision[recall >= k / 10].max() if (recall >= k / 10).any() else 0 for k in range(11)])
    mrec, mpre = np.concatenate([[0], recall, [1]]), np.concatenate([[0], precision, [0]])
    mpre = np.maximum.accumulate(mpre[::-1])[::-1]
    at = np.where(mrec[1:] != mrec[:-1])[0]
    return {"truths": truths, "found": found, "ap2007": eleven, "ap2012": ((mrec[at + 1] - mrec[at]) * mpre[at + 1]).sum()}


def calibration():
    confidence = rng.permutation(np.linspace(0.003, 0.996, 60)).round(4)
    outcome = (rng.random(60) < confidence**2).astype(int)
    accuracy, mean_confidence = calibration_curve(outcome, confidence, n_bins=10, strategy="uniform")
    counts = np.histogram(confidence, np.linspace(0, 1, 11))[0]
    gaps = np.abs(accuracy - mean_confidence)
    order = np.argsort(confidence)
    adaptive = sum(len(part) / 60 * abs(confidence[part].mean() - outcome[part].mean()) for part in np.array_split(order, 6))
    return {"confidence": confidence.tolist(), "outcome": outcome.tolist(), "bins": [accuracy.tolist(), mean_confidence.tolist(), counts.tolist()],
            "ece10": (gaps * counts / 60).sum(), "max10": gaps.max(), "adaptive6": adaptive,
            "brier": metrics.brier_score_loss(outcome, confidence), "auc": metrics.roc_auc_score(outcome, confidence)}


sample = rng.normal(size=17)
quantiles = {"values": sorted(sample.tolist()), "shares": [0.025, 0.5, 0.975], "at": np.quantile(sample, [0.025, 0.5, 0.975]).tolist()}
golden = {"classes": classes(), "segmentation": segmentation(), "depth": depth(), "voc": voc(), "calibration": calibration(), "quantiles": quantiles}
print(json.dumps(golden, separators=(",", ":"), default=float))
