"""Training in PyTorch as one of the engines that `npm run bench:train` times: one JSON line on stdin, one on stdout.

Run: python bench/train/engine_pytorch.py REQUEST.json, with the resolved recipe under "config", "kind", "threads", "dtype", "vocab_size":
  small   the small model's networks in diffusers and transformers: text encoder and UNet trained, pictures given
  step    the UNet of Stable Diffusion alone: latents and text states given, as if they had been computed before; fused AdamW
  script  the loop of diffusers' train_instruct_pix2pix.py with --use_ema --gradient_checkpointing on the Parquet files under "data":
          decodes, resizes, flips, tokenizes, encodes text and both pictures in every step; AdamW and EMAModel as it makes them
A request {"updates": n} is answered by the seconds of each and the last loss.
"""

import json
import sys
import time
from contextlib import nullcontext

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

request = json.load(open(sys.argv[1]))
config = request["config"]
dtype = getattr(torch, request["dtype"])
options = config["optimizer"]
batch, size = options["batch"], config["model"]["resolution"]
torch.set_num_threads(request["threads"])
torch.manual_seed(0)
autocast = lambda: nullcontext() if dtype == torch.float32 else torch.autocast("cpu", dtype=dtype)


def finish(loss, parameters, optimizer):
    """The end of an update that all kinds share."""
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, options["clip"] or float("inf"))
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def adamw(parameters, **how):
    return torch.optim.AdamW(parameters, lr=1e-6, betas=tuple(options["betas"]), weight_decay=options["weight_decay"], **how)


def averaged(parameters):
    """A moving average in one call, which PyTorch has and diffusers' EMAModel does not use."""
    shadow = [p.detach().clone() for p in parameters]

    def step():
        with torch.no_grad():
            torch._foreach_lerp_(shadow, parameters, 0.001)

    return step


def small():
    factor = config["model"]["vae"]["factor"]
    text_config = config["model"]["text_encoder"]
    unet = UNet2DConditionModel(**{k: v for k, v in config["model"]["unet"].items() if not k.startswith("_")})
    text = CLIPTextModel(CLIPTextConfig(vocab_size=request["vocab_size"], eos_token_id=2, **text_config))
    parameters = [*unet.parameters(), *text.parameters()]
    optimizer, average = adamw(parameters, fused=True), averaged(parameters)
    image, target = (torch.rand(batch, 3, size, size) * 2 - 1 for _ in range(2))
    ids = torch.randint(0, request["vocab_size"], (batch, text_config["max_position_embeddings"]))

    def update():
        z_image, z_target = F.pixel_unshuffle(image, factor), F.pixel_unshuffle(target, factor)
        noise = torch.randn_like(z_target)
        signal = torch.rand(batch, 1, 1, 1)
        noisy = z_target * signal + noise * (1 - signal**2).sqrt()
        with autocast():
            states = text(ids).last_hidden_state
            prediction = unet(torch.cat([noisy, z_image], 1), torch.randint(0, 1000, (batch,)), states).sample
        loss = F.mse_loss(prediction.float(), z_target)
        finish(loss, parameters, optimizer)
        average()
        return loss

    return update


def loaded_unet():
    unet = UNet2DConditionModel.from_pretrained(config["model"]["init"], subfolder="unet")
    if config["compute"]["activation_checkpointing"]:
        unet.enable_gradient_checkpointing()
    return unet.train()


def step():
    from diffusers import DDPMScheduler

    unet = loaded_unet()
    parameters = list(unet.parameters())
    optimizer, average = adamw(parameters, fused=True), averaged(parameters)
    scheduler = DDPMScheduler.from_pretrained(config["model"]["init"], subfolder="scheduler")
    side = size // 8
    latents, image = torch.randn(batch, 4, side, side), torch.randn(batch, 4, side, side)
    states = torch.randn(batch, 77, unet.config.cross_attention_dim)

    def update():
        noise = torch.randn_like(latents)
        timesteps = torch.randint(0, 1000, (batch,))
        noisy = scheduler.add_noise(latents, noise, timesteps)
        with autocast():
            prediction = unet(torch.cat([noisy, image], 1), timesteps, states).sample
        loss = F.mse_loss(prediction.float(), noise)
        finish(loss, parameters, optimizer)
        average()
        return loss

    return update


def examples(tokenizer):
    """Batches for ever: the script's preprocessing, in the process that trains (its default of no loader processes)."""
    from datasets import load_dataset

    table = load_dataset("parquet", data_files=request["data"], split="train")

    def planes(picture):
        return np.asarray(picture.convert("RGB").resize((size, size))).transpose(2, 0, 1)

    def prepare(rows):
        pairs = [np.stack([planes(a), planes(b)]) for a, b in zip(rows["input_image"], rows["edited_image"])]
        images = 2 * (torch.tensor(np.stack(pairs)) / 255) - 1
        images = torch.stack([pair.flip(-1) if torch.rand(()) < 0.5 else pair for pair in images])
        ids = tokenizer(rows["edit_prompt"], max_length=tokenizer.model_max_length, padding="max_length", truncation=True,
                        return_tensors="pt").input_ids
        return {"original": list(images[:, 0]), "edited": list(images[:, 1]), "ids": list(ids)}

    loader = torch.utils.data.DataLoader(
        table.with_transform(prepare), shuffle=True, batch_size=batch, drop_last=True,
        collate_fn=lambda rows: {key: torch.stack([row[key] for row in rows]).contiguous() for key in rows[0]},
    )
    while True:
        yield from loader


def script():
    from diffusers import AutoencoderKL, DDPMScheduler
    from diffusers.training_utils import EMAModel
    from transformers import CLIPTokenizer

    init = config["model"]["init"]
    tokenizer = CLIPTokenizer.from_pretrained(f"{init}/tokenizer")
    text_encoder = CLIPTextModel.from_pretrained(f"{init}/text_encoder").requires_grad_(False).to(dtype)
    vae = AutoencoderKL.from_pretrained(init, subfolder="vae").requires_grad_(False).to(dtype)
    scheduler = DDPMScheduler.from_pretrained(init, subfolder="scheduler")
    unet = loaded_unet()
    parameters = list(unet.parameters())
    optimizer = adamw(parameters)
    average = EMAModel(parameters, model_cls=UNet2DConditionModel, model_config=unet.config)
    empty = tokenizer([""], max_length=tokenizer.model_max_length, padding="max_length", return_tensors="pt").input_ids
    data = examples(tokenizer)
    chance = 0.05

    def update():
        rows = next(data)
        with autocast():
            latents = vae.encode(rows["edited"].to(dtype)).latent_dist.sample() * vae.config.scaling_factor
            noise = torch.randn_like(latents)
            timesteps = torch.randint(0, scheduler.config.num_train_timesteps, (batch,))
            noisy = scheduler.add_noise(latents, noise, timesteps)
            states = text_encoder(rows["ids"])[0]
            image = vae.encode(rows["original"].to(dtype)).latent_dist.mode()
            drawn = torch.rand(batch)
            null = text_encoder(empty)[0]
            states = torch.where((drawn < 2 * chance).reshape(batch, 1, 1), null, states)
            kept = 1 - (drawn >= chance).to(image.dtype) * (drawn < 3 * chance).to(image.dtype)
            image = kept.reshape(batch, 1, 1, 1) * image
            prediction = unet(torch.cat([noisy, image], dim=1), timesteps, states).sample
        loss = F.mse_loss(prediction.float(), noise.float())
        finish(loss, parameters, optimizer)
        average.step(parameters)
        return loss

    return update


def main():
    update = {"small": small, "step": step, "script": script}[request["kind"]]()
    import diffusers

    answer({"versions": {"torch": torch.__version__, "diffusers": diffusers.__version__}})
    for line in sys.stdin:
        seconds = []
        for _ in range(json.loads(line)["updates"]):
            start = time.perf_counter()
            loss = update().item()
            seconds.append(time.perf_counter() - start)
        answer({"seconds": seconds, "loss": loss})


def answer(value):
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
