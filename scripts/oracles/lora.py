"""Goldens of LoRA: random adapters in every style, and what diffusers' pipeline computes with each of them merged.

The base networks are those of tests/goldens/models/unet-plain and clip-quick-gelu. Writes tests/goldens/lora/<style>.safetensors
(adapters, as users have them) and outputs.safetensors. Needs peft >= 0.20 (transformers 5 asks for it). Run: .venv/bin/python scripts/oracles/lora.py
"""

import json
import tempfile
from pathlib import Path

import torch
from diffusers import AutoencoderKL, EulerAncestralDiscreteScheduler, StableDiffusionInstructPix2PixPipeline, UNet2DConditionModel
from diffusers.training_utils import _collate_lora_metadata
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

GOLDENS = Path(__file__).resolve().parents[2] / "tests" / "goldens"
OUT = GOLDENS / "lora"
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
EVERYTHING = [*ATTENTION, "proj", "net.2", "proj_in", "proj_out", "conv1", "conv2", "conv", "conv_in", "conv_out", "conv_shortcut",
              "time_emb_proj", "linear_1"]
TEXT = ["q_proj", "k_proj", "v_proj", "out_proj"]


def golden(case):
    path = GOLDENS / "models" / f"{case}.safetensors"
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])
    groups = {}
    for name, tensor in load_file(path).items():
        group, name = name.split(".", 1)
        groups.setdefault(group, {})[name] = tensor
    return config, groups


UNET, UNET_GOLDEN = golden("unet-plain")
CLIP, CLIP_GOLDEN = golden("clip-quick-gelu")


def pipeline():
    unet = UNet2DConditionModel(**UNET)
    unet.load_state_dict(UNET_GOLDEN["weights"])
    text_encoder = CLIPTextModel(CLIPTextConfig(**CLIP))
    text_encoder.load_state_dict(CLIP_GOLDEN["weights"], strict=False)
    vae = AutoencoderKL(block_out_channels=[8], norm_num_groups=4)
    tokenizer = CLIPTokenizer.from_pretrained(GOLDENS / "tokenizer")
    return StableDiffusionInstructPix2PixPipeline(vae, text_encoder, tokenizer, unet, EulerAncestralDiscreteScheduler(), None, None,
                                                  requires_safety_checker=False)


def random_adapter(seed, unet, text):
    """A pipeline whose networks carry fresh adapters of these settings with every factor random."""
    torch.manual_seed(seed)
    pipe = pipeline()
    for network, settings in ((pipe.unet, unet), (pipe.text_encoder, text)):
        if not settings:
            continue
        network.add_adapter(LoraConfig(init_lora_weights=False, **settings))
        with torch.no_grad():
            for name, weight in network.named_parameters():
                if "lora_" in name:
                    weight.copy_(torch.randn(weight.shape) * 0.5 / weight[0].numel() ** 0.5)
    return pipe


def factors(network):
    return {name: weight.contiguous() for name, weight in get_peft_model_state_dict(network).items()}


def write(style, tensors):
    save_file(tensors, OUT / f"{style}.safetensors", metadata={"format": "pt"})


def peft_style():
    """As diffusers writes today: settings in the header, alphas and ranks by pattern."""
    pipe = random_adapter(
        1,
        dict(r=3, lora_alpha=5, target_modules=EVERYTHING, rank_pattern={"conv1": 2, "to_k": 4}, alpha_pattern={"attn2.to_q": 2, "conv_in": 9}),
        dict(r=2, lora_alpha=3, target_modules=[*TEXT, "fc1", "fc2"], alpha_pattern={"layers.0.self_attn.q_proj": 1}),
    )
    networks = dict(unet=pipe.unet, text_encoder=pipe.text_encoder)
    save(pipe, "peft", factors(pipe.unet), factors(pipe.text_encoder), _collate_lora_metadata(networks))


def rslora_style():
    """Rank-stabilised, the UNet alone, a training script's keys (`to_q.lora.down.weight`), half precision."""
    pipe = random_adapter(2, dict(r=4, lora_alpha=1.5, use_rslora=True, target_modules=ATTENTION), None)
    halves = {name: weight.half() for name, weight in factors(pipe.unet).items()}
    save(pipe, "rslora", convert_state_dict_to_diffusers(halves), None, _collate_lora_metadata(dict(unet=pipe.unet)))


def save(pipe, style, unet, text, metadata):
    with tempfile.TemporaryDirectory() as folder:
        pipe.save_lora_weights(folder, unet_lora_layers=unet, text_encoder_lora_layers=text, **metadata)
        (OUT / f"{style}.safetensors").write_bytes((Path(folder) / "pytorch_lora_weights.safetensors").read_bytes())


def older_styles():
    """Without alphas: `lora.down` and `lora_linear_layer.down`; then the attention processors' names."""
    pipe = random_adapter(3, dict(r=2, target_modules=[*ATTENTION, "proj_in", "net.2"]), dict(r=3, target_modules=[*TEXT, "fc2"]))
    unet, text = factors(pipe.unet), factors(pipe.text_encoder)
    names = lambda tensors, a, b: {k.replace("lora_A", a).replace("lora_B", b): v for k, v in tensors.items()}
    write("diffusers", {f"unet.{k}": v for k, v in names(unet, "lora.down", "lora.up").items()}
          | {f"text_encoder.text_model.{k}": v
             for k, v in names(text, "lora_linear_layer.down", "lora_linear_layer.up").items()})

    pipe = random_adapter(4, dict(r=2, target_modules=ATTENTION), dict(r=2, target_modules=TEXT))
    unet, text = factors(pipe.unet), factors(pipe.text_encoder)
    old = {}
    for prefix, tensors in (("unet.", unet), ("text_encoder.text_model.", text)):
        for key, value in tensors.items():
            module, factor = key.split(".lora_")
            layer = dict(zip(["to_q", "to_k", "to_v", "to_out.0", *TEXT], ["to_q", "to_k", "to_v", "to_out"] * 2))
            attention, last = next((module.removesuffix(f".{name}"), old) for name, old in layer.items() if module.endswith(f".{name}"))
            processor = ".processor" if prefix == "unet." else ""
            side = "down" if factor.startswith("A") else "up"
            old[f"{prefix}{attention}{processor}.{last}_lora.{side}.weight"] = value
    write("processor", old)


def kohya_style():
    pipe = random_adapter(5, dict(r=4, target_modules=[*ATTENTION, "proj", "proj_in", "conv1", "conv"]), dict(r=2, target_modules=[*TEXT, "fc1"]))
    tensors = {}
    for prefix, state in (("lora_unet_", factors(pipe.unet)), ("lora_te_text_model_", factors(pipe.text_encoder))):
        for key, value in state.items():
            module, factor = key.split(".lora_")
            name = prefix + module.replace(".", "_")
            tensors[f"{name}.lora_{'down' if factor.startswith('A') else 'up'}.weight"] = value
            # diffusers ignores alphas of attention layers and of text encoders that differ from the commonest one
            tensors[f"{name}.alpha"] = torch.tensor(1.0 if "conv1" in key else 3.0)
    write("kohya", tensors)


def outputs(adapters):
    """Both networks' outputs with the adapters merged, [(style, weight)], one after the other."""
    pipe = pipeline()
    for style, weight in adapters:
        pipe.load_lora_weights(OUT, weight_name=f"{style}.safetensors")
        components = [name for name in ("unet", "text_encoder") if getattr(getattr(pipe, name), "peft_config", None)]
        pipe.fuse_lora(components=components, lora_scale=weight)
        # the next one would find fresh weights in place of this one's text encoder adapter (transformers 5.23)
        pipe.unload_lora_weights()
    inputs = UNET_GOLDEN["inputs"]
    with torch.no_grad():
        sample = pipe.unet(inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"]).sample
        states = pipe.text_encoder(CLIP_GOLDEN["inputs"]["ids"].long()).last_hidden_state
    label = "+".join(f"{style}:{weight}" for style, weight in adapters)
    moved = (sample - UNET_GOLDEN["outputs"]["sample"]).abs().max(), (states - CLIP_GOLDEN["outputs"]["states"]).abs().max()
    print(label, "moves the outputs by", *(f"{m:.3f}" for m in moved))
    return {f"{label}.unet": sample.contiguous(), f"{label}.text_encoder": states.contiguous()}


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    peft_style()
    rslora_style()
    older_styles()
    kohya_style()
    found = {}
    for style in ("peft", "rslora", "diffusers", "processor", "kohya"):
        for weight in (1.0, 0.6):
            found |= outputs([(style, weight)])
    found |= outputs([("peft", 0.6), ("kohya", -0.4)])
    save_file(found, OUT / "outputs.safetensors")
    for path in sorted(OUT.iterdir()):
        print(f"{path.name}: {path.stat().st_size // 1024} KB")
