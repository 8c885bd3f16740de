"""Supervised samples of the scene world: drafts with plans, pictures with critiques, edits with results."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.scene.critique import criticise
from studio.scene.demands import Demands
from studio.scene.drawing import pixels
from studio.scene.edits import Verb, apply
from studio.scene.faults import roughen, spoil
from studio.scene.grammar import random_brief
from studio.scene.judge import assign
from studio.scene.layout import ROOM, arrange, random_color
from studio.scene.plan import plan_text
from studio.scene.requests import Request, random_request
from studio.scene.scene import MAX_THINGS, Scene, Thing
from studio.scene.tokens import Tokenizer
from studio.training.held_out import held_out, normal

CANVASES = (Scene(width=512, height=512), Scene(width=640, height=480), Scene(width=480, height=640))
CROWDING = (ROOM, ROOM, 0.65, 0.45)
"""Boxes in pictures to be seen overlap now and then: what the model draws for its own plans does."""

Slots = tuple[Thing | None, ...]
T = TypeVar("T", "DraftSample", "ReflectSample", "RefineSample")


@dataclass(frozen=True)
class Seen:
    """A brief, what it demands, and a scene that was drawn for it."""

    text: str
    demands: Demands
    scene: Scene


@dataclass(frozen=True)
class DraftSample:
    """Reason: brief → plan text → slots."""

    brief: list[int]
    plan: list[int]
    slots: Slots
    seen: Seen

    @property
    def length(self) -> int:
        return len(self.brief) + len(self.plan)


@dataclass(frozen=True)
class ReflectSample:
    """Reflect: picture and brief → critique and edit."""

    pixels: NDArray[np.uint8]  # [S, S, 3]
    brief: list[int]
    reply: list[int]

    @property
    def length(self) -> int:
        return len(self.brief) + len(self.reply)


@dataclass(frozen=True)
class RefineSample:
    """Refine: slots, picture and edit → slots."""

    pixels: NDArray[np.uint8]  # [S, S, 3]
    source: Slots
    edit: list[int]
    target: Slots
    canvas: Scene

    @property
    def length(self) -> int:
        return len(self.edit)


def some_seen(rng: random.Random, *, jitter: float = 0.04, halves: bool = True, room: float = ROOM) -> Seen:
    """A brief that is not held out, with a right scene."""
    while True:
        text, demands = random_brief(rng)
        if normal(text) in held_out():
            continue
        canvas = rng.choices(CANVASES, (0.7, 0.15, 0.15))[0]
        scene = arrange(demands, rng, canvas, jitter=jitter, halves=halves, room=room)
        if scene is not None and len(scene.things) <= MAX_THINGS:
            return Seen(text, demands, scene)


def text_block(tokenizer: Tokenizer, text: str) -> list[int]:
    """bos ids eos."""
    return [tokenizer.bos, *tokenizer.encode(text), tokenizer.eos]


def draft_sample(tokenizer: Tokenizer, rng: random.Random) -> DraftSample:
    """A brief, its plan and the slots that carry it out."""
    seen = some_seen(rng)
    plan = f"<think> {plan_text(seen.scene, _owners(seen))} </think>"
    return DraftSample(text_block(tokenizer, seen.text), text_block(tokenizer, plan), seen.scene.things, seen)


def reflect_sample(
    tokenizer: Tokenizer, rng: random.Random, side: int, own: list[Seen], *, strange: float = 0.0
) -> ReflectSample:
    """A right or a spoiled picture, half and half; some of them drawn by the model itself (`own`).

    A share of `strange` pictures was drawn for another brief: without them the critic learns to see what the brief
    makes it expect, which is nearly always right, and never to look.
    """
    if own and rng.random() < 0.4:
        seen = rng.choice(own)
    else:
        seen = some_seen(rng, halves=rng.random() < 0.7, room=rng.choice(CROWDING))
        if rng.random() < 0.5:
            seen = replace(seen, scene=_unusual(seen, rng))
        seen = replace(seen, scene=roughen(seen.scene, rng, rng.choice((0.0, 0.02, 0.05))))
    scene = seen.scene
    if rng.random() < strange:
        scene = some_seen(rng).scene
    elif rng.random() < 0.55:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            spoiled = spoil(scene, seen.demands, rng)
            scene = spoiled[0] if spoiled is not None else scene
    critique = criticise(scene, seen.demands, rng)
    reply = f"<think> {critique.text} </think> {critique.answer}"
    return ReflectSample(pixels(scene, side), text_block(tokenizer, seen.text), text_block(tokenizer, reply))


def _unusual(seen: Seen, rng: random.Random) -> Scene:
    """Colours that nobody asked for, here and there."""
    owner = _owners(seen)
    things = [
        replace(t, color=random_color(rng, t.noun, but="none")) if seen.demands.items[o].color is None else t
        for t, o in zip(seen.scene.things, owner, strict=True)
    ]
    return replace(seen.scene, things=tuple(things))


def _owners(seen: Seen) -> list[int]:
    return [o if o is not None else 0 for o in assign(seen.scene, seen.demands)]


def refine_sample(tokenizer: Tokenizer, rng: random.Random, side: int, own: list[Seen]) -> RefineSample:
    """An edit of a right or spoiled scene: the critic's own, or one that a person might ask for."""
    while True:
        seen = rng.choice(own) if own and rng.random() < 0.4 else some_seen(rng, room=rng.choice(CROWDING))
        scene = roughen(seen.scene, rng, rng.choice((0.0, 0.0, 0.03)))
        things = list(scene.things)
        if rng.random() < 0.5:
            rng.shuffle(things)
        scene = replace(scene, things=tuple(things))
        if rng.random() < 0.45:
            spoiled = spoil(scene, seen.demands, rng)
            if spoiled is None:
                continue
            critique = criticise(spoiled[0], seen.demands, rng)
            if critique.edit is None:
                continue
            scene, request = critique.scene, Request(critique.answer, (critique.edit,))
        else:
            asked = random_request(scene, rng)
            if asked is None:
                continue
            request = asked
        target, holes = scene, None
        for edit in request.edits:
            holes = edit.target if edit.verb is Verb.REMOVE else None
            target = apply(target, edit)
        slots: list[Thing | None] = list(target.things)
        if holes is not None:
            slots.insert(holes, None)
        return RefineSample(pixels(scene, side), scene.things, text_block(tokenizer, request.text), tuple(slots), scene)


def bucketed(
    make: Callable[[], T], batch: int, order: random.Random, *, pool: int = 8, uses: int = 2
) -> Iterator[list[T]]:
    """Endless batches of samples of similar length, so that little is padded; each sample is used `uses` times.

    `order` shuffles the batches: processes that share its seed get batches of about the same length at the same time
    and do not wait for each other.
    """
    while True:
        samples = [make() for _ in range(batch * pool)]
        for _ in range(uses):
            order.shuffle(samples)
            samples.sort(key=lambda s: s.length)
            batches = [samples[i : i + batch] for i in range(0, len(samples), batch)]
            order.shuffle(batches)
            yield from batches
