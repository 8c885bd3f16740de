"""Everything that tells one unified model from another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import Enum
from math import prod
from typing import Any

from studio.errors import BackendError


class Vision(str, Enum):
    """The encoder of pictures that are to be understood."""

    SIGLIP = "siglip"
    CONV = "conv"


class Prediction(str, Enum):
    """What the generation head puts out; the other quantity follows from it."""

    VELOCITY = "velocity"
    CLEAN = "clean"


class Attention(str, Enum):
    """How attention is computed: explicit products are faster for small sequences with gradients on a CPU."""

    SDPA = "sdpa"
    MATMUL = "matmul"


@dataclass(frozen=True)
class ModelConfig:
    """Sizes and switches of a `UnifiedModel`; the defaults are those of a BAGEL layout where it has one value.

    Latent tokens lie either on a square grid of `latent_grid` cells a side with fixed positions, or in
    `latent_slots` learned slots; exactly one of the two is above 0. Pictures are cut into cells of
    `vision_patch` pixels, at most `vision_grid` a side.
    """

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    bos_token_id: int
    eos_token_id: int
    start_of_image: int
    end_of_image: int
    latent_dim: int
    vision_grid: int
    vision_patch: int
    vision_width: int
    rope_theta: float = 1_000_000.0
    rms_norm_eps: float = 1e-6
    qk_norm: bool = True
    attention_bias: bool = True
    attention: Attention = Attention.SDPA
    token_shift: int = 0
    latent_grid: int = 0
    latent_slots: int = 0
    prediction: Prediction = Prediction.VELOCITY
    source_input: bool = False
    timestep_shift: float = 3.0
    vision: Vision = Vision.SIGLIP
    vit_intermediate_size: int = 0
    vit_layers: int = 0
    vit_heads: int = 0
    vit_norm_eps: float = 1e-6
    vit_grid: int = 0
    stem_widths: tuple[int, ...] = ()
    stem_blocks: tuple[int, ...] = ()
    stem_strides: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in (("vision", Vision), ("prediction", Prediction), ("attention", Attention)):
            object.__setattr__(self, name, kind(getattr(self, name)))  # a JSON file holds the plain strings
        for name in ("stem_widths", "stem_blocks", "stem_strides"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check()

    def _check(self) -> None:
        faults = {
            "num_attention_heads must be a multiple of num_key_value_heads": self.num_attention_heads
            % self.num_key_value_heads,
            "head_dim must be even": self.head_dim % 2,
            "hidden_size must be a multiple of 4": self.hidden_size % 4,
            "exactly one of latent_grid and latent_slots must be above 0": bool(self.latent_grid)
            == bool(self.latent_slots),
            "source_input needs prediction “clean”": self.source_input and self.prediction is not Prediction.CLEAN,
            "stem_widths, stem_blocks and stem_strides must have the same length": len(
                {len(self.stem_widths), len(self.stem_blocks), len(self.stem_strides)}
            )
            > 1,
            "the stem must lead down to one cell of vision_width per vision_patch": self.vision is Vision.CONV
            and (prod(self.stem_strides) != self.vision_patch or self.stem_widths[-1] != self.vision_width),
        }
        for message, fault in faults.items():
            if fault:
                raise BackendError(f"The model configuration does not hold: {message}. Correct the file.")

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """Read what `to_json` wrote. Raises BackendError naming an unknown, missing or unusable field."""
        try:
            values: dict[str, Any] = json.loads(text)
            unknown = sorted(set(values) - {f.name for f in fields(cls)})
            if unknown:
                raise BackendError(f"The model configuration has the unknown field “{unknown[0]}”. Update the studio.")
            return cls(**values)
        except (ValueError, TypeError) as error:
            raise BackendError(
                f"The model configuration is unreadable: {error}. Fetch the checkpoint again."
            ) from error


def mini_config(vocab_size: int, *, num_hidden_layers: int = 4, **changes: Any) -> ModelConfig:
    """The small model of vector scenes: 16 slots of 28 numbers, a convolutional stem on 120 × 120 pixels.

    The special tokens are ids 0 to 3 (bos, eos, start and end of image) unless `changes` says otherwise.
    """
    values: dict[str, Any] = {
        "hidden_size": 192,
        "num_hidden_layers": num_hidden_layers,
        "num_attention_heads": 3,
        "num_key_value_heads": 3,
        "head_dim": 64,
        "intermediate_size": 512,
        "vocab_size": vocab_size,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "start_of_image": 2,
        "end_of_image": 3,
        "latent_dim": 28,
        "latent_slots": 16,
        "vision_grid": 5,
        "vision_patch": 24,
        "vision_width": 192,
        "rope_theta": 10_000.0,
        "qk_norm": False,
        "attention": Attention.MATMUL,
        "token_shift": 2,
        "prediction": Prediction.CLEAN,
        "source_input": True,
        "timestep_shift": 1.0,
        "vision": Vision.CONV,
        "stem_widths": (48, 96, 160, 192),
        "stem_blocks": (0, 0, 0, 1),
        "stem_strides": (2, 2, 2, 3),
    }
    return ModelConfig(**(values | changes))
