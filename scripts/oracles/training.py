"""Prints tests/goldens/training.golden.json: the tiny training run in PyTorch, diffusers and transformers.

Run: npx vite-node tests/helpers/dump-training.ts DIR && .venv/bin/python scripts/oracles/training.py DIR > tests/goldens/training.golden.json
Weights, batches, noise and random choices are read from DIR; loss, gradients, clipping, AdamW and the average are PyTorch's.
"""
import json
import sys

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel

folder = sys.argv[1]
request = json.load(open(f"{folder}/request.json"))
inputs = load_file(f"{folder}/inputs.safetensors")
config = request["config"]
torch.set_num_threads(1)

unet = UNet2DConditionModel(**{k: v for k, v in config["model"]["unet"].items() if not k.startswith("_")})
text = CLIPTextModel(CLIPTextConfig(**request["text"]))
parts = {"unet": unet, "text_encoder": text}
named = {}
for part, module in parts.items():
    module.train()
    keys = {name: name for name, _ in module.named_parameters()}
    for name, parameter in module.named_parameters():
        key = f"{part}.{name}"
        if f"weight/{key}" not in inputs:  # transformers 5 dropped the text_model prefix
            key = f"{part}.text_model.{name}"
        parameter.data.copy_(inputs[f"weight/{key}"])
        named[key] = parameter
assert len(named) == sum(key.startswith("weight/") for key in inputs)

options = config["optimizer"]
decayed = set(request["decayed"])
groups = [
    {"params": [p for n, p in named.items() if n in decayed], "weight_decay": options["weight_decay"]},
    {"params": [p for n, p in named.items() if n not in decayed], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, betas=tuple(options["betas"]), eps=options["eps"])
ema = {n: p.detach().clone() for n, p in named.items()}
factor = config["model"]["vae"]["factor"]
alphas = torch.tensor(request["alphas"], dtype=torch.float64)


def loss_of(index: int) -> torch.Tensor:
    batch = request["batches"][index]
    x = {k: inputs[f"{index}/{k}"] for k in ("image", "target", "pixel_weights", "ids", "noise")}
    ids = x["ids"].long()
    for i, keep in enumerate(batch["keepText"]):
        if not keep:
            ids[i] = torch.tensor(request["empty"])
    keep_image = torch.tensor(batch["keepImage"]).float()[:, None, None, None]
    timesteps = torch.tensor(batch["timesteps"])
    signal = alphas[timesteps].sqrt().float()[:, None, None, None]
    spread = (1 - alphas[timesteps]).sqrt().float()[:, None, None, None]
    image = F.pixel_unshuffle(x["image"], factor) * keep_image
    target = F.pixel_unshuffle(x["target"], factor)
    weights = F.pixel_unshuffle(x["pixel_weights"].expand(-1, 3, -1, -1), factor)
    noisy = signal * target + spread * x["noise"]
    velocity = signal * x["noise"] - spread * target
    hidden = text(ids).last_hidden_state
    prediction = unet(torch.cat([noisy, image], 1), timesteps, hidden).sample
    per_sample = (weights * (prediction - velocity) ** 2).mean(dim=(1, 2, 3))
    task_weights = torch.tensor([float(config["loss"]["weights"][t]) for t in batch["tasks"]])
    return (per_sample * task_weights).mean()


assert config["model"]["scheduler"]["prediction_type"] == "v_prediction"
losses, norms = [], []
for update, lr in enumerate(request["lrs"], start=1):
    for group in optimizer.param_groups:
        group["lr"] = lr
    total = 0.0
    for i in range(options["accumulate"]):
        loss = loss_of((update - 1) * options["accumulate"] + i)
        (loss / options["accumulate"]).backward()
        total += loss.item() / options["accumulate"]
    norms.append(torch.nn.utils.clip_grad_norm_(named.values(), options["clip"]).item())
    optimizer.step()
    optimizer.zero_grad()
    decay = min(options["ema"]["decay"], (1 + update) / (10 + update))
    with torch.no_grad():
        for n, p in named.items():
            ema[n].mul_(decay).add_(p, alpha=1 - decay)
    losses.append(total)

mean_abs = lambda tensors: {n: t.detach().double().abs().mean().item() for n, t in tensors.items()}
json.dump({"torch": torch.__version__, "losses": losses, "norms": norms, "weights": mean_abs(named), "averages": mean_abs(ema)}, sys.stdout, indent=1)
print()
