"""Two measures of a critic and a refiner on scenes whose truth is known: verdicts, and right edits carried out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.backends.protocol import Backend
from studio.domain import Brief, Picture
from studio.errors import BackendError
from studio.evaluation.prompts_file import Prompt
from studio.evaluation.statistics import share, wilson
from studio.prompts import parse_edit
from studio.scene.critique import criticise
from studio.scene.demands import Demands
from studio.scene.drawing import render
from studio.scene.edits import apply
from studio.scene.faults import roughen, spoil
from studio.scene.grammar import random_brief
from studio.scene.judge import failures, is_right
from studio.scene.layout import arrange
from studio.scene.scene import Scene
from studio.scene.scene_file import read_scene


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
    """`n` cases from prompts in turn, or from the grammar where there are none."""
    rng, found = random.Random(f"cases/{seed}"), list[Case]()
    while len(found) < n:
        prompt = prompts[len(found) % len(prompts)] if prompts else None
        text, demands = (prompt.text, prompt.demands) if prompt else random_brief(rng)
        scene = arrange(demands, rng, Scene())
        spoiled = spoil(scene, demands, rng) if scene is not None else None
        if scene is None or spoiled is None:
            prompts = [p for p in prompts if p is not prompt]
            continue
        critique = criticise(spoiled[0], demands, rng)
        assert critique.edit is not None
        right = roughen(scene, rng, 0.02)
        right = right if is_right(right, demands) else scene
        mended = apply(critique.scene, critique.edit)
        found.append(Case(text, demands, right, critique.scene, spoiled[1], critique.answer, mended))
    return found


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
                after is not None and len(failures(after, case.demands)) < len(failures(case.spoiled, case.demands))
            )
    kinds = sorted({f for f, _ in edits})
    return {
        "n": len(chosen),
        "right_recognised": round(share(stops), 4),
        "right_recognised_95": wilson(sum(stops), len(stops)),
        "wrong_recognised": round(share([e for _, e in edits]), 4),
        "wrong_recognised_95": wilson(sum(e for _, e in edits), len(edits)),
        "wrong_recognised_by_fault": {k: round(share([e for f, e in edits if f == k]), 4) for k in kinds},
        "edits_that_help": round(share(helpful), 4),
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
    return done, share([t in after.things for t in kept]) if kept else 1.0


def edits(backend: Backend, chosen: Sequence[Case], seed: int) -> dict[str, Any]:
    """Right edits, in the critic's own words, given to Refine."""
    results = [
        carried_out(c.spoiled, refined(backend, c.spoiled, c.edit, seed + k), c.mended) for k, c in enumerate(chosen)
    ]
    done = [d for d, _ in results]
    return {
        "n": len(chosen),
        "carried_out": round(share(done), 4),
        "carried_out_95": wilson(sum(done), len(done)),
        "untouched_things_unchanged": round(sum(k for _, k in results) / len(results), 4),
    }
