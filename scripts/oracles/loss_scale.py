"""Prints tests/goldens/loss-scale.json: how torch.amp.GradScaler's scale goes up and down over updates whose gradients are finite or not.

Run: .venv/bin/python scripts/oracles/loss_scale.py > tests/goldens/loss-scale.json
"""
import json

import torch

# One letter an update: a gradient that is a number, infinite, or no number.
RUNS = {
    "defaults": (dict(init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000), "i" * 20 + "." * 4),
    "short": (dict(init_scale=1024.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=3), "..i....n...ii" + "." * 12 + "i.."),
    "odd": (dict(init_scale=100.0, growth_factor=3.0, backoff_factor=0.25, growth_interval=1), "..i.n..i"),
    "top": (dict(init_scale=2.0**126, growth_factor=2.0, backoff_factor=0.5, growth_interval=1), "...i.."),
}
VALUE = {".": 1.0, "i": float("inf"), "n": float("nan")}


def run(options, updates):
    scaler = torch.amp.GradScaler("cpu", **options)
    weight = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    states = []
    for letter in updates:
        before = weight.detach().clone()
        scaler.scale(weight.sum())
        weight.grad = torch.tensor([0.5, VALUE[letter], 0.25])
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        states.append([scaler.get_scale(), scaler._get_growth_tracker(), not torch.equal(before, weight)])
    return {"options": options, "updates": updates, "states": states}


print(json.dumps({"torch": torch.__version__.split("+")[0], "runs": {name: run(*case) for name, case in RUNS.items()}}, indent=1))
