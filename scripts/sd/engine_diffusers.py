"""diffusers as one of the engines that bench.mjs times: stays up and answers one JSON line on stdin with one on stdout.

Run: python scripts/sd/engine_diffusers.py DIR DTYPE THREADS
"""

import time

started = time.perf_counter()
import json
import sys
from collections import defaultdict

import diffusers
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from PIL import Image


def timed(owner, name, phase, spent):
    """Adds the seconds that the method takes to spent[phase]."""
    inner = getattr(owner, name)

    def outer(*args, **kwargs):
        start = time.perf_counter()
        result = inner(*args, **kwargs)
        spent[phase] += time.perf_counter() - start
        return result

    setattr(owner, name, outer)


def draw(pipeline, spent, photo, sentence, steps, seed, guidance):
    image = Image.open(photo).convert("RGB")
    spent.clear()
    start = time.perf_counter()
    pipeline(sentence, image=image, num_inference_steps=steps, guidance_scale=guidance["text"],
             image_guidance_scale=guidance["image"], generator=torch.Generator().manual_seed(seed), output_type="np")
    return {"seconds": time.perf_counter() - start, "phases": dict(spent)}


def sgemm(side, repeats):
    """Best rate of a float32 product of square matrices, floating-point operations a second."""
    a, b = torch.randn(side, side), torch.randn(side, side)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return {"rate": 2 * side**3 / min(times)}


def main():
    folder, dtype, threads = sys.argv[1], getattr(torch, sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    imported = time.perf_counter()
    pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(folder, torch_dtype=dtype)
    pipeline.set_progress_bar_config(disable=True)
    loaded = time.perf_counter()
    spent = defaultdict(float)
    timed(pipeline.text_encoder, "forward", "text", spent)
    timed(pipeline.vae, "encode", "encode", spent)
    timed(pipeline.unet, "forward", "denoise", spent)
    timed(pipeline.vae, "decode", "decode", spent)
    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__}
    answer({"import": imported - started, "load": loaded - imported, "versions": versions})
    for line in sys.stdin:
        request = json.loads(line)
        if "sgemm" in request:
            answer(sgemm(**request["sgemm"]))
        else:
            answer(draw(pipeline, spent, **request["draw"]))


def answer(value):
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
