"""Tells which convention a dataset follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from captcha_ssl.data.image import SUFFIXES, looks_like_image
from captcha_ssl.data.image_files import find_images
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.lmdb import is_lmdb, open_lmdb
from captcha_ssl.data.sources.names import carry_labels, source_from_names
from captcha_ssl.data.sources.packed import is_packed, open_packed
from captcha_ssl.data.sources.source import Source
from captcha_ssl.data.sources.table import SUFFIXES_OF_TABLES, TABLES, find_table, open_table
from captcha_ssl.errors import UserError


@dataclass(frozen=True)
class Format:
    """A convention: what a user is told to look for, how it is recognized, and how it is opened.

    `open` takes the path and what is wanted of labels: True, False, or None as `open_source` does.
    """

    looks_like: str
    recognizes: Callable[[Path], bool]
    open: Callable[[Path, bool | None], Source]


def _open_table_of(folder: Path, want_labels: bool | None) -> Source:
    table = find_table(folder)
    # A pile is all of its images, also those that nobody has labeled yet.
    if table is not None and want_labels is not False:
        return open_table(table, want_labels=want_labels)
    return _open_pile(folder, want_labels)


FORMATS: Sequence[Format] = (
    Format("dataset.json (packed)", is_packed, lambda p, want: open_packed(p, want_labels=want)),
    Format("data.mdb (LMDB)", is_lmdb, lambda p, want: open_lmdb(p, want_labels=want)),
    Format(", ".join(TABLES), lambda path: find_table(path) is not None, _open_table_of),
)
"""The conventions of a folder, in the order in which they are tried; else it is a pile."""


def open_source(path: Path, *, want_labels: bool | None = None) -> Source:
    """Open the dataset at `path`, a folder or a table.

    `want_labels` True requires labels, and takes file names for them where nothing else is
    there; False reads every image as unlabeled; None takes labels where they are evident.
    Raises UserError when there is no dataset, or no labels where they are required.
    """
    source = _open(path, want_labels)
    if want_labels and source.labels is None:
        raise UserError(
            f"{path}: no labels; add a labels.csv with the header filename,label, "
            "or name the images label_anything.png"
        )
    return source


def _open(path: Path, want_labels: bool | None) -> Source:
    if not path.is_dir():
        return _open_file(path, want_labels)
    known = next((form for form in FORMATS if form.recognizes(path)), None)
    return _open_pile(path, want_labels) if known is None else known.open(path, want_labels)


def _open_file(path: Path, want_labels: bool | None) -> Source:
    if path.suffix.lower() in SUFFIXES_OF_TABLES and path.exists():
        return open_table(path, want_labels=want_labels)
    if path.is_file():
        image = path.suffix.lower() in SUFFIXES or looks_like_image(path)
        what = "a single image" if image else "not a dataset"
    elif path.exists():
        what = "a pipe, socket or device"
    else:
        raise UserError(f"{path}: no such file or folder")
    raise UserError(f"{path}: {what}; give a folder of images or a CSV or TSV table")


def _open_pile(folder: Path, want_labels: bool | None) -> Source:
    found = find_images(folder)
    if not found.names:
        if found.unreadable:
            first = found.unreadable[0]
            raise UserError(f"{folder}: no images that can be read; {first.row}: {first.reason}")
        looked_for = ", ".join(form.looks_like for form in FORMATS)
        raise UserError(
            f"{folder}: no dataset here; looked for {looked_for}, "
            f"and images ({' '.join(sorted(SUFFIXES))})"
        )
    if want_labels or (want_labels is None and carry_labels(found.names)):
        source = source_from_names(folder, found.names)
    else:
        source = FileSource("folder of images", folder, found.names)
    source.rejected += found.unreadable
    table = find_table(folder)
    own = "" if table is None else table.name
    source.aside = [entry for entry in found.aside if entry.row != own]
    return source
