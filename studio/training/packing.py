"""Packing a batch of sequences of the same build into the unified model's order: understanding first, then generation.

Every text, picture and latent of a batch is one part; the result equals what `models.context` does step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.models.unified import Flow, UnifiedModel, packed_mask


@dataclass(frozen=True)
class Text:
    """Text blocks bos … eos, padded at the end: ids [B, L], lengths [B]."""

    ids: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class Pixels:
    """Pictures to be understood: [B, 3, H, W] in [−1, 1]."""

    pixels: Tensor


@dataclass(frozen=True)
class Latents:
    """Clean latents of the picture to be edited: [B, N, C]."""

    clean: Tensor


@dataclass(frozen=True)
class Noised:
    """Latents under way: x_t [B, N, C] at t [B]; `source` as in `UnifiedModel.embed_latents`."""

    x_t: Tensor
    t: Tensor
    source: Tensor | None = None


Part = Text | Pixels | Latents | Noised


@dataclass(frozen=True)
class Hidden:
    """The final hidden states of every part: [B, L, D], or [B, N, D] of the generation expert for Noised."""

    parts: tuple[Tensor, ...]


def run(model: UnifiedModel, parts: Sequence[Part]) -> Hidden:
    """One pass over parts in reading order. Noised parts come last, see what precedes them, and not each other."""
    batch = _batch(parts[0])
    base = torch.zeros(batch, dtype=torch.long, device=model.device)
    und: list[Tensor] = []
    gen: list[Tensor] = []
    where_und: list[tuple[Tensor, Tensor, bool]] = []  # positions, block, noised
    where_gen: list[tuple[Tensor, Tensor, bool]] = []
    places = model.latent_places()
    for index, part in enumerate(parts):
        if isinstance(part, Text):
            steps = torch.arange(part.ids.shape[1], device=model.device)
            block = torch.where(steps < part.lengths[:, None], index, -1)
            und.append(model.embed_text(part.ids))
            where_und.append((base[:, None] + steps, block, False))
            base = base + part.lengths
            continue
        markers = model.embed_markers(batch)
        if isinstance(part, Pixels):
            tokens = torch.cat([markers[:, :1], model.embed_pictures(part.pixels), markers[:, 1:]], 1)
        else:
            tokens = markers
            t = part.t if isinstance(part, Noised) else torch.zeros(batch, device=model.device)
            x = part.x_t if isinstance(part, Noised) else part.clean
            latents = model.embed_latents(x, t, places, part.source if isinstance(part, Noised) else None)
            gen.append(latents)
            where_gen.append(_at(base, index, latents.shape[1], isinstance(part, Noised)))
        und.append(tokens)
        where_und.append(_at(base, index, tokens.shape[1], isinstance(part, Noised)))
        base = base if isinstance(part, Noised) else base + 1
    return _through(model, parts, und, gen, where_und, where_gen)


def _at(base: Tensor, index: int, length: int, noised: bool) -> tuple[Tensor, Tensor, bool]:
    """A picture's tokens: one shared position, one block."""
    positions = base[:, None].expand(-1, length)
    return positions, torch.full_like(positions, index), noised


def _through(
    model: UnifiedModel,
    parts: Sequence[Part],
    und: list[Tensor],
    gen: list[Tensor],
    where_und: list[tuple[Tensor, Tensor, bool]],
    where_gen: list[tuple[Tensor, Tensor, bool]],
) -> Hidden:
    batch, width = und[0].shape[0], und[0].shape[-1]
    where = where_und + where_gen
    positions, block = torch.cat([w[0] for w in where], 1), torch.cat([w[1] for w in where], 1)
    noised = torch.cat([torch.full_like(w[1], w[2], dtype=torch.bool) for w in where], 1)
    all_und = torch.cat(und, 1)
    all_gen = torch.cat(gen, 1) if gen else all_und.new_zeros(batch, 0, width)
    split = all_und.shape[1]
    mask = packed_mask(positions, block, noised)
    h_und, h_gen = model(all_und, all_gen, positions[:, :split], positions[:, split:], mask)
    from_und = iter(h_und.split([x.shape[1] for x in und], 1))
    from_gen = iter(h_gen.split([x.shape[1] for x in gen], 1)) if gen else iter(())
    hidden = []
    for part in parts:
        seen = next(from_und)
        hidden.append(seen if isinstance(part, Text | Pixels) else next(from_gen))
    return Hidden(tuple(hidden))


def _batch(part: Part) -> int:
    tensor = {Text: "ids", Pixels: "pixels", Latents: "clean", Noised: "x_t"}[type(part)]
    return int(getattr(part, tensor).shape[0])


def padded(blocks: Sequence[Sequence[int]], pad: int) -> Text:
    """Token lists of any lengths as one Text."""
    lengths = torch.tensor([len(b) for b in blocks])
    ids = torch.full((len(blocks), int(lengths.max())), pad)
    for row, block in enumerate(blocks):
        ids[row, : len(block)] = torch.tensor(list(block))
    return Text(ids, lengths)


def flow_of(model: UnifiedModel, part: Noised, hidden: Tensor) -> Flow:
    """The flow that a noised part's hidden states predict."""
    return model.predict_flow(hidden, part.x_t, part.t, part.source)
