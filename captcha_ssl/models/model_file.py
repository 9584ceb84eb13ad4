"""The model file: safetensors whose metadata carries all that is needed to use it.

No pickle is ever read. Charset, geometry and encoder name travel with the weights, so that a
model cannot be used with the wrong preprocessing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from captcha_ssl.atomic import atomic_write_bytes
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_card import KEY, Calibration, ModelCard, parse_card
from captcha_ssl.models.shipped import FOLDER, is_shipped

FILE_NAME = "model.safetensors"


def save_model(path: Path, tensors: dict[str, Tensor], card: ModelCard) -> None:
    """Write weights and card to `path` atomically. Raises OSError."""
    # One key only: safetensors writes several in a random order, and equal runs would differ.
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    atomic_write_bytes(path, save(plain, {KEY: card.to_json()}))


def find_model(path: Path) -> Path:
    """The model file that `path` (a run directory, the file itself, or `shipped`) stands for.

    Raises UserError when there is none.
    """
    if is_shipped(path):
        path = FOLDER
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
    return parse_card(file, metadata.get(KEY)), tensors


def store_calibration(path: Path, calibration: Calibration) -> None:
    """Change the calibration on the card of a model. Raises UserError or OSError."""
    card, tensors = load_model(path)
    save_model(find_model(path), tensors, replace(card, calibration=calibration))
