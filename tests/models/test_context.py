"""Reading and writing with a cache gives what one pass over everything gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studio.errors import BadInput, Cancelled
from studio.models.context import Context, Generated, text_logprobs
from studio.models.unified import UnifiedModel, packed_mask
from tests.models.conftest import tiny_mini

PROMPT, PLAN, EDIT = [5, 6, 7], [9, 9, 11, 30], [12, 5]
BOS, EOS = 0, 1


def picture(seed: int = 0) -> Tensor:
    return torch.rand(1, 3, 120, 120, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def latent(seed: int, rows: int = 1) -> Tensor:
    return torch.randn(rows, 4, 5, generator=torch.Generator().manual_seed(seed))


def text(model: UnifiedModel, ids: list[int]) -> Tensor:
    return model.embed_text(torch.tensor([[BOS, *ids, EOS]]))


def packed(model: UnifiedModel, und: list[tuple[Tensor, int, int]], gen: list[tuple[Tensor, int, int]]) -> Tensor:
    """The generation expert's hidden states of the last block; parts are (tokens, first position, block).

    A text's positions rise; the markers and tokens of other blocks share theirs (negative means that one).
    """
    positions, blocks = [], []
    for tokens, first, block in und + gen:
        length = tokens.shape[1]
        positions.append(torch.full((length,), -first) if first < 0 else first + torch.arange(length))
        blocks.append(torch.full((length,), block))
    place, block_of = torch.cat(positions)[None], torch.cat(blocks)[None]
    tokens_und, tokens_gen = (torch.cat([part[0] for part in parts], 1) for parts in (und, gen))
    cut = tokens_und.shape[1]
    mask = packed_mask(place, block_of, block_of == block_of.max())
    with torch.no_grad():
        _, hidden = model(tokens_und, tokens_gen, place[:, :cut], place[:, cut:], mask)
    return hidden[:, -gen[-1][0].shape[1] :]


def test_a_draft_in_one_pass_equals_a_draft_after_a_cached_context(mini: UnifiedModel) -> None:
    x_t, t = latent(1), torch.tensor([0.7])
    context = Context(mini)
    context.add_text(PROMPT)
    context.add_text(PLAN)
    prompt, plan = text(mini, PROMPT), text(mini, PLAN)
    after = prompt.shape[1] + plan.shape[1]
    noised = mini.embed_latents(x_t, t, mini.latent_places())
    und = [(prompt, 0, 0), (plan, prompt.shape[1], 1), (mini.embed_markers(1), -after, 2)]
    hidden = packed(mini, und, [(noised, -after, 2)])
    expected = mini.predict_flow(hidden, x_t, t)
    torch.testing.assert_close(context.flow(x_t, 0.7).velocity, expected.velocity, atol=1e-5, rtol=1e-5)


def test_an_edit_in_one_pass_equals_an_edit_after_a_cached_context(mini: UnifiedModel) -> None:
    x_t, source, t = latent(1), latent(2), torch.tensor([0.4])
    context = Context(mini)
    context.add_text(PROMPT)  # position 0 would hide a shift of all positions
    context.add_latents(source)
    context.add_picture(picture())
    context.add_text(EDIT)
    n, places = len(PROMPT) + 2, mini.latent_places()
    end = n + 2 + len(EDIT) + 2
    und = [
        (text(mini, PROMPT), 0, 0),
        (mini.embed_markers(1), -n, 1),
        (torch.cat([mini.embed_markers(1), mini.embed_pictures(picture())], 1), -(n + 1), 2),
        (text(mini, EDIT), n + 2, 3),
        (mini.embed_markers(1), -end, 4),
    ]
    clean = mini.embed_latents(source, torch.zeros(1), places)
    noised = mini.embed_latents(x_t, t, places, source)
    hidden = packed(mini, und, [(clean, -n, 1), (noised, -end, 4)])
    expected = mini.predict_flow(hidden, x_t, t, source)
    found = context.flow(x_t, 0.4, source=source)
    torch.testing.assert_close(found.clean, expected.clean, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found.clean, context.flow(x_t, 0.4).clean + source)


@pytest.mark.parametrize("shift", [0, 1, 2])
@torch.no_grad()
def test_feeding_token_by_token_equals_the_whole_block(shift: int) -> None:
    model = tiny_mini(token_shift=shift)
    context = Context(model)
    context.add_picture(picture())
    context.add_text(PROMPT)
    block = torch.tensor([[BOS, *PLAN, EOS]])
    whole = context.clone().feed(block)
    one_by_one = torch.cat([context.feed(block[:, i : i + 1]) for i in range(block.shape[1])], 1)
    torch.testing.assert_close(one_by_one, whole, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_token_carries_its_predecessors_in_the_block_and_nothing_before_bos(mini: UnifiedModel) -> None:
    decoder = mini.language_model.model
    ids = torch.tensor([[0, 7, 8, 9]])
    tables = [decoder.embed_tokens, *decoder.embed_previous]
    by_hand = [sum(tables[k](ids[0, i - k]) for k in range(3) if i >= k) for i in range(4)]
    torch.testing.assert_close(mini.embed_text(ids)[0], torch.stack(by_hand))
    torch.testing.assert_close(mini.embed_text(ids[:, 3:], ids[:, 1:3])[0], by_hand[3][None])
    torch.testing.assert_close(mini.embed_text(ids[:, 1:3], ids[:, :1])[0], torch.stack(by_hand[1:3]))


def test_writing_equals_choosing_the_likeliest_from_full_passes(mini: UnifiedModel) -> None:
    context = Context(mini)
    context.add_text(PROMPT)
    (written,) = context.generate(6)
    ids = [BOS]
    for _ in range(6):
        logits = context.clone().feed(torch.tensor([ids]))[0, -1]
        ids.append(int(logits.argmax()))
        if ids[-1] == EOS:
            break
    assert [*written.ids, *([EOS] if written.finished else [])] == ids[1:]
    assert len(written.logprobs) == len(ids) - 1


def test_writing_leaves_the_context_as_it_was(mini: UnifiedModel) -> None:
    context = Context(mini)
    context.add_text(PROMPT)
    before = context.flow(latent(1), 0.5).clean
    first = context.generate(5, temperature=1.0, top_k=10, generator=torch.Generator().manual_seed(3))
    again = context.generate(5, temperature=1.0, top_k=10, generator=torch.Generator().manual_seed(3))
    assert first == again
    assert torch.equal(context.flow(latent(1), 0.5).clean, before)


def test_log_probabilities_are_those_of_the_text_at_its_temperature(mini: UnifiedModel) -> None:
    context = Context(mini)
    context.add_text(PROMPT)
    (written,) = context.generate(5, temperature=0.7, generator=torch.Generator().manual_seed(5))
    tokens = [*written.ids, *([EOS] if written.finished else [])]
    logits = context.feed(torch.tensor([[BOS, *tokens[:-1]]]))[0]
    expected = text_logprobs(logits, torch.tensor(tokens), 0.7)
    torch.testing.assert_close(torch.tensor(written.logprobs), expected, atol=1e-5, rtol=1e-5)
    assert torch.allclose(expected.exp(), (logits / 0.7).softmax(-1)[range(len(tokens)), tokens])


def test_only_the_top_k_are_drawn(mini: UnifiedModel) -> None:
    context = Context(mini)
    context.add_text(PROMPT)
    likeliest = context.generate(1)[0]
    drawn = [
        context.generate(1, temperature=9.0, top_k=1, generator=torch.Generator().manual_seed(s)) for s in range(9)
    ]
    assert all(texts[0].ids == likeliest.ids for texts in drawn)
    free = {context.generate(1, temperature=9.0, generator=torch.Generator().manual_seed(s))[0].ids for s in range(9)}
    assert len(free) > 3


def test_rows_with_texts_of_different_lengths_do_not_disturb_each_other(mini: UnifiedModel) -> None:
    single = Context(mini)
    single.add_picture(picture())
    group, texts = single.select([0, 0, 0]), [PROMPT, PLAN, [8]]
    group.add_texts(texts)
    group.add_texts([EDIT, EDIT, EDIT])
    found, written = group.flow(latent(4, rows=3), 0.6).clean, group.generate(4)
    for row, ids in enumerate(texts):
        alone = single.clone()
        alone.add_text(ids)
        alone.add_text(EDIT)
        expected = alone.flow(latent(4, rows=3)[row : row + 1], 0.6).clean
        torch.testing.assert_close(found[row : row + 1], expected, atol=1e-5, rtol=1e-5)
        (expected_text,) = alone.generate(4)
        assert written[row].ids == expected_text.ids
        assert written[row].logprobs == pytest.approx(expected_text.logprobs, abs=1e-4)


def test_a_text_ends_at_its_eos_in_every_row() -> None:
    model = tiny_mini()
    with torch.no_grad():  # make eos likely, so that rows end at different lengths
        model.language_model.lm_head.weight[EOS] += 0.05 * torch.randn(32, generator=torch.Generator().manual_seed(0))
    context = Context(model, batch=8)
    context.add_text(PROMPT)
    texts = context.generate(40, temperature=1.0, generator=torch.Generator().manual_seed(0))
    assert len({len(written.ids) for written in texts}) > 1
    for written in texts:
        assert isinstance(written, Generated)
        assert EOS not in written.ids
        assert len(written.logprobs) == len(written.ids) + written.finished
        assert written.finished or len(written.ids) == 40


def test_a_clone_and_its_origin_go_separate_ways(mini: UnifiedModel) -> None:
    origin = Context(mini)
    origin.add_text(PROMPT)
    copy = origin.clone()
    copy.add_text(PLAN)
    origin.add_text(EDIT)
    for context, ids in ((origin, EDIT), (copy, PLAN)):
        fresh = Context(mini)
        fresh.add_text(PROMPT)
        fresh.add_text(ids)
        torch.testing.assert_close(context.flow(latent(1), 0.5).clean, fresh.flow(latent(1), 0.5).clean)


def test_a_context_grows_beyond_its_first_room(mini: UnifiedModel) -> None:
    ids = [4 + i % 30 for i in range(300)]
    at_once, in_parts = Context(mini), Context(mini)
    at_once.add_text(ids)
    with torch.no_grad():
        for start in range(0, 302, 50):
            in_parts.feed(torch.tensor([[BOS, *ids, EOS][start : start + 50]]))
    torch.testing.assert_close(
        in_parts.flow(latent(1), 0.5).clean, at_once.flow(latent(1), 0.5).clean, atol=1e-5, rtol=1e-5
    )


def test_a_cancel_stops_writing_at_once_and_leaves_the_context_usable(mini: UnifiedModel) -> None:
    context, seen = Context(mini), []
    context.add_text(PROMPT)
    before = context.generate(3)

    def step(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        context.generate(9, step=step)
    assert seen == [(1, 9), (2, 9)]
    assert context.generate(3) == before


def test_what_a_model_cannot_read_is_refused(mini: UnifiedModel, bagel: UnifiedModel) -> None:
    with pytest.raises(BadInput, match="40 words; 99"):
        Context(mini).add_text([5, 99])
    with pytest.raises(BadInput, match="100 × 120"):
        Context(mini).add_picture(torch.zeros(1, 3, 120, 100))
    with pytest.raises(BadInput, match="up to 140"):
        Context(bagel).add_picture(torch.zeros(1, 3, 154, 14))
    with pytest.raises(BadInput, match="no place"):
        Context(bagel).add_latents(torch.zeros(1, 9, 64), (1, 9))
    with pytest.raises(BadInput, match="one text per context"):
        Context(mini, batch=2).add_texts([[5]])
