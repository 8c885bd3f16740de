"""Tiny models of both kinds, and the tiny BAGEL folder with the reference's outputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from studio.models.checkpoint import load_model
from studio.models.config import mini_config
from studio.models.initialise import init_copy_friendly
from studio.models.unified import UnifiedModel

BAGEL_TINY = Path(__file__).parents[1] / "data" / "bagel_tiny"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def bagel_tiny() -> Path:
    return BAGEL_TINY


@pytest.fixture(scope="session")
def bagel() -> UnifiedModel:
    return load_model(BAGEL_TINY)


def tiny_mini(**changes: object) -> UnifiedModel:
    """A mini model of 2 layers whose latent head is not zero, so that predictions depend on the context."""
    small = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "intermediate_size": 48,
        "latent_dim": 5,
        "latent_slots": 4,
        "vision_width": 32,
        "stem_widths": (16, 16, 16, 32),
    }
    torch.manual_seed(0)
    model = UnifiedModel(mini_config(40, **(small | changes)))
    init_copy_friendly(model)
    torch.nn.init.normal_(model.llm2vae.weight, std=0.1)
    return model.eval()


@pytest.fixture(scope="session")
def mini() -> UnifiedModel:
    return tiny_mini()
