"""The decoder: a mixture of transformers. Attribute names are those of the checkpoint.

In every layer two sets of weights, the understanding expert and the generation expert (`_moe_gen`), share one
attention. A packed sequence holds the understanding tokens first and the generation tokens last; its order means
nothing, only positions and mask do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.models.cache import KeyValueCache
from studio.models.config import Attention, ModelConfig


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis, computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), self.weight.shape, self.weight.float(), self.eps).to(x.dtype)


class MLP(nn.Module):
    """Gated (SwiGLU) feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


def rotate(x: Tensor, cos: Tensor, signed_sin: Tensor) -> Tensor:
    """Rotary positions: x [B, L, H, hd], tables [B, L, 1, hd]; the first half of `signed_sin` is negated."""
    return x * cos + x.roll(x.shape[-1] // 2, -1) * signed_sin


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, kind: Attention) -> Tensor:
    """Attention with grouped keys: q [B, H, L, hd], k and v [B, Hkv, S, hd] -> [B, H, L, hd].

    `mask` is additive, [B, 1, L, S], in q's dtype; None means that everything is seen.
    """
    groups = q.shape[1] // k.shape[1]
    if kind is Attention.SDPA:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=groups > 1)
    if groups > 1:
        k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # [B, H, L, S]
    if mask is not None:
        scores = scores.add_(mask)
    seen: Tensor = scores.softmax(-1) @ v
    return seen


class SharedAttention(nn.Module):
    """Attention that both experts share, each with projections (and q/k norms) of its own."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.kind, self.head_dim = config.attention, config.head_dim
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        width, bias = config.hidden_size, config.attention_bias
        for expert in ("", "_moe_gen"):
            setattr(self, f"q_proj{expert}", nn.Linear(width, self.heads * self.head_dim, bias=bias))
            setattr(self, f"k_proj{expert}", nn.Linear(width, self.kv_heads * self.head_dim, bias=bias))
            setattr(self, f"v_proj{expert}", nn.Linear(width, self.kv_heads * self.head_dim, bias=bias))
            setattr(self, f"o_proj{expert}", nn.Linear(self.heads * self.head_dim, width, bias=False))
            if config.qk_norm:
                setattr(self, f"q_norm{expert}", RMSNorm(self.head_dim, config.rms_norm_eps))
                setattr(self, f"k_norm{expert}", RMSNorm(self.head_dim, config.rms_norm_eps))
        self.qk_norm = config.qk_norm

    def project(self, x: Tensor, expert: str) -> tuple[Tensor, Tensor]:
        """Queries and keys side by side [B, L, H + Hkv, hd], and values [B, L, Hkv, hd], of one expert's tokens."""
        q, k, v = (getattr(self, f"{name}_proj{expert}")(x).unflatten(-1, (-1, self.head_dim)) for name in "qkv")
        if self.qk_norm:
            q, k = getattr(self, f"q_norm{expert}")(q), getattr(self, f"k_norm{expert}")(k)
        return torch.cat([q, k], 2), v

    def forward(
        self,
        und: Tensor,
        gen: Tensor,
        rotary: tuple[Tensor, Tensor],
        mask: Tensor | None,
        cache: KeyValueCache | None,
        layer: int,
    ) -> tuple[Tensor, Tensor]:
        length_und, length_gen = und.shape[1], gen.shape[1]
        parts = [self.project(x, e) for x, e in ((und, ""), (gen, "_moe_gen")) if x.shape[1]]
        qk, v = parts[0] if len(parts) == 1 else (torch.cat(both, 1) for both in zip(*parts, strict=True))
        qk = rotate(qk, rotary[0].to(qk.dtype), rotary[1].to(qk.dtype)).transpose(1, 2)
        q, k, v = qk[:, : self.heads], qk[:, self.heads :], v.transpose(1, 2)
        if cache is not None:
            k, v = cache.put(layer, k, v)
        if mask is not None:
            mask = mask.to(q.dtype)
        seen = attend(q, k, v, mask, self.kind).transpose(1, 2).flatten(2)  # [B, L, H · hd]
        seen_und, seen_gen = seen[:, :length_und], seen[:, length_und:]
        und = self.get_submodule("o_proj")(seen_und) if length_und else und
        gen = self.get_submodule("o_proj_moe_gen")(seen_gen) if length_gen else gen
        return und, gen


class Layer(nn.Module):
    """One decoder layer with two experts."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.rms_norm_eps
        self.self_attn = SharedAttention(config)
        self.mlp = MLP(config)
        self.mlp_moe_gen = MLP(config)
        self.input_layernorm = RMSNorm(width, eps)
        self.input_layernorm_moe_gen = RMSNorm(width, eps)
        self.post_attention_layernorm = RMSNorm(width, eps)
        self.post_attention_layernorm_moe_gen = RMSNorm(width, eps)

    def forward(
        self,
        und: Tensor,
        gen: Tensor,
        rotary: tuple[Tensor, Tensor],
        mask: Tensor | None,
        cache: KeyValueCache | None,
        index: int,
    ) -> tuple[Tensor, Tensor]:
        to_und = self.input_layernorm(und) if und.shape[1] else und
        to_gen = self.input_layernorm_moe_gen(gen) if gen.shape[1] else gen
        add_und, add_gen = self.self_attn(to_und, to_gen, rotary, mask, cache, index)
        if und.shape[1]:
            und = und + add_und
            und = und + self.mlp(self.post_attention_layernorm(und))
        if gen.shape[1]:
            gen = gen + add_gen
            gen = gen + self.mlp_moe_gen(self.post_attention_layernorm_moe_gen(gen))
        return und, gen


class Decoder(nn.Module):
    """Token embeddings, layers and final norms."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.embed_tokens = nn.Embedding(config.vocab_size, width)
        self.embed_previous = nn.ModuleList(nn.Embedding(config.vocab_size, width) for _ in range(config.token_shift))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(width, config.rms_norm_eps)
        self.norm_moe_gen = RMSNorm(width, config.rms_norm_eps)
        self.head_dim, self.rope_theta = config.head_dim, config.rope_theta
        self._rotary: tuple[Tensor, Tensor] | None = None  # grown when a position asks for it; never stored

    def rotary(self, positions: Tensor, last: int) -> tuple[Tensor, Tensor]:
        """Cosines and signed sines for positions [B, L] up to `last`: two [B, L, 1, hd] in float32."""
        if self._rotary is None or len(self._rotary[0]) <= last or self._rotary[0].device != positions.device:
            size = max(256, 2 * last)
            exponents = torch.arange(0, self.head_dim, 2, dtype=torch.float32, device=positions.device)
            angles = torch.arange(size, dtype=torch.float32, device=positions.device)[:, None]
            angles = angles / self.rope_theta ** (exponents / self.head_dim)  # [size, hd / 2]
            sines = angles.sin()
            self._rotary = (torch.cat([angles.cos()] * 2, 1), torch.cat([-sines, sines], 1))
        cos, signed_sin = self._rotary
        return cos[positions].unsqueeze(2), signed_sin[positions].unsqueeze(2)

    def forward(
        self,
        und: Tensor,
        gen: Tensor,
        positions_und: Tensor,
        positions_gen: Tensor,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Hidden states after the final norms: und [B, Lu, D], gen [B, Lg, D]; Lu or Lg may be 0.

        `mask` [B, Lu + Lg, cached + Lu + Lg] is True where a token (row) sees another, or additive;
        None means that every token sees all. With a cache, keys and values are put behind the cached ones;
        they stay only if the caller then calls `cache.commit`.
        """
        positions = torch.cat([positions_und, positions_gen], 1) if positions_gen.shape[1] else positions_und
        rotary = self.rotary(positions, int(positions.max()))
        if mask is not None:
            mask = additive(mask).unsqueeze(1)  # [B, 1, L, S]
        for index, layer in enumerate(self.layers):
            und, gen = layer(und, gen, rotary, mask, cache, index)
        und = self.norm(und) if und.shape[1] else und
        gen = self.norm_moe_gen(gen) if gen.shape[1] else gen
        return und, gen


def additive(mask: Tensor) -> Tensor:
    """A boolean mask as 0 and −1e9, which every dtype in use can hold; an additive one as it is."""
    if mask.dtype is not torch.bool:
        return mask
    return torch.zeros(mask.shape, device=mask.device).masked_fill_(~mask, -1e9)


class LanguageModel(nn.Module):
    """The decoder and the head for words."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
