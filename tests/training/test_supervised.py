"""A training run can be stopped and goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from studio.backends.mini import MiniBackend
from studio.domain import Brief
from studio.errors import BadInput
from studio.scene.scene_file import read_scene
from studio.training.supervised import Config, learning_rate, strange_share, train


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[key], two[key]) for key in two)


def test_a_run_goes_on_from_its_checkpoint_and_leaves_a_model_that_draws(tmp_path: Path) -> None:
    config = Config(
        out=str(tmp_path), layers=1, stem_steps=2, stem_batch=2, steps=2, draft_batch=2, reflect_batch=2,
        refine_batch=2, own_after=1, own_every=1, log_every=1, save_every=1,
    )  # fmt: skip
    train(config)
    before = torch.load(tmp_path / "training.pt", weights_only=True)
    train(replace(config, steps=2))  # nothing is left to do
    assert same(torch.load(tmp_path / "training.pt", weights_only=True)["model"], before["model"])
    train(replace(config, steps=4))
    after = torch.load(tmp_path / "training.pt", weights_only=True)
    assert (before["counts"][:2], after["counts"][:2]) == ((2, 2), (2, 4))
    frozen = [k for k in before["model"] if k.startswith("vit_model.")]
    assert same({k: after["model"][k] for k in frozen}, {k: before["model"][k] for k in frozen})
    assert not same(after["model"], before["model"])
    with pytest.raises(BadInput, match="run of another model"):
        train(replace(config, layers=2))
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["step"]] == [1, 2, 3, 4]
    backend = MiniBackend.load(tmp_path)
    picture = backend.draft(Brief("a dog"), "#1 dog one middle center large", seed=1, step=lambda done, total: None)
    assert read_scene(picture.png) is not None


def test_the_rate_rises_and_falls_to_zero() -> None:
    config = Config(steps=1000, warmup_steps=100)
    assert learning_rate(0, config) == 0.01
    assert learning_rate(500, config) == 0.5
    assert learning_rate(1000, config) == 0


def test_strange_pictures_come_first() -> None:
    config = Config(steps=1000, strange_first=0.6, strange_last=0.1)
    assert strange_share(0, config) == 0.6
    assert strange_share(125, config) == pytest.approx(0.35)
    assert strange_share(250, config) == strange_share(900, config) == pytest.approx(0.1)
