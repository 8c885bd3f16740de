"""Training briefs: random demands of many kinds, and many ways to say them."""

from __future__ import annotations

import random
from dataclasses import replace

from studio.scene.demands import Demands, Item
from studio.scene.edits import article, named
from studio.scene.scene import COLORS
from studio.scene.tokens import NUMBERS
from studio.scene.vocabulary import noun_named, nouns

KINDS = {
    "single": 1.0,
    "pair": 1.5,
    "trio": 0.7,
    "count": 2.0,
    "color": 1.0,
    "color_pair": 2.0,
    "color_count": 1.5,
    "relation": 2.0,
    "color_relation": 1.5,
    "relation_count": 1.2,
    "region": 0.6,
    "region_pair": 1.0,
    "size": 0.8,
    "size_relation": 1.0,
    "multi_count": 2.0,
    "color_multi_count": 0.8,
    "same_noun": 0.6,
}
"""Kind of brief → weight. Kinds follow GenEval's six and GenEval++'s seven tags."""

_ALONE = ("single", "count", "color", "color_count", "region")
_THREE = {"trio": 1.0, "pair": 0.2, "color_pair": 0.2, "multi_count": 0.2, "color_multi_count": 0.2} | {
    "relation": 0.12,
    "color_relation": 0.12,
}
"""Share of briefs of a kind that name three sorts of things."""

_BETWEEN = {
    "left of": ("left of", "to the left of", "on the left of", "on the left side of"),
    "right of": ("right of", "to the right of", "on the right of", "on the right side of"),
    "above": ("above", "above", "over", "on top of"),
    "below": ("below", "below", "under", "underneath", "beneath"),
}
_HALF = {
    "left": ("on the left", "on the left side", "in the left half", "to the left", "at the left"),
    "right": ("on the right", "on the right side", "in the right half", "to the right", "at the right"),
    "top": ("at the top", "on the top", "in the top half", "in the upper half", "above"),
    "bottom": ("at the bottom", "on the bottom", "in the bottom half", "in the lower half", "below"),
}
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
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    demands = random_demands(rng, kind)
    return say(demands, rng), demands


def random_demands(rng: random.Random, kind: str) -> Demands:
    """Demands of one of KINDS."""
    if kind == "same_noun":
        return _same_noun(rng)
    how_many = 1 if kind in _ALONE else 3 if rng.random() < _THREE.get(kind, 0.0) else 2
    names = rng.sample([n.name for n in nouns()], how_many)
    items = [Item(name) for name in names]
    if "count" in kind:
        top = {1: 10, 2: 6, 3: 4}[how_many]
        items = [replace(item, count=_count(rng, top)) for item in items]
        if kind == "relation_count":
            items = [replace(item, count=min(item.count, rng.choice((1, 3, 4)))) for item in items]
    if "color" in kind:
        items = [replace(item, color=rng.choice(COLORS)) for item in items]
        if how_many > 1 and rng.random() < 0.2:
            index = rng.randrange(how_many)
            items[index] = replace(items[index], color=None)
    elif rng.random() < 0.08:
        index = rng.randrange(how_many)
        items[index] = replace(items[index], color=rng.choice(COLORS))
    if kind == "region":
        items[0] = replace(items[0], region=rng.choice(list(_HALF)), count=rng.choice((1, 1, 2, 3)))
    if kind == "region_pair" or (kind == "size_relation" and rng.random() < 0.4):
        one, two = rng.choice((("left", "right"), ("right", "left"), ("top", "bottom"), ("bottom", "top")))
        most = 1 if kind == "size_relation" else rng.choice((1, 1, 4))
        items = [
            replace(items[0], region=one, count=rng.randint(1, most)),
            replace(items[1], region=two, count=rng.randint(1, most)),
        ]
    elif "relation" in kind:
        items[1] = replace(items[1], relation=(rng.choice(list(_BETWEEN)), 0))
    if kind in ("size", "size_relation"):
        big = rng.randrange(2)
        words = ("larger", "smaller") if big == 0 else ("smaller", "larger")
        items = [replace(item, size=(word, 1 - i)) for i, (item, word) in enumerate(zip(items, words, strict=True))]
    return Demands(tuple(items))


def _count(rng: random.Random, top: int) -> int:
    return min(top, rng.choices(range(1, 11), (4, 8, 8, 8, 6, 5, 4, 3, 2, 2))[0])


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
    return f"{text} {rng.choice(_HALF[item.region])}" if item.region else text
