"""Two measures of a critic and a refiner on scenes whose truth is known: verdicts, and right edits carried out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.backends.protocol import Backend
from studio.domain import Brief, Picture
from studio.errors import BackendError, BadInput
from studio.evaluation.prompts_file import Prompt
from studio.evaluation.statistics import share, wilson
from studio.prompts import parse_edit
from studio.scene.critique import criticise, violations
from studio.scene.demands import Demands
from studio.scene.drawing import render
from studio.scene.edits import apply
from studio.scene.faults import roughen, spoil
from studio.scene.grammar import random_brief
from studio.scene.judge import is_right
from studio.scene.layout import arrange
from studio.scene.scene import COLORS, Scene
from studio.scene.scene_file import read_scene
from studio.scene.vocabulary import noun_named


@dataclass(frozen=True)
class Case:
    """A brief with a right and a spoiled scene, and the edit that mends the spoiled one."""

    text: str
    demands: Demands
    right: Scene
    spoiled: Scene
    fault: str
    edit: str
    mended: Scene


def cases(n: int, seed: int, prompts: Sequence[Prompt] = ()) -> list[Case]:
    """`n` cases from prompts in turn, or from the grammar where none are given.

    Raises BadInput where `n` is below 1 or a prompt's demands cannot be laid out and spoiled.
    """
    if n < 1:
        raise BadInput(f"{n} cases measure nothing. Ask for 1 or more.")
    rng, found = random.Random(f"cases/{seed}"), list[Case]()
    while len(found) < n:
        if prompts:
            prompt = prompts[len(found) % len(prompts)]
            case = next((c for _ in range(20) if (c := _case(prompt.text, prompt.demands, rng)) is not None), None)
            if case is None:
                raise BadInput(f"No scene could be laid out for “{prompt.text}”. Take that prompt out of the file.")
        else:
            case = _case(*random_brief(rng), rng)
        if case is not None:
            found.append(case)
    return found


def _case(text: str, demands: Demands, rng: random.Random) -> Case | None:
    if not all(noun_named(item.noun) and item.color in (None, *COLORS) for item in demands.items):
        return None
    scene = arrange(demands, rng, Scene())
    spoiled = spoil(scene, demands, rng) if scene is not None else None
    if scene is None or spoiled is None:
        return None
    critique = criticise(spoiled[0], demands, rng)
    if critique.edit is None:
        return None
    right = roughen(scene, rng, 0.02)
    right = right if is_right(right, demands) else scene
    mended = apply(critique.scene, critique.edit)
    return Case(text, demands, right, critique.scene, spoiled[1], critique.answer, mended)


def verdicts(backend: Backend, chosen: Sequence[Case], seed: int) -> dict[str, Any]:
    """Does Reflect stop on right pictures and edit wrong ones, and does its edit mend them when carried out?"""
    stops, edits, helpful = list[bool](), list[tuple[str, bool]](), list[bool]()
    for k, case in enumerate(chosen):
        brief = Brief(case.text, seed=(seed + k) % 2**32)
        stops.append(_edit_of(backend, brief, case.right) == "")
        edit = _edit_of(backend, brief, case.spoiled)
        edits.append((case.fault, edit not in ("", None)))
        if edit:
            after = refined(backend, case.spoiled, edit, seed + k)
            helpful.append(
                after is not None and violations(after, case.demands) < violations(case.spoiled, case.demands)
            )
    kinds = sorted({f for f, _ in edits})
    return {
        "n": len(chosen),
        "right_recognised": share(stops),
        "right_recognised_95": wilson(sum(stops), len(stops)),
        "wrong_recognised": share([e for _, e in edits]),
        "wrong_recognised_95": wilson(sum(e for _, e in edits), len(edits)),
        "wrong_recognised_by_fault": {k: share([e for f, e in edits if f == k]) for k in kinds},
        "edits_that_help": share(helpful),
        "edits_that_help_95": wilson(sum(helpful), len(helpful)),
    }


def _edit_of(backend: Backend, brief: Brief, scene: Scene) -> str | None:
    """The proposed edit; "" for a stop, None for a text that cannot be parsed."""
    try:
        raw = backend.reflect(brief, Picture(render(scene)), seed=brief.seed, step=lambda done, total: None)
        return parse_edit(raw).edit or ""
    except BackendError:
        return None


def refined(backend: Backend, scene: Scene, edit: str, seed: int) -> Scene | None:
    """The scene after an edit; None where the backend fails."""
    try:
        picture = backend.refine(Picture(render(scene)), edit, seed=seed % 2**32, step=lambda done, total: None)
    except BackendError:
        return None
    return read_scene(picture.png)


def carried_out(before: Scene, after: Scene | None, wanted: Scene) -> tuple[bool, float]:
    """Whether `after` is `wanted` (positions within a tenth), and the share of untouched things left as they were."""
    if after is None:
        return False, 0.0
    left = list(after.things)
    done = len(after.things) == len(wanted.things)
    for thing in wanted.things:
        same = [t for t in left if (t.noun, t.color) == (thing.noun, thing.color)]
        near = [t for t in same if max(abs(t.x - thing.x), abs(t.y - thing.y), abs(t.size - thing.size)) <= 0.1]
        if near:
            left.remove(near[0])
        done = done and bool(near)
    kept = [t for t in before.things if t in wanted.things]
    unchanged = sum(t in after.things for t in kept)
    return done, unchanged / len(kept) if kept else 1.0


def edits(backend: Backend, chosen: Sequence[Case], seed: int) -> dict[str, Any]:
    """Right edits, in the critic's own words, given to Refine."""
    results = [
        carried_out(c.spoiled, refined(backend, c.spoiled, c.edit, seed + k), c.mended) for k, c in enumerate(chosen)
    ]
    done = [d for d, _ in results]
    return {
        "n": len(chosen),
        "carried_out": share(done),
        "carried_out_95": wilson(sum(done), len(done)),
        "untouched_things_unchanged": round(sum(k for _, k in results) / len(results), 4),
    }
