"""Loading is strict, and what was saved comes back."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.errors import BackendError
from studio.models.checkpoint import load_model, save_model
from studio.models.config import Attention, ModelConfig, Vision, mini_config
from studio.models.unified import UnifiedModel


@pytest.fixture
def saved(tmp_path: Path, mini: UnifiedModel) -> Path:
    save_model(mini, tmp_path)
    return tmp_path


def test_a_saved_model_comes_back_the_same(saved: Path, mini: UnifiedModel) -> None:
    again = load_model(saved)
    assert again.config == mini.config
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in mini.state_dict().items())
    assert sorted(file.name for file in saved.iterdir()) == ["config.json", "model.safetensors"]


def test_the_parameters_have_the_checkpoints_names(bagel: UnifiedModel, bagel_tiny: Path) -> None:
    assert set(bagel.state_dict()) == set(load_file(bagel_tiny / "ema.safetensors"))


@pytest.mark.parametrize("layout", ["saved", "bagel"])
def test_a_missing_and_an_unknown_key_are_named(layout: str, tmp_path: Path, saved: Path, bagel_tiny: Path) -> None:
    folder, file = saved, "model.safetensors"
    if layout == "bagel":
        folder, file = Path(shutil.copytree(bagel_tiny, tmp_path / "bagel")), "ema.safetensors"
    tensors = load_file(folder / file)
    tensors["llm2vae.scale"] = tensors.pop("llm2vae.bias")
    save_file(tensors, folder / file)
    with pytest.raises(BackendError, match=r"“llm2vae\.bias” is missing; the key “llm2vae\.scale” is unknown"):
        load_model(folder)


def test_a_tensor_of_another_shape_is_named(saved: Path) -> None:
    tensors = load_file(saved / "model.safetensors")
    tensors["vae2llm.bias"] = torch.zeros(7)
    save_file(tensors, saved / "model.safetensors")
    with pytest.raises(BackendError, match=r"“vae2llm\.bias” has the shape \(7,\) instead of \(32,\)"):
        load_model(saved)


def test_a_folder_without_a_model_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"llm_config\.json"):
        load_model(tmp_path)


def test_a_damaged_file_is_named(saved: Path) -> None:
    (saved / "model.safetensors").write_bytes(b"half a file")
    with pytest.raises(BackendError, match=r"model\.safetensors cannot be read"):
        load_model(saved)


def test_special_tokens_come_from_the_tokenizer_where_there_is_one(tmp_path: Path, bagel_tiny: Path) -> None:
    folder = Path(shutil.copytree(bagel_tiny, tmp_path / "bagel"))
    (folder / "fixture.json").unlink()
    names = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")
    added = {str(200 + number): {"content": name} for number, name in enumerate(names)}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": added}), encoding="utf-8")
    config = load_model(folder).config
    assert (config.bos_token_id, config.eos_token_id, config.start_of_image, config.end_of_image) == (
        200,
        201,
        202,
        203,
    )


def test_a_stored_type_is_kept_or_changed(bagel_tiny: Path) -> None:
    assert {p.dtype for p in load_model(bagel_tiny).parameters()} == {torch.float32}
    assert {p.dtype for p in load_model(bagel_tiny, dtype=torch.bfloat16).parameters()} == {torch.bfloat16}


def test_a_configuration_survives_json() -> None:
    config = mini_config(300, qk_norm=True)
    assert ModelConfig.from_json(config.to_json()) == config
    assert ModelConfig.from_json(config.to_json()).vision is Vision.CONV


@pytest.mark.parametrize(
    ("text", "named"),
    [('{"depth": 3}', "depth"), ('{"hidden_size": 8}', "num_hidden_layers"), ("[1", "unreadable")],
)
def test_an_unusable_configuration_is_named(text: str, named: str) -> None:
    with pytest.raises(BackendError, match=named):
        ModelConfig.from_json(text)


@pytest.mark.parametrize(
    "fault",
    [{"num_key_value_heads": 2}, {"head_dim": 63}, {"latent_grid": 8}, {"vision_patch": 8}, {"prediction": "velocity"}],
)
def test_an_inconsistent_configuration_is_refused(fault: dict[str, object]) -> None:
    with pytest.raises(BackendError, match="does not hold"):
        mini_config(300, **fault)


def test_an_unknown_choice_is_refused() -> None:
    values = asdict(replace(mini_config(300), attention=Attention.SDPA)) | {"attention": "flash"}
    with pytest.raises(BackendError, match="flash"):
        ModelConfig.from_json(json.dumps(values))
