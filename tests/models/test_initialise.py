"""Where training of a mini model begins."""

from __future__ import annotations

import math

import torch

from studio.models.config import mini_config
from studio.models.context import Context
from studio.models.initialise import init_copy_friendly
from studio.models.unified import UnifiedModel


def fresh() -> UnifiedModel:
    torch.manual_seed(0)
    model = UnifiedModel(mini_config(300, num_hidden_layers=2))
    init_copy_friendly(model)
    return model.eval()


def test_words_start_nearly_equally_likely() -> None:
    context = Context(fresh())
    context.add_text(list(range(4, 40)))
    logits = context.feed(torch.tensor([[0, 5, 6, 7, 8]]))
    entropy = -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)
    assert float(entropy.min()) > 0.95 * math.log(300)


def test_a_draft_starts_at_the_mean_and_an_edit_at_its_source() -> None:
    context, x_t, source = Context(fresh()), torch.randn(1, 16, 28), torch.randn(1, 16, 28)
    context.add_text([5])
    assert not context.flow(x_t, 0.5).clean.any()
    assert torch.equal(context.flow(x_t, 0.5, source=source).clean, source)


def test_what_is_attended_to_is_what_is_written() -> None:
    model = fresh()
    for expert in ("", "_moe_gen"):
        q, k, v, o = (
            model.language_model.model.layers[0].self_attn.get_parameter(f"{name}_proj{expert}.weight")
            for name in "qkvo"
        )
        assert torch.equal(q, k)
        torch.testing.assert_close(o @ v, torch.eye(192) * 0.5, atol=1e-5, rtol=0)
