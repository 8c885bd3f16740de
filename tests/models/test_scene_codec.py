"""Scenes survive the codec, and what hardly moved did not move."""

from __future__ import annotations

import pytest
import torch

from studio.models.scene_codec import SLOT_DIM, SceneCodec, code_words
from studio.scene.scene import MAX_THINGS, Scene, Thing
from studio.scene.vocabulary import nouns

CODEC = SceneCodec([n.name for n in nouns()])
DOG, CUP = Thing("dog", "natural", 0.3, 0.5, 0.3), Thing("cup", "pink", 0.7, 0.5, 0.18)


def test_a_scene_survives_the_round_trip() -> None:
    scene = Scene((DOG, CUP), 640, 480, "blue")
    assert CODEC.decode(CODEC.encode(scene.things), scene) == scene


def test_an_empty_slot_is_passed_over() -> None:
    assert CODEC.decode(CODEC.encode((None, CUP)), Scene()).things == (CUP,)


def test_code_words_keep_their_distance() -> None:
    words = code_words(16, 5, 80)
    apart = (words[:, None] != words[None]).sum(-1) + 99 * torch.eye(80)
    assert apart.min() >= 5
    with pytest.raises(ValueError, match="use more bits"):
        code_words(4, 4, 9)


def test_noise_within_half_the_distance_is_corrected() -> None:
    noisy = CODEC.encode((DOG, CUP))
    noisy[:2, 4:6] *= -1  # two of the noun's bits
    assert [t.noun for t in CODEC.decode(noisy, Scene()).things] == ["dog", "cup"]


def test_a_thing_that_hardly_moved_stays_and_one_that_moved_moves() -> None:
    latents = CODEC.encode((DOG, CUP))
    latents[0, 1] += 0.1  # 0.02 of the canvas
    latents[1, 1] -= 1.0  # 0.2 of the canvas
    after = CODEC.decode(latents, Scene(), (DOG, CUP)).things
    assert after[0] == DOG
    assert after[1].x == pytest.approx(0.5)
    assert CODEC.decode(latents, Scene()).things[0] != DOG


def test_any_latent_is_some_scene_within_the_canvas() -> None:
    scene = CODEC.decode(10 * torch.randn(MAX_THINGS, SLOT_DIM, generator=torch.Generator().manual_seed(0)), Scene())
    assert all(0 <= t.x <= 1 and 0 <= t.y <= 1 for t in scene.things)
