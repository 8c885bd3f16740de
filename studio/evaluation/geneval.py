"""GenEval and files of its format: the share of pictures judged right after the draft and after every turn."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from studio.backends.protocol import Backend
from studio.domain import MAX_SEED, Brief, Picture, Session, StopReason, path_to_root
from studio.errors import BackendError, BadInput
from studio.evaluation.prompts_file import Prompt
from studio.evaluation.statistics import share, wilson
from studio.loop import advance
from studio.scene.judge import failures
from studio.scene.scene_file import read_scene


@dataclass(frozen=True)
class Run:
    """One prompt's way through the loop: is the picture right after the draft, turn 1, 2, …; why it ended."""

    prompt: Prompt
    right: tuple[bool, ...]
    turns: int
    stop: StopReason
    session: Session
    reasons: tuple[str, ...]


def evaluate(
    backend: Backend, prompts: Sequence[Prompt], *, turns: int, seed: int, told: Callable[[int], None]
) -> tuple[dict[str, Any], list[Run]]:
    """Run every prompt (seed, seed + 1, …) and summarise; `told` hears how many are done."""
    began = time.perf_counter()
    runs = []
    for index, prompt in enumerate(prompts):
        runs.append(run_prompt(backend, prompt, turns=turns, seed=(seed + index) % (MAX_SEED + 1)))
        told(index + 1)
    unknown = Counter(word for prompt in prompts for word in backend.unknown_words(prompt.text))
    result = summary(runs, turns, time.perf_counter() - began)
    return {**result, "unknown_words": dict(unknown.most_common())}, runs


def run_prompt(backend: Backend, prompt: Prompt, *, turns: int, seed: int) -> Run:
    """The studio's own loop on one prompt; a failed phase ends the run and counts with what there is."""
    brief = Brief(prompt.text, seed=seed, turn_limit=turns)
    session, pictures = Session(brief, backend.identity), dict[str, Picture]()
    reasons: tuple[str, ...] = ()
    while True:
        try:
            outcome = advance(session, backend, pictures.__getitem__, lambda done, total: None)
        except BackendError as error:
            stop, reasons = StopReason.ERROR, (str(error),)
            break
        if outcome is None:
            stop = session.stop or StopReason.ERROR
            break
        session = outcome.session
        if outcome.picture is not None:
            pictures[outcome.picture.sha256] = outcome.picture
    path = path_to_root(session, session.head) if session.head is not None else ()
    faults = [wrong_with(pictures[session.nodes[i].picture], prompt) for i in path]
    faults = faults or [("nothing was drawn",)]
    right = [not f for f in faults]
    right += [right[-1]] * (turns + 1 - len(right))  # a run that has ended keeps its picture
    return Run(prompt, tuple(right), max(0, len(path) - 1), stop, session, reasons or tuple(faults[-1]))


def wrong_with(picture: Picture, prompt: Prompt) -> tuple[str, ...]:
    """The judge's reasons against a picture; BadInput where there is no scene to judge."""
    scene = read_scene(picture.png)
    if scene is None:
        raise BadInput("These pictures are no vector scenes, and the rule-based judge needs one. Use --backend mini.")
    return tuple(f.reason for f in failures(scene, prompt.demands))


def summary(runs: Sequence[Run], turns: int, seconds: float) -> dict[str, Any]:
    """`accuracy` after the draft and each turn, the same by tag, and what each turn changed.

    `stop_rate[t]` is the share of runs in which the model was satisfied after at most t turns.
    """

    def by_turn(chosen: Sequence[Run]) -> list[float | None]:
        return [share([r.right[t] for r in chosen]) for t in range(turns + 1)]

    tags = sorted({r.prompt.tag for r in runs})
    satisfied = [r for r in runs if r.stop is StopReason.SATISFIED]
    return {
        "n": len(runs),
        "accuracy": by_turn(runs),
        "accuracy_95": [wilson(sum(r.right[t] for r in runs), len(runs)) for t in range(turns + 1)],
        "by_tag": {tag: by_turn([r for r in runs if r.prompt.tag == tag]) for tag in tags},
        "n_by_tag": {tag: sum(r.prompt.tag == tag for r in runs) for tag in tags},
        "stop_rate": [round(sum(r.turns <= t for r in satisfied) / len(runs), 4) for t in range(turns + 1)],
        "mean_turns": round(sum(r.turns for r in runs) / len(runs), 4),
        "stop_reasons": {s.value: n for s in StopReason if (n := sum(r.stop is s for r in runs))},
        "improved": [sum(r.right[t + 1] > r.right[t] for r in runs) for t in range(turns)],
        "worsened": [sum(r.right[t + 1] < r.right[t] for r in runs) for t in range(turns)],
        "seconds": round(seconds, 2),
    }
