"""Golden of the whole pipeline: diffusers' StableDiffusionInstructPix2PixPipeline, tiny and random, saved as it saves itself.

Writes tests/goldens/pipeline/: the checkpoint folder, and drawings.safetensors with the photo, the noise in the order it is drawn and
the pictures. scripts/sd does the same at full size. Run: .venv/bin/python scripts/oracles/pipeline.py
"""

import json
import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    StableDiffusionInstructPix2PixPipeline,
    UNet2DConditionModel,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete
from models import shake
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

GOLDENS = Path(__file__).resolve().parents[2] / "tests" / "goldens"
OUT = GOLDENS / "pipeline"
SCHEDULER = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
WIDTH, HEIGHT = 24, 16
SENTENCE = "Detect the person"


def make_pipeline():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    tokenizer = CLIPTokenizer.from_pretrained(GOLDENS / "tokenizer", model_max_length=12)
    unet = UNet2DConditionModel(
        in_channels=8, out_channels=4, block_out_channels=[8, 16], layers_per_block=1, attention_head_dim=2, norm_num_groups=4,
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
        cross_attention_dim=8,
    )
    vae = AutoencoderKL(
        block_out_channels=[8, 8], norm_num_groups=4, latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
    )
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=12, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    ))
    for i, model in enumerate((unet, vae, text)):
        shake(model, 400 + i)
    # Latents far from 1 and pictures far from -1..1 would hide errors in rounding.
    with torch.no_grad():
        unet.conv_out.weight.mul_(0.5)
        vae.decoder.conv_out.weight.mul_(0.2)
    pipeline = StableDiffusionInstructPix2PixPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=EulerAncestralDiscreteScheduler(**SCHEDULER),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )
    pipeline.save_pretrained(OUT)
    # Read back: a config in memory still knows which values are defaults, and from_config would leave those out.
    return StableDiffusionInstructPix2PixPipeline.from_pretrained(OUT)


@torch.no_grad()
def main():
    pipeline = make_pipeline()
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(7)
    photo = torch.randint(0, 256, (HEIGHT, WIDTH, 3), generator=generator, dtype=torch.uint8)
    image = (photo.permute(2, 0, 1)[None].float() / 255).contiguous()
    tensors, cases = dict(photo=photo), []
    ddim = DDIMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
    for sampler, scheduler, steps, guidance in (
        ("euler-ancestral", pipeline.scheduler, 3, (7.5, 1.5)),
        ("euler-ancestral", pipeline.scheduler, 5, (2.0, 1.0)),
        ("ddim", ddim, 4, (7.5, 1.5)),
    ):
        drawn = [torch.randn(1, 4, HEIGHT // 2, WIDTH // 2, generator=generator)]

        def recorded(shape, **_):
            drawn.append(torch.randn(shape, generator=generator))
            return drawn[-1]

        scheduling_euler_ancestral_discrete.randn_tensor = recorded
        raw = []
        hook = pipeline.vae.decoder.register_forward_hook(lambda _, args, output: raw.append(output))
        pipeline.scheduler = scheduler
        pipeline(SENTENCE, image=image, num_inference_steps=steps, guidance_scale=guidance[0],
                 image_guidance_scale=guidance[1], latents=drawn[0].clone(), output_type="np")
        hook.remove()
        name = f"{len(cases)}"
        picture = raw[0] / 2 + 0.5
        print(sampler, steps, "range", float(picture.min()), float(picture.max()))
        tensors |= {f"{name}.noise": torch.cat([one.flatten() for one in drawn]), f"{name}.picture": picture.contiguous()}
        cases.append(dict(name=name, sampler=sampler, steps=steps, text=guidance[0], image=guidance[1]))
    tensors["photo"] = photo.float()
    save_file(tensors, OUT / "drawings.safetensors", metadata=dict(cases=json.dumps(cases), sentence=SENTENCE))


if __name__ == "__main__":
    main()
