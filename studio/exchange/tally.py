"""Plans and critiques as lines a person can read; what has no known form is shown as it stands.

The built-in model writes a short notation (scene/plan.py, scene/critique.py):
`#1 red cup one top left small #2 …` and `(1) three red cups ; seen top left small red cup (1) one ; … ;
(1) three has two missing one ; (1) left of (2) : left right ok`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_THING = re.compile(r"#\d+\s+")
_PLACED = re.compile(r"(?P<what>.+) (?P<count>\S+) (?P<row>\S+) (?P<column>\S+) (?P<size>\S+)")
_BREAK = re.compile(r"\s+;\s+|\s*\n\s*")
_DEMAND = re.compile(r"(\(\d+\)) (?!.*\b(?:ok|wrong)$)(?!\S+ has )(.+)")
_SEEN = re.compile(
    r"(?:seen )?(?P<row>\S+) (?P<column>\S+) (?P<size>\S+) (?P<what>.+?) "
    r"(?:(?P<label>\(\d+\))(?: wants (?P<want>\S+))?|none) (?P<count>\S+)"
)
_COUNTED = re.compile(r"(?P<label>\(\d+\)) (?P<wanted>\S+) has (?P<has>\S+) (?P<verdict>ok|missing \S+)")
_CHECKED = re.compile(r"(?P<claim>\(\d+\) .+?) : .+ (?P<verdict>ok|wrong)")
_LABEL = re.compile(r"\(\d+\)")
_COUNT_WORD = re.compile(r"^(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen) ")
# Other models: a verdict is a sign in front or a word at the end; in the middle of prose it is none.
_BULLET = re.compile(r"^\s*(?:[-*•✓✔✗✘]\s*)+")
_GOOD = re.compile(r"^\W*[✓✔]|\b(?:ok|met)\W*$", re.IGNORECASE)
_BAD = re.compile(r"^\W*[✗✘]|\b(?:missing(?: \w+)?|extra|wrong|not met|not ok|too many|too few)\W*$", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One line of a critique: `verdict` is None where it only tells; `aside` where it lists what was seen."""

    text: str
    verdict: bool | None = None
    aside: bool = False


def plan_lines(text: str) -> tuple[tuple[str, str], ...]:
    """A plan's things as (what, where); () where the plan is prose."""
    things = [part.strip() for part in _THING.split(text) if part.strip()]
    if len(things) < 2 and not _THING.match(text):
        lines = [part.strip(" -*•") for part in _BREAK.split(text) if part.strip()]
        return tuple((line, "") for line in lines) if len(lines) > 1 else ()
    found = [(_PLACED.fullmatch(thing), thing) for thing in things]
    return tuple((m["what"], f"{m['row']} {m['column']}, {m['size']}") if m else (thing, "") for m, thing in found)


def critique_lines(text: str) -> tuple[Line, ...]:
    """A critique's lines with their verdicts; prose stays in one piece without a verdict."""
    raw = [line.strip() for line in _BREAK.split(text) if line.strip()]
    if len(raw) < 2:
        return (Line(text.strip()),) if text.strip() else ()
    if not any(_COUNTED.fullmatch(line) for line in raw):
        return tuple(Line(_BULLET.sub("", line), _verdict(line)) for line in raw)
    return _tally(raw)


def _verdict(line: str) -> bool | None:
    if _BAD.search(line):
        return False
    return True if _GOOD.search(line) else None


def _tally(raw: list[str]) -> tuple[Line, ...]:
    names: dict[str, str] = {}
    checks: list[Line] = []
    sights: list[Line] = []
    for line in raw:
        if counted := _COUNTED.fullmatch(line):
            wanted = names.get(counted["label"], counted["wanted"])
            met = counted["verdict"] == "ok"
            seen = "none" if counted["has"] == "zero" else f"only {counted['has']}"
            checks.append(Line(wanted if met else f"{wanted}: {seen} seen", met))
        elif checked := _CHECKED.fullmatch(line):
            claim = _LABEL.sub(lambda m: _COUNT_WORD.sub("", names.get(m[0], m[0])), checked["claim"])
            claim = re.sub(r"\b(smaller|larger) (?=.)", r"\1 than ", claim)
            checks.append(Line(claim, checked["verdict"] == "ok"))
        elif (demand := _DEMAND.fullmatch(line)) and not sights:
            names[demand[1]] = demand[2]
        elif sight := _SEEN.fullmatch(line):
            sights.append(_sight(sight))
        elif line != "seen none":
            sights.append(Line(line, aside=True))
    return (*checks, *(s for s in sights if s.verdict is False), *(s for s in sights if s.verdict is None))


def _sight(seen: re.Match[str]) -> Line:
    what = f"{seen['what'].removeprefix('natural ')} ({seen['row']} {seen['column']}, {seen['size']})"
    if seen["count"] == "wrong":
        return Line(f"{what}: should be {seen['want'] or 'another'}", False)
    if seen["count"] == "extra":
        return Line(f"{what}: {'not asked for' if seen['label'] is None else 'one too many'}", False)
    return Line(what, aside=True)
