"""The first stage: the picture encoder learns to name what lies in each of its cells."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.models.unified import UnifiedModel
from studio.scene.drawing import pixels
from studio.scene.judge import looks_like
from studio.scene.layout import random_color
from studio.scene.places import SIZES, size_word
from studio.scene.scene import COLORS, NATURAL, Scene, Thing
from studio.scene.tokens import Tokenizer
from studio.scene.vocabulary import nouns
from studio.training.samples import some_seen

_COLORS = (NATURAL, *COLORS)


@dataclass(frozen=True)
class CellWords:
    """Embeddings of the words for what can lie in a cell: [nouns, D], [colours, D], [sizes, D]."""

    nouns: Tensor
    colors: Tensor
    sizes: Tensor

    @classmethod
    def of(cls, model: UnifiedModel, tokenizer: Tokenizer) -> CellWords:
        """From the decoder's embeddings, without gradients."""
        table = model.language_model.model.embed_tokens.weight.detach()

        def rows(words: Sequence[str]) -> Tensor:
            return table[[tokenizer.ids[word] for word in words]]

        return cls(rows([n.name for n in nouns()]), rows(_COLORS), rows(SIZES))


class CellHeads(nn.Module):
    """What lies in a cell, read off with the language model's own word embeddings, plus the offset of its centre.

    The embeddings are fixed here. So the encoder learns to say “dog”, “red” and “small” in the very directions in which
    the decoder knows these words, and telling what is seen starts as copying, which attention learns first.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))
        self.nothing = nn.Parameter(torch.zeros(()))
        self.offset = nn.Linear(width, 2)

    def logits(self, cells: Tensor, words: Tensor) -> Tensor:
        """Cosine scores of cells [..., D] for words [W, D] -> [..., W]."""
        return self.scale * F.normalize(cells.float(), dim=-1) @ F.normalize(words.float(), dim=-1).T

    def nouns(self, cells: Tensor, words: CellWords) -> Tensor:
        """Scores of all nouns, and of nothing as the last class."""
        scores = self.logits(cells, words.nouns)
        return torch.cat([scores, self.nothing.expand(*scores.shape[:-1], 1)], -1)

    def loss(self, cells: Tensor, labels: Tensor, offsets: Tensor, words: CellWords) -> Tensor:
        """Mean loss for cells [B, N, D], labels [B, N, 3] (noun, colour, size; noun = last where nothing lies) and
        offsets [B, N, 2] of centres from the cell's centre, in half cells."""
        noun = F.cross_entropy(self.nouns(cells, words).flatten(0, 1), labels[..., 0].flatten(), reduction="none")
        there = labels[..., 0] < len(words.nouns)
        color = F.cross_entropy(self.logits(cells[there], words.colors), labels[there][:, 1])
        size = F.cross_entropy(self.logits(cells[there], words.sizes), labels[there][:, 2])
        offset = F.mse_loss(self.offset(cells[there]).float(), offsets[there])
        empty = ~there.flatten()
        return noun[~empty].mean() + 0.5 * noun[empty].mean() + color + 0.5 * size + offset

    @torch.no_grad()
    def accuracy(self, cells: Tensor, labels: Tensor, words: CellWords) -> tuple[float, float]:
        """Share of things whose noun and whose colour is right."""
        there = labels[..., 0] < len(words.nouns)
        noun = self.nouns(cells[there], words).argmax(-1)
        color = self.logits(cells[there], words.colors).argmax(-1)
        found = labels[there]
        return (noun == found[:, 0]).float().mean().item(), (color == found[:, 1]).float().mean().item()


def busy_scene(rng: random.Random) -> Scene:
    """A scene with colours everywhere and things off their cells' centres."""
    scene = some_seen(rng, jitter=0.09).scene
    things = [Thing(rng.choice(nouns()).name, NATURAL, t.x, t.y, t.size) for t in scene.things]
    things = [
        Thing(t.noun, random_color(rng, t.noun, but="none") if rng.random() < 0.8 else NATURAL, t.x, t.y, t.size)
        for t in things
    ]
    return Scene(tuple(things), scene.width, scene.height)


def labelled(scenes: Sequence[Scene], side: int, grid: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures uint8 [B, side, side, 3], labels [B, grid·grid, 3] and offsets [B, grid·grid, 2]."""
    names = {noun.name: i for i, noun in enumerate(nouns())}
    labels = torch.zeros(len(scenes), grid, grid, 3, dtype=torch.long)
    labels[..., 0] = len(names)
    offsets = torch.zeros(len(scenes), grid, grid, 2)
    for row, scene in enumerate(scenes):
        for thing in scene.things:
            x, y = (min(grid - 1, int(p * grid)) for p in (thing.x, thing.y))
            color, size = _COLORS.index(looks_like(thing)), SIZES.index(size_word(thing))
            labels[row, y, x] = torch.tensor([names[thing.noun], color, size])
            offsets[row, y, x] = torch.tensor([2 * (thing.x * grid - x) - 1, 2 * (thing.y * grid - y) - 1])
    pictures = torch.from_numpy(np.stack([pixels(s, side) for s in scenes]))
    return pictures, labels.flatten(1, 2), offsets.flatten(1, 2)


def normalised(pictures: Tensor) -> Tensor:
    """uint8 [B, S, S, 3] to float [B, 3, S, S] in [−1, 1]."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def cells_of(model: UnifiedModel, pictures: Tensor) -> Tensor:
    """What the encoder and its connector say of each cell: [B, N, D]."""
    out: Tensor = model.connector(model.vit_model(normalised(pictures)))
    return out
