"""The scene codec: latent tokens that are object slots instead of patches.

A slot is 28 numbers: presence, x, y, size, 16 for the noun, 8 for the colour. Nouns and colours are binary code
words (a lexicode: the first words in numeric order that keep the minimum distance), so that a noisy slot still decodes
to the nearest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from studio.scene.layout import fit, snap
from studio.scene.scene import COLORS, MAX_THINGS, NATURAL, Scene, Thing

NOUN_BITS, COLOR_BITS = 16, 8
NOUN_DISTANCE, COLOR_DISTANCE = 5, 4
SLOT_DIM = 4 + NOUN_BITS + COLOR_BITS
STILL = 0.03
"""No edit moves or resizes by less, in shares of the canvas."""

_SIZE_MEAN, _SIZE_SCALE = 0.3, 0.12
_POSITION_SCALE = 2.5  # positions decide most, so they get the largest share of the latent's range


@cache
def code_words(bits: int, distance: int, count: int) -> Tensor:
    """The first `count` words of the binary lexicode, as ±1: [count, bits]. ValueError if the code is too small."""
    words: list[int] = []
    for candidate in range(2**bits):
        if all((candidate ^ word).bit_count() >= distance for word in words):
            words.append(candidate)
            if len(words) == count:
                break
    if len(words) < count:
        raise ValueError(f"no {count} words of {bits} bits at distance {distance}; use more bits")
    return torch.tensor([[2.0 * (word >> k & 1) - 1 for k in range(bits)] for word in words])


def _settled(thing: Thing, before: Thing) -> Thing:
    """`before` where `thing` differs from it by no more than the model's own unsteadiness."""
    moved = max(abs(thing.x - before.x), abs(thing.y - before.y), abs(thing.size - before.size))
    same = (thing.noun, thing.color) == (before.noun, before.color)
    return before if same and moved <= STILL else thing


class SceneCodec:
    """Scenes to latents [MAX_THINGS, SLOT_DIM] and back, for a fixed order of nouns."""

    def __init__(self, noun_names: Sequence[str]) -> None:
        self.nouns = tuple(noun_names)
        self.colors = (NATURAL, *COLORS)
        self.noun_codes = code_words(NOUN_BITS, NOUN_DISTANCE, len(self.nouns))
        self.color_codes = code_words(COLOR_BITS, COLOR_DISTANCE, len(self.colors))
        self._noun_index = {name: i for i, name in enumerate(self.nouns)}

    def encode(self, things: Sequence[Thing | None]) -> Tensor:
        """Latents of up to MAX_THINGS slots; None is an empty slot. float32 [MAX_THINGS, SLOT_DIM]."""
        latents = torch.zeros(MAX_THINGS, SLOT_DIM)
        latents[:, 0] = -1.0
        for slot, thing in enumerate(things):
            if thing is None:
                continue
            place = (thing.x - 0.5) * 2 * _POSITION_SCALE, (thing.y - 0.5) * 2 * _POSITION_SCALE
            latents[slot, :4] = torch.tensor([1.0, *place, (thing.size - _SIZE_MEAN) / _SIZE_SCALE])
            latents[slot, 4 : 4 + NOUN_BITS] = self.noun_codes[self._noun_index[thing.noun]]
            latents[slot, 4 + NOUN_BITS :] = self.color_codes[self.colors.index(thing.color)]
        return latents

    def decode(self, latents: Tensor, canvas: Scene, source: Sequence[Thing] = ()) -> Scene:
        """The scene on `canvas` (its sides and background) that latents [MAX_THINGS, SLOT_DIM] mean.

        `source` are the things that an edit started from, slot by slot: one that hardly moved was not meant to.
        """
        nouns = (latents[:, 4 : 4 + NOUN_BITS] @ self.noun_codes.T).argmax(-1).tolist()
        colors = (latents[:, 4 + NOUN_BITS :] @ self.color_codes.T).argmax(-1).tolist()
        blank = Scene((), canvas.width, canvas.height, canvas.background)
        things = []
        for slot, (present, x, y, size) in enumerate(latents[:, :4].tolist()):
            if present > 0:
                side = snap(min(max(size * _SIZE_SCALE + _SIZE_MEAN, 0.08), 0.9))
                x, y = x / (2 * _POSITION_SCALE) + 0.5, y / (2 * _POSITION_SCALE) + 0.5
                thing = fit(Thing(self.nouns[nouns[slot]], self.colors[colors[slot]], x, y, side), blank)
                things.append(_settled(thing, source[slot]) if slot < len(source) else thing)
        return Scene(tuple(things), canvas.width, canvas.height, canvas.background)
