"""Prints tests/goldens/training-flops.json: floating-point operations of one batch of configs/tiny.yaml, counted by PyTorch's FlopCounterMode.

Run: .venv/bin/python scripts/oracles/training_flops.py > tests/goldens/training-flops.json
It watches the matrix products and convolutions that diffusers' UNet and transformers' text encoder really run, forward and backward, with the
text encoder trained and frozen. Attention is written out (a fused kernel's backward computes the scores once more, which is no work of the model).
"""
import json
import sys

import torch
import yaml
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel

config = yaml.safe_load(open("configs/tiny.yaml"))
model = config["model"]
B, L = config["optimizer"]["batch"], model["text_encoder"]["max_position_embeddings"]
side = model["resolution"] // model["vae"]["factor"]


def count(train_text: bool) -> int:
    unet = UNet2DConditionModel(**model["unet"])
    unet.set_attn_processor(AttnProcessor())
    text = CLIPTextModel(CLIPTextConfig(vocab_size=600, attn_implementation="eager", **model["text_encoder"]))
    text.requires_grad_(train_text)
    sample = torch.randn(B, model["unet"]["in_channels"], side, side)
    with FlopCounterMode(display=False) as counter:
        hidden = text(torch.randint(0, 600, (B, L))).last_hidden_state
        unet(sample, torch.zeros(B), hidden).sample.square().mean().backward()
    return counter.get_total_flops()


json.dump({"torch": torch.__version__, "trained": count(True), "frozen": count(False)}, sys.stdout, indent=1)
print()
