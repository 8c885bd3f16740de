"""Training sees what inference sees."""

from __future__ import annotations

import random

import pytest
import torch

from studio.models.context import Context
from studio.models.unified import UnifiedModel
from studio.training.objectives import Task, draft_loss, encoded, noised, own_drafts, refine_loss, reflect_loss
from studio.training.packing import Latents, Noised, Pixels, flow_of, padded, run
from studio.training.samples import bucketed, draft_sample, refine_sample, reflect_sample
from studio.training.supervised import Config, build


@pytest.fixture(scope="module")
def made() -> tuple[Task, UnifiedModel]:
    task, state = build(Config(layers=2))
    torch.nn.init.normal_(state.model.llm2vae.weight, std=0.05)  # its start is zero, which would hide differences
    return task, state.model.eval()


def test_a_packed_draft_equals_the_context(made: tuple[Task, UnifiedModel]) -> None:
    task, model = made
    rng = random.Random(0)
    samples = [draft_sample(task.tokenizer, rng) for _ in range(3)]
    parts = noised(encoded(task.codec, [s.slots for s in samples]), 2)
    briefs, plans = ([getattr(s, name) for s in samples] for name in ("brief", "plan"))
    with torch.no_grad():
        hidden = run(model, [padded(briefs, 0), padded(plans, 0), *parts]).parts
    for row in range(3):
        context = Context(model)
        context.add_text(briefs[row][1:-1])
        context.add_text(plans[row][1:-1])
        for part, seen in zip(parts, hidden[2:], strict=True):
            packed = flow_of(model, part, seen).clean[row]
            alone = context.flow(part.x_t[row : row + 1], part.t[row].item()).clean[0]
            assert torch.allclose(packed, alone, atol=1e-4)


def test_a_packed_edit_equals_the_context(made: tuple[Task, UnifiedModel]) -> None:
    task, model = made
    source, x_t = torch.randn(2, 16, 28), torch.randn(2, 16, 28)
    pixels = torch.rand(2, 3, 120, 120) * 2 - 1
    edits = [[task.tokenizer.bos, 20, 30, 40, task.tokenizer.eos], [task.tokenizer.bos, 25, task.tokenizer.eos]]
    part = Noised(x_t, torch.tensor([0.7, 0.7]), source)
    with torch.no_grad():
        hidden = run(model, [Latents(source), Pixels(pixels), padded(edits, 0), part]).parts[3]
    for row in range(2):
        context = Context(model)
        context.add_latents(source[row : row + 1])
        context.add_picture(pixels[row : row + 1])
        context.add_text(edits[row][1:-1])
        alone = context.flow(x_t[row : row + 1], 0.7, source=source[row : row + 1]).clean[0]
        assert torch.allclose(flow_of(model, part, hidden).clean[row], alone, atol=1e-4)


def test_a_few_steps_lower_every_loss() -> None:
    task, state = build(Config(layers=2, seed=3))
    model, rng, weights = state.model, random.Random(0), task.verdict_weights()
    drafts = [draft_sample(task.tokenizer, rng) for _ in range(4)]
    reflections = [reflect_sample(task.tokenizer, rng, 120, []) for _ in range(4)]
    refinements = [refine_sample(task.tokenizer, rng, 120, []) for _ in range(4)]
    history = []
    for _ in range(16):
        torch.manual_seed(0)  # the same noise every time
        losses = [
            draft_loss(model, task, drafts, weights).total,
            reflect_loss(model, task, reflections, weights).total,
            refine_loss(model, task, refinements).total,
        ]
        for optimizer in state.optimizers:
            optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        for optimizer in state.optimizers:
            optimizer.step()
        history.append([loss.item() for loss in losses])
    assert history[-1][0] < 0.7 * history[0][0]
    assert history[-1][1] < 0.7 * history[0][1]
    assert history[-1][2] < history[0][2]


def test_batches_hold_samples_of_similar_length() -> None:
    task, _ = build(Config(layers=1))
    rng = random.Random(0)
    batches = bucketed(lambda: draft_sample(task.tokenizer, rng), 8, rng, pool=6, uses=1)
    spreads = []
    for _ in range(6):
        lengths = [s.length for s in next(batches)]
        spreads.append(max(lengths) - min(lengths))
    assert sorted(spreads)[2] <= 8


def test_own_drafts_are_scenes_for_their_briefs(made: tuple[Task, UnifiedModel]) -> None:
    task, model = made
    samples = [draft_sample(task.tokenizer, random.Random(1)) for _ in range(2)]
    for sample, seen in zip(samples, own_drafts(model, task, samples), strict=True):
        assert (seen.text, seen.demands) == (sample.seen.text, sample.seen.demands)
        assert (seen.scene.width, seen.scene.height) == (sample.seen.scene.width, sample.seen.scene.height)
