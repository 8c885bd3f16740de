"""Reading and writing models: a BAGEL folder, or a folder of our own (config.json and model.safetensors)."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from studio.errors import BackendError
from studio.models.config import ModelConfig
from studio.models.unified import UnifiedModel

CONFIG, WEIGHTS = "config.json", "model.safetensors"
BAGEL_WEIGHTS = "ema.safetensors"
SPECIAL_TOKENS = {
    "bos_token_id": "<|im_start|>",
    "eos_token_id": "<|im_end|>",
    "start_of_image": "<|vision_start|>",
    "end_of_image": "<|vision_end|>",
}


def load_model(folder: Path, *, dtype: torch.dtype | None = None, device: str = "cpu") -> UnifiedModel:
    """The model in a folder of either layout, in evaluation mode; `dtype` None keeps the stored one.

    Strict: raises BackendError naming every missing file, unknown or missing key, and tensor of another shape.
    """
    folder = Path(folder)
    if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file():
        config = ModelConfig.from_json((folder / CONFIG).read_text(encoding="utf-8"))
        return _load(config, read_tensors(folder / WEIGHTS, device), dtype)
    if (folder / "llm_config.json").is_file():
        tensors = read_tensors(folder / BAGEL_WEIGHTS, device)
        return _load(bagel_config(folder, tensors), tensors, dtype)
    raise BackendError(
        f"“{folder.name}” holds no model: neither {CONFIG} with {WEIGHTS} nor llm_config.json with {BAGEL_WEIGHTS}. "
        "Choose another folder, or fetch the checkpoint again."
    )


def save_model(model: UnifiedModel, folder: Path) -> None:
    """Write config.json and model.safetensors; a file is replaced only when its successor is complete."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    weights, config = folder / f"{WEIGHTS}.part", folder / f"{CONFIG}.part"
    save_file(tensors, weights)
    config.write_text(model.config.to_json(), encoding="utf-8")
    os.replace(weights, folder / WEIGHTS)
    os.replace(config, folder / CONFIG)


def bagel_config(folder: Path, tensors: dict[str, Tensor]) -> ModelConfig:
    """The configuration of a BAGEL folder, from its JSON files and the shapes of its tables.

    BAGEL normalises queries and keys and unties its embeddings whatever llm_config.json says, and leaves out the
    vision encoder's last layer.
    """
    llm, vit = read_json(folder / "llm_config.json"), read_json(folder / "vit_config.json")
    for name, values, wanted in (
        ("llm_config.json", llm, "silu"),
        ("vit_config.json", vit, "gelu_pytorch_tanh"),
    ):
        if values.get("hidden_act", wanted) != wanted:
            raise BackendError(f"{name} asks for hidden_act “{values['hidden_act']}”; only “{wanted}” is supported.")
    special = special_tokens(folder)
    try:
        heads, width, patch = llm["num_attention_heads"], llm["hidden_size"], vit.get("patch_size", 14)
        return ModelConfig(
            hidden_size=width,
            num_hidden_layers=llm["num_hidden_layers"],
            num_attention_heads=heads,
            num_key_value_heads=llm.get("num_key_value_heads", heads),
            head_dim=llm.get("head_dim") or width // heads,
            intermediate_size=llm["intermediate_size"],
            vocab_size=llm["vocab_size"],
            rope_theta=llm.get("rope_theta", 1_000_000.0),
            rms_norm_eps=llm.get("rms_norm_eps", 1e-6),
            attention_bias=llm.get("attention_bias", True),
            latent_dim=_shape(tensors, "vae2llm.weight")[1],
            latent_grid=_side(tensors, "latent_pos_embed.pos_embed"),
            vision_grid=_side(tensors, "vit_pos_embed.pos_embed"),
            vision_patch=patch,
            vision_width=vit["hidden_size"],
            vit_intermediate_size=vit["intermediate_size"],
            vit_layers=vit["num_hidden_layers"] - 1,
            vit_heads=vit["num_attention_heads"],
            vit_norm_eps=vit.get("layer_norm_eps", 1e-6),
            vit_grid=vit["image_size"] // patch,
            bos_token_id=special["bos_token_id"],
            eos_token_id=special["eos_token_id"],
            start_of_image=special["start_of_image"],
            end_of_image=special["end_of_image"],
        )
    except KeyError as error:
        raise BackendError(f"llm_config.json or vit_config.json has no {error}. Fetch the checkpoint again.") from error


def special_tokens(folder: Path) -> dict[str, int]:
    """Ids of the tokens that open and close texts and pictures: of fixture.json, else of the tokenizer's files."""
    if (folder / "fixture.json").is_file():
        found = read_json(folder / "fixture.json").get("special_token_ids", {})
        ids = {name: found.get(name) for name in SPECIAL_TOKENS}
    else:
        added = read_json(folder / "tokenizer_config.json").get("added_tokens_decoder", {})
        by_text = {entry["content"]: int(number) for number, entry in added.items()}
        ids = {name: by_text.get(text) for name, text in SPECIAL_TOKENS.items()}
    lacking = [name for name, number in ids.items() if number is None]
    if lacking:
        raise BackendError(f"The tokenizer's files do not say the id of {lacking[0]}. Fetch the checkpoint again.")
    return {name: int(number) for name, number in ids.items() if number is not None}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises BackendError when the file is missing or is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(f"{path.name} cannot be read: {error}. Fetch the checkpoint again.") from error
    if not isinstance(values, dict):
        raise BackendError(f"{path.name} holds no JSON object. Fetch the checkpoint again.")
    return values


def read_tensors(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises BackendError when it is missing or damaged."""
    try:
        with safe_open(path, "pt", device=device) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise BackendError(f"{path.name} cannot be read: {error}. Fetch the checkpoint again.") from error


def _load(config: ModelConfig, tensors: dict[str, Tensor], dtype: torch.dtype | None) -> UnifiedModel:
    with torch.device("meta"):  # nothing is initialised only to be overwritten
        model = UnifiedModel(config)
    _check(model, tensors)
    for name, tensor in tensors.items():
        tensors[name] = tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def _check(model: UnifiedModel, tensors: dict[str, Tensor]) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    faults = [f"the key “{name}” is missing" for name in sorted(wanted.keys() - tensors.keys())]
    faults += [f"the key “{name}” is unknown" for name in sorted(tensors.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & tensors.keys()):
        if wanted[name] != tuple(tensors[name].shape):
            faults.append(f"“{name}” has the shape {tuple(tensors[name].shape)} instead of {wanted[name]}")
    if faults:
        more = f", and {len(faults) - 5} more faults" if len(faults) > 5 else ""
        listed = "; ".join(faults[:5])
        raise BackendError(f"The checkpoint does not fit its configuration: {listed}{more}. Fetch it again.")


def _shape(tensors: dict[str, Tensor], name: str) -> tuple[int, ...]:
    if name not in tensors:
        raise BackendError(f"The checkpoint does not fit its files: the key “{name}” is missing. Fetch it again.")
    return tuple(tensors[name].shape)


def _side(tensors: dict[str, Tensor], name: str) -> int:
    cells = _shape(tensors, name)[0]
    side = math.isqrt(cells)
    if side * side != cells:
        raise BackendError(f"“{name}” has {cells} positions, which is no square grid. Fetch the checkpoint again.")
    return side
