"""The supervised losses of the three tasks, each on a batch of its samples."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from studio.models.flow import add_noise, schedule
from studio.models.scene_codec import SceneCodec
from studio.models.unified import UnifiedModel
from studio.scene.scene import Scene
from studio.scene.tokens import NUMBERS, VERDICTS, Tokenizer
from studio.training.packing import Latents, Noised, Pixels, Text, flow_of, padded, run
from studio.training.samples import DraftSample, RefineSample, ReflectSample, Seen, Slots
from studio.training.stem import normalised

VERDICT_WEIGHT = 2.0
EMPTY_SLOT_WEIGHT = 0.1
PRESENCE_WEIGHT = 4.0


@dataclass(frozen=True)
class Losses:
    """What to minimise, and parts worth logging (plain numbers)."""

    total: Tensor
    parts: dict[str, float]


@dataclass(frozen=True)
class Task:
    """What all losses share: the language and the codec of the scene world."""

    tokenizer: Tokenizer
    codec: SceneCodec
    noise_levels: int = 2

    def verdict_weights(self) -> Tensor:
        """Weight of each token in the text loss: the words that decide count more."""
        weights = torch.ones(len(self.tokenizer.words))
        for word in (*VERDICTS, *NUMBERS):
            weights[self.tokenizer.ids[word]] = VERDICT_WEIGHT
        return weights


def text_loss(model: UnifiedModel, part: Text, hidden: Tensor, weights: Tensor) -> tuple[Tensor, float, float]:
    """Weighted mean cross-entropy of a text's tokens after bos, their accuracy, and the share of texts all right."""
    target = part.ids[:, 1:]
    valid = torch.arange(target.shape[1]) < part.lengths[:, None] - 1
    logits = model.logits(hidden[:, :-1][valid]).float()  # [tokens, V]
    found = target[valid]
    weight = weights[found]
    loss = (F.cross_entropy(logits, found, reduction="none") * weight).sum() / weight.sum()
    right = torch.ones_like(valid)
    right[valid] = logits.argmax(-1) == found
    return loss, right[valid].float().mean().item(), right.all(1).float().mean().item()


def flow_loss(model: UnifiedModel, part: Noised, hidden: Tensor, clean: Tensor) -> Tensor:
    """Squared error of the predicted clean latent [B, N, C]; of an empty slot hardly more than its presence counts."""
    error = (flow_of(model, part, hidden).clean - clean) ** 2
    weight = torch.where(clean[..., :1] > 0, 1.0, EMPTY_SLOT_WEIGHT).expand_as(error).clone()
    weight[..., 0] = PRESENCE_WEIGHT
    return (error * weight).sum() / weight.sum()


def noised(clean: Tensor, levels: int, source: Tensor | None = None) -> list[Noised]:
    """The latents at some random noise levels, of which the first is often pure noise."""
    out = []
    for k in range(levels):
        t = torch.rand(len(clean)).clamp(min=0.02)
        if k == 0:
            t = torch.where(torch.rand(len(clean)) < 0.4, torch.ones_like(t), t)
        out.append(Noised(add_noise(clean, torch.randn_like(clean), t), t, source))
    return out


def encoded(codec: SceneCodec, slots: Sequence[Slots]) -> Tensor:
    """Latents [B, N, C] of a batch of slot lists."""
    return torch.stack([codec.encode(s) for s in slots])


def seen_pixels(samples: Sequence[ReflectSample] | Sequence[RefineSample]) -> Pixels:
    """The pictures of a batch, ready for the encoder."""
    return Pixels(normalised(torch.from_numpy(np.stack([s.pixels for s in samples]))))


def draft_loss(model: UnifiedModel, task: Task, batch: Sequence[DraftSample], weights: Tensor) -> Losses:
    """Reason: the plan's tokens and the draft's slots."""
    clean = encoded(task.codec, [s.slots for s in batch])
    plan = padded([s.plan for s in batch], task.tokenizer.pad)
    noise = noised(clean, task.noise_levels)
    hidden = run(model, [padded([s.brief for s in batch], task.tokenizer.pad), plan, *noise]).parts
    text, accuracy, _ = text_loss(model, plan, hidden[1], weights)
    flow = torch.stack([flow_loss(model, n, h, clean) for n, h in zip(noise, hidden[2:], strict=True)]).mean()
    return Losses(text + flow, {"plan": text.item(), "plan_acc": accuracy, "draft": flow.item()})


def reflect_loss(model: UnifiedModel, task: Task, batch: Sequence[ReflectSample], weights: Tensor) -> Losses:
    """Reflect: the critique's and the edit's tokens."""
    reply = padded([s.reply for s in batch], task.tokenizer.pad)
    brief = padded([s.brief for s in batch], task.tokenizer.pad)
    hidden = run(model, [seen_pixels(batch), brief, reply]).parts
    text, accuracy, exact = text_loss(model, reply, hidden[2], weights)
    return Losses(text, {"reflect": text.item(), "reflect_acc": accuracy, "reflect_exact": exact})


def refine_loss(model: UnifiedModel, task: Task, batch: Sequence[RefineSample]) -> Losses:
    """Refine: the edited slots, from the clean source, its picture and the edit."""
    source = encoded(task.codec, [s.source for s in batch])
    clean = encoded(task.codec, [s.target for s in batch])
    noise = noised(clean, task.noise_levels, source)
    edit = padded([s.edit for s in batch], task.tokenizer.pad)
    hidden = run(model, [Latents(source), seen_pixels(batch), edit, *noise]).parts
    flow = torch.stack([flow_loss(model, n, h, clean) for n, h in zip(noise, hidden[3:], strict=True)]).mean()
    return Losses(flow, {"refine": flow.item()})


@torch.no_grad()
def own_drafts(model: UnifiedModel, task: Task, batch: Sequence[DraftSample], timesteps: int = 5) -> list[Seen]:
    """What the model draws for briefs and right plans: pictures of its own hand to criticise and refine."""
    x = torch.randn(len(batch), *encoded(task.codec, [batch[0].slots]).shape[1:])
    brief = padded([s.brief for s in batch], task.tokenizer.pad)
    plan = padded([s.plan for s in batch], task.tokenizer.pad)
    points = schedule(timesteps, model.config.timestep_shift)
    for t, after in itertools.pairwise(points):
        part = Noised(x, torch.full((len(batch),), t))
        hidden = run(model, [brief, plan, part]).parts[2]
        x = x - flow_of(model, part, hidden).velocity * (t - after)
    scenes: list[Scene] = [task.codec.decode(x[i], s.seen.scene) for i, s in enumerate(batch)]
    return [Seen(s.seen.text, s.seen.demands, scene) for s, scene in zip(batch, scenes, strict=True)]
