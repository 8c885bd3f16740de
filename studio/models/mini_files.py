"""The built-in model's folder: config.json, model.safetensors and vocabulary.json (tokens, nouns, how it was made)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import BackendError
from studio.models.checkpoint import load_model, save_model
from studio.models.scene_codec import SLOT_DIM, SceneCodec
from studio.models.unified import UnifiedModel
from studio.scene.tokens import SPECIAL, Tokenizer
from studio.scene.vocabulary import noun_named

VOCABULARY = "vocabulary.json"


@dataclass(frozen=True)
class Mini:
    """A model of vector scenes with its language and codec; `made` says how it was trained."""

    model: UnifiedModel
    tokenizer: Tokenizer
    codec: SceneCodec
    made: dict[str, Any]


def save_mini(mini: Mini, folder: Path) -> None:
    """Write all three files; each replaces its predecessor only when it is complete."""
    save_model(mini.model, folder)
    content = {"tokens": mini.tokenizer.words, "nouns": mini.codec.nouns, "made": mini.made}
    part = folder / f"{VOCABULARY}.part"
    part.write_text(json.dumps(content, indent=0, ensure_ascii=False), encoding="utf-8")
    os.replace(part, folder / VOCABULARY)


def load_mini(folder: Path) -> Mini:
    """Read what `save_mini` wrote. Raises BackendError naming what is missing or does not fit."""
    try:
        content = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        tokens, names, made = content["tokens"], content["nouns"], content["made"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        raise BackendError(
            f"{VOCABULARY} of “{folder.name}” cannot be read ({cause}). Fetch the model's folder again."
        ) from error
    model = load_model(folder)
    if model.config.vocab_size != len(tokens):
        raise BackendError(
            f"“{folder.name}” has {len(tokens)} tokens for {model.config.vocab_size} embeddings: its files do not "
            "belong together. Fetch the model's folder again."
        )
    strange = [name for name in names if noun_named(name) is None]
    if strange or model.config.latent_dim != SLOT_DIM or not set(SPECIAL) <= set(tokens):
        raise BackendError(
            f"“{folder.name}” was made for another scene world{f' ({strange[0]})' if strange else ''}. "
            "Take the model that comes with this version of the studio."
        )
    return Mini(model, Tokenizer(tokens), SceneCodec(names), made)
