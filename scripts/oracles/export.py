"""What Python makes of the model folders that `instructcv train` writes, for scripts/training/export.mjs: one safetensors file.

Run: python scripts/oracles/export.py DIR OUT.safetensors. DIR holds the runs of tests/helpers/dump-export.ts: float32, float16, lora, small.
Everything is opened by the libraries' own from_pretrained and load_lora_weights, nothing is adapted. The file is in the form of
scripts/sd/references.py, with the parts pipeline (folder, lora: an adapter to be merged, or null), text and unet (of the run small).
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline, UNet2DConditionModel
from diffusers.schedulers import scheduling_euler_ancestral_discrete
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = ("Segment the cat", "Where is the dog? Show me!", "Größe, 42 métres", "")
SIDE, FACTOR = 32, 4
folder = Path(sys.argv[1])
generator = torch.Generator().manual_seed(3)
photo = Image.open(ROOT / "examples" / "cat.jpg").convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
tensors, cases = {}, {}


def randn(*shape):
    return torch.randn(shape, generator=generator)


def add(part, values, **facts):
    some = cases.setdefault(part, [])
    name = f"{part}{len(some)}"
    some.append(dict(name=name, **facts))
    tensors.update({f"{name}.{key}": value.clone(memory_format=torch.contiguous_format) for key, value in values.items()})


def draw(pipeline, steps, guidance, **facts):
    """The decoder's raw output for the photo, and the noise in the order it is drawn."""
    pipeline.set_progress_bar_config(disable=True)
    drawn = [randn(1, 4, SIDE // FACTOR, SIDE // FACTOR)]

    def recorded(shape, **_):
        drawn.append(randn(*shape))
        return drawn[-1]

    scheduling_euler_ancestral_discrete.randn_tensor = recorded
    raw = []
    hook = pipeline.vae.decoder.register_forward_hook(lambda _, args, output: raw.append(output))
    image = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float() / 255
    # A scale of 1 of both would switch guidance off; the sampler is the one that the folder names.
    pipeline(SENTENCES[0], image=image, num_inference_steps=steps, guidance_scale=guidance["text"],
             image_guidance_scale=guidance["image"], latents=drawn[0].clone(), output_type="np")
    hook.remove()
    noise = torch.cat([one.flatten() for one in drawn])
    add("pipeline", dict(photo=torch.from_numpy(np.array(photo)), noise=noise, picture=raw[0].float()),
        steps=steps, sentence=SENTENCES[0], guidance=guidance, **facts)
    print(facts, type(pipeline.scheduler).__name__, pipeline.unet.dtype, "picture", float(raw[0].min()), float(raw[0].max()))


def opened(run):
    return StableDiffusionInstructPix2PixPipeline.from_pretrained(folder / run / "model", local_files_only=True)


def text(run):
    """Tokenizer and text encoder as transformers opens them."""
    model = folder / run / "model"
    tokenizer = CLIPTokenizer.from_pretrained(model / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(model / "text_encoder")
    assert len(tokenizer) == encoder.config.vocab_size
    for sentence in (*SENTENCES, "a sentence that does not fit " * 10):
        ids = tokenizer(sentence, padding="max_length", truncation=True, return_tensors="pt").input_ids
        states = encoder(ids).last_hidden_state
        add("text", dict(ids=ids.float(), states=states), run=run, sentence=sentence)
    return states


@torch.no_grad()
def main():
    guidance = dict(text=3.0, image=1.5)
    draw(opened("float32"), 4, guidance, folder="float32/model", lora=None)
    draw(opened("float16"), 4, guidance, folder="float16/model", lora=None)
    draw(opened("lora"), 4, guidance, folder="lora/model", lora=None)
    adapted = opened("float32")
    adapted.load_lora_weights(folder / "lora" / "model" / "lora")
    draw(adapted, 4, guidance, folder="float32/model", lora="lora/model/lora")
    for run in ("float32", "float16", "small"):
        states = text(run)
    unet = UNet2DConditionModel.from_pretrained(folder / "small" / "model" / "unet")
    channels, side = unet.config.out_channels, SIDE // FACTOR
    for timestep in (999.0, 250.0):
        noisy, image = randn(1, channels, side, side), randn(1, channels, side, side)
        prediction = unet(torch.cat([noisy, image], 1), torch.tensor(timestep), states).sample
        add("unet", dict(noisy=noisy, image=image, states=states, prediction=prediction), run="small", timestep=timestep)
    save_file(tensors, sys.argv[2], metadata={"cases": json.dumps(cases), "torch": torch.__version__})


if __name__ == "__main__":
    main()
