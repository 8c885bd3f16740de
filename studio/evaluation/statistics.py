"""Shares with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence


def share(hits: Sequence[bool]) -> float | None:
    """Mean of yes/no outcomes, to four digits; None where there are none: not scored is not zero."""
    return round(sum(hits) / len(hits), 4) if hits else None


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval for a share, 95 % by default."""
    if n == 0:
        return 0.0, 1.0
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)
