"""Writes an InstructPix2Pix checkpoint of Stable Diffusion 1.5's size with seeded random weights, saved by diffusers.

The released weights cannot always be fetched; parity, speed and memory do not depend on what was learned. Two linear maps are
fitted so that the numbers are like those of a trained model instead of noise: the autoencoder's last convolution to redraw the
example photos, the UNet's last convolution to predict noise. Latents then have a variance of 1 and pictures show something.

Run: python scripts/sd/make_checkpoint.py DIR [--size full|small] [--threads N]. A complete folder is left as it is.
"""

import argparse
import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    EulerAncestralDiscreteScheduler,
    StableDiffusionInstructPix2PixPipeline,
    UNet2DConditionModel,
)
from photos import NAMES, ROOT, SENTENCES, photo, planes
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

VOCABULARY = ROOT / "models" / "clip-vocabulary"
# small: the same architecture, thin, so that these scripts can be tried in seconds
SIZES = {
    "full": dict(
        gigabytes=5, side=256,
        unet=dict(block_out_channels=[320, 640, 1280, 1280], attention_head_dim=8, cross_attention_dim=768),
        vae=dict(block_out_channels=[128, 256, 512, 512]),
        text=dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12),
    ),
    "small": dict(
        gigabytes=0.1, side=64,
        unet=dict(block_out_channels=[32, 32, 64, 64], attention_head_dim=4, cross_attention_dim=32),
        vae=dict(block_out_channels=[32, 32, 32, 32]),
        text=dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4),
    ),
}
# timbrooks/instruct-pix2pix: scheduler/scheduler_config.json
SCHEDULER = dict(
    num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
    prediction_type="epsilon", steps_offset=1,
)


def shake(model, seed):
    """Every weight random and every layer's output of a variance near that of its input."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if weight.dim() == 1:
            weight.copy_(noise * 0.2 + (1.0 if "norm" in name and name.endswith("weight") else 0.0))
        else:
            weight.copy_(noise / weight[0].numel() ** 0.5)
    return model.eval()


def fit(convolution, inputs, targets, ridge):
    """Least squares for a 3x3 convolution's weight and bias: `inputs` [N, C, H, W] to `targets` [N, D, H, W]."""
    gram, moments = 0, 0
    for x, y in zip(inputs, targets):
        columns = torch.nn.functional.unfold(x, 3, padding=1).double()
        columns = torch.cat([columns, torch.ones_like(columns[:1])])
        gram = gram + columns @ columns.T
        moments = moments + columns @ y.flatten(1).double().T
    gram.diagonal().add_(ridge * gram.diagonal().mean())
    solution = torch.linalg.solve(gram, moments).float()
    convolution.weight.copy_(solution[:-1].T.reshape(convolution.weight.shape))
    convolution.bias.copy_(solution[-1])


def inputs_of(module, run):
    """What `module` is given while `run` runs, and what `run` returns."""
    seen = []
    hook = module.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach().clone()))
    result = run()
    hook.remove()
    return torch.cat(seen), result


def fit_autoencoder(vae, pictures):
    """Scales the encoder's output to unit variance after the scaling factor, then fits the decoder. Returns the mode."""
    mode = vae.encode(pictures).latent_dist.mode()
    channels = mode.shape[1]
    centre = mode.mean((0, 2, 3))
    gain = 1 / (mode.std((0, 2, 3)) * vae.config.scaling_factor)
    vae.quant_conv.bias[:channels] -= centre
    vae.quant_conv.weight[:channels] *= gain[:, None, None, None]
    vae.quant_conv.bias[:channels] *= gain
    mode = vae.encode(pictures).latent_dist.mode()
    features, _ = inputs_of(vae.decoder.conv_out, lambda: vae.decode(mode))
    fit(vae.decoder.conv_out, features, pictures, 1e-4)
    return mode


def fit_unet(unet, scheduler, image_latents, clean, states, seed, batches):
    """Fits the last convolution to the noise in noisy latents, over timesteps, conditions and sentences."""
    generator = torch.Generator().manual_seed(seed)
    features, noises = [], []
    for i in range(batches):
        at = torch.arange(i, i + 3) % len(clean)
        noise = torch.randn(clean[at].shape, generator=generator)
        t = torch.randint(0, 1000, (3,), generator=generator)
        noisy = scheduler.alphas_cumprod[t].sqrt()[:, None, None, None] * clean[at]
        noisy = noisy + (1 - scheduler.alphas_cumprod[t]).sqrt()[:, None, None, None] * noise
        kept = torch.tensor([1.0, 1.0, 0.0])[:, None, None, None]
        sample = torch.cat([noisy, image_latents[at] * kept], 1)
        text = states[torch.tensor([i % (len(states) - 1), len(states) - 1, len(states) - 1])]
        seen, _ = inputs_of(unet.conv_out, lambda: unet(sample, t, text))
        features.append(seen)
        noises.append(noise)
    fit(unet.conv_out, torch.cat(features), torch.cat(noises), 1e-3)


@torch.no_grad()
def build(size, seed=0):
    config = SIZES[size]
    channels = config["vae"]["block_out_channels"]
    levels = dict(down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4)
    vae = shake(AutoencoderKL(layers_per_block=2, latent_channels=4, sample_size=512, norm_num_groups=min(32, channels[0]),
                              **levels, **config["vae"]), seed + 1)
    text = CLIPTextConfig(vocab_size=49408, max_position_embeddings=77, hidden_act="quick_gelu", bos_token_id=49406,
                          eos_token_id=49407, pad_token_id=1, **config["text"])
    text_encoder = shake(CLIPTextModel(text), seed + 2)
    unet = shake(UNet2DConditionModel(in_channels=8, out_channels=4, sample_size=64, **config["unet"]), seed + 3)
    tokenizer = CLIPTokenizer.from_pretrained(VOCABULARY)
    scheduler = EulerAncestralDiscreteScheduler(**SCHEDULER)

    pictures = torch.cat([planes(photo(name, config["side"], config["side"])) for name in NAMES])
    pictures = torch.cat([pictures, pictures.flip(3)])
    mode = fit_autoencoder(vae, pictures)
    ids = tokenizer(list(SENTENCES), padding="max_length", truncation=True, return_tensors="pt").input_ids
    states = text_encoder(ids).last_hidden_state
    fit_unet(unet, scheduler, mode, mode * vae.config.scaling_factor, states, seed + 4, batches=10)
    return StableDiffusionInstructPix2PixPipeline(
        vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dir", type=Path)
    parser.add_argument("--size", choices=list(SIZES), default="full")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if (args.dir / "model_index.json").exists():
        return
    partial = args.dir.with_name(f"{args.dir.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    free = shutil.disk_usage(partial).free / 1e9
    if free < SIZES[args.size]["gigabytes"]:
        raise SystemExit(f"{partial}: {free:.1f} GB free, {SIZES[args.size]['gigabytes']} GB needed; give another --dir")
    build(args.size).save_pretrained(partial)
    # the released layout: transformers 5 writes the same vocabulary as one tokenizer.json
    (partial / "tokenizer" / "tokenizer.json").unlink()
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        shutil.copy(VOCABULARY / name, partial / "tokenizer" / name)
    partial.rename(args.dir)


if __name__ == "__main__":
    main()
