"""The images that a command line names: files, folders, globs, and `-` for standard input."""

# Unlike Path, os.path answers no (and does not raise) for what may not be looked at.
# ruff: noqa: PTH112, PTH118
from __future__ import annotations

import glob
import os.path
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captcha_ssl.data.image import ImageError, read_image
from captcha_ssl.data.image_files import find_images
from captcha_ssl.data.patterns import matching

STDIN = "-"


@dataclass(frozen=True)
class Input:
    """One image to read, under the name it is reported by; or why there is none."""

    name: str
    problem: str | None = None

    def pixels(self) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        if self.problem is not None:
            raise ImageError(self.name, self.problem)
        if self.name == STDIN:
            return read_image(sys.stdin.buffer, name=STDIN)
        return read_image(Path(self.name))


def iter_inputs(arguments: Iterable[str]) -> Iterator[Input]:
    """Expand arguments in their order.

    A folder stands for the images in it and below, sorted by name; a pattern (`*`, `?`, `[…]`,
    `**`) that is no file itself for what it matches, sorted. An argument that stands for nothing
    gives one input with a problem.
    """
    for argument in arguments:
        if not glob.has_magic(argument) or os.path.lexists(argument):
            yield from _expand(argument)
            continue
        matches = matching(argument)
        if not matches:
            yield Input(argument, "no file matches this pattern")
        for match in matches:
            yield from _expand(match)


def _expand(path: str) -> Iterator[Input]:
    if path == STDIN or not os.path.isdir(path):
        yield Input(path)
        return
    found = find_images(Path(path))
    if not found.names and not found.unreadable:
        yield Input(path, "no images in this folder")
    for name in found.names:
        yield Input(os.path.join(path, name))
    for entry in found.unreadable:
        yield Input(os.path.join(path, entry.row), entry.reason)
