"""Runs the exported operation cases in PyTorch and writes tests/goldens/ops.json: outputs and input gradients.

npx vite-node tests/tensor/export-cases.ts | python scripts/oracles/ops.py
"""
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int64": torch.int64}


def reduce(op):
    def run(x, dims=None, keepdim=None):
        return op(x, dim=list(range(x.dim())) if dims is None else dims, keepdim=bool(keepdim))
    return run


def constant(data, shape):
    return torch.tensor(data["data"], dtype=torch.int64 if data["int"] else torch.float32).reshape(shape)


OPS = {
    "conv2d": lambda x, w, b, o=None: F.conv2d(x, w, b, **(o or {})),
    "linear": F.linear,
    "groupNorm": F.group_norm,
    "layerNorm": lambda x, w, b, eps: F.layer_norm(x, w.shape, w, b, eps),
    "attention": lambda q, k, v, o=None: F.scaled_dot_product_attention(q, k, v, is_causal=bool((o or {}).get("causal"))),
    "embedding": F.embedding,
    "matmul": torch.matmul,
    "silu": F.silu,
    "gelu": F.gelu,
    "quickGelu": lambda x: x * torch.sigmoid(1.702 * x),
    "sum": reduce(torch.sum),
    "mean": reduce(torch.mean),
    "concat": torch.cat,
    "slice": lambda x, dim, start, end: x.narrow(dim, start, end - start),
    "pad2d": F.pad,
    "upsampleNearest": lambda x, factor: F.interpolate(x, scale_factor=factor, mode="nearest"),
    "expand": lambda x, shape: x.expand(shape),
    "cast": lambda x, dtype: x.to(DTYPES[dtype]),
    "constant": constant,
}


def run(case):
    values = [torch.tensor(i["values"], dtype=DTYPES[i["dtype"]]).reshape(i["shape"]) for i in case["inputs"]]
    leaves = [v.requires_grad_() for v in values if v.is_floating_point() and case["differentiable"]]

    def decode(arg):
        if isinstance(arg, dict) and "tensor" in arg:
            return values[arg["tensor"]]
        return [decode(a) for a in arg] if isinstance(arg, list) else arg

    for name, args in case["calls"]:
        op = OPS.get(name) or getattr(torch, name)
        values.append(op(*[decode(arg) for arg in args]))
    out = values[-1]
    golden = {"shape": list(out.shape), "output": flat(out)}
    if leaves:
        (out * torch.tensor(case["cotangent"][: out.numel()]).reshape(out.shape)).sum().backward()
        golden["gradients"] = [None if not v.is_floating_point() else flat(v.grad) for v in values[: len(case["inputs"])]]
    return golden


def flat(x):
    """Nine digits identify a float32."""
    return [float(f"{v:.9g}") if isinstance(v, float) else v for v in x.detach().reshape(-1).tolist()]


goldens = {case["name"]: run(case) for case in json.load(sys.stdin)}
path = Path(__file__).parents[2] / "tests" / "goldens" / "ops.json"
path.write_text(json.dumps(goldens, separators=(",", ":")).replace('},"', '},\n"') + "\n")
print(f"{len(goldens)} cases, {path.stat().st_size} bytes")
