"""Encoders of pictures that are to be understood. Attribute names are those of the checkpoint."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.models.config import ModelConfig
from studio.models.embeddings import grid_places


class VisionAttention(nn.Module):
    """Full self-attention within one picture."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        projections = (self.q_proj, self.k_proj, self.v_proj)
        q, k, v = (p(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in projections)
        out: Tensor = self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return out


class TwoLayer(nn.Module):
    """Linear, tanh-approximated GELU, linear."""

    def __init__(self, width_in: int, width: int, width_out: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width_in, width)
        self.fc2 = nn.Linear(width, width_out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(x), approximate="tanh"))
        return out


class VisionLayer(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.vision_width
        self.layer_norm1 = nn.LayerNorm(width, eps=config.vit_norm_eps)
        self.self_attn = VisionAttention(width, config.vit_heads)
        self.layer_norm2 = nn.LayerNorm(width, eps=config.vit_norm_eps)
        self.mlp = TwoLayer(width, config.vit_intermediate_size, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        out: Tensor = x + self.mlp(self.layer_norm2(x))
        return out


class VisionEmbeddings(nn.Module):
    """Patches, flattened with the channel last, through a linear layer, plus learned positions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.patch, self.grid = config.vision_patch, config.vit_grid
        self.patch_embedding = nn.Linear(3 * self.patch**2, config.vision_width)
        self.position_embedding = nn.Embedding(self.grid**2, config.vision_width)

    def forward(self, pixels: Tensor) -> Tensor:
        b, c, h, w = pixels.shape
        rows, columns = h // self.patch, w // self.patch
        cut = pixels.reshape(b, c, rows, self.patch, columns, self.patch)
        cut = cut.permute(0, 2, 4, 3, 5, 1).reshape(b, rows * columns, -1)  # [B, N, patch · patch · 3]
        places = grid_places(rows, columns, self.grid).to(pixels.device)
        out: Tensor = self.patch_embedding(cut) + self.position_embedding(places)
        return out


class VisionEncoder(nn.Module):
    """The stack of layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(VisionLayer(config) for _ in range(config.vit_layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class VisionTransformer(nn.Module):
    """SigLIP's vision tower without pooling head."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embeddings = VisionEmbeddings(config)
        self.encoder = VisionEncoder(config)
        self.post_layernorm = nn.LayerNorm(config.vision_width, eps=config.vit_norm_eps)

    def forward(self, pixels: Tensor) -> Tensor:
        out: Tensor = self.post_layernorm(self.encoder(self.embeddings(pixels)))
        return out


class Siglip(nn.Module):
    """The tower under the name that the checkpoint gives it: [B, 3, H, W] -> [B, N, vision_width]."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.vision_model = VisionTransformer(config)

    def forward(self, pixels: Tensor) -> Tensor:
        out: Tensor = self.vision_model(pixels)
        return out


class ConvBlock(nn.Module):
    """Convolution (3 × 3), group norm, GELU; with `residual`, the input is added."""

    def __init__(self, width_in: int, width: int, *, stride: int, residual: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.norm = nn.GroupNorm(width // 16, width)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(self.norm(self.conv(x)), approximate="tanh")
        return x + y if self.residual else y


class ConvStem(nn.Module):
    """Divides the sides by each stage's stride: [B, 3, H, W] -> [B, (H / patch) · (W / patch), last width]."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        layers, before = [], 3
        stages = zip(config.stem_widths, config.stem_blocks, config.stem_strides, strict=True)
        for width, blocks, stride in stages:
            layers.append(ConvBlock(before, width, stride=stride, residual=False))
            layers += [ConvBlock(width, width, stride=1, residual=True) for _ in range(blocks)]
            before = width
        self.layers = nn.Sequential(*layers)

    def forward(self, pixels: Tensor) -> Tensor:
        x: Tensor = self.layers(pixels.contiguous(memory_format=torch.channels_last))
        return x.flatten(2).transpose(1, 2)
