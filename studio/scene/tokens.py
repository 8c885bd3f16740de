"""The scene world's language as tokens: words, numbers, nouns of one or more words, and a plural mark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from studio.scene.demands import REGIONS
from studio.scene.places import COLUMNS, ROWS, SIZES
from studio.scene.scene import COLORS, MAX_THINGS, NATURAL
from studio.scene.vocabulary import noun_named, nouns, surfaces

PAD, BOS, EOS, IMAGE_START, IMAGE_END, UNKNOWN = "<pad>", "<bos>", "<eos>", "<image>", "</image>", "<unk>"
THINK, END_THINK, PLURAL = "<think>", "</think>", "<s>"
SPECIAL = (PAD, BOS, EOS, IMAGE_START, IMAGE_END, UNKNOWN, THINK, END_THINK, PLURAL)

NUMBERS = tuple("zero one two three four five six seven eight nine ten eleven twelve".split())
LINES = tuple(f"#{i}" for i in range(1, MAX_THINGS + 1))
LABELS = tuple(f"({i})" for i in range(1, 9))
VERDICTS = ("ok", "wrong", "extra", "missing", "has", "seen", "none", "wants")
FUNCTION_WORDS = tuple(
    "a the of and with in on at to is are there than photo picture image drawing scene illustration show draw all both "
    "one next side half part top bottom left right above over below under beneath underneath exactly larger bigger "
    "smaller big no further edit needed add remove delete erase take away drop put place make paint turn recolor color "
    "change replace swap move shift bring into for please just now , . : ;".split()
)
"""Only words that the training texts hold: a word that was never seen must be named as unknown, not half known."""

ALIASES = {
    "an": "a",
    "grey": "gray",
    "colour": "color",
    "coloured": "colored",
    "recolour": "recolor",
    "pic": "picture",
    "photograph": "photo",
    "centre": "center",
    "a couple of": "two",
    "a pair of": "two",
    "tiny": "small",
    "little": "small",
    "huge": "large",
    "far left": "far-left",
    "far right": "far-right",
    "get rid of": "remove",
}
_PIECE = re.compile(r"</?think>|#\d+|\(\d+\)|\d+|[^\W\d_]+(?:[-'][^\W\d_]+)*|[,.:;!]", re.UNICODE)


def vocabulary() -> tuple[str, ...]:
    """Every token of the built-in model, in a fixed order without repetition."""
    words: dict[str, None] = dict.fromkeys(SPECIAL)
    groups: tuple[Iterable[str], ...] = (
        NUMBERS,
        LINES,
        LABELS,
        VERDICTS,
        (NATURAL, *COLORS),
        COLUMNS,
        ROWS,
        SIZES,
        REGIONS,
        FUNCTION_WORDS,
        (noun.name for noun in nouns()),
    )
    for group in groups:
        words.update(dict.fromkeys(group))
    return tuple(words)


class Tokenizer:
    """Text to token ids and back, for a fixed list of tokens. Lossless on what the model itself writes."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.ids = {word: i for i, word in enumerate(self.words)}
        self.pad, self.bos, self.eos = self.ids[PAD], self.ids[BOS], self.ids[EOS]
        self.image_start, self.image_end = self.ids[IMAGE_START], self.ids[IMAGE_END]
        self.unknown_id = self.ids[UNKNOWN]

    def encode(self, text: str) -> list[int]:
        """Token ids without bos and eos; words that are not in the vocabulary become UNKNOWN."""
        return [self.ids.get(token, self.unknown_id) for token, _ in self._tokens(text)]

    def unknown(self, text: str) -> tuple[str, ...]:
        """The words of `text` that have no token, in their order, each once."""
        return tuple(dict.fromkeys(raw for token, raw in self._tokens(text) if token not in self.ids))

    def decode(self, ids: Iterable[int]) -> str:
        """Readable text: plurals spelled out, a/an, no space before punctuation."""
        out: list[str] = []
        for word in (self.words[i] for i in ids):
            if word == PLURAL:
                noun = noun_named(out[-1]) if out else None
                if noun is not None:
                    out[-1] = noun.plural
            elif word not in (PAD, BOS, EOS):
                out.append(word)
        pairs = zip(out, [*out[1:], ""], strict=True)
        text = " ".join("an" if w == "a" and after[:1] in tuple("aeiou") else w for w, after in pairs)
        return re.sub(r" ([,.])", r"\1", text)

    def _tokens(self, text: str) -> list[tuple[str, str]]:
        """(token, the text it came from), the longest known phrase first."""
        pieces = [p for raw in _PIECE.findall(text.lower()) for p in self._split(raw)]
        found: list[tuple[str, str]] = []
        at = 0
        while at < len(pieces):
            for length in (3, 2, 1):
                phrase = " ".join(pieces[at : at + length])
                tokens = self._phrase(phrase) if at + length <= len(pieces) else None
                if tokens is not None:
                    found += [(t, phrase) for t in tokens]
                    break
            else:
                found.append((pieces[at], pieces[at]))
            at += length
        return found

    def _split(self, piece: str) -> list[str]:
        """A hyphenated word that is not known as it stands is read as its parts."""
        known = piece in self.ids or piece in surfaces()
        return [piece] if known or "-" not in piece else piece.split("-")

    def _phrase(self, phrase: str) -> tuple[str, ...] | None:
        if phrase in surfaces():
            name, plural = surfaces()[phrase]
            return (name, PLURAL) if plural else (name,)
        if phrase in ALIASES:
            return (ALIASES[phrase],)
        if phrase.isdigit() and int(phrase) < len(NUMBERS):
            return (NUMBERS[int(phrase)],)
        return (phrase,) if phrase in self.ids else None
