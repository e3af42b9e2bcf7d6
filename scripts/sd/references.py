"""Writes what diffusers and transformers compute from a checkpoint, for parity.mjs: one safetensors file.

Run: python scripts/sd/references.py DIR OUT.safetensors [--side 256] [--threads 2]. Float32 throughout.

Tensors are called CASE.NAME; the metadata's "cases" (JSON) lists the cases of each part with what is not a tensor:
text (sentence; ids, states), encode (photo U8 [H, W, 3]; latents: posterior mode, unscaled), decode (scaled latents; picture
[1, 3, H, W] in -1..1), unet (noisy [1, 4, h, w] under B conditions, image [1, 4, h, w], text and empty [1, L, D]: the sentence's states
and those of none; timestep; prediction [B, 4, h, w]) and pipeline (photo U8; noise: the standard normal values in the order they are drawn, initial latents first; picture in -1..1, not clipped).
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionInstructPix2PixPipeline
from diffusers.schedulers import scheduling_euler_ancestral_discrete
from photos import SENTENCES, photo, planes
from safetensors.torch import save_file

# Latents of 32x32 and 32x40 for a side of 256 pixels.
WIDER = 5 / 4


class References:
    def __init__(self, pipeline, side):
        self.pipeline, self.side = pipeline, side
        self.generator = torch.Generator().manual_seed(1)
        self.tensors, self.cases = {}, {}

    def add(self, part, tensors, **facts):
        cases = self.cases.setdefault(part, [])
        name = f"{part}{len(cases)}"
        cases.append(dict(name=name, **facts))
        self.tensors |= {f"{name}.{key}": value.clone(memory_format=torch.contiguous_format) for key, value in tensors.items()}

    def randn(self, *shape):
        return torch.randn(shape, generator=self.generator)

    def states(self, sentence):
        tokenizer = self.pipeline.tokenizer
        ids = tokenizer(sentence, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return ids, self.pipeline.text_encoder(ids).last_hidden_state

    def text(self):
        for sentence in (*SENTENCES, "a very long sentence of many words, " * 20):
            ids, states = self.states(sentence)
            self.add("text", dict(ids=ids.float(), states=states), sentence=sentence)

    def sizes(self):
        return [("cat", self.side, self.side), ("dog", self.side, self.side), ("dog", int(self.side * WIDER), self.side)]

    def autoencoder(self):
        vae = self.pipeline.vae
        for name, width, height in self.sizes():
            image = photo(name, width, height)
            mode = vae.encode(planes(image)).latent_dist.mode()
            self.add("encode", dict(photo=torch.from_numpy(np.array(image)), latents=mode))
            latents = mode * vae.config.scaling_factor + 0.1 * self.randn(*mode.shape)
            picture = vae.decode(latents / vae.config.scaling_factor).sample
            self.add("decode", dict(latents=latents, picture=picture))

    def unet(self):
        both, none = self.states("Detect the person")[1], self.states("")[1]
        encoded = {case["name"]: self.tensors[f"{case['name']}.latents"] for case in self.cases["encode"]}
        one, three = (["both"], both), (["both", "image", "none"], torch.cat([both, none, none]))
        for image in (encoded["encode0"], encoded["encode2"]):
            for timestep in (999.0, 499.5, 1.0):
                for conditions, states in (one, three):
                    noisy = self.randn(*image.shape)
                    images = torch.cat([image if condition != "none" else 0 * image for condition in conditions])
                    sample = torch.cat([noisy.expand_as(images), images], 1)
                    prediction = self.pipeline.unet(sample, torch.tensor(timestep), states).sample
                    self.add("unet", dict(noisy=noisy, image=image, text=both, empty=none, prediction=prediction),
                             timestep=timestep, conditions=conditions)

    def whole(self, steps, sampler, name, width, height):
        pipeline = self.pipeline
        if sampler == "ddim":
            config = dict(pipeline.scheduler.config, timestep_spacing="leading", clip_sample=False, set_alpha_to_one=False)
            pipeline = StableDiffusionInstructPix2PixPipeline(
                **{**pipeline.components, "scheduler": DDIMScheduler.from_config(config)}, requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        drawn = [self.randn(1, 4, height // 8, width // 8)]

        def recorded(shape, **_):
            drawn.append(self.randn(*shape))
            return drawn[-1]

        scheduling_euler_ancestral_discrete.randn_tensor = recorded
        raw = []
        hook = pipeline.vae.decoder.register_forward_hook(lambda _, args, output: raw.append(output))
        image, sentence, guidance = photo(name, width, height), SENTENCES[1], dict(text=7.5, image=1.5)
        clipped = pipeline(sentence, image=image, num_inference_steps=steps, guidance_scale=guidance["text"],
                           image_guidance_scale=guidance["image"], latents=drawn[0].clone(), output_type="np").images
        hook.remove()
        picture = raw[0]
        assert np.abs(((picture / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)).numpy() - clipped).max() < 1e-6
        noise = torch.cat([one.flatten() for one in drawn])
        self.add("pipeline", dict(photo=torch.from_numpy(np.array(image)), noise=noise, picture=picture),
                 steps=steps, sampler=sampler, sentence=sentence, guidance=guidance,
                 scheduler=json.loads(pipeline.scheduler.to_json_string()))

    def pipelines(self):
        cat, _, wide = self.sizes()
        self.whole(3, "euler-ancestral", *cat)
        self.whole(5, "euler-ancestral", *cat)
        self.whole(3, "euler-ancestral", *wide)
        self.whole(4, "ddim", *cat)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dir", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    references = References(StableDiffusionInstructPix2PixPipeline.from_pretrained(args.dir), args.side)
    for part in (references.text, references.autoencoder, references.unet, references.pipelines):
        part()
    save_file(references.tensors, args.out, metadata={"cases": json.dumps(references.cases), "torch": torch.__version__})


if __name__ == "__main__":
    main()
