"""Flow matching: t = 1 is noise, t = 0 is the clean latent, velocity = noise − clean (method §2, §3).

x_t, noise, clean and velocity are [B, N, C] in float32; t, where it is a tensor, is [B] or [B, N].
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import torch
from torch import Tensor

from studio.backends.protocol import Step
from studio.errors import BadInput
from studio.models.context import Context


class Renorm(str, Enum):
    """Over what the guided velocity's norm is brought back to that of the unguided one."""

    GLOBAL = "global"
    CHANNEL = "channel"
    TEXT_CHANNEL = "text_channel"


class Eta(str, Enum):
    """How much noise a stochastic step adds: rising with t, or the same everywhere."""

    MONOTONIC = "monotonic"
    CONSTANT = "constant"


@dataclass(frozen=True)
class FlowSettings:
    """How a latent is sampled. `num_timesteps` points make one step fewer; guidance acts where
    cfg_interval[0] < t ≤ cfg_interval[1]; a scale of 1 is no guidance, and image guidance needs more than 1.
    """

    num_timesteps: int = 50
    timestep_shift: float = 3.0
    cfg_text_scale: float = 1.0
    cfg_img_scale: float = 1.0
    cfg_interval: tuple[float, float] = (0.0, 1.0)
    cfg_renorm: Renorm = Renorm.GLOBAL
    cfg_renorm_min: float = 0.0

    def __post_init__(self) -> None:
        if self.num_timesteps < 2:
            raise BadInput(f"{self.num_timesteps} timesteps make no step. Use 2 or more.")


@dataclass(frozen=True)
class Stochastic:
    """The one step of a trajectory that is sampled: which (0 is the first), how strongly, and from what generator."""

    index: int
    a: float = 0.7
    eta: Eta = Eta.MONOTONIC
    generator: torch.Generator | None = None


@dataclass(frozen=True)
class Taken:
    """The stochastic step as it was taken: latents before and after [B, N, C], guided velocity, logprobs [B, N]."""

    x_t: Tensor
    x_next: Tensor
    velocity: Tensor
    logprobs: Tensor
    t: float
    dt: float


def schedule(num_timesteps: int, timestep_shift: float) -> list[float]:
    """The shifted points from 1 to 0, both included."""
    t = torch.linspace(1, 0, num_timesteps)
    points: list[float] = (timestep_shift * t / (1 + (timestep_shift - 1) * t)).tolist()
    return points


def add_noise(clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t on the straight line between clean and noise."""
    t = t.float()[..., None] if t.dim() == 2 else t.float()[:, None, None]
    return (1 - t) * clean + t * noise


def renormalised(guided: Tensor, plain: Tensor, renorm: Renorm, least: float) -> Tensor:
    """Shrink `guided` to the norm of `plain`, per image (`global`) or per token; never below the factor `least`."""
    axes = (-2, -1) if renorm is Renorm.GLOBAL else (-1,)
    norm = torch.linalg.vector_norm(plain, dim=axes, keepdim=True)
    norm_guided = torch.linalg.vector_norm(guided, dim=axes, keepdim=True)
    factor: Tensor = (norm / (norm_guided + 1e-8)).clamp(min=least, max=1.0)
    return guided * factor


def guide(velocity: Tensor, u_text: Tensor | None, u_img: Tensor | None, settings: FlowSettings) -> Tensor:
    """Classifier-free guidance: `u_text` is the velocity without the last text, `u_img` the one without images.

    None leaves that guidance out.
    """
    if u_text is None and u_img is None:
        return velocity
    renorm, least = settings.cfg_renorm, settings.cfg_renorm_min
    guided = velocity if u_text is None else u_text + settings.cfg_text_scale * (velocity - u_text)
    if renorm is Renorm.TEXT_CHANNEL and u_text is not None:
        guided = renormalised(guided, velocity, renorm, least)
    if u_img is not None:
        guided = u_img + settings.cfg_img_scale * (guided - u_img)
    return guided if renorm is Renorm.TEXT_CHANNEL else renormalised(guided, velocity, renorm, least)


def guidance_at(t: float, settings: FlowSettings) -> tuple[bool, bool]:
    """Whether text guidance and image guidance act at t."""
    low, high = settings.cfg_interval
    inside = low < t <= high
    return inside and settings.cfg_text_scale != 1.0, inside and settings.cfg_img_scale > 1.0


def sde_step(
    x_t: Tensor, velocity: Tensor, t: float | Tensor, dt: float | Tensor, a: float, eta: Eta = Eta.MONOTONIC
) -> tuple[Tensor, Tensor]:
    """Mean [B, N, C] and standard deviation [B or 1, 1, 1] of the next latent of the SDE with the same marginals.

    t > 0 and dt > 0 are numbers or [B]; Source: Flow-GRPO (arXiv 2505.05470), method §3.
    """
    t, dt = (torch.as_tensor(z, dtype=torch.float32, device=x_t.device).reshape(-1, 1, 1) for z in (t, dt))
    x_t, velocity = x_t.float(), velocity.float()
    clean = x_t - t * velocity
    score = -(x_t - (1 - t) * clean) / t**2
    strength = a * (t / (1 - t.clamp(max=0.95))).sqrt() if eta is Eta.MONOTONIC else torch.full_like(t, a)
    mean = x_t - (velocity - 0.5 * strength**2 * score) * dt
    return mean, strength * dt.sqrt()


def step_logprobs(x_next: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Log-probability of the next latent per token, up to a constant: mean over channels -> [B, N]."""
    return -0.5 * ((x_next.float() - mean) / std).square().mean(-1)


def sample(
    noise: Tensor,
    full: Context,
    without_text: Context | None = None,
    without_images: Context | None = None,
    *,
    settings: FlowSettings,
    shape: tuple[int, int] | None = None,
    source: Tensor | None = None,
    step: Step | None = None,
) -> Tensor:
    """Integrate from `noise` [B, N, C] to a clean latent with Euler steps; the contexts stay as they are.

    `shape` is (rows, columns) of a grid of latents, None where they are slots. `source` [B, N, C] is the latent
    that an edit starts from. `step` is called after every step and may raise.
    """
    latent, _ = _integrate(noise, (full, without_text, without_images), settings, shape, source, step, None)
    return latent


def sample_stochastic(
    noise: Tensor,
    full: Context,
    without_text: Context | None = None,
    without_images: Context | None = None,
    *,
    stochastic: Stochastic,
    settings: FlowSettings,
    shape: tuple[int, int] | None = None,
    source: Tensor | None = None,
    step: Step | None = None,
) -> tuple[Tensor, Taken]:
    """As `sample`, with one step drawn from the SDE; also returns that step."""
    if not 0 <= stochastic.index < settings.num_timesteps - 1:
        raise BadInput(f"Step {stochastic.index} does not exist. Use 0 to {settings.num_timesteps - 2}.")
    contexts = (full, without_text, without_images)
    latent, taken = _integrate(noise, contexts, settings, shape, source, step, stochastic)
    assert taken is not None
    return latent, taken


@torch.no_grad()
def _integrate(
    noise: Tensor,
    contexts: tuple[Context, Context | None, Context | None],
    settings: FlowSettings,
    shape: tuple[int, int] | None,
    source: Tensor | None,
    step: Step | None,
    stochastic: Stochastic | None,
) -> tuple[Tensor, Taken | None]:
    points, x_t, taken = schedule(settings.num_timesteps, settings.timestep_shift), noise.float(), None
    for index, (t, after) in enumerate(pairwise(points)):
        dt = t - after
        velocity = _guided_velocity(x_t, t, contexts, settings, shape, source)
        if stochastic is not None and index == stochastic.index:
            mean, std = sde_step(x_t, velocity, t, dt, stochastic.a, stochastic.eta)
            drawn = torch.randn(mean.shape, generator=stochastic.generator, device=mean.device)
            x_next = mean + std * drawn
            taken = Taken(x_t, x_next, velocity, step_logprobs(x_next, mean, std), t, dt)
        else:
            x_next = x_t - velocity * dt
        x_t = x_next
        if step is not None:
            step(index + 1, settings.num_timesteps - 1)
    return x_t, taken


def _guided_velocity(
    x_t: Tensor,
    t: float,
    contexts: tuple[Context, Context | None, Context | None],
    settings: FlowSettings,
    shape: tuple[int, int] | None,
    source: Tensor | None,
) -> Tensor:
    full, without_text, without_images = contexts
    by_text, by_images = guidance_at(t, settings)
    if by_text and without_text is None:
        raise BadInput("Text guidance needs a context without the last text. Pass it, or set cfg_text_scale to 1.")
    if by_images and without_images is None:
        raise BadInput("Image guidance needs a context without images. Pass it, or set cfg_img_scale to 1.")
    velocity = full.flow(x_t, t, shape=shape, source=source).velocity
    u_text = without_text.flow(x_t, t, shape=shape, source=source).velocity if by_text and without_text else None
    u_img = without_images.flow(x_t, t, shape=shape, source=source).velocity if by_images and without_images else None
    return guide(velocity, u_text, u_img, settings)
