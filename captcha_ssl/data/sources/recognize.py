"""Detects the format of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from captcha_ssl.data.image_files import find_images
from captcha_ssl.data.image_kinds import SUFFIXES, looks_like_image
from captcha_ssl.data.name_list import list_named_by
from captcha_ssl.data.sources import stores
from captcha_ssl.data.sources.file_list import open_file_list
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.format import Format, Opener
from captcha_ssl.data.sources.joined import JoinedSource, Paths, titles
from captcha_ssl.data.sources.names import (
    carry_labels,
    name_note,
    source_from_names,
)
from captcha_ssl.data.sources.paddle import PADDLE_LISTS, find_lists, open_list
from captcha_ssl.data.sources.records import (
    DOCTR,
    METADATA,
    is_doctr,
    is_metadata,
    open_doctr,
    open_json,
    open_jsonl,
    open_metadata,
)
from captcha_ssl.data.sources.source import Source
from captcha_ssl.data.sources.table import (
    METADATA_CSV,
    SUFFIXES_OF_TABLES,
    TABLES,
    find_table,
    is_metadata_csv,
    open_metadata_csv,
    open_table,
)
from captcha_ssl.data.sources.trdg import is_trdg, open_trdg
from captcha_ssl.data.sources.zipped import ZIP, open_zip
from captcha_ssl.errors import UserError


def _has(find: Callable[[Path], Sequence[Path]]) -> Callable[[Path], bool]:
    return lambda folder: bool(find(folder))


def _open_table_of(folder: Path, want_labels: bool | None) -> Source:
    table = find_table(folder)
    # Unlabeled reading takes all images, also those that the table does not name.
    if table is not None and want_labels is not False:
        return open_table(table, want_labels=want_labels)
    return _open_pile(folder, want_labels)


def _with_labels(open_labeled: Opener) -> Opener:
    """Opens a folder with labels beside its images; without labels it is all its images."""
    return lambda folder, want: (
        _open_pile(folder, want) if want is False else open_labeled(folder, want)
    )


FORMATS: Sequence[Format] = (
    *stores.FOLDERS,
    Format("labels.txt of TextRecognitionDataGenerator", is_trdg, _with_labels(open_trdg)),
    Format(", ".join(TABLES), lambda path: find_table(path) is not None, _open_table_of),
    Format("metadata.jsonl (Hugging Face)", is_metadata, _with_labels(open_metadata)),
    Format("metadata.csv (Hugging Face)", is_metadata_csv, _with_labels(open_metadata_csv)),
    Format("labels.json (docTR)", is_doctr, _with_labels(open_doctr)),
    Format("rec_gt*.txt (PaddleOCR)", _has(find_lists), _with_labels(open_list)),
    stores.SHARDS,
)
"""The formats of a folder, in the order in which they are tried; else it is a folder of images."""

FILE_FORMATS: Mapping[str, Opener] = {
    **dict.fromkeys(SUFFIXES_OF_TABLES, lambda path, want: open_table(path, want_labels=want)),
    ".jsonl": open_jsonl,
    ".json": open_json,
    **stores.ARCHIVES,
    ZIP: lambda path, want: open_zip(path, want, lambda folder, w: _open(folder, w), is_table),
}
"""How a file is opened, by its extension."""


def is_table(name: str) -> bool:
    """Whether a file of this name, in the folder of the images, says what they show."""
    return name in (*TABLES, METADATA, METADATA_CSV, DOCTR) or any(
        fnmatch(name, pattern) and "/" not in name for pattern in PADDLE_LISTS
    )


def open_source(path: Paths, *, want_labels: bool | None = None) -> Source:
    """Open the dataset at `path`, a folder or a file, or several as one.

    `@FILE` stands for the images that a list names, `-` for those listed on standard input.

    `want_labels` True requires labels, and uses file names if there is nothing else; False reads
    every image as unlabeled; None uses labels where they are evident. Raises UserError if there is
    no dataset, or if required labels are missing.
    """
    if not isinstance(path, Path):
        paths = list(path)
        if len(paths) == 1:
            return open_source(paths[0], want_labels=want_labels)
        parts = [open_source(part, want_labels=want_labels) for part in paths]
        return JoinedSource(f"{len(parts):,} datasets", parts, titles(paths))
    try:
        source = _open(path, want_labels)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if want_labels and source.labels is None:
        raise UserError(
            f"{path}: no labels; add a labels.csv with the header filename,label, "
            "or name the images label_anything.png"
        )
    return source


def _open(path: Path, want_labels: bool | None) -> Source:
    names = list_named_by(path)
    if names is not None:
        return open_file_list(names, want_labels)
    if not path.is_dir():
        return _open_file(path, want_labels)
    known = next((form for form in FORMATS if form.recognizes(path)), None)
    return _open_pile(path, want_labels) if known is None else known.open(path, want_labels)


def _open_file(path: Path, want_labels: bool | None) -> Source:
    open_file = FILE_FORMATS.get(path.suffix.lower())
    if open_file is not None and path.exists():
        return open_file(path, want_labels)
    if path.is_file():
        image = path.suffix.lower() in SUFFIXES or looks_like_image(path)
        what = "a single image" if image else "not a dataset"
    elif path.exists():
        what = "a pipe, socket or device"
    else:
        raise UserError(f"{path}: no such file or folder")
    raise UserError(f"{path}: {what}; give a folder of images, a table, or an archive")


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
        if want_labels is None:
            source.remarks += name_note(found.names)
    source.rejected += found.unreadable
    table = find_table(folder)
    own = "" if table is None else table.name
    source.aside = [entry for entry in found.aside if entry.row != own]
    return source
