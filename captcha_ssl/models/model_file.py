"""The model file: safetensors whose metadata carries all that is needed to use it.

No pickle is ever read. Charset, geometry and encoder name travel with the weights, so that a
model cannot be used with the wrong preprocessing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from captcha_ssl.atomic import atomic_write_bytes
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError

FILE_NAME = "model.safetensors"
_KEY = "captcha-ssl-model"
_VERSION = 1


@dataclass(frozen=True)
class ModelCard:
    """What a model file says of itself."""

    kind: Literal["encoder", "recogniser"]
    encoder: str
    geometry: Geometry
    charset: str | None = None
    about: dict[str, Any] = field(default_factory=dict)


def save_model(path: Path, tensors: dict[str, Tensor], card: ModelCard) -> None:
    """Write weights and card to `path` atomically. Raises OSError."""
    # One key only: safetensors writes several in a random order, and equal runs would differ.
    metadata = {_KEY: json.dumps({"version": _VERSION, **asdict(card)}, ensure_ascii=False)}
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    atomic_write_bytes(path, save(plain, metadata))


def find_model(path: Path) -> Path:
    """The model file that `path` (a run directory or the file itself) stands for.

    Raises UserError when there is none.
    """
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"{path}: no model here; give a run directory with {FILE_NAME} or the file")
    return file


def load_model(path: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """Read card and weights (on the CPU) from a run directory or a model file.

    Raises UserError for a missing, truncated or foreign file.
    """
    file = find_model(path)
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file}: not a readable safetensors file ({error})") from error
    return _card(file, metadata.get(_KEY)), tensors


def _card(file: Path, stored: str | None) -> ModelCard:
    if stored is None:
        raise UserError(f"{file}: not a captcha-ssl model; train one with pretrain or finetune")
    try:
        fields = json.loads(stored)
        if fields.pop("version") != _VERSION:
            raise UserError(f"{file}: made by another version of captcha-ssl; train it anew")
        return ModelCard(**{**fields, "geometry": Geometry(**fields["geometry"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{file}: its description is damaged ({error}); train it anew") from error
