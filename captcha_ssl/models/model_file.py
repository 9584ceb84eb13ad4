"""The model file: safetensors with metadata that contain everything needed to use it.

No pickle is ever read. Charset, geometry and encoder name are stored with the weights, so that a
model cannot be used with the wrong preprocessing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from captcha_ssl.atomic import atomic_write_bytes
from captcha_ssl.errors import DivergedError, UserError
from captcha_ssl.models.encoder import VERTICAL_STRIDE, WIDTHS
from captcha_ssl.models.model_card import KEY, Calibration, ModelCard, parse_card
from captcha_ssl.models.shipped import HEIGHTS, SHIPPED, at_height
from captcha_ssl.printable import quoted
from captcha_ssl.utf8_path import utf8_path

FILE_NAME = "model.safetensors"
MOST_BYTES, MOST_TENSORS = 1 << 30, 10_000
"""Limits of a model file in bytes and tensors: the largest encoder has 18 MB in 66 tensors."""
_MOST_HEADER = 1 << 24
"""The longest header in bytes; a longer one takes seconds and gigabytes to read."""
_TYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64}


def save_model(path: Path, tensors: dict[str, Tensor], card: ModelCard) -> None:
    """Write weights and card to `path` atomically.

    Raises OSError, and DivergedError for a weight that is not finite.
    """
    lost = not_finite(tensors)
    if lost:
        raise DivergedError(f"{path}: not written, because {lost} is not finite; lower lr")
    # Only one key: safetensors writes several keys in random order, and equal runs would differ.
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    atomic_write_bytes(path, save(plain, {KEY: card.to_json()}))


def find_model(path: Path) -> Path:
    """The model file for `path`: a run directory, the file itself, or `shipped`.

    `shipped` is its version that reads best. Raises UserError when there is none.
    """
    path = at_height(path, HEIGHTS[-1])
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise UserError(
            f"{path}: no model here; give a run directory with {FILE_NAME}, the file, or {SHIPPED}"
        )
    return file


def load_model(path: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """Read card and weights (on the CPU) from a run directory or a model file.

    Raises UserError for a missing, truncated or foreign file, and for a weight that is not finite.
    """
    file = find_model(path)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UserError(f"{file}: too large for a model (over {MOST_BYTES:,} bytes)")
        with file.open("rb") as raw:
            header = int.from_bytes(raw.read(8), "little")
        # In another kind of file these bytes are arbitrary; safetensors reports that.
        if _MOST_HEADER < header <= file.stat().st_size:
            raise UserError(
                f"{file}: a list of tensors of {header:,} bytes is too long for a model"
            )
        with utf8_path(file) as plain, safe_open(plain, framework="pt") as opened:
            names = list(opened.keys())
            if len(names) > MOST_TENSORS:
                raise UserError(f"{file}: {len(names):,} tensors are too many for a model")
            card = parse_card(file, (opened.metadata() or {}).get(KEY))
            tensors = {name: opened.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file}: not a readable safetensors file ({error})") from error
    if card.encoder not in WIDTHS:
        raise UserError(
            f"{file}: its encoder {quoted(card.encoder)} is not known here, only "
            f"{', '.join(WIDTHS)}; train it again"
        )
    if card.geometry.height % VERTICAL_STRIDE:
        raise UserError(
            f"{file}: its height {card.geometry.height} is not a multiple of {VERTICAL_STRIDE}; "
            "train it again"
        )
    _check(file, tensors)
    return card, tensors


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of a tensor with a value that is not finite, or None."""
    floats = ((name, tensor) for name, tensor in tensors.items() if tensor.is_floating_point())
    return next((name for name, tensor in floats if not tensor.isfinite().all()), None)


def _check(file: Path, tensors: Mapping[str, Tensor]) -> None:
    strange = next((name for name, t in tensors.items() if t.dtype not in _TYPES), None)
    if strange:
        raise UserError(f"{file}: its weights are damaged ({strange} is {tensors[strange].dtype})")
    lost = not_finite(tensors)
    if lost:
        raise UserError(f"{file}: its weights are damaged ({lost} is not finite); train it again")


def store_calibration(path: Path, calibration: Calibration) -> None:
    """Change the calibration on the card of a model. Raises UserError or OSError."""
    card, tensors = load_model(path)
    save_model(find_model(path), tensors, replace(card, calibration=calibration))
