"""What a user says of reading: the model, and what is known about the texts. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from captcha_ssl.models.shipped import is_shipped
from captcha_ssl.recognition.reading.narrowed import narrowed
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.text_reader import TextReader

if TYPE_CHECKING:
    import numpy as np

    from captcha_ssl.recognition.reading.inputs import Input


@dataclass(frozen=True)
class ReaderSpec:
    """How a model reads; opened the same way in this process and in a worker."""

    model: Path | None = None
    charset: str | None = None
    device: str = "auto"
    adapt: bool = True
    length: str | None = None

    def open(self, inputs: Sequence[Input]) -> tuple[TextReader, tuple[str, ...]]:
        """The reader, fitted to `inputs` where that was asked for, and notes on that.

        Raises UserError for a model, a charset or a length that does not work.
        """
        # A model of the user knows the look and the characters of its images. A single image shows
        # nothing about others, and its text comes sooner without the imports for measuring.
        own = self.model is not None and not is_shipped(self.model)
        if not self.adapt or own or len(inputs) < 2:
            return self.plain(), ()
        from captcha_ssl.recognition.reading.fit_reader import sample_images

        return self.fitted(sample_images(len(inputs), lambda index: _pixels(inputs[index])))

    def fitted(self, images: Sequence[np.ndarray]) -> tuple[TextReader, tuple[str, ...]]:
        """The reader, fitted to a sample of RGB uint8 images [H, W, 3], and notes on that.

        Raises UserError for a charset or a length that does not work.
        """
        from captcha_ssl.recognition.reading.fit_reader import fit_reader

        unknown = {"characters": self.charset is None, "length": self.length is None}
        fitted = fit_reader(self.plain(), images, **unknown)
        return fitted.reader, fitted.notes

    def plain(self) -> TextReader:
        """The reader as it is. Raises UserError like `open`."""
        opened = open_reader(self.model, self.device)
        return narrowed(opened, length=self.length, charset=self.charset)


def _pixels(item: Input) -> np.ndarray:
    from captcha_ssl.data.image import ImageError
    from captcha_ssl.recognition.reading.inputs import STDIN

    if item.name == STDIN:
        raise ImageError(STDIN, "it can be read only once")
    return item.pixels()
