"""How long the four phases take: medians over prompts, and the process' memory."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from studio.backends.protocol import Backend
from studio.domain import Brief
from studio.errors import UnparseableText
from studio.evaluation.prompts_file import Prompt
from studio.prompts import parse_edit, parse_thought

T = TypeVar("T")


def measure(backend: Backend, prompts: Sequence[Prompt], seed: int) -> dict[str, Any]:
    """Seconds per phase (median and 95th percentile), each prompt once through all four phases.

    Where Reflect is satisfied, Refine carries out “add a dog …”, so that every phase is measured equally often.
    """
    taken: dict[str, list[float]] = {}
    for index, prompt in enumerate(prompts):
        for name, seconds in _once(backend, Brief(prompt.text, seed=seed + index)).items():
            taken.setdefault(name, []).append(seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "n": len(prompts),
        "median_seconds": {name: round(statistics.median(all_), 4) for name, all_ in taken.items()},
        "p95_seconds": {name: round(sorted(all_)[int(0.95 * (len(all_) - 1))], 4) for name, all_ in taken.items()},
        "peak_memory_mb": round(peak / 1e6),
    }


def _once(backend: Backend, brief: Brief) -> dict[str, float]:
    seconds: dict[str, float] = {}

    def timed(name: str, do: Callable[[], T]) -> T:
        began = time.perf_counter()
        result = do()
        seconds[name] = time.perf_counter() - began
        return result

    raw = timed("reason", lambda: backend.reason(brief, seed=brief.seed, step=_on))
    plan = parse_thought(raw)
    picture = timed("draft", lambda: backend.draft(brief, plan, seed=brief.seed, step=_on))
    said = timed("reflect", lambda: backend.reflect(brief, picture, seed=brief.seed, step=_on))
    edit = _edit(said) or "Add a small red dog at the far-left bottom."
    timed("refine", lambda: backend.refine(picture, edit, seed=brief.seed, step=_on))
    return seconds


def _on(done: int, total: int) -> None:
    """Nobody cancels a measurement."""


def _edit(raw: str) -> str | None:
    try:
        return parse_edit(raw).edit
    except UnparseableText:
        return None
