"""Goldens of the models: diffusers and transformers on tiny random configs, and the weight names of real ones.

Writes tests/goldens/models/<case>.safetensors (weights.*, inputs.*, outputs.*, gradients.*; the config as metadata) and
tests/goldens/models/state-dicts.json.gz. Run: .venv/bin/python scripts/oracles/models.py
"""

import gzip
import json
import tempfile
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

OUT = Path(__file__).resolve().parents[2] / "tests" / "goldens" / "models"

UNETS = {
    # Stable Diffusion 1.x in small; 5x7 latents: odd sizes are halved rounding up and restored
    "unet-plain": (
        dict(in_channels=4, out_channels=4, block_out_channels=[8, 16], layers_per_block=1, attention_head_dim=2,
             down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
             up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"], cross_attention_dim=12, norm_num_groups=4),
        (5, 7),
    ),
    # Stable Diffusion 2.x in small, with every per-level list and the older time embedding
    "unet-linear": (
        dict(in_channels=8, out_channels=4, block_out_channels=[8, 8, 16], layers_per_block=[1, 2, 1],
             attention_head_dim=[2, 4, 8], transformer_layers_per_block=[1, 2, 1], use_linear_projection=True,
             down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
             up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], cross_attention_dim=6,
             norm_num_groups=2, norm_eps=1e-4, flip_sin_to_cos=False, freq_shift=1),
        (8, 4),
    ),
    # the shape of the model that ships: space-to-depth latents, attention at the lower levels
    "unet-nano": (
        dict(in_channels=96, out_channels=48, block_out_channels=[4, 8, 8, 8], layers_per_block=1,
             attention_head_dim=4, down_block_types=["DownBlock2D", "DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2,
             up_block_types=["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D", "UpBlock2D"], cross_attention_dim=8,
             norm_num_groups=4, addition_embed_type="text", addition_embed_type_num_heads=2,
             resnet_time_scale_shift="scale_shift"),
        (8, 8),
    ),
}
AUTOENCODERS = {
    "autoencoder": dict(block_out_channels=[8, 16], layers_per_block=1, latent_channels=4, norm_num_groups=4),
    "autoencoder-bare": dict(block_out_channels=[8, 8, 8], layers_per_block=2, latent_channels=2, norm_num_groups=2,
                             use_quant_conv=False, use_post_quant_conv=False, mid_block_add_attention=False),
}
TEXT_ENCODERS = {
    "clip-quick-gelu": dict(vocab_size=60, hidden_size=16, intermediate_size=40, num_hidden_layers=2,
                            num_attention_heads=4, max_position_embeddings=12, hidden_act="quick_gelu",
                            bos_token_id=1, eos_token_id=2),
    "clip-gelu": dict(vocab_size=33, hidden_size=24, intermediate_size=24, num_hidden_layers=3,
                      num_attention_heads=2, max_position_embeddings=7, hidden_act="gelu", layer_norm_eps=1e-4,
                      bos_token_id=1, eos_token_id=2),
}
FOUR = dict(block_out_channels=[320, 640, 1280, 1280], layers_per_block=2,
            down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3)
REAL_UNETS = {
    "sd-1.5": dict(in_channels=4, out_channels=4, attention_head_dim=8, cross_attention_dim=768, **FOUR),
    "instruct-pix2pix": dict(in_channels=8, out_channels=4, attention_head_dim=8, cross_attention_dim=768, **FOUR),
    "sd-2.1": dict(in_channels=4, out_channels=4, attention_head_dim=[5, 10, 20, 20], cross_attention_dim=1024,
                   use_linear_projection=True, **FOUR),
}
REAL_AUTOENCODER = dict(block_out_channels=[128, 256, 512, 512], layers_per_block=2, latent_channels=4)
REAL_TEXT_ENCODER = dict(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                         num_attention_heads=12, max_position_embeddings=77, hidden_act="quick_gelu")


def lists_to_levels(kind, count):
    return dict(down_block_types=["DownEncoderBlock2D"] * count, up_block_types=["UpDecoderBlock2D"] * count) | kind


def shake(model, seed):
    """Every weight random, norms too: a swapped pair of them must show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() == 1:
                weight.copy_(noise * 0.2 + (1.0 if "norm" in name and name.endswith("weight") else 0.0))
            else:
                weight.copy_(noise / weight[0].numel() ** 0.5)
    return model.eval()


def saved(model):
    """The state dict under the names that checkpoints on disk have (transformers 5: no prefix text_model.)."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        (path,) = Path(folder).glob("*.safetensors")
        return load_file(path)


def write(case, model, config, **groups):
    tensors = {f"weights.{k}": v for k, v in (saved(model) if model else {}).items()}
    for group, values in groups.items():
        tensors |= {f"{group}.{k}": v.detach().contiguous() for k, v in values.items()}
    path = OUT / f"{case}.safetensors"
    save_file(tensors, path, metadata={"config": json.dumps(config)})
    print(f"{path.name}: {path.stat().st_size // 1024} KB, {sum(v.numel() for v in tensors.values())} values")


def unet_case(case, config, size, seed):
    model = shake(UNet2DConditionModel(**config), seed)
    generator = torch.Generator().manual_seed(seed + 1)
    sample = torch.randn(2, config["in_channels"], *size, generator=generator)
    context = torch.randn(2, 5, config["cross_attention_dim"], generator=generator)
    timestep = torch.tensor([999.0, 37.0])
    for value in (sample, context):
        value.requires_grad_(True)
    output = model(sample, timestep, context).sample
    inputs = dict(sample=sample, timestep=timestep, encoder_hidden_states=context)
    write(case, model, config, inputs=inputs, outputs=dict(sample=output))
    if case == "unet-plain":
        target = torch.randn(output.shape, generator=generator)
        loss = (output - target).square().mean()
        loss.backward()
        gradients = {name: weight.grad for name, weight in model.named_parameters()}
        of_inputs = dict(sample=sample.grad, encoder_hidden_states=context.grad)
        write(f"{case}-gradients", None, config, gradients=gradients, input_gradients=of_inputs,
              inputs=dict(target=target), outputs=dict(loss=loss))


def autoencoder_case(case, config, seed):
    config = lists_to_levels(config, len(config["block_out_channels"]))
    model = shake(AutoencoderKL(**config), seed)
    generator = torch.Generator().manual_seed(seed + 1)
    image = torch.rand(2, 3, 8, 16, generator=generator) * 2 - 1
    latents = torch.randn(2, config["latent_channels"], 4, 2, generator=generator)
    posterior = model.encode(image).latent_dist
    outputs = dict(mean=posterior.mode(), logvar=posterior.logvar, decoded=model.decode(latents).sample)
    write(case, model, config, inputs=dict(image=image, latents=latents), outputs=outputs)


def text_case(case, config, seed):
    model = shake(CLIPTextModel(CLIPTextConfig(**config)), seed)
    generator = torch.Generator().manual_seed(seed + 1)
    length = config["max_position_embeddings"] - seed % 2
    ids = torch.randint(0, config["vocab_size"], (3, length), generator=generator)
    write(case, model, config, inputs=dict(ids=ids.float()), outputs=dict(states=model(ids).last_hidden_state))


def state_dicts():
    shapes = lambda model: {k: list(v.shape) for k, v in model.state_dict().items()}
    with torch.device("meta"):
        found = {name: dict(config=config, shapes=shapes(UNet2DConditionModel(**config)))
                 for name, config in REAL_UNETS.items()}
        vae = lists_to_levels(REAL_AUTOENCODER, 4)
        found["autoencoder"] = dict(config=vae, shapes=shapes(AutoencoderKL(**vae)))
        text = shapes(CLIPTextModel(CLIPTextConfig(**REAL_TEXT_ENCODER)))
    # the names of the real checkpoint on disk, made by transformers 4
    text = {k if k.startswith("text_model.") else f"text_model.{k}": v for k, v in text.items()}
    found["clip-l"] = dict(config=REAL_TEXT_ENCODER, shapes=text)
    for name, one in found.items():
        print(name, len(one["shapes"]), "weights")
    packed = gzip.compress(json.dumps(found, separators=(",", ":")).encode(), mtime=0)
    (OUT / "state-dicts.json.gz").write_bytes(packed)


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for i, (case, (config, size)) in enumerate(UNETS.items()):
        unet_case(case, config, size, seed=100 + i)
    for i, (case, config) in enumerate(AUTOENCODERS.items()):
        autoencoder_case(case, config, seed=200 + i)
    for i, (case, config) in enumerate(TEXT_ENCODERS.items()):
        text_case(case, config, seed=300 + i)
    state_dicts()
