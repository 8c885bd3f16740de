"""Two experts share one attention."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from studio.models.config import Attention
from studio.models.decoder import attend
from studio.models.unified import UnifiedModel, packed_mask
from tests.models.conftest import tiny_mini


def run(model: UnifiedModel, text_sees_latents: bool = False) -> tuple[Tensor, Tensor]:
    """A text of 5 tokens and then 4 latents; by default the text cannot see them."""
    draw = torch.Generator().manual_seed(1)
    und = model.embed_text(torch.randint(4, 40, (2, 5), generator=draw))
    gen = model.embed_latents(torch.randn(2, 4, 5, generator=draw), torch.full((2,), 0.5), model.latent_places())
    positions = torch.tensor([[0, 1, 2, 3, 4, 5, 5, 5, 5]]).expand(2, -1)
    block = torch.tensor([[0] * 5 + [1] * 4]).expand(2, -1)
    mask = packed_mask(positions, block)
    if text_sees_latents:
        mask = torch.ones_like(mask)
    with torch.no_grad():
        return model(und, gen, positions[:, :5], positions[:, 5:], mask)


def shaken(model: UnifiedModel, which: str) -> UnifiedModel:
    changed = copy.deepcopy(model)
    with torch.no_grad():
        for name, weight in changed.language_model.model.layers.named_parameters():
            if ("_moe_gen" in name) == (which == "generation"):
                weight += 0.1 * torch.randn_like(weight)
    return changed


def test_text_before_latents_does_not_pass_through_the_generation_expert(mini: UnifiedModel) -> None:
    (und, gen), (und_after, gen_after) = run(mini), run(shaken(mini, "generation"))
    assert torch.equal(und, und_after)
    assert not torch.allclose(gen, gen_after, atol=1e-3)


def test_latents_read_what_the_understanding_expert_wrote(mini: UnifiedModel) -> None:
    (und, gen), (und_after, gen_after) = run(mini), run(shaken(mini, "understanding"))
    assert not torch.allclose(und, und_after, atol=1e-3)
    assert not torch.allclose(gen, gen_after, atol=1e-4)


def test_attention_is_shared_where_the_mask_allows_it(mini: UnifiedModel) -> None:
    und, _ = run(mini, text_sees_latents=True)
    und_after, _ = run(shaken(mini, "generation"), text_sees_latents=True)
    assert not torch.allclose(und, und_after, atol=1e-4)


def test_explicit_products_and_fused_attention_agree() -> None:
    draw = torch.Generator().manual_seed(2)
    q = torch.randn(2, 4, 6, 8, generator=draw)
    k, v = torch.randn(2, 2, 2, 9, 8, generator=draw)
    mask = torch.where(torch.rand(2, 1, 6, 9, generator=draw) < 0.3, -1e9, 0.0)
    for given in (None, mask):
        torch.testing.assert_close(attend(q, k, v, given, Attention.SDPA), attend(q, k, v, given, Attention.MATMUL))


def test_every_trainable_parameter_gets_a_gradient_under_autocast() -> None:
    model = tiny_mini()
    with torch.autocast("cpu", torch.bfloat16):
        text = model.embed_text(torch.tensor([[0, 5, 6, 1]]))
        und = torch.cat([model.embed_markers(1), model.embed_pictures(torch.rand(1, 3, 120, 120)), text], 1)
        x_t, t, source = torch.randn(1, 4, 5), torch.full((1,), 0.3), torch.randn(1, 4, 5)
        gen = model.embed_latents(x_t, t, model.latent_places(), source)
        positions = torch.arange(und.shape[1])[None], torch.full((1, 4), und.shape[1])
        hidden, of_latents = model(und, gen, *positions)
        flow = model.predict_flow(of_latents, x_t, t, source)
        (model.logits(hidden).float().square().mean() + flow.clean.square().mean()).backward()
    assert flow.velocity.dtype is torch.float32
    without = [name for name, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert without == []


def test_a_packed_mask_is_causal_for_text_full_for_pictures_and_hides_noised_blocks_and_padding() -> None:
    positions = torch.tensor([[0, 1, 2, 2, 3, 3, 9]])  # text of 2, a picture of 2, two noised blocks, padding
    block = torch.tensor([[0, 0, 1, 1, 2, 3, -1]])
    noised = torch.tensor([[False, False, False, False, True, True, False]])
    assert packed_mask(positions, block, noised).int().tolist() == [
        [
            [1, 0, 0, 0, 0, 0, 0],
            [1, 1, 0, 0, 0, 0, 0],
            [1, 1, 1, 1, 0, 0, 0],
            [1, 1, 1, 1, 0, 0, 0],
            [1, 1, 1, 1, 1, 0, 0],
            [1, 1, 1, 1, 0, 1, 0],
            [0, 0, 0, 0, 0, 0, 1],
        ]
    ]
