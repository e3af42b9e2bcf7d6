"""Prints tests/goldens/schedulers.golden.json: what diffusers' schedulers do with a fixed fake model and recorded noise, and,
for the samplers that k-diffusion has, where its published update formulas end in double precision.

diffusers holds its noise tables in single precision, off by up to 1e-4 where little signal or little noise is left. Its
own code is run here with those tables in double precision, so that the comparison can be tight; as shipped, it ends within
2e-4 of these goldens with Karras' sigmas, 1e-4 with the cosine schedule, 2e-5 in all other runs.

Those formulas (Euler, Euler ancestral, Heun, DPM-Solver++ 2M) are written out below rather than imported: the package
k-diffusion needs torchvision, CLIP and torchsde just to be imported.

Run: .venv/bin/python scripts/oracles/schedulers.py > tests/goldens/schedulers.golden.json
"""
import hashlib
import json
import sys

import numpy as np
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)
from diffusers.schedulers import scheduling_ddim, scheduling_euler_ancestral_discrete, scheduling_lcm

SIZE = 6
SD15 = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
CLASSES = {
    c.__name__: c
    for c in (
        DDIMScheduler,
        DPMSolverMultistepScheduler,
        EulerAncestralDiscreteScheduler,
        EulerDiscreteScheduler,
        HeunDiscreteScheduler,
        LCMScheduler,
        PNDMScheduler,
        UniPCMultistepScheduler,
    )
}


class DoublePrecision:
    """torch or NumPy for a scheduler's module, with double precision where it asks for single."""

    def __init__(self, module):
        self.module = module
        self.float32 = module.float64

    def __getattr__(self, name):
        return getattr(self.module, name)

    def linspace(self, *args, **kwargs):
        values = self.module.linspace(*args, **kwargs)
        # Euler's and Heun's fractional timesteps: what the network is told stays in single precision.
        return values.astype(np.float32).astype(np.float64) if self.module is np and "dtype" in kwargs else values


for cls in (*CLASSES.values(), DDPMScheduler):
    sys.modules[cls.__module__].torch = DoublePrecision(torch)
    sys.modules[cls.__module__].np = DoublePrecision(np)


def fake_model(x, t):
    return x * float(np.cos(float(t))) + 0.1


def noise_of(seed, count):
    return np.random.default_rng(seed).standard_normal((count, SIZE)).astype(np.float32)


def zero_terminal_snr(scheduler):
    """HeunDiscreteScheduler has no rescale_betas_zero_snr of its own: what the classes that have it do in their constructors."""
    betas = scheduling_ddim.rescale_zero_terminal_snr(scheduler.betas)
    scheduler.alphas_cumprod = torch.cumprod(1 - betas, dim=0)
    scheduler.alphas_cumprod[-1] = 2**-24


def trajectory(name, steps, eta=None, **config):
    """Every sample of a run; `noise` row 0 is the start, row i + 1 is what step i adds; `told` is what the model is told."""
    cls = CLASSES[name]
    if cls is HeunDiscreteScheduler:
        scheduler = cls(**{k: v for k, v in config.items() if k != "rescale_betas_zero_snr"})
        if config.get("rescale_betas_zero_snr"):
            zero_terminal_snr(scheduler)
    else:
        scheduler = cls(**config)
    scheduler.set_timesteps(steps)
    noise = noise_of(steps, steps + 1)
    recorded = iter(noise[1:])
    draw = lambda *args, **kwargs: torch.from_numpy(next(recorded)[None]).double()
    for module in (scheduling_ddim, scheduling_euler_ancestral_discrete, scheduling_lcm):
        module.randn_tensor = draw
    sample = torch.from_numpy(noise[:1]).double() * scheduler.init_noise_sigma
    samples = []
    told = scheduler.timesteps.tolist()
    for t in scheduler.timesteps:
        output = fake_model(scheduler.scale_model_input(sample, t), t)
        options = {"eta": eta} if cls is DDIMScheduler else {}
        sample = scheduler.step(output, t, sample, **options).prev_sample
        samples.append(sample[0].tolist())
    # One sample a step: Heun's steps have two evaluations but for the last, PLMS evaluates the first step twice.
    if cls is HeunDiscreteScheduler:
        samples, visited = samples[1::2] + samples[-1:], told[::2]
    elif cls is PNDMScheduler and steps > 1:
        samples, visited = samples[1:], told[:1] + told[2:]
    else:
        visited = told
    assert len(samples) == len(visited) == steps
    run = {
        "config": {"_class_name": name, **config},
        "steps": steps,
        **({"eta": eta} if eta is not None else {}),
        "timesteps": visited,
        "told": told,
        "noise": noise.tolist(),
        "samples": samples,
    }
    if name in K_FORMULAS and not NOT_IN_K & {*config.items()}:
        run["kDiffusion"] = k_diffusion(name, {**scheduler.config, **config}, visited, noise).tolist()
        scale = max(1, np.abs(samples).max())
        assert np.abs(samples[-1] - np.array(run["kDiffusion"])).max() / scale < 2e-6, (name, config)
    return run


# k-diffusion, in double precision and from the betas up.
def alphas_of(config):
    length, start, end = config["num_train_timesteps"], config["beta_start"], config["beta_end"]
    root = config.get("beta_schedule") == "scaled_linear"
    betas = np.linspace(start**0.5, end**0.5, length) ** 2 if root else np.linspace(start, end, length)
    alphas = np.cumprod(1 - betas)
    if config.get("rescale_betas_zero_snr"):
        root = np.sqrt(alphas)
        alphas = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
        alphas[-1] = 2**-24
    return alphas


def k_euler(denoise, sigmas, x, noise):
    for i in range(len(sigmas) - 1):
        d = (x - denoise(x, i)) / sigmas[i]
        x = x + d * (sigmas[i + 1] - sigmas[i])
    return x


def k_euler_ancestral(denoise, sigmas, x, noise):
    for i in range(len(sigmas) - 1):
        a, b = sigmas[i], sigmas[i + 1]
        up = min(b, (b**2 * (a**2 - b**2) / a**2) ** 0.5)
        down = (b**2 - up**2) ** 0.5
        x = x + (x - denoise(x, i)) / a * (down - a) + noise[i + 1] * up
    return x


def k_heun(denoise, sigmas, x, noise):
    for i in range(len(sigmas) - 1):
        dt = sigmas[i + 1] - sigmas[i]
        d = (x - denoise(x, i)) / sigmas[i]
        if sigmas[i + 1] == 0:
            x = x + d * dt
        else:
            there = x + d * dt
            x = x + (d + (there - denoise(there, i + 1)) / sigmas[i + 1]) / 2 * dt
    return x


def k_dpmpp_2m(denoise, sigmas, x, noise):
    old = None
    for i in range(len(sigmas) - 1):
        denoised = denoise(x, i)
        if sigmas[i + 1] == 0:
            x = denoised
        else:
            h = np.log(sigmas[i] / sigmas[i + 1])
            r = np.log(sigmas[i - 1] / sigmas[i]) / h if old is not None else None
            d = denoised if r is None else (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * old
            x = sigmas[i + 1] / sigmas[i] * x - np.expm1(-h) * d
        old = denoised
    return x


K_FORMULAS = {
    "EulerDiscreteScheduler": k_euler,
    "EulerAncestralDiscreteScheduler": k_euler_ancestral,
    "HeunDiscreteScheduler": k_heun,
    "DPMSolverMultistepScheduler": k_dpmpp_2m,
}


# What k-diffusion leaves to the caller or does not have.
NOT_IN_K = {
    ("use_karras_sigmas", True),
    ("final_sigmas_type", "sigma_min"),
    ("beta_schedule", "squaredcos_cap_v2"),
    ("solver_order", 1),
}


def k_diffusion(name, config, timesteps, noise):
    alphas = alphas_of(config)
    sigmas = np.append(np.interp(timesteps, np.arange(len(alphas)), np.sqrt((1 - alphas) / alphas)), 0)
    prediction = config.get("prediction_type", "epsilon")

    def denoise(x, i):
        sigma = sigmas[i]
        output = fake_model(x / np.sqrt(sigma**2 + 1), timesteps[i])
        if prediction == "epsilon":
            return x - sigma * output
        return output if prediction == "sample" else x / (sigma**2 + 1) - output * sigma / np.sqrt(sigma**2 + 1)

    unit_variance = name == "DPMSolverMultistepScheduler" or config.get("timestep_spacing") == "leading"
    start = np.sqrt(sigmas[0] ** 2 + 1) if unit_variance else sigmas[0]
    return K_FORMULAS[name](denoise, sigmas, noise[0].astype(np.float64) * start, noise)


sd_ddim = dict(SD15, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
zero_snr = dict(SD15, rescale_betas_zero_snr=True, timestep_spacing="trailing")
ddim_zero_snr = dict(zero_snr, clip_sample=False)
DDIM, LCM, PNDM = "DDIMScheduler", "LCMScheduler", "PNDMScheduler"
DPM, UNIPC, HEUN = "DPMSolverMultistepScheduler", "UniPCMultistepScheduler", "HeunDiscreteScheduler"
EULER, EULER_A = "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler"
runs = [
    trajectory(DDIM, 4, 0.0, **sd_ddim, prediction_type="epsilon"),
    trajectory(DDIM, 10, 0.0, **sd_ddim, prediction_type="epsilon"),
    trajectory(DDIM, 7, 0.0, **sd_ddim, prediction_type="epsilon", timestep_spacing="linspace"),
    trajectory(DDIM, 6, 0.0, **sd_ddim, prediction_type="epsilon", timestep_spacing="trailing"),
    trajectory(DDIM, 10, 1.0, **sd_ddim, prediction_type="epsilon"),
    trajectory(DDIM, 5, 0.0, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", clip_sample_range=0.8),
    trajectory(DDIM, 5, 0.0, prediction_type="sample"),
    trajectory(PNDM, 1, **SD15, skip_prk_steps=True, steps_offset=1),
    trajectory(PNDM, 2, **SD15, skip_prk_steps=True, steps_offset=1),
    trajectory(PNDM, 8, **SD15, skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False),
    trajectory(PNDM, 6, **SD15, skip_prk_steps=True, steps_offset=1, prediction_type="v_prediction"),
    trajectory(PNDM, 2, **SD15, skip_prk_steps=True, timestep_spacing="linspace"),
    trajectory(PNDM, 7, **SD15, skip_prk_steps=True, timestep_spacing="trailing", set_alpha_to_one=True),
]
for prediction in ("v_prediction", "sample"):
    runs += [trajectory(DDIM, steps, 0.0, **ddim_zero_snr, prediction_type=prediction) for steps in (1, 2, 4, 10)]
    runs.append(trajectory(DDIM, 4, 0.7, **ddim_zero_snr, prediction_type=prediction))
for name in (EULER_A, EULER):
    runs += [
        trajectory(name, 4, **SD15),
        trajectory(name, 10, **SD15, steps_offset=1, timestep_spacing="leading"),
        trajectory(name, 5, **SD15, timestep_spacing="trailing", prediction_type="v_prediction"),
        trajectory(name, 4, **zero_snr, prediction_type="v_prediction"),
    ]
runs += [
    trajectory(EULER, 5, **SD15, prediction_type="sample"),
    trajectory(EULER, 6, **SD15, use_karras_sigmas=True),
    trajectory(EULER, 6, **SD15, timestep_spacing="trailing", final_sigmas_type="sigma_min"),
    trajectory(EULER, 3, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", timestep_spacing="trailing"),
    trajectory(HEUN, 1, **SD15),
    trajectory(HEUN, 4, **SD15),
    trajectory(HEUN, 5),
    trajectory(HEUN, 8, **SD15, steps_offset=1, timestep_spacing="leading", prediction_type="v_prediction"),
    trajectory(HEUN, 5, **SD15, timestep_spacing="trailing", prediction_type="sample"),
    trajectory(HEUN, 6, **SD15, use_karras_sigmas=True),
    trajectory(HEUN, 4, **zero_snr, prediction_type="v_prediction"),
    trajectory(LCM, 1),
    trajectory(LCM, 4),
    trajectory(LCM, 8, prediction_type="v_prediction", clip_sample=True, clip_sample_range=0.9),
    trajectory(LCM, 3, **SD15, original_inference_steps=40, timestep_scaling=0.02, prediction_type="sample"),
    trajectory(LCM, 4, **zero_snr, prediction_type="v_prediction"),
    trajectory(LCM, 4, **zero_snr, prediction_type="sample"),
]
for name in (DPM, UNIPC):
    runs += [
        trajectory(name, 1, **SD15),
        trajectory(name, 2, **SD15),
        trajectory(name, 6, **SD15),
        trajectory(name, 20, **SD15),
        trajectory(name, 6, **SD15, solver_order=1),
        trajectory(name, 5, **SD15, steps_offset=1, timestep_spacing="leading", prediction_type="sample"),
        trajectory(name, 5, **SD15, timestep_spacing="trailing", prediction_type="v_prediction"),
        trajectory(name, 6, **SD15, use_karras_sigmas=True),
        trajectory(name, 6, **SD15, final_sigmas_type="sigma_min"),
        trajectory(name, 6, **SD15, final_sigmas_type="sigma_min", lower_order_final=False),
        trajectory(name, 4, **zero_snr, prediction_type="v_prediction"),
        trajectory(name, 4, **zero_snr, prediction_type="sample"),
        trajectory(name, 1, **zero_snr, prediction_type="v_prediction"),
    ]
runs += [
    trajectory(DPM, 16, **SD15, final_sigmas_type="sigma_min"),
    trajectory(DPM, 16, **SD15, final_sigmas_type="sigma_min", euler_at_final=True),
]
# A prediction that diffusers' class refuses: k-diffusion's formula alone.
ancestral = trajectory(EULER_A, 5, **SD15, timestep_spacing="trailing")
config = dict(SD15, timestep_spacing="trailing", prediction_type="sample")
only = k_diffusion(EULER_A, config, ancestral["timesteps"], np.array(ancestral["noise"]))
ancestral |= {"config": {"_class_name": EULER_A, **config}, "samples": [], "kDiffusion": only.tolist()}
runs.append(ancestral)

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
    sample, eps = (torch.from_numpy(row).double().repeat(len(at), 1) for row in noise)
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

# Timesteps: a dozen counts to read, and a digest of every count.
COUNTS = (1, 2, 3, 7, 16, 27, 48, 50, 100, 250, 333, 999)
FAMILIES = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler, "multistep": DPMSolverMultistepScheduler}


def told(scheduler, steps):
    scheduler.set_timesteps(steps)
    # NumPy's arange runs one over at 62 counts below 1000, which would visit timestep -1: not a step of the formula.
    return scheduler.timesteps.numpy()[:steps]


spacings = []
digests = []
for family, cls in FAMILIES.items():
    for spacing in ("leading", "linspace", "trailing"):
        scheduler = cls(timestep_spacing=spacing)
        for steps in COUNTS:
            values = told(scheduler, steps).tolist()
            spacings.append({"family": family, "spacing": spacing, "steps": steps, "head": values[:6], "tail": values[-6:], "sum": sum(values)})
        last = 999 if family == "multistep" else 1000
        every = np.concatenate([told(scheduler, steps).astype("<f4") for steps in range(1, last + 1)])
        digests.append({"family": family, "spacing": spacing, "last": last, "sha256": hashlib.sha256(every.tobytes()).hexdigest()})
scheduler = LCMScheduler()
every = np.concatenate([told(scheduler, steps).astype("<f4") for steps in range(1, 51)])
digests.append({"family": "lcm", "spacing": "leading", "last": 50, "sha256": hashlib.sha256(every.tobytes()).hexdigest()})

digits = lambda o: float(f"{o:.10g}") if isinstance(o, float) else o
walk = lambda o: {k: walk(v) for k, v in o.items()} if isinstance(o, dict) else [walk(v) for v in o] if isinstance(o, list) else digits(o)
print(json.dumps(walk({"schedules": schedules, "spacings": spacings, "digests": digests, "runs": runs}), separators=(",", ":")))
