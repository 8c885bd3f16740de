"""Training briefs: random demands of many kinds, and many ways to say them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from studio.scene.demands import Demands, Item
from studio.scene.edits import article, named
from studio.scene.scene import COLORS
from studio.scene.tokens import NUMBERS
from studio.scene.vocabulary import noun_named, nouns


@dataclass(frozen=True)
class Kind:
    """A kind of brief: how often it comes (`weight`), how often with one, two or three sorts of things (`sorts`),
    and what it says of them. `place` is "relation" (the second sort to the first), "region" (the first sort's half)
    or "regions" (opposite halves for the first two)."""

    weight: float
    sorts: tuple[float, float, float] = (0, 1, 0)
    counted: bool = False
    colored: bool = False
    place: str = ""
    sized: bool = False


KINDS = {
    "single": Kind(1.0, (1, 0, 0)),
    "several": Kind(1.8, (0, 2, 1)),
    "count": Kind(2.0, (1, 0, 0), counted=True),
    "multi count": Kind(2.0, (0, 2, 1), counted=True),
    "color": Kind(1.0, (1, 0, 0), colored=True),
    "colors": Kind(2.5, (0, 3, 2), colored=True),
    "color count": Kind(2.2, (1, 1, 0.3), counted=True, colored=True),
    "relation": Kind(2.2, (0, 9, 1), place="relation"),
    "color relation": Kind(1.5, (0, 9, 1), colored=True, place="relation"),
    "relation count": Kind(1.2, counted=True, place="relation"),
    "region": Kind(0.6, (3, 1, 0), place="region"),
    "regions": Kind(0.8, (0, 9, 1), place="regions"),
    "color regions": Kind(1.4, colored=True, place="regions"),
    "region count": Kind(1.4, counted=True, place="regions"),
    "size": Kind(0.7, sized=True),
    "size relation": Kind(0.8, place="relation", sized=True),
    "size regions": Kind(1.2, place="regions", sized=True),
    "same noun": Kind(0.6),
}
"""They follow GenEval's six tags and GenEval++'s seven."""

MOST_COUNTED = {1: 12, 2: 7, 3: 5}
"""The highest number, by how many sorts of things there are; together never more than fits on the canvas."""

_BETWEEN = {
    "left of": ("left of", "to the left of", "on the left of", "on the left side of"),
    "right of": ("right of", "to the right of", "on the right of", "on the right side of"),
    "above": ("above", "above", "over", "on top of"),
    "below": ("below", "below", "under", "underneath", "beneath"),
}
_ACROSS = ("on the {}", "on the {}", "on the {} side", "in the {} half", "in the {} part", "to the {}", "at the {}")
_UP_DOWN = (
    "at the {1}",
    "on the {1}",
    "in the {1} half",
    "in the {0} half",
    "in the {0} part",
    "on the {0} side",
    "{2}",
)
_HALF = {
    "left": tuple(how.format("left") for how in _ACROSS),
    "right": tuple(how.format("right") for how in _ACROSS),
    "top": tuple(how.format("upper", "top", "above") for how in _UP_DOWN),
    "bottom": tuple(how.format("lower", "bottom", "below") for how in _UP_DOWN),
}
_OF_WHAT = (" of the image", " of the picture", " of the photo", " of the scene")
_OPENINGS = (
    ("a photo of", 8),
    ("", 5),
    ("a picture of", 2),
    ("an image of", 2),
    ("a drawing of", 1),
    ("an illustration of", 1),
    ("a scene with", 1),
    ("show", 1),
    ("draw", 1),
    ("there are", 1),
    ("there is", 1),
)


def random_brief(rng: random.Random) -> tuple[str, Demands]:
    """A brief's text and what it demands."""
    kind = rng.choices(list(KINDS), [k.weight for k in KINDS.values()])[0]
    demands = random_demands(rng, kind)
    return say(demands, rng), demands


def random_demands(rng: random.Random, name: str) -> Demands:
    """Demands of one of KINDS."""
    kind = KINDS[name]
    if name == "same noun":
        return _same_noun(rng)
    sorts = rng.choices((1, 2, 3), kind.sorts)[0]
    items = [Item(noun.name) for noun in rng.sample(nouns(), sorts)]
    if kind.counted:
        most = 4 if kind.place else MOST_COUNTED[sorts]
        items = [replace(item, count=_count(rng, most)) for item in items]
    if kind.colored or rng.random() < 0.08:
        plain = 0.12 if kind.colored else 0.5
        items = [item if rng.random() < plain else replace(item, color=rng.choice(COLORS)) for item in items]
    return Demands(tuple(_sized(_placed(items, kind, rng), kind, rng)))


def _placed(items: list[Item], kind: Kind, rng: random.Random) -> list[Item]:
    if kind.place == "relation":
        items[1] = replace(items[1], relation=(rng.choice(list(_BETWEEN)), 0))
    elif kind.place == "region":
        items[0] = replace(items[0], region=rng.choice(list(_HALF)), count=rng.choice((1, 1, 2, 3)))
    elif kind.place == "regions":
        halves = rng.choice((("left", "right"), ("right", "left"), ("top", "bottom"), ("bottom", "top")))
        items[:2] = [replace(item, region=half) for item, half in zip(items, halves, strict=False)]
    return items


def _sized(items: list[Item], kind: Kind, rng: random.Random) -> list[Item]:
    if not kind.sized:
        return items
    words = rng.choice((("larger", "smaller"), ("smaller", "larger")))
    return [replace(item, size=(word, 1 - i)) for i, (item, word) in enumerate(zip(items, words, strict=True))]


def _count(rng: random.Random, top: int) -> int:
    return min(top, rng.choices(range(1, 13), (4, 8, 8, 8, 6, 5, 4, 3, 2, 2, 1, 1))[0])


def _same_noun(rng: random.Random) -> Demands:
    noun = rng.choice(nouns()).name
    one, two = rng.sample(COLORS, 2)
    items = [Item(noun, rng.choice((1, 1, 2, 3)), one), Item(noun, rng.choice((1, 1, 2)), two)]
    if items[0].count == items[1].count == 1 and rng.random() < 0.4:
        items[1] = replace(items[1], relation=(rng.choice(list(_BETWEEN)), 0))
    return Demands(tuple(items))


def say(demands: Demands, rng: random.Random) -> str:
    """One of many phrasings of demands (at most one relation, which names the first item)."""
    opening = rng.choices([o for o, _ in _OPENINGS], [w for _, w in _OPENINGS])[0]
    phrases, clause = _phrases(demands, rng)
    relation = next((i for i, item in enumerate(demands.items) if item.relation), None)
    if relation is not None:
        word, other = demands.items[relation].relation or ("", 0)
        body = _relation(phrases[relation], word, phrases[other], demands, relation, rng)
        beside = [p for i, p in enumerate(phrases) if i not in (relation, other)]
        body = _joined([body, *beside], rng)
    else:
        body = _joined(phrases, rng)
    text = " ".join(part for part in (opening, body) if part) + clause
    text += rng.choice(("", "", "", "", "."))
    return text[0].upper() + text[1:] if rng.random() < 0.3 else text


def _joined(phrases: list[str], rng: random.Random) -> str:
    if len(phrases) == 1:
        return phrases[0]
    joint = rng.choice((" and ", " and ", " and ", ", ", ", and ", " with ", " next to "))
    return ", ".join(phrases[:-1]) + joint + phrases[-1]


def _relation(a: str, word: str, b: str, demands: Demands, index: int, rng: random.Random) -> str:
    how = rng.choice(_BETWEEN[word])
    style = rng.random()
    if style < 0.7:
        return f"{a} {how} {b}"
    plain_a, plain_b = (_plain(demands.items[i]) for i in (index, demands.items[index].relation[1]))  # type: ignore[index]
    verb = "is" if demands.items[index].count == 1 else "are"
    if style < 0.85:
        return f"{b} and {a}, with the {plain_a} {how} the {plain_b}"
    return f"{a} and {b}, the {plain_a} {verb} {how} the {plain_b}"


def _plain(item: Item) -> str:
    known = noun_named(item.noun)
    return named(known.plural if known is not None and item.count > 1 else item.noun, item.color)


def _phrases(demands: Demands, rng: random.Random) -> tuple[list[str], str]:
    """A noun phrase per item, and a closing clause for sizes that the phrases do not carry."""
    items = demands.items
    sizes = ["" for _ in items]
    clause = ""
    sized = [i for i, item in enumerate(items) if item.size]
    if sized:
        style = rng.random()
        if style < 0.5:
            larger, smaller = rng.choice(
                (("large", "small"), ("larger", "smaller"), ("big", "small"), ("bigger", "smaller"))
            )
            for i in sized:
                sizes[i] = larger if items[i].size[0] == "larger" else smaller  # type: ignore[index]
        else:
            i = rng.choice(sized)
            word, other = items[i].size or ("", None)
            than = {"larger": ("larger than", "bigger than"), "smaller": ("smaller than",)}[word]
            if other is not None:
                clause = f", the {_plain(items[i])} is {rng.choice(than)} the {_plain(items[other])}"
    return [_phrase(item, size, rng) for item, size in zip(items, sizes, strict=True)], clause


def _phrase(item: Item, size: str, rng: random.Random) -> str:
    known = noun_named(item.noun)
    assert known is not None
    singular, plural = known.name, known.plural
    if known.synonyms and rng.random() < 0.25:
        singular, plural = rng.choice(known.synonyms)
    inner = named(singular if item.count == 1 else plural, item.color)
    inner = f"{size} {inner}" if size else inner
    if item.count == 1:
        text = rng.choice(("one", "exactly one")) + f" {inner}" if rng.random() < 0.15 else article(inner)
    else:
        text = f"{item.count if rng.random() < 0.25 else NUMBERS[item.count]} {inner}"
    if item.region is None:
        return text
    where = rng.choice(_HALF[item.region])
    return f"{text} {where}" + (rng.choice(_OF_WHAT) if " " in where and rng.random() < 0.25 else "")
