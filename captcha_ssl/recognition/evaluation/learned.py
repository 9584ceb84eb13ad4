"""Tells whether a recognizer has learned the images on which it is to be scored."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.data.dataset import Dataset
from captcha_ssl.training.state_data import STATE_FILE, data_of_state


def has_learned(model: Path, images: Dataset) -> bool:
    """Whether `model` is a run that was trained on this dataset, or on a part of it."""
    if not model.is_dir():
        return False
    trained = data_of_state(model / STATE_FILE)
    # The digest of all pixels takes a while: first their number.
    if trained.get("images") != str(len(images)):
        return False
    return trained.get("pixels") == images.fingerprint()["pixels"]
