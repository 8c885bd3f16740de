"""The unified model: one class for every size. Attribute names are those of the released checkpoint, verbatim."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from studio.errors import BadInput
from studio.models.config import ModelConfig, Prediction, Vision
from studio.models.decoder import LanguageModel
from studio.models.embeddings import PositionTable, TimestepEmbedder, grid_places, sincos_grid
from studio.models.vision import ConvStem, Siglip, TwoLayer

SMALLEST_T = 1e-3


@dataclass(frozen=True)
class Flow:
    """What the generation head says about noised latents [B, N, C]: both in float32."""

    velocity: Tensor
    clean: Tensor


class UnifiedModel(nn.Module):
    """Understands text and pictures and makes latents in one sequence.

    D is the hidden size, N the number of tokens of a picture, C the numbers per latent token.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.language_model = LanguageModel(config)
        self.vit_model = Siglip(config) if config.vision is Vision.SIGLIP else ConvStem(config)
        self.connector = TwoLayer(config.vision_width, width, width)
        self.vit_pos_embed = PositionTable(sincos_grid(config.vision_grid, width), learned=False)
        self.time_embedder = TimestepEmbedder(width)
        self.vae2llm = nn.Linear(config.latent_dim, width)
        self.llm2vae = nn.Linear(width, config.latent_dim)
        if config.latent_grid:
            self.latent_pos_embed = PositionTable(sincos_grid(config.latent_grid, width), learned=False)
        else:
            self.latent_pos_embed = PositionTable(torch.randn(config.latent_slots, width), learned=True)
        if config.source_input:
            self.source2llm = nn.Linear(config.latent_dim, width, bias=False)

    @property
    def device(self) -> torch.device:
        return self.vae2llm.weight.device

    def embed_text(self, ids: Tensor, previous: Tensor | None = None) -> Tensor:
        """Embed text blocks, ids [B, L] starting with bos -> [B, L, D].

        With a token shift every token also carries its predecessors of the same row. When a row continues a
        block, `previous` [B, P] are the tokens before it; where there are none, nothing is added.
        """
        decoder = self.language_model.model
        out: Tensor = decoder.embed_tokens(ids)
        if not len(decoder.embed_previous):
            return out
        whole = ids if previous is None else torch.cat([previous, ids], 1)
        before, length = whole.shape[1] - ids.shape[1], ids.shape[1]
        for back, table in enumerate(decoder.embed_previous, start=1):
            lacking = min(max(back - before, 0), length)
            if lacking < length:
                first = before + lacking - back
                shifted = table(whole[:, first : first + length - lacking])  # [B, L - lacking, D]
                out = out + (nn.functional.pad(shifted, (0, 0, lacking, 0)) if lacking else shifted)
        return out

    def embed_markers(self, batch: int) -> Tensor:
        """The tokens start_of_image and end_of_image, which pass through the understanding expert: [B, 2, D]."""
        ids = torch.tensor([[self.config.start_of_image, self.config.end_of_image]], device=self.device)
        out: Tensor = self.language_model.model.embed_tokens(ids.expand(batch, 2))
        return out

    def embed_pictures(self, pixels: Tensor) -> Tensor:
        """Embed pictures to be understood: pixels [B, 3, H, W] in [−1, 1] -> [B, N, D].

        Raises BadInput when a side is no multiple of the patch or too long.
        """
        patch, most = self.config.vision_patch, min(self.config.vision_grid, self.config.vit_grid or 10**9)
        if any(side % patch or not patch <= side <= most * patch for side in pixels.shape[-2:]):
            found = " × ".join(map(str, reversed(pixels.shape[-2:])))
            raise BadInput(
                f"The picture has {found} pixels. Scale its sides to multiples of {patch}, up to {most * patch}."
            )
        rows, columns = (side // patch for side in pixels.shape[-2:])
        places = grid_places(rows, columns, self.config.vision_grid).to(pixels.device)
        dtype = self.connector.fc1.weight.dtype
        tokens = self.connector(self.vit_model(pixels.to(dtype)))
        out: Tensor = tokens + self.vit_pos_embed(places)
        return out

    def latent_places(self, shape: tuple[int, int] | None = None) -> Tensor:
        """Indices of latent positions: of a picture of (rows, columns) tokens, or of all slots: [N]."""
        if self.config.latent_slots:
            return torch.arange(self.config.latent_slots, device=self.device)
        side = self.config.latent_grid
        if shape is None or not all(1 <= length <= side for length in shape):
            raise BadInput(f"Latents of {shape} rows and columns have no place. Use 1 to {side} of each.")
        return grid_places(*shape, side).to(self.device)

    def embed_latents(self, x_t: Tensor, t: Tensor, places: Tensor, source: Tensor | None = None) -> Tensor:
        """Embed (noised) latents: x_t [B, N, C], t [B] or [B, N] in [0, 1], places [N] or [B, N] -> [B, N, D].

        `source` [B, N, C] is the clean latent that an edit starts from; None when drafting (zeros mean the same).
        """
        dtype = self.vae2llm.weight.dtype
        time = self.time_embedder(t)  # [B, D] or [B, N, D]
        out: Tensor = self.vae2llm(x_t.to(dtype)) + (time if t.dim() == 2 else time[:, None])
        out = out + self.latent_pos_embed(places)
        if source is not None and self.config.source_input:
            out = out + self.source2llm(source.to(dtype))
        return out

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of the next word: [..., D] -> [..., V]."""
        out: Tensor = self.language_model.lm_head(hidden)
        return out

    def predict_flow(self, hidden: Tensor, x_t: Tensor, t: Tensor, source: Tensor | None = None) -> Flow:
        """Velocity (noise − clean) and clean latent from the generation expert's hidden [B, N, D], in float32.

        x_t, source [B, N, C] and t [B] or [B, N] are those given to `embed_latents`.
        """
        head = self.llm2vae(hidden).float()
        t = t.float()[..., None] if t.dim() == 2 else t.float()[:, None, None]
        if self.config.prediction is Prediction.VELOCITY:
            return Flow(head, x_t - t * head)
        clean = head if source is None or not self.config.source_input else source + head
        return Flow((x_t - clean) / t.clamp(min=SMALLEST_T), clean)

    def forward(
        self, und: Tensor, gen: Tensor, positions_und: Tensor, positions_gen: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The packed sequence without a cache; see `Decoder.forward`."""
        hidden: tuple[Tensor, Tensor] = self.language_model.model(und, gen, positions_und, positions_gen, mask)
        return hidden


def packed_mask(positions: Tensor, block: Tensor, noised: Tensor | None = None) -> Tensor:
    """Who sees whom in packed sequences: [B, L] each, understanding tokens first -> bool [B, L, L].

    `block` numbers the blocks in reading order; −1 is padding. A token sees the earlier blocks that are not
    `noised` (those being generated, which nobody else may see), and of its own block what has no later position:
    text is causal because its positions rise, a picture is seen whole because its tokens share one.
    """
    q, k = block[:, :, None], block[:, None, :]
    earlier = (k >= 0) & (k < q)
    if noised is not None:
        earlier = earlier & ~noised[:, None, :]
    return earlier | ((k == q) & (positions[:, None, :] <= positions[:, :, None]))
