"""Briefs that are kept for measuring and never trained on."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "assets" / "benchmarks"


def normal(text: str) -> str:
    """A brief without case, punctuation and spare spaces."""
    return " ".join(re.findall(r"\w+", text.lower()))


@cache
def held_out() -> frozenset[str]:
    """The normal form of every prompt of assets/benchmarks."""
    lines = (line for path in sorted(BENCHMARKS.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines())
    return frozenset(normal(json.loads(line)["prompt"]) for line in lines if line.strip())
