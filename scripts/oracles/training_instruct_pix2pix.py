"""Goldens of training: diffusers' InstructPix2Pix step (examples/instruct_pix2pix/train_instruct_pix2pix.py), 20 updates.

Run: npx vite-node tests/helpers/dump-pix2pix.ts DIR && .venv/bin/python scripts/oracles/training_instruct_pix2pix.py DIR [OUT CASE...]
The text-to-image model, batches, noise, timesteps and dropout numbers are read from DIR; everything else is that of the libraries: loading
the model, widening conv_in, the posterior, DDPM's noise, the loss, gradients, clipping, AdamW and EMAModel;
of the case lora, peft's layers in place of whole weights (needs peft >= 0.20 with transformers 5), from recorded factors.
Writes OUT/<case>.safetensors (OUT: tests/goldens/training-pix2pix): losses and gradient norms [20], and afterwards of every weight and
its average evenly spaced values, 64 at most.
"""
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import EMAModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

GOLDENS = Path(__file__).resolve().parents[2] / "tests" / "goldens" / "training-pix2pix"
OUT = Path(sys.argv[2]) if len(sys.argv) > 2 else GOLDENS
DROPOUT = 0.1
folder = sys.argv[1]
request = json.load(open(f"{folder}/request.json"))
inputs = load_file(f"{folder}/inputs.safetensors")
torch.set_num_threads(1)


def some(tensor):
    """Every n-th value, so that 64 are left or fewer."""
    flat = tensor.detach().reshape(-1)
    return flat[:: -(-len(flat) // 64)].clone()


def widened_unet():
    unet = UNet2DConditionModel.from_pretrained(f"{folder}/start", subfolder="unet")
    narrow = unet.conv_in
    unet.register_to_config(in_channels=8)
    unet.conv_in = torch.nn.Conv2d(8, narrow.out_channels, narrow.kernel_size, narrow.stride, narrow.padding)
    with torch.no_grad():
        unet.conv_in.weight.zero_()
        unet.conv_in.weight[:, :4].copy_(narrow.weight)
        unet.conv_in.bias.copy_(narrow.bias)  # the script forgets it, and starts from a random one
    return unet.train()


def trained(unet, case):
    """Parameters by the names of our slots."""
    if case != "lora":
        return dict(unet.named_parameters())
    from peft import LoraConfig

    unet.requires_grad_(False)
    options = request["lora"]
    unet.add_adapter(LoraConfig(r=options["rank"], lora_alpha=options["alpha"], target_modules=options["targets"], init_lora_weights="gaussian"))
    factors = {name.replace(".default", ""): p for name, p in unet.named_parameters() if p.requires_grad}
    assert factors.keys() == {name.removeprefix("lora/") for name in inputs if name.startswith("lora/")}
    for name, factor in factors.items():
        factor.data.copy_(inputs[f"lora/{name}"])
    return factors


def run(case):
    target_type = "v_prediction" if case == "v_prediction" else "epsilon"
    vae = AutoencoderKL.from_pretrained(f"{folder}/start", subfolder="vae").requires_grad_(False)
    text_encoder = CLIPTextModel.from_pretrained(f"{folder}/start/text_encoder").requires_grad_(False)
    unet = widened_unet()
    parameters = trained(unet, case)
    schedule = {key: value for key, value in request["scheduler"].items() if key != "_class_name"}
    scheduler = DDPMScheduler(**{**schedule, "prediction_type": target_type})
    options = request["optimizer"]
    average = EMAModel(parameters.values(), decay=options["ema"]["decay"])
    optimizer = torch.optim.AdamW(parameters.values(), lr=options["lr"], betas=tuple(options["betas"]),
                                  weight_decay=options["weight_decay"], eps=options["eps"])
    losses, norms = [], []
    for index, step in enumerate(request["steps"]):
        edited, original, noise, spread = (inputs[f"{index}/{name}"] for name in ("edited", "original", "noise", "posterior"))
        timesteps = torch.tensor(step["timesteps"])
        chance = torch.tensor(step["dropout"])
        posterior = vae.encode(edited).latent_dist
        latents = (posterior.mean + posterior.std * spread) * vae.config.scaling_factor  # .sample() with the recorded noise
        noisy = scheduler.add_noise(latents, noise, timesteps)
        hidden = text_encoder(torch.tensor(step["ids"]))[0]
        image = vae.encode(original).latent_dist.mode()
        null = text_encoder(torch.tensor([request["empty"]]))[0]
        hidden = torch.where((chance < 2 * DROPOUT).reshape(-1, 1, 1), null, hidden)
        kept = 1 - (chance >= DROPOUT).float() * (chance < 3 * DROPOUT).float()
        image = kept.reshape(-1, 1, 1, 1) * image
        target = noise if target_type == "epsilon" else scheduler.get_velocity(latents, noise, timesteps)
        prediction = unet(torch.cat([noisy, image], dim=1), timesteps, hidden).sample
        loss = F.mse_loss(prediction.float(), target.float(), reduction="mean")
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), options["clip"]).item())
        optimizer.step()
        optimizer.zero_grad()
        average.step(parameters.values())
        losses.append(loss.item())
    tensors = {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    for (name, weight), shadow in zip(parameters.items(), average.shadow_params):
        tensors[f"weight/{name}"] = some(weight)
        tensors[f"average/{name}"] = some(shadow)
    print(case, [round(loss, 4) for loss in losses], [round(norm, 3) for norm in norms])
    return tensors


OUT.mkdir(parents=True, exist_ok=True)
for case in sys.argv[3:] or request["cases"]:
    save_file(run(case), OUT / f"{case}.safetensors", {"torch": torch.__version__})
