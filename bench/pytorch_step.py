"""The nano training step in PyTorch (diffusers UNet2DConditionModel, transformers CLIPTextModel): the yardstick of `npm run bench`.

usage: pytorch_step.py CONFIG.json, with the keys of a resolved training recipe under "config", plus "vocab_size" and "steps".
Prints one JSON line: {"samples_per_second": s, "torch": version}. Same batch, same explicit bf16 casts, fused AdamW, clipping, EMA.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel


def main() -> None:
    request = json.load(open(sys.argv[1]))
    config = request["config"]
    torch.set_num_threads(config["compute"]["threads"] or torch.get_num_threads())
    torch.manual_seed(0)
    dtype = getattr(torch, config["compute"]["dtype"])
    batch = config["optimizer"]["batch"]
    size = config["model"]["resolution"]
    factor = config["model"]["vae"]["factor"]
    tokens = config["model"]["text_encoder"]["max_position_embeddings"]
    unet = UNet2DConditionModel(**{k: v for k, v in config["model"]["unet"].items() if not k.startswith("_")})
    text = CLIPTextModel(CLIPTextConfig(vocab_size=request["vocab_size"], eos_token_id=2, **config["model"]["text_encoder"]))
    modules = [unet, text]
    parameters = [p for m in modules for p in m.parameters()]
    ema = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, betas=config["optimizer"]["betas"], weight_decay=0.01, fused=True)

    image = torch.rand(batch, 3, size, size) * 2 - 1
    target = torch.rand(batch, 3, size, size) * 2 - 1
    ids = torch.randint(0, request["vocab_size"], (batch, tokens))

    def step() -> None:
        z_image = F.pixel_unshuffle(image, factor)
        z_target = F.pixel_unshuffle(target, factor)
        noise = torch.randn_like(z_target)
        signal = torch.rand(batch, 1, 1, 1)
        noisy = z_target * signal + noise * (1 - signal**2).sqrt()
        timestep = torch.randint(0, 1000, (batch,))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            hidden = text(ids).last_hidden_state
            prediction = unet(torch.cat([noisy, z_image], 1), timestep, hidden).sample
        loss = F.mse_loss(prediction.float(), z_target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            torch._foreach_lerp_(ema, parameters, 0.001)

    for _ in range(2):
        step()
    started = time.perf_counter()
    for _ in range(request["steps"]):
        step()
    seconds = time.perf_counter() - started
    counts = [sum(p.numel() for p in m.parameters()) for m in modules]
    rate = request["steps"] * batch / seconds
    print(json.dumps({"samples_per_second": round(rate, 2), "torch": torch.__version__, "parameters": counts}))


if __name__ == "__main__":
    main()
