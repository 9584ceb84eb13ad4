"""Images in files: the source for folders, tables and labels in file names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from captcha_ssl.data.image import read_image
from captcha_ssl.data.image_files import aside_note
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.source import Source


@dataclass
class FileSource:
    """The files `root / names[i]`; `aside` lists skipped files.

    `stored` has the names that lead into an archive or a database: the source and the place there.
    """

    kind: str
    root: Path
    names: list[str]
    labels: list[str] | None = None
    rejected: list[Rejected] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    aside: list[Rejected] = field(default_factory=list)
    stored: dict[str, tuple[Source, int]] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """Notes for the user: the remarks and the skipped files."""
        return self.remarks + aside_note(self.aside)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        name = self.names[index]
        if name in self.stored:
            source, place = self.stored[name]
            return source.read(place)
        return read_image(self.root / name, name=name)
