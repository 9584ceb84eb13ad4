"""A teacher: another recognizer that reads the unlabeled images for the one that is trained.

A wide network learns more from few labels, and a narrow one can learn its readings of the pile
(SimCLRv2, Chen et al. 2020, arXiv 2006.10029, section 2).
"""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import find_model, load_model
from captcha_ssl.recognition.reading.recognizer import Recognizer


def geometry_of(teacher: Path) -> Geometry:
    """The geometry of a teacher's images. Raises UserError if the file is unreadable."""
    return load_model(teacher)[0].geometry


def charset_of(teacher: Path, images: Dataset) -> Charset:
    """The teacher's charset, which its student shares.

    Raises UserError for an encoder without a recognizer, and for a label of `images` that the
    teacher cannot spell.
    """
    known = Recognizer.load(teacher).charset
    for name, label in zip(images.names, images.labels or (), strict=True):
        unknown = set(label) - set(known.characters)
        if unknown:
            raise UserError(
                f"{find_model(teacher)}: as a teacher it must know all characters of the labels, "
                f"and does not know {min(unknown)!r} of {name}"
            )
    return known


def open_teacher(teacher: Path, geometry: Geometry) -> Recognizer:
    """The teacher for images of `geometry`, with frozen weights.

    Raises UserError if it is unreadable or made for another geometry.
    """
    reader = Recognizer.load(teacher)
    if reader.geometry != geometry:
        raise UserError(
            f"{reader.file}: reads images at {_in_words(reader.geometry)} and not at "
            f"{_in_words(geometry)}; "
            "leave --init-from out, or name one that was trained on the same pixels"
        )
    return reader.requires_grad_(False)


def _in_words(geometry: Geometry) -> str:
    return f"{geometry}, {geometry.preparation or 'as they are'}"
