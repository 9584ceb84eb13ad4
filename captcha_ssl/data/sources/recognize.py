"""Tells which convention a dataset follows."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.data.image import SUFFIXES
from captcha_ssl.data.image_files import image_files
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.lmdb import is_lmdb, open_lmdb
from captcha_ssl.data.sources.names import carry_labels, source_from_names
from captcha_ssl.data.sources.packed import is_packed, open_packed
from captcha_ssl.data.sources.source import Source
from captcha_ssl.data.sources.table import SUFFIXES_OF_TABLES, TABLES, find_table, open_table
from captcha_ssl.errors import UserError


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
    if path.is_file():
        return _open_file(path, want_labels)
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder")
    if is_packed(path):
        return open_packed(path, want_labels=want_labels)
    if is_lmdb(path):
        return open_lmdb(path, want_labels=want_labels)
    table = find_table(path)
    # A pile is all of its images, also those that nobody has labeled yet.
    if table is not None and want_labels is not False:
        return open_table(table, want_labels=want_labels)
    return _open_pile(path, want_labels)


def _open_file(path: Path, want_labels: bool | None) -> Source:
    if path.suffix.lower() in SUFFIXES_OF_TABLES:
        return open_table(path, want_labels=want_labels)
    what = "a single image" if path.suffix.lower() in SUFFIXES else "not a dataset"
    raise UserError(f"{path}: {what}; give a folder of images or a CSV or TSV table")


def _open_pile(folder: Path, want_labels: bool | None) -> Source:
    names = image_files(folder)
    if not names:
        raise UserError(
            f"{folder}: no dataset here; looked for dataset.json (packed), data.mdb (LMDB), "
            f"{', '.join(TABLES)}, and images ({' '.join(sorted(SUFFIXES))})"
        )
    if want_labels or (want_labels is None and carry_labels(names)):
        return source_from_names(folder, names)
    return FileSource("folder of images", folder, names)
