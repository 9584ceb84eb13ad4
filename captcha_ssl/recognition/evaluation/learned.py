"""Tells whether a recognizer has learned the images on which it is to be scored."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.data.dataset import Dataset
from captcha_ssl.training.state_data import STATE_FILE, data_of_state

_SAME = ("images", "pixels")


def has_learned(model: Path, images: Dataset) -> bool:
    """Whether `model` is a run that was trained on this dataset, or on a part of it."""
    if not model.is_dir():
        return False
    trained = data_of_state(model / STATE_FILE)
    if not trained:
        return False
    given = images.fingerprint()
    return all(trained.get(fact) == given[fact] for fact in _SAME)
