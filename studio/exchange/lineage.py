"""The tree of versions in reading order: a main line, and beside each version the branches that leave it."""

from __future__ import annotations

from dataclasses import dataclass

from studio.domain import Session, best_node, path_to_root


@dataclass(frozen=True)
class Version:
    """A node by its index, and the lines that branch off it (not the line it stands in)."""

    index: int
    branches: tuple[Line, ...] = ()


Line = tuple[Version, ...]


def lines(session: Session) -> tuple[Line, ...]:
    """One line per draft. A line follows the best version, else the head, else the first edit."""
    children: dict[int | None, list[int]] = {}
    for index, node in enumerate(session.nodes):
        children.setdefault(node.parent, []).append(index)
    preferred: list[int] = []
    for target in (best_node(session), session.head):
        if target is not None:
            preferred.extend(path_to_root(session, target))
    return tuple(_line(root, children, preferred) for root in children.get(None, ()))


def _line(start: int, children: dict[int | None, list[int]], preferred: list[int]) -> Line:
    line: list[Version] = []
    at: int | None = start
    while at is not None:
        edges = children.get(at, [])
        onward = next((i for i in preferred if i in edges), edges[0] if edges else None)
        branches = tuple(_line(i, children, preferred) for i in edges if i != onward)
        line.append(Version(at, branches))
        at = onward
    return tuple(line)
