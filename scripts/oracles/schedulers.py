"""Prints tests/goldens/schedulers.golden.json: what diffusers' schedulers do with a fixed fake model and recorded noise.

Run: .venv/bin/python scripts/oracles/schedulers.py > tests/goldens/schedulers.golden.json
"""
import json

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler
from diffusers.schedulers import scheduling_ddim, scheduling_euler_ancestral_discrete

SIZE = 6
SD15 = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
CLASSES = {c.__name__: c for c in (DDIMScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler)}


def fake_model(x, t):
    return x * float(np.cos(float(t))) + 0.1


def noise_of(seed, count):
    return np.random.default_rng(seed).standard_normal((count, SIZE)).astype(np.float32)


def trajectory(config, steps, eta=None):
    """Every sample of a run; `noise` row 0 is the start, row i + 1 is what step i adds."""
    config = dict(config)
    cls = CLASSES[config.pop("_class_name")]
    scheduler = cls(**config)
    scheduler.set_timesteps(steps)
    noise = noise_of(steps, steps + 1)
    recorded = iter(noise[1:])
    draw = lambda *args, **kwargs: torch.from_numpy(next(recorded))
    scheduling_ddim.randn_tensor = draw
    scheduling_euler_ancestral_discrete.randn_tensor = draw
    sample = torch.from_numpy(noise[0]) * scheduler.init_noise_sigma
    samples = []
    for t in scheduler.timesteps:
        output = fake_model(scheduler.scale_model_input(sample, t), t)
        options = {"eta": eta} if cls is DDIMScheduler else {}
        sample = scheduler.step(output, t, sample, **options).prev_sample
        samples.append(sample.tolist())
    return {
        "config": {"_class_name": cls.__name__, **config},
        "steps": steps,
        **({"eta": eta} if eta is not None else {}),
        "timesteps": scheduler.timesteps.tolist(),
        "noise": noise.tolist(),
        "start": float(scheduler.init_noise_sigma),
        "samples": samples,
    }


def ddim(steps, eta=0.0, **config):
    return trajectory({"_class_name": "DDIMScheduler", **config}, steps, eta)


def euler(name, steps, **config):
    return trajectory({"_class_name": name, **config}, steps)


sd_ddim = dict(SD15, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
zero_snr = dict(SD15, clip_sample=False, rescale_betas_zero_snr=True, timestep_spacing="trailing")
runs = [
    ddim(4, **sd_ddim, prediction_type="epsilon"),
    ddim(10, **sd_ddim, prediction_type="epsilon"),
    ddim(7, **sd_ddim, prediction_type="epsilon", timestep_spacing="linspace"),
    ddim(10, eta=1.0, **sd_ddim, prediction_type="epsilon"),
    ddim(5, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", clip_sample_range=0.8),
    ddim(5, prediction_type="sample"),
]
for prediction in ("v_prediction", "sample"):
    runs += [ddim(steps, **zero_snr, prediction_type=prediction) for steps in (1, 2, 4, 10)]
    runs.append(ddim(4, eta=0.7, **zero_snr, prediction_type=prediction))
for name in ("EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler"):
    runs += [
        euler(name, 4, **SD15),
        euler(name, 10, **SD15, steps_offset=1, timestep_spacing="leading"),
        euler(name, 5, **SD15, timestep_spacing="trailing", prediction_type="v_prediction"),
    ]
runs.append(
    euler("EulerAncestralDiscreteScheduler", 4, **SD15, timestep_spacing="trailing", rescale_betas_zero_snr=True, prediction_type="v_prediction")
)

schedules = []
for config in (
    {},
    SD15,
    dict(SD15, rescale_betas_zero_snr=True),
    dict(beta_schedule="squaredcos_cap_v2"),
    dict(beta_schedule="linear", rescale_betas_zero_snr=True, num_train_timesteps=100),
):
    scheduler = DDPMScheduler(**config)
    length = len(scheduler.betas)
    at = sorted({0, 1, 2, length // 4, length // 2, length - length // 10, length - 2, length - 1})
    noise = noise_of(99, 2)
    t = torch.tensor(at)
    sample, eps = (torch.from_numpy(row).repeat(len(at), 1) for row in noise)
    schedules.append(
        {
            "config": config,
            "at": at,
            "alphasCumprod": scheduler.alphas_cumprod.double()[t].tolist(),
            "sample": noise[0].tolist(),
            "epsilon": noise[1].tolist(),
            "noisy": scheduler.add_noise(sample, eps, t).tolist(),
            "velocity": scheduler.get_velocity(sample, eps, t).tolist(),
        }
    )

spacings = []
for spacing in ("leading", "linspace", "trailing"):
    for steps in (1, 2, 3, 7, 16, 48, 100, 333, 1000):
        scheduler = DDIMScheduler(timestep_spacing=spacing)
        scheduler.set_timesteps(steps)
        values = scheduler.timesteps.tolist()
        spacings.append({"spacing": spacing, "steps": steps, "count": len(values), "head": values[:12], "tail": values[-12:], "sum": sum(values)})

digits = lambda o: round(o, 9) if isinstance(o, float) and abs(o) > 1e-4 else o
walk = lambda o: {k: walk(v) for k, v in o.items()} if isinstance(o, dict) else [walk(v) for v in o] if isinstance(o, list) else digits(o)
print(json.dumps(walk({"schedules": schedules, "spacings": spacings, "runs": runs}), separators=(",", ":")))
