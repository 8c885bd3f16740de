"""The 5 × 5 grid of place words and the three size words with which the scene world speaks of positions."""

from __future__ import annotations

from studio.scene.scene import Scene, Thing

COLUMNS = ("far-left", "left", "center", "right", "far-right")
ROWS = ("top", "upper", "middle", "lower", "bottom")
SIZES = ("small", "medium", "large")
SIZE_RANGES = {"small": (0.15, 0.19), "medium": (0.26, 0.32), "large": (0.42, 0.50)}
"""Share of the shorter side; neighbours are at least 1.3 apart, so that larger and smaller are unmistakable."""

GRID = len(COLUMNS)
_SMALL_MEDIUM, _MEDIUM_LARGE = 0.225, 0.37


def column_of(thing: Thing) -> int:
    """Index into COLUMNS of a thing's centre."""
    return min(GRID - 1, max(0, int(thing.x * GRID)))


def row_of(thing: Thing) -> int:
    """Index into ROWS of a thing's centre."""
    return min(GRID - 1, max(0, int(thing.y * GRID)))


def size_word(thing: Thing) -> str:
    """The size word that a thing's side falls under."""
    return SIZES[(thing.size >= _SMALL_MEDIUM) + (thing.size >= _MEDIUM_LARGE)]


def cell_center(index: int) -> float:
    """Centre of a column or row, as a share of the canvas."""
    return (index + 0.5) / GRID


def extents(thing: Thing, scene: Scene) -> tuple[float, float]:
    """A thing's box as shares of the canvas' width and height."""
    short = min(scene.width, scene.height)
    return thing.size * short / scene.width, thing.size * short / scene.height


def reading_order(things: tuple[Thing, ...]) -> tuple[int, ...]:
    """Indices from top to bottom, and from left to right within a row of the grid."""
    return tuple(sorted(range(len(things)), key=lambda i: (row_of(things[i]), things[i].x, things[i].y)))
