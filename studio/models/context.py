"""A growing context with cached keys and values: reading texts and pictures, writing text, and steps of the flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.backends.protocol import Step
from studio.errors import BadInput
from studio.models.cache import KeyValueCache
from studio.models.unified import Flow, UnifiedModel


@dataclass(frozen=True)
class Generated:
    """A text that the model wrote: `ids` without bos and eos.

    One log-probability per id, and one for eos if `finished`: at the sampling temperature, before top-k.
    """

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


def text_logprobs(logits: Tensor, ids: Tensor, temperature: float) -> Tensor:
    """Log-probabilities of `ids` [...] under logits [..., V] at a temperature; 0 (greedy) counts as 1."""
    return (logits.float() / (temperature or 1.0)).log_softmax(-1).gather(-1, ids[..., None]).squeeze(-1)


class Context:
    """What `batch` sequences of the same layout have read so far; texts may differ in length from row to row.

    Inference only: nothing here carries gradients. A block of text is bos ids eos with a rotary position per
    token; a block of a picture or a latent has one position; the next block continues at +1 (method §2).
    """

    def __init__(self, model: UnifiedModel, batch: int = 1) -> None:
        self.model = model
        self.cache = KeyValueCache(model.config.num_hidden_layers)
        self.positions = torch.zeros(batch, dtype=torch.long, device=model.device)  # next free one per row
        self._seen: Tensor | None = None  # [B, cached]; None while no row has padding
        self._open: Tensor | None = None  # the last tokens of a text block under way [B, P]

    def clone(self) -> Context:
        """An independent context with the same content; cheap."""
        other = Context.__new__(Context)
        other.model, other.cache, other.positions = self.model, self.cache.clone(), self.positions
        other._seen, other._open = self._seen, self._open
        return other

    def select(self, rows: Sequence[int]) -> Context:
        """A context made of the given rows, which may repeat: `select([0] * 16)` makes a group of 16."""
        other, index = Context.__new__(Context), torch.tensor(rows, device=self.positions.device)
        other.model, other.cache, other.positions = self.model, self.cache.select(index), self.positions[index]
        other._seen, other._open = (None if x is None else x[index] for x in (self._seen, self._open))
        return other

    def add_text(self, ids: Sequence[int]) -> None:
        """Read one text, the same in every row: ids without bos and eos."""
        self.add_texts([ids] * len(self.positions))

    @torch.no_grad()
    def add_texts(self, texts: Sequence[Sequence[int]]) -> None:
        """Read one text per row: ids without bos and eos, of any lengths."""
        config, lengths = self.model.config, torch.tensor([len(ids) + 2 for ids in texts], device=self.positions.device)
        longest = int(lengths.max())
        rows = [[config.bos_token_id, *ids, config.eos_token_id] for ids in texts]
        self._check(texts)
        block = torch.tensor([row + [config.eos_token_id] * (longest - len(row)) for row in rows])
        self._feed(block.to(self.positions.device))
        self._open = None
        if int(lengths.min()) < longest:
            self.positions = self.positions - longest + lengths
            filled = torch.arange(longest, device=lengths.device) < lengths[:, None]
            self._seen = torch.cat([self._seen_until(self.cache.length - longest), filled], 1)

    @torch.no_grad()
    def add_picture(self, pixels: Tensor) -> None:
        """Read pictures to be understood: pixels [B, 3, H, W] in [−1, 1]."""
        und = self._between_markers(self.model.embed_pictures(pixels))
        self._block(und, und[:, :0], keep=True)

    @torch.no_grad()
    def add_latents(self, latents: Tensor, shape: tuple[int, int] | None = None) -> None:
        """Read clean latents [B, N, C]; `shape` is (rows, columns) of a grid, None where they are slots."""
        self._block(*self._latents(latents, torch.zeros(len(latents), device=latents.device), shape, None), keep=True)

    @torch.no_grad()
    def flow(
        self, x_t: Tensor, t: float, *, shape: tuple[int, int] | None = None, source: Tensor | None = None
    ) -> Flow:
        """Velocity and clean latent for noised latents [B, N, C] at t after this context, which stays as it is."""
        times = torch.full((len(x_t),), t, device=x_t.device)
        _, hidden = self._block(*self._latents(x_t, times, shape, source), keep=False)
        return self.model.predict_flow(hidden, x_t, times, source)

    @torch.no_grad()
    def feed(self, ids: Tensor) -> Tensor:
        """Continue (or, with bos, begin) a block of text by ids [B, L]: the logits after each of them [B, L, V]."""
        return self.model.logits(self._feed(ids))

    @torch.no_grad()
    def generate(
        self,
        max_tokens: int,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        generator: torch.Generator | None = None,
        step: Step | None = None,
    ) -> list[Generated]:
        """Write one text per row, from a fresh bos to eos or `max_tokens`; the context stays as it is.

        Temperature 0 takes the likeliest token; `top_k` 0 draws from all. `step(done, max_tokens)` is called after
        every token and may raise.
        """
        if max_tokens < 1:
            raise BadInput(f"{max_tokens} tokens cannot hold a text. Allow at least 1.")
        eos, length, positions, seen = self.model.config.eos_token_id, self.cache.length, self.positions, self._seen
        last = torch.full((len(positions), 1), self.model.config.bos_token_id, device=positions.device)
        drawn, logprobs = [], []
        unfinished = set(range(len(positions)))
        try:
            for done in range(1, max_tokens + 1):
                logits = self.feed(last)[:, -1].float()
                last = _draw(logits, temperature, top_k, generator)
                logprobs.append(text_logprobs(logits, last[:, 0], temperature))
                drawn.append(last)
                unfinished -= {row for row, token in enumerate(last[:, 0].tolist()) if token == eos}
                if step is not None:
                    step(done, max_tokens)
                if not unfinished:
                    break
        finally:
            self.cache.truncate(length)
            self.positions, self._seen, self._open = positions, seen, None
        return _texts(torch.cat(drawn, 1).tolist(), torch.stack(logprobs, 1).tolist(), eos)

    def _check(self, texts: Sequence[Sequence[int]]) -> None:
        if len(texts) != len(self.positions):
            raise BadInput(f"{len(texts)} texts for {len(self.positions)} contexts. Pass one text per context.")
        vocabulary = self.model.config.vocab_size
        strange = next((id_ for ids in texts for id_ in ids if not 0 <= id_ < vocabulary), None)
        if strange is not None:
            raise BadInput(f"The model knows {vocabulary} words; {strange} is none of them. Use its own tokenizer.")

    def _feed(self, ids: Tensor) -> Tensor:
        model, length = self.model, ids.shape[1]
        before = self._open
        und = model.embed_text(ids, before)
        if model.config.token_shift:
            tail = ids if before is None else torch.cat([before, ids], 1)
            self._open = tail[:, -model.config.token_shift :]
        steps = torch.arange(length, device=ids.device)
        positions = self.positions[:, None] + steps
        mask = None
        if length > 1 or self._seen is not None:
            cached = self._seen_until(self.cache.length)[:, None].expand(-1, length, -1)
            own = (steps <= steps[:, None]).expand(len(ids), -1, -1)
            mask = torch.cat([cached, own], 2)  # [B, L, cached + L]
        hidden, _ = model.language_model.model(und, und[:, :0], positions, positions[:, :0], mask, self.cache)
        self._keep(length)
        self.positions = self.positions + length
        out: Tensor = hidden
        return out

    def _latents(
        self, x_t: Tensor, t: Tensor, shape: tuple[int, int] | None, source: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        model = self.model
        return model.embed_markers(len(x_t)), model.embed_latents(x_t, t, model.latent_places(shape), source)

    def _between_markers(self, tokens: Tensor) -> Tensor:
        markers = self.model.embed_markers(len(tokens))
        return torch.cat([markers[:, :1], tokens, markers[:, 1:]], 1)

    def _block(self, und: Tensor, gen: Tensor, *, keep: bool) -> tuple[Tensor, Tensor]:
        """A block at one position with full attention inside; it stays in the cache only if `keep`."""
        length = und.shape[1] + gen.shape[1]
        positions = self.positions[:, None]
        mask = None
        if self._seen is not None:
            own = torch.ones(len(und), length, dtype=torch.bool, device=und.device)
            mask = torch.cat([self._seen_until(self.cache.length), own], 1)[:, None].expand(-1, length, -1)
        of_und, of_gen = positions.expand(-1, und.shape[1]), positions.expand(-1, gen.shape[1])
        hidden: tuple[Tensor, Tensor] = self.model.language_model.model(und, gen, of_und, of_gen, mask, self.cache)
        if keep:
            self._keep(length)
            self.positions = self.positions + 1
        return hidden

    def _keep(self, length: int) -> None:
        if self._seen is not None:
            self._seen = self._seen_until(self.cache.length + length)
        self.cache.commit(length)

    def _seen_until(self, length: int) -> Tensor:
        """Which of the first `length` cached tokens are no padding [B, length]; what is beyond the record is none."""
        rows = len(self.positions)
        if self._seen is None:
            return torch.ones(rows, length, dtype=torch.bool, device=self.positions.device)
        known = self._seen[:, :length]
        rest = torch.ones(rows, length - known.shape[1], dtype=torch.bool, device=known.device)
        return torch.cat([known, rest], 1)


def _draw(logits: Tensor, temperature: float, top_k: int, generator: torch.Generator | None) -> Tensor:
    """The next token of every row: logits [B, V] -> [B, 1]."""
    if temperature == 0:
        return logits.argmax(-1, keepdim=True)
    if 0 < top_k < logits.shape[-1]:
        least = logits.topk(top_k).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    return torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)


def _texts(ids: list[list[int]], logprobs: list[list[float]], eos: int) -> list[Generated]:
    texts = []
    for row, probabilities in zip(ids, logprobs, strict=True):
        end = row.index(eos) if eos in row else len(row)
        finished = end < len(row)
        texts.append(Generated(tuple(row[:end]), tuple(probabilities[: end + finished]), finished))
    return texts
