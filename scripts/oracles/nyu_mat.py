"""Writes tests/goldens/depth-datasets: MATLAB files of depth datasets in miniature, and what h5py, SciPy and Pillow read from them and
from real frames; goldens for src/datasets/{mat5,mat73,nyuv2-mat,nyuv2-bts,sunrgbd,depth-png}.ts.

Usage: python scripts/oracles/nyu_mat.py SHARED_DATA tests/goldens/depth-datasets

`nyu_depth_v2_labeled.mat` is laid out as MATLAB 7.3 writes the official file: HDF5 behind a 512-byte text block, arrays in reversed
(column-major) order, deflated chunks, cells as object references into `#refs#`, strings as columns of uint16.
"""
import json
import os
import sys

import h5py
import numpy as np
import scipy.io
from PIL import Image

FRAMES, WIDTH, HEIGHT = 5, 12, 8
NAMES = ["book", "bottle", "Sofa", "television", "night stand", "garbage bin"]


def write_labelled(path):
    rng = np.random.default_rng(7)
    images = rng.integers(0, 256, (FRAMES, 3, WIDTH, HEIGHT), dtype=np.uint8)
    depths = rng.uniform(0.7, 9.9, (FRAMES, WIDTH, HEIGHT)).astype(np.float32)
    labels = rng.integers(0, 3, (FRAMES, WIDTH, HEIGHT), dtype=np.uint16)
    labels[1, :4] = 3
    labels[2, 4:] = len(NAMES)
    labels[4] = 0
    depths[2, 0, :3] = [np.nan, np.inf, -1]
    depths[3] = 0
    with h5py.File(path, "w", userblock_size=512, libver=("earliest", "v108")) as file:
        for name, data, kind, chunks in [
            ("images", images, "uint8", (1, 3, WIDTH, HEIGHT)),
            ("depths", depths, "single", (2, 5, HEIGHT)),
            ("labels", labels, "uint16", (FRAMES, 5, 3)),
        ]:
            dataset = file.create_dataset(name, data=data, chunks=chunks, compression="gzip", compression_opts=3)
            dataset.attrs["MATLAB_class"] = np.bytes_(kind)
        refs = file.create_group("#refs#")
        cell = file.create_dataset("names", (1, len(NAMES)), dtype=h5py.ref_dtype)
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
        for i, text in enumerate(NAMES):
            string = refs.create_dataset(f"n{i}", data=np.array([[ord(c)] for c in text], dtype=np.uint16))
            string.attrs["MATLAB_class"] = np.bytes_("char")
            string.attrs["MATLAB_int_decode"] = np.int32(2)
            cell[0, i] = string.ref
    with open(path, "r+b") as file:
        text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Sat Jan 01 00:00:00 2000 HDF5 schema 1.00 ."
        file.write(text.ljust(116) + b"\0" * 8 + b"\x00\x02IM")
    return images


def read_labelled(path, frame):
    """One frame in the order of a picture: rows, columns, channels."""
    with h5py.File(path) as file:
        names = ["".join(chr(c) for c in file[ref][()].ravel()) for ref in file["names"][()].ravel()]
        return {
            "frame": frame,
            "names": names,
            "image": file["images"][frame - 1].transpose(2, 1, 0).ravel().tolist(),
            "depth": [float(v) if np.isfinite(v) else None for v in file["depths"][frame - 1].T.ravel()],
            "labels": file["labels"][frame - 1].T.ravel().tolist(),
        }


def chunks(path, array):
    """Where the deflated chunks of an array lie in the file: [offset, bytes]."""
    with h5py.File(path) as file:
        dataset = file[array].id
        infos = [dataset.get_chunk_info(i) for i in range(dataset.get_num_chunks())]
    return [[info.byte_offset, info.size] for info in infos]


def write_splits(folder):
    """MATLAB 5 files: the official NYUv2 split (columns of numbers) and SUN RGB-D's (cells of strings beside a struct)."""
    splits = {"trainNdxs": np.array([[3], [5]], dtype=np.uint16), "testNdxs": np.array([[1.0], [2.0], [4.0]])}
    scipy.io.savemat(os.path.join(folder, "splits.mat"), splits, do_compression=True)
    root = "/n/fs/sun3d/data/SUNRGBD/"

    def cell(scenes):
        out = np.empty((1, len(scenes)), dtype=object)
        out[0, :] = [root + scene for scene in scenes]
        return out

    train, test = ["kv1/NYUdata/NYU0003", "kv1/b3dodata/img_0063"], ["kv2/align_kv2/2014-12-18_11-31-54_260595134347/"]
    both = {"trainvalsplit": {"train": cell(train), "val": cell(test)}, "alltest": cell(test), "alltrain": cell(train)}
    scipy.io.savemat(os.path.join(folder, "allsplit.mat"), both, do_compression=True)
    scipy.io.savemat(os.path.join(folder, "plain.mat"), {**splits, "single": np.array([[1.5, -2.25]], dtype=np.float32)})


def pixels(path, rotated):
    """Metres of some pixels and of all, in double precision."""
    raw = np.asarray(Image.open(path)).astype(np.uint16)
    value = ((raw >> 3) | (raw << 13)) if rotated else raw
    metres = value.astype(np.float64) / 1000
    rows, columns = np.linspace(0, raw.shape[0] - 1, 9).astype(int), np.linspace(0, raw.shape[1] - 1, 11).astype(int)
    return {
        "size": [raw.shape[1], raw.shape[0]],
        "sum": float(metres.sum()),
        "known": int((metres > 0).sum()),
        "pixels": [[int(y), int(x), int(raw[y, x]), float(metres[y, x])] for y in rows for x in columns],
    }


def main():
    shared, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    labelled = os.path.join(folder, "nyu_depth_v2_labeled.mat")
    write_labelled(labelled)
    write_splits(folder)
    fixtures = os.path.join(shared, "fixtures")
    kinect = "sunrgbd-toy/images/img_0063"
    golden = {
        "labelled": [read_labelled(labelled, frame) for frame in (2, 3)],
        "chunks": {array: chunks(labelled, array) for array in ("images", "labels")},
        "nyu16bit": pixels(os.path.join(fixtures, "nyu16bit-unidepth/assets/demo/depth.png"), rotated=False),
        "sunrgbd": {
            kind: pixels(os.path.join(fixtures, kinect, kind, "img_0063_abs.png"), rotated=True)
            for kind in ("depth", "depth_bfx")
        },
    }
    json.dump(golden, open(os.path.join(folder, "depth.json"), "w"), separators=(",", ":"))


main()
