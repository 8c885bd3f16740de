"""A start from which looking back and copying is easy to learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from studio.models.decoder import Layer, SharedAttention
from studio.models.unified import UnifiedModel

EMBEDDING_STD = 0.5
HEAD_STD = 0.02


@torch.no_grad()
def init_copy_friendly(model: UnifiedModel) -> None:
    """Initialise in place from torch's global generator.

    Keys start equal to queries, so that like attends to like; values are orthogonal and the output projection
    brings them back, so that what is attended to is what is written; the word head reads the embedding it would
    copy. The latent head starts at zero: a draft starts from the mean, an edit from its source.
    """
    config, decoder = model.config, model.language_model.model
    residual = (2 * config.num_hidden_layers) ** -0.5
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    tables = [decoder.embed_tokens, *decoder.embed_previous]
    for table in tables:
        nn.init.normal_(table.weight, std=EMBEDDING_STD / len(tables) ** 0.5)
    words = decoder.embed_tokens.weight
    model.language_model.lm_head.weight.copy_(words * (HEAD_STD / words.std()))
    for layer in decoder.layers:
        assert isinstance(layer, Layer)
        for expert in ("", "_moe_gen"):
            _attention(layer.self_attn, expert, residual)
        for mlp in (layer.mlp, layer.mlp_moe_gen):
            mlp.down_proj.weight.mul_(residual)
    if config.latent_slots:
        nn.init.normal_(model.latent_pos_embed.pos_embed, std=EMBEDDING_STD)
    nn.init.zeros_(model.llm2vae.weight)


def _attention(attention: SharedAttention, expert: str, residual: float) -> None:
    groups = attention.heads // attention.kv_heads

    def weight(name: str) -> Tensor:
        return attention.get_parameter(f"{name}_proj{expert}.weight")

    def per_head(matrix: Tensor) -> Tensor:
        return matrix.view(-1, attention.head_dim, matrix.shape[1])

    nn.init.orthogonal_(weight("q"))
    nn.init.orthogonal_(weight("v"))
    weight("k").copy_(per_head(weight("q"))[::groups].flatten(0, 1))
    values = per_head(weight("v")).repeat_interleave(groups, 0).flatten(0, 1)  # [H · hd, D]
    weight("o").copy_(values.T * (residual / groups))
