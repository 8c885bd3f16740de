"""Keys and values of a context."""

from __future__ import annotations

from torch import Tensor


class KeyValueCache:
    """Per layer keys and values [B, Hkv, capacity, hd], of which the first `length` are committed.

    Whatever is put behind them is scratch until `commit`, so that a flow step leaves no trace. Clones share their
    buffers until one of them writes.
    """

    def __init__(self, layers: int) -> None:
        self.length = 0
        self._buffers: list[tuple[Tensor, Tensor] | None] = [None] * layers
        self._shared = [False] * layers

    def put(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Write k and v [B, Hkv, L, hd] behind the committed ones; returns all keys and values so far."""
        start, end = self.length, self.length + k.shape[2]
        buffer = self._buffers[layer]
        if buffer is None or self._shared[layer] or buffer[0].shape[2] < end:
            buffer = self._own(layer, k, end)
        buffer[0][:, :, start:end] = k
        buffer[1][:, :, start:end] = v
        return buffer[0][:, :, :end], buffer[1][:, :, :end]

    def commit(self, length: int) -> None:
        """Keep the `length` tokens that the last forward pass put."""
        self.length += length

    def truncate(self, length: int) -> None:
        """Forget what was committed after the first `length` tokens."""
        self.length = min(self.length, length)

    def clone(self) -> KeyValueCache:
        """An independent cache with the same content, at no cost until one of the two writes."""
        other = KeyValueCache(len(self._buffers))
        other.length, other._buffers = self.length, list(self._buffers)
        self._shared = [True] * len(self._buffers)
        other._shared = list(self._shared)
        return other

    def select(self, rows: Tensor) -> KeyValueCache:
        """A cache of the given batch rows (they may repeat): rows [B'] long."""
        other = KeyValueCache(len(self._buffers))
        other.length = self.length
        other._buffers = [None if pair is None else (pair[0][rows], pair[1][rows]) for pair in self._buffers]
        return other

    def _own(self, layer: int, like: Tensor, needed: int) -> tuple[Tensor, Tensor]:
        old = self._buffers[layer]
        capacity = max(128, 2 * needed if old is None or old[0].shape[2] < needed else old[0].shape[2])
        shape = (like.shape[0], like.shape[1], capacity, like.shape[3])
        fresh = (like.new_zeros(shape), like.new_zeros(shape))
        if old is not None:
            for to, source in zip(fresh, old, strict=True):
                to[:, :, : self.length] = source[:, :, : self.length]
        self._buffers[layer], self._shared[layer] = fresh, False
        return fresh
