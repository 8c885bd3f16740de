"""Embeddings of time and place."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FREQUENCIES = 256


def sincos(places: Tensor, width: int) -> Tensor:
    """Fixed sine-cosine features of 1-D places: [N] -> [N, width], sines first."""
    omega = 1.0 / 10_000 ** (torch.arange(width // 2, dtype=torch.float64) / (width / 2))
    angles = places.double()[:, None] * omega
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def sincos_grid(side: int, width: int) -> Tensor:
    """Fixed 2-D sine-cosine positions of a square grid, row by row: [side², width]; column features come first."""
    places = torch.arange(side, dtype=torch.float64)
    rows, columns = places.repeat_interleave(side), places.repeat(side)
    return torch.cat([sincos(columns, width // 2), sincos(rows, width // 2)], dim=1).float()


def grid_places(rows: int, columns: int, side: int) -> Tensor:
    """Indices into a table of side × side positions for a picture's upper left rows × columns: [rows · columns]."""
    return (torch.arange(rows)[:, None] * side + torch.arange(columns)).flatten()


class PositionTable(nn.Module):
    """A table of positions; `pos_embed` is the name that the checkpoint dictates."""

    def __init__(self, table: Tensor, *, learned: bool) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(table, requires_grad=learned)

    def forward(self, places: Tensor) -> Tensor:
        return self.pos_embed[places]


class TimestepEmbedder(nn.Module):
    """Sinusoidal features of t in [0, 1], then a two-layer MLP: [...] -> [..., D]."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, hidden_size), nn.SiLU(), nn.Linear(hidden_size, hidden_size))

    def forward(self, t: Tensor) -> Tensor:
        half = FREQUENCIES // 2
        scale = torch.exp(-math.log(10_000) / half * torch.arange(half, dtype=torch.float32, device=t.device))
        angles = t.float()[..., None] * scale
        features = torch.cat([angles.cos(), angles.sin()], dim=-1)  # [..., 256]
        out: Tensor = self.mlp(features.to(next(self.parameters()).dtype))
        return out
