"""Prints (gzipped) tests/goldens/ldm-names.json.gz: every weight of the original Stable Diffusion 1.5 in one file, and
what diffusers' own converters call it.

The original's names and shapes are enumerated here from its architecture (ldm/modules/diffusionmodules: openaimodel.py,
model.py). Each tensor is one number, its index, spread over its shape without memory, so that what the converters make of
it shows where it came from. Their result is checked against the names and shapes of diffusers' and transformers' models.

    .venv/bin/python scripts/oracles/ldm_names.py > tests/goldens/ldm-names.json.gz
"""
import gzip
import json
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from transformers import CLIPTextConfig, CLIPTextModel

WIDTHS, CONTEXT, TIME = [320, 640, 1280, 1280], 768, 1280
shapes = {}


def add(name, *shape, bias=True):
    shapes[f"{name}.weight"] = list(shape)
    if bias:
        shapes[f"{name}.bias"] = [shape[0]]


def norm(name, width):
    add(name, width)


def unet_resnet(name, inputs, outputs):
    norm(f"{name}.in_layers.0", inputs)
    add(f"{name}.in_layers.2", outputs, inputs, 3, 3)
    add(f"{name}.emb_layers.1", outputs, TIME)
    norm(f"{name}.out_layers.0", outputs)
    add(f"{name}.out_layers.3", outputs, outputs, 3, 3)
    if inputs != outputs:
        add(f"{name}.skip_connection", outputs, inputs, 1, 1)


def transformer(name, width):
    norm(f"{name}.norm", width)
    add(f"{name}.proj_in", width, width, 1, 1)
    block = f"{name}.transformer_blocks.0"
    for attention, context in (("attn1", width), ("attn2", CONTEXT)):
        add(f"{block}.{attention}.to_q", width, width, bias=False)
        add(f"{block}.{attention}.to_k", width, context, bias=False)
        add(f"{block}.{attention}.to_v", width, context, bias=False)
        add(f"{block}.{attention}.to_out.0", width, width)
    add(f"{block}.ff.net.0.proj", width * 8, width)
    add(f"{block}.ff.net.2", width, width * 4)
    for i in (1, 2, 3):
        norm(f"{block}.norm{i}", width)
    add(f"{name}.proj_out", width, width, 1, 1)


def unet(channels):
    p = "model.diffusion_model"
    add(f"{p}.time_embed.0", TIME, WIDTHS[0])
    add(f"{p}.time_embed.2", TIME, TIME)
    add(f"{p}.input_blocks.0.0", WIDTHS[0], channels, 3, 3)
    i, width, skips = 1, WIDTHS[0], [WIDTHS[0]]
    for level, outputs in enumerate(WIDTHS):
        for _ in range(2):
            unet_resnet(f"{p}.input_blocks.{i}.0", width, outputs)
            if level < 3:
                transformer(f"{p}.input_blocks.{i}.1", outputs)
            i, width = i + 1, outputs
            skips.append(width)
        if level < 3:
            add(f"{p}.input_blocks.{i}.0.op", width, width, 3, 3)
            i += 1
            skips.append(width)
    unet_resnet(f"{p}.middle_block.0", width, width)
    transformer(f"{p}.middle_block.1", width)
    unet_resnet(f"{p}.middle_block.2", width, width)
    i = 0
    for level, outputs in reversed(list(enumerate(WIDTHS))):
        for j in range(3):
            unet_resnet(f"{p}.output_blocks.{i}.0", width + skips.pop(), outputs)
            width = outputs
            if level < 3:
                transformer(f"{p}.output_blocks.{i}.1", width)
            if level > 0 and j == 2:
                add(f"{p}.output_blocks.{i}.{2 if level < 3 else 1}.conv", width, width, 3, 3)
            i += 1
    norm(f"{p}.out.0", width)
    add(f"{p}.out.2", 4, width, 3, 3)


def vae_resnet(name, inputs, outputs):
    norm(f"{name}.norm1", inputs)
    add(f"{name}.conv1", outputs, inputs, 3, 3)
    norm(f"{name}.norm2", outputs)
    add(f"{name}.conv2", outputs, outputs, 3, 3)
    if inputs != outputs:
        add(f"{name}.nin_shortcut", outputs, inputs, 1, 1)


def vae_middle(name, width):
    vae_resnet(f"{name}.mid.block_1", width, width)
    norm(f"{name}.mid.attn_1.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        add(f"{name}.mid.attn_1.{part}", width, width, 1, 1)
    vae_resnet(f"{name}.mid.block_2", width, width)


def vae():
    p, widths = "first_stage_model", [128, 256, 512, 512]
    add(f"{p}.encoder.conv_in", 128, 3, 3, 3)
    width = 128
    for level, outputs in enumerate(widths):
        for j in range(2):
            vae_resnet(f"{p}.encoder.down.{level}.block.{j}", width, outputs)
            width = outputs
        if level < 3:
            add(f"{p}.encoder.down.{level}.downsample.conv", width, width, 3, 3)
    vae_middle(f"{p}.encoder", width)
    norm(f"{p}.encoder.norm_out", width)
    add(f"{p}.encoder.conv_out", 8, width, 3, 3)
    add(f"{p}.decoder.conv_in", width, 4, 3, 3)
    vae_middle(f"{p}.decoder", width)
    for level, outputs in reversed(list(enumerate(widths))):
        for j in range(3):
            vae_resnet(f"{p}.decoder.up.{level}.block.{j}", width, outputs)
            width = outputs
        if level > 0:
            add(f"{p}.decoder.up.{level}.upsample.conv", width, width, 3, 3)
    norm(f"{p}.decoder.norm_out", width)
    add(f"{p}.decoder.conv_out", 3, width, 3, 3)
    add(f"{p}.quant_conv", 8, 8, 1, 1)
    add(f"{p}.post_quant_conv", 4, 4, 1, 1)


def text():
    p = "cond_stage_model.transformer.text_model"
    shapes[f"{p}.embeddings.position_ids"] = [1, 77]
    add(f"{p}.embeddings.token_embedding", 49408, 768, bias=False)
    add(f"{p}.embeddings.position_embedding", 77, 768, bias=False)
    for i in range(12):
        layer = f"{p}.encoder.layers.{i}"
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            add(f"{layer}.self_attn.{part}", 768, 768)
        norm(f"{layer}.layer_norm1", 768)
        add(f"{layer}.mlp.fc1", 3072, 768)
        add(f"{layer}.mlp.fc2", 768, 3072)
        norm(f"{layer}.layer_norm2", 768)
    norm(f"{p}.final_layer_norm", 768)


UNET = dict(in_channels=8, out_channels=4, block_out_channels=WIDTHS, cross_attention_dim=CONTEXT, attention_head_dim=8,
            layers_per_block=2, down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3)
VAE = dict(in_channels=3, out_channels=3, latent_channels=4, layers_per_block=2, block_out_channels=[128, 256, 512, 512],
           down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4)
TEXT = dict(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
            max_position_embeddings=77)


def main():
    unet(UNET["in_channels"])
    vae()
    text()
    # The moving average of training: the same weights with the dots of the name taken out. No part of any model.
    ema = {"model_ema." + name.removeprefix("model.").replace(".", ""): shape for name, shape in shapes.items()
           if name.startswith("model.diffusion_model.")}
    extra = {"model_ema.decay": [], "model_ema.num_updates": [], "betas": [1000], "alphas_cumprod": [1000], **ema}
    names = [*shapes, *extra]
    state = {name: torch.tensor(float(i)).expand(shapes[name] if name in shapes else extra[name])
             for i, name in enumerate(names)}

    with torch.device("meta"):
        models = {"unet": UNet2DConditionModel(**UNET), "vae": AutoencoderKL(**VAE),
                  "text_encoder": CLIPTextModel(CLIPTextConfig(**TEXT))}
    converted = {"unet": convert_ldm_unet_checkpoint(dict(state), UNET), "vae": convert_ldm_vae_checkpoint(dict(state), VAE),
                 "text_encoder": convert_ldm_clip_checkpoint(dict(state))}
    maps = {}
    for part, tensors in converted.items():
        bare = lambda name: name.removeprefix("text_model.")
        expected = {bare(name): tuple(t.shape) for name, t in models[part].state_dict().items()}
        found = {bare(name): tuple(t.shape) for name, t in tensors.items() if not name.endswith("position_ids")}
        assert found == expected, (part, set(found.items()) ^ set(expected.items()))
        maps[part] = {name: [names[int(t.flatten()[0])], list(t.shape)] for name, t in tensors.items()}
    golden = {"shapes": {**shapes, **extra}, "maps": maps, "configs": {"unet": UNET, "vae": VAE, "text_encoder": TEXT}}
    sys.stdout.buffer.write(gzip.compress(json.dumps(golden).encode(), mtime=0))
    print({part: len(m) for part, m in maps.items()}, len(shapes), file=sys.stderr)


main()
