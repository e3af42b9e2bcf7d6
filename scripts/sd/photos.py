"""The example photos at a size, as the bytes that both engines are given."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("cat", "dog")
SENTENCES = (
    "Detect the person",
    "Segment the cat",
    "Estimate the depth of this image",
    "Show blue if the picture has a dog, otherwise show red",
    "",
)


def photo(name, width, height):
    """A Pillow image [height, width] of examples/<name>.jpg."""
    return Image.open(ROOT / "examples" / f"{name}.jpg").convert("RGB").resize((width, height), Image.Resampling.BICUBIC)


def planes(image):
    """[1, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1
