"""All versions of a session as a small tree: columns are turns, a row is a branch, every edge carries its edit."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from studio.domain import Author, Session, best_node, turn_of
from studio.exchange.wording import version_name
from studio.ui import icons
from studio.ui.view import AddressOf

CARD = (128, 84)
GAP = (16, 10)


@dataclass(frozen=True)
class Place:
    """Where a version stands: its turn and its branch, both from 0."""

    column: int
    lane: int


def places(session: Session) -> tuple[Place, ...]:
    """A place for every version, by index: a first child stays in its parent's lane, every other opens one below."""
    children: dict[int | None, list[int]] = {}
    for index, node in enumerate(session.nodes):
        children.setdefault(node.parent, []).append(index)
    lanes: dict[int, int] = {}
    opened = 0
    waiting = [(index, True) for index in reversed(children.get(None, []))]
    while waiting:
        index, opens = waiting.pop()
        parent = session.nodes[index].parent
        if opens or parent is None:
            lanes[index], opened = opened, opened + 1
        else:
            lanes[index] = lanes[parent]
        offspring = children.get(index, [])
        # The first child is taken next and keeps the lane; the last one waits longest.
        waiting += [(child, True) for child in reversed(offspring[1:])] + [(child, False) for child in offspring[:1]]
    return tuple(Place(turn_of(session, i), lanes[i]) for i in range(len(session.nodes)))


def strip(session: Session, chosen: int | None, address: AddressOf) -> str:
    """The tree as buttons on fixed places with the edges drawn behind them."""
    if not session.nodes:
        return '<div class="tree none"></div>'
    where = places(session)
    width = (max(p.column for p in where) + 1) * (CARD[0] + GAP[0]) - GAP[0]
    height = (max(p.lane for p in where) + 1) * (CARD[1] + GAP[1]) - GAP[1]
    edges = "".join(
        _edge(where[node.parent], where[index])
        for index, node in enumerate(session.nodes)
        if node.parent is not None
    )
    cards = "".join(_card(session, index, where[index], index == chosen, address) for index in range(len(where)))
    return (
        f'<div class="tree" style="width:{width}px;height:{height}px" role="group" aria-label="Versions">'
        f'<svg class="edges" width="{width}" height="{height}" aria-hidden="true">{edges}</svg>{cards}</div>'
    )


def _corner(place: Place) -> tuple[int, int]:
    return place.column * (CARD[0] + GAP[0]), place.lane * (CARD[1] + GAP[1])


def _edge(parent: Place, child: Place) -> str:
    (x, y), (to_x, to_y) = _corner(parent), _corner(child)
    middle = CARD[1] // 2
    turn = to_x - GAP[0] // 2
    return f'<path d="M{x + CARD[0]} {y + middle}H{turn}V{to_y + middle}H{to_x}"/>'


def _card(session: Session, index: int, place: Place, chosen: bool, address: AddressOf) -> str:
    node, name = session.nodes[index], version_name(index)
    best, last = index == best_node(session), index == len(session.nodes) - 1
    marks = f'<span class="best">{icons.STAR}best</span>' if best else ""
    marks += '<span class="last">last</span>' if last else ""
    parent = "" if node.parent is None else f"from {version_name(node.parent)}"
    if node.edit is None:
        edit, spoken = "Draft", "Draft"
    else:
        model = node.edit.author is Author.MODEL
        edit = (icons.MODEL if model else icons.PERSON) + escape(node.edit.text)
        spoken = f"{'The model’s' if model else 'Your'} edit: {node.edit.text}"
    label = ", ".join(filter(None, [name, "best" if best else "", "last" if last else "", parent, spoken]))
    left, top = _corner(place)
    return (
        f'<button type="button" class="version{" is-chosen" if chosen else ""}" data-node="{index}" '
        f'style="left:{left}px;top:{top}px" aria-pressed="{"true" if chosen else "false"}" '
        f'aria-label="{escape(label)}" title="{escape(spoken)}"><img src="{escape(address(node.picture))}" alt="" '
        f'width="42" height="42"><span class="name"><b>{name}</b>{marks}<span class="from">{parent}</span></span>'
        f'<span class="edit">{edit}</span></button>'
    )
