"""The flow against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from studio.errors import BadInput, Cancelled
from studio.models.config import Prediction
from studio.models.context import Context
from studio.models.flow import (
    Eta,
    FlowSettings,
    Renorm,
    Stochastic,
    add_noise,
    guidance_at,
    guide,
    renormalised,
    sample,
    sample_stochastic,
    schedule,
    sde_step,
    step_logprobs,
)
from studio.models.unified import UnifiedModel
from tests.models.conftest import tiny_mini


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def contexts(model: UnifiedModel) -> tuple[Context, Context]:
    without = Context(model)
    without.add_text([7])
    full = without.clone()
    full.add_text([5, 6])
    return full, without


def test_the_schedule_runs_from_noise_to_clean_and_is_shifted_towards_noise() -> None:
    assert schedule(5, 1.0) == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert schedule(5, 3.0) == pytest.approx([1, 0.9, 0.75, 0.5, 0])


@pytest.mark.parametrize("with_source", [False, True])
@pytest.mark.parametrize("prediction", list(Prediction))
def test_both_predictions_lie_on_the_line_through_the_noised_latent(prediction: Prediction, with_source: bool) -> None:
    model = tiny_mini(prediction=prediction, source_input=prediction is Prediction.CLEAN)
    x_t, t, hidden = random(2, 4, 5), torch.tensor([0.3, 0.9]), random(2, 4, 32, seed=1)
    source = random(2, 4, 5, seed=2) if with_source else None
    with torch.no_grad():
        flow, head = model.predict_flow(hidden, x_t, t, source), model.llm2vae(hidden)
    torch.testing.assert_close(flow.clean + t[:, None, None] * flow.velocity, x_t)
    noise = flow.clean + flow.velocity
    torch.testing.assert_close(add_noise(flow.clean, noise, t), x_t)
    if prediction is Prediction.VELOCITY:
        assert torch.equal(flow.velocity, head)
    else:
        torch.testing.assert_close(flow.clean, head if source is None else source + head)


def test_a_level_per_token_equals_a_level_per_picture() -> None:
    model = tiny_mini()
    x_t, t = random(2, 4, 5), torch.tensor([0.3, 0.9])
    with torch.no_grad():
        whole = model.embed_latents(x_t, t, model.latent_places())
        each = model.embed_latents(x_t, t[:, None].expand(2, 4), model.latent_places())
    torch.testing.assert_close(whole, each)


def test_a_perfect_velocity_reaches_the_clean_latent_in_any_number_of_steps(
    mini: UnifiedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean, noise = random(1, 4, 5), random(1, 4, 5, seed=1)
    monkeypatch.setattr(mini, "predict_flow", lambda hidden, x_t, t, source=None: _Straight(noise - clean))
    for steps in (2, 7):
        settings = FlowSettings(steps, timestep_shift=3.0)
        torch.testing.assert_close(sample(noise, Context(mini), settings=settings), clean)


class _Straight:
    def __init__(self, velocity: Tensor) -> None:
        self.velocity = velocity


def test_zero_source_means_no_source(mini: UnifiedModel) -> None:
    full, _ = contexts(mini)
    settings, noise = FlowSettings(3), random(1, 4, 5)
    drafted = sample(noise, full, settings=settings)
    assert torch.equal(drafted, sample(noise, full, settings=settings, source=torch.zeros(1, 4, 5)))
    assert not torch.allclose(drafted, sample(noise, full, settings=settings, source=torch.ones(1, 4, 5)))


def test_guidance_of_one_or_outside_its_interval_changes_nothing(mini: UnifiedModel) -> None:
    full, without = contexts(mini)
    noise = random(1, 4, 5)
    plain = sample(noise, full, settings=FlowSettings(4))
    assert torch.equal(plain, sample(noise, full, without, settings=FlowSettings(4, cfg_text_scale=1.0)))
    outside = FlowSettings(4, cfg_text_scale=4.0, cfg_interval=(1.0, 2.0))
    assert torch.equal(plain, sample(noise, full, without, settings=outside))
    assert not torch.allclose(plain, sample(noise, full, without, settings=FlowSettings(4, cfg_text_scale=4.0)))


def test_the_interval_is_open_below_and_closed_above() -> None:
    settings = FlowSettings(cfg_text_scale=4.0, cfg_img_scale=1.5, cfg_interval=(0.4, 0.9))
    assert [guidance_at(t, settings) for t in (0.4, 0.5, 0.9, 0.91)] == [
        (False,) * 2,
        (True,) * 2,
        (True,) * 2,
        (False,) * 2,
    ]
    assert guidance_at(0.5, FlowSettings(cfg_text_scale=1.0, cfg_img_scale=1.0)) == (False, False)


def test_renormalisation_has_its_closed_forms() -> None:
    v, u = torch.tensor([[[3.0, 4.0], [0.0, 1.0]]]), torch.zeros(1, 2, 2)
    doubled = {renorm: guide(v, u, None, FlowSettings(cfg_text_scale=2.0, cfg_renorm=renorm)) for renorm in Renorm}
    for guided in doubled.values():  # 2 v, brought back to the norm of v
        torch.testing.assert_close(guided, v)
    least = FlowSettings(cfg_text_scale=2.0, cfg_renorm_min=0.75)
    torch.testing.assert_close(guide(v, u, None, least), 1.5 * v)
    smaller = renormalised(0.5 * v, v, Renorm.GLOBAL, 0.0)  # never enlarged
    torch.testing.assert_close(smaller, 0.5 * v)
    lopsided = torch.tensor([[[6.0, 8.0], [0.0, 1.0]]])
    torch.testing.assert_close(renormalised(lopsided, v, Renorm.CHANNEL, 0.0), v)
    torch.testing.assert_close(renormalised(lopsided, v, Renorm.GLOBAL, 0.0), lopsided * math.sqrt(26 / 101))


def test_image_guidance_comes_after_the_text_channel_norm_and_before_the_others() -> None:
    v, u_text, u_img = random(1, 3, 4), random(1, 3, 4, seed=1), random(1, 3, 4, seed=2)
    by_text = u_text + 4 * (v - u_text)

    def settings(renorm: Renorm) -> FlowSettings:
        return FlowSettings(cfg_text_scale=4.0, cfg_img_scale=1.5, cfg_renorm=renorm)

    held = by_text * (v.norm(dim=-1, keepdim=True) / by_text.norm(dim=-1, keepdim=True)).clamp(max=1)
    expected = u_img + 1.5 * (held - u_img)
    torch.testing.assert_close(guide(v, u_text, u_img, settings(Renorm.TEXT_CHANNEL)), expected)
    both = u_img + 1.5 * (by_text - u_img)
    expected = both * (v.norm() / both.norm()).clamp(max=1)
    torch.testing.assert_close(guide(v, u_text, u_img, settings(Renorm.GLOBAL)), expected)


def test_a_picture_is_the_same_alone_and_in_a_batch(mini: UnifiedModel) -> None:
    full, without = contexts(mini)
    noise = torch.cat([random(1, 4, 5), 9 * random(1, 4, 5, seed=1)])
    settings = FlowSettings(4, cfg_text_scale=4.0)
    together = sample(noise, full.select([0, 0]), without.select([0, 0]), settings=settings)
    for row in range(2):
        alone = sample(noise[row : row + 1], full, without, settings=settings)
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("renorm", list(Renorm))
def test_a_pictures_norm_does_not_see_another_in_the_batch(renorm: Renorm) -> None:
    v = torch.cat([random(1, 3, 4), 9 * random(1, 3, 4, seed=1)])
    u = torch.cat([-v[:1], 0.5 * v[1:]])  # the first must shrink by far more than the second
    settings = FlowSettings(cfg_text_scale=4.0, cfg_renorm=renorm)
    alone = [guide(v[row : row + 1], u[row : row + 1], None, settings) for row in range(2)]
    torch.testing.assert_close(guide(v, u, None, settings), torch.cat(alone))


def test_a_stochastic_step_without_strength_is_an_euler_step() -> None:
    x_t, v = random(2, 4, 5), random(2, 4, 5, seed=1)
    mean, std = sde_step(x_t, v, 0.8, 0.1, 0.0)
    torch.testing.assert_close(mean, x_t - 0.1 * v)
    assert float(std.max()) == 0.0


@pytest.mark.parametrize("eta", list(Eta))
def test_a_stochastic_step_keeps_the_marginals(eta: Eta) -> None:
    """With the exact velocity of standard normal data, x stays a normal of variance (1 − t)² + t²."""
    draw, count = torch.Generator().manual_seed(0), 200_000
    t, dt = 0.6, 0.002
    variance = (1 - t) ** 2 + t**2
    x_t = variance**0.5 * torch.randn(1, count, 1, generator=draw)
    velocity = (t - (1 - t)) / variance * x_t  # E[noise − clean | x_t]
    mean, std = sde_step(x_t, velocity, t, dt, 0.7, eta)
    gain = float((mean * x_t).mean() / x_t.square().mean())
    after = (1 - t + dt) ** 2 + (t - dt) ** 2
    assert gain**2 * variance + float(std) ** 2 == pytest.approx(after, abs=2e-5)
    assert float(std) == pytest.approx(0.7 * math.sqrt(dt) * (math.sqrt(0.6 / 0.4) if eta is Eta.MONOTONIC else 1))


def test_the_log_probability_of_a_step_is_the_mean_over_channels() -> None:
    mean, std = torch.zeros(1, 2, 2), torch.full((1, 1, 1), 2.0)
    moved = torch.tensor([[[2.0, 0.0], [4.0, 4.0]]])
    torch.testing.assert_close(step_logprobs(moved, mean, std), torch.tensor([[-0.25, -2.0]]))


def test_a_trajectory_has_one_stochastic_step_that_can_be_recomputed(mini: UnifiedModel) -> None:
    full, without = contexts(mini)
    settings, noise = FlowSettings(5, cfg_text_scale=2.0), random(1, 4, 5)
    plain = sample(noise, full, without, settings=settings)
    latents = []
    for seed in (0, 0, 1):
        stochastic = Stochastic(1, 0.7, generator=torch.Generator().manual_seed(seed))
        latent, taken = sample_stochastic(noise, full, without, stochastic=stochastic, settings=settings)
        mean, std = sde_step(taken.x_t, taken.velocity, taken.t, taken.dt, 0.7)
        assert torch.equal(step_logprobs(taken.x_next, mean, std), taken.logprobs)
        latents.append(latent)
    assert torch.equal(latents[0], latents[1])
    assert not torch.allclose(latents[0], latents[2])
    assert not torch.allclose(latents[0], plain)
    assert (taken.t, taken.dt) == pytest.approx((0.9, 0.15))


def test_without_strength_the_stochastic_trajectory_is_the_plain_one(mini: UnifiedModel) -> None:
    full, _ = contexts(mini)
    settings, noise = FlowSettings(4), random(1, 4, 5)
    latent, _ = sample_stochastic(noise, full, stochastic=Stochastic(2, 0.0), settings=settings)
    torch.testing.assert_close(latent, sample(noise, full, settings=settings))


def test_a_cancel_stops_at_the_step_it_is_raised_in(mini: UnifiedModel) -> None:
    seen: list[tuple[int, int]] = []

    def step(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        sample(random(1, 4, 5), contexts(mini)[0], settings=FlowSettings(9), step=step)
    assert seen == [(1, 8), (2, 8)]


def test_guidance_without_its_context_is_refused(mini: UnifiedModel) -> None:
    full, without = contexts(mini)
    with pytest.raises(BadInput, match="without the last text"):
        sample(random(1, 4, 5), full, settings=FlowSettings(3, cfg_text_scale=4.0))
    with pytest.raises(BadInput, match="without images"):
        sample(random(1, 4, 5), full, without, settings=FlowSettings(3, cfg_img_scale=2.0))
    with pytest.raises(BadInput, match="2 or more"):
        FlowSettings(1)
    with pytest.raises(BadInput, match="0 to 1"):
        sample_stochastic(random(1, 4, 5), full, stochastic=Stochastic(2), settings=FlowSettings(3))
