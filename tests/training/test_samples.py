"""Samples teach what is true, and nothing that is kept for measuring."""

from __future__ import annotations

import random

import pytest

from studio.models.scene_codec import SceneCodec
from studio.scene.judge import is_right
from studio.scene.tokens import Tokenizer, vocabulary
from studio.scene.vocabulary import nouns
from studio.training import samples
from studio.training.held_out import held_out, normal

TOKENIZER = Tokenizer(vocabulary())


def test_held_out_briefs_are_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(held_out()) == 553
    texts = iter(["A photo of a bench.", "a photo of two clocks", "a photo of a purple bench and a clock"])
    demands = samples.random_brief(random.Random(0))[1]
    monkeypatch.setattr(samples, "random_brief", lambda rng: (next(texts), demands))
    assert normal(samples.some_seen(random.Random(0)).text) == "a photo of a purple bench and a clock"


def test_briefs_come_with_right_scenes_and_known_words() -> None:
    rng = random.Random(1)
    for _ in range(50):
        seen = samples.some_seen(rng)
        assert is_right(seen.scene, seen.demands)
        assert not TOKENIZER.unknown(seen.text)


def test_about_half_of_the_replies_are_stops() -> None:
    rng = random.Random(2)
    replies = [samples.reflect_sample(TOKENIZER, rng, 120, []).reply for _ in range(120)]
    stops = sum("no further edit needed" in TOKENIZER.decode(reply) for reply in replies)
    assert 40 <= stops <= 80


def test_an_edit_leaves_every_other_slot_as_it_was() -> None:
    rng, codec = random.Random(3), SceneCodec([n.name for n in nouns()])
    for _ in range(60):
        sample = samples.refine_sample(TOKENIZER, rng, 120, [])
        before, after = codec.encode(sample.source), codec.encode(sample.target)
        changed = (before != after).any(1).sum().item()
        several = "<s>" in (TOKENIZER.words[i] for i in sample.edit)
        assert 1 <= changed <= (12 if several else 2)
