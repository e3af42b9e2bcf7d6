"""Prints tests/goldens/rle.json: masks and the compressed run lengths pycocotools gives them."""
import json

import numpy as np
from pycocotools import mask as coco

rng = np.random.default_rng(7)


def case(name, m):
    m = np.asfortranarray(m.astype(np.uint8))
    rle = coco.encode(m)
    return {
        "name": name,
        "size": [int(v) for v in rle["size"]],
        "mask": "".join(str(v) for v in m.flatten(order="C")),
        "counts": rle["counts"].decode(),
        "area": int(coco.area(rle)),
    }


yy, xx = np.mgrid[0:70, 0:90]
wide = np.zeros((3, 3000))
wide[:, 1500:] = 1
cases = [
    case("empty", np.zeros((5, 7))),
    case("full", np.ones((5, 7))),
    case("one pixel", np.ones((1, 1))),
    case("first pixel", np.eye(4, 6)),
    case("noise", rng.random((23, 31)) < 0.5),
    case("sparse noise", rng.random((40, 17)) < 0.05),
    case("disc", (xx - 40) ** 2 + (yy - 35) ** 2 < 900),
    case("long runs", wide),
    case("stripes", (xx // 9) % 2 == 0),
]
print(json.dumps(cases, indent=1))
