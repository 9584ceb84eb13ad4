"""Labels in JSON: Hugging Face's metadata.jsonl, docTR's labels.json, Label Studio's JSON-MIN."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from captcha_ssl.data.label_text import is_respelled, read_label, text_in_json
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.rows import TableRow
from captcha_ssl.data.sources.table import Files, source_of_rows
from captcha_ssl.documents import loaded_json
from captcha_ssl.errors import UserError
from captcha_ssl.text_file import iter_lines, read_text_file

METADATA, DOCTR = "metadata.jsonl", "labels.json"
_PATHS = ("path", "file_name", "filename", "image_path", "image", "ocr", "captioning", "name")
_TEXTS = ("transcription", "text", "label")
_ABOUT_A_TASK = frozenset(
    ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement")
)
_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
_MOST_BYTES = 1 << 28


def is_metadata(folder: Path) -> bool:
    """Whether `folder` has a metadata.jsonl whose first row names a file and its text."""
    file = folder / METADATA
    if not file.is_file():
        return False
    first = next(_jsonl(file), None)
    return first is not None and first[1] is not None and _text_key(first[1]) is not None


def open_metadata(folder: Path, want_labels: bool | None) -> FileSource:
    """A folder of images with a metadata.jsonl (`file_name`, `text`), as Hugging Face reads it."""
    return open_jsonl(folder / METADATA, want_labels)


def open_jsonl(file: Path, want_labels: bool | None) -> FileSource:
    """The images in a file of JSON objects, one per line. Raises UserError."""
    return _source("JSON lines", file, _jsonl(file), want_labels)


def is_doctr(folder: Path) -> bool:
    """Whether `folder` has a labels.json, as docTR reads it."""
    return (folder / DOCTR).is_file()


def open_doctr(folder: Path, want_labels: bool | None) -> FileSource:
    """A folder with a labels.json (`{name: text}`) and the images in `images/` or beside it."""
    return open_json(folder / DOCTR, want_labels)


def open_json(file: Path, want_labels: bool | None) -> FileSource:
    """The images in a JSON file: docTR's `{name: text}`, or a list of objects.

    The list is Label Studio's export JSON-MIN, or any list of objects with a path and a text.
    Raises UserError for anything else.
    """
    try:
        held = loaded_json(read_text_file(file, most=_MOST_BYTES))
    except ValueError as error:
        raise UserError(f"{file}: not readable as JSON ({error})") from error
    if isinstance(held, dict):
        if any(isinstance(value, (dict, list)) for value in held.values()):
            raise UserError(
                f"{file}: not the labels of a recognizer; expected {{name: text}} for each image"
            )
        pairs: Iterable[Mapping[str, Any]] = (
            {"path": name, "text": text} for name, text in held.items()
        )
        return _source("docTR labels.json", file, enumerate(pairs, 1), want_labels)
    if not isinstance(held, list) or not all(isinstance(task, dict) for task in held):
        raise UserError(f"{file}: expected {{name: text}}, or a list of objects")
    if any("annotations" in task for task in held):
        raise UserError(f"{file}: Label Studio's full export; export it as JSON-MIN")
    return _source("Label Studio JSON-MIN", file, enumerate(held, 1), want_labels)


def _source(
    kind: str,
    file: Path,
    numbered: Iterable[tuple[int, Mapping[str, Any] | None]],
    want_labels: bool | None,
) -> FileSource:
    files = Files(file.parent)
    rows = [_row(file, number, held, files) for number, held in numbered]
    if not rows:
        raise UserError(f"{file}: empty; expected a path and a text for each image")
    return source_of_rows(kind, file, rows, files, want_labels=want_labels)


def _row(file: Path, number: int, held: Mapping[str, Any] | None, files: Files) -> TableRow:
    if held is None:
        return TableRow(number, "", "", "not a JSON object")
    path = next((held[key] for key in _PATHS if isinstance(held.get(key), str)), None)
    if path is None:
        raise UserError(
            f"{file}: row {number}: names no image; expected one of {', '.join(_PATHS)}"
        )
    key, path = _text_key(held), _near(path, files)
    if key is None:
        return TableRow(number, path, "", None, f"it has none of {', '.join(_TEXTS)}")
    written, problem = text_in_json(held[key])
    if problem is not None:
        return TableRow(number, path, "", None, problem)
    label, problem = read_label(written)
    return TableRow(number, path, label, None, problem, is_respelled(written))


def _text_key(held: Mapping[str, Any]) -> str | None:
    """The field with the text: by its name, or because it is the only one left."""
    named = next((key for key in _TEXTS if key in held), None)
    if named is not None:
        return named
    images = {key for key in _PATHS if key in held}
    left = [key for key in held if key not in images | _ABOUT_A_TASK]
    return left[0] if len(left) == 1 else None


def _near(path: str, files: Files) -> str:
    """The path relative to the folder of the file: a server may put something before it.

    Label Studio names `/data/local-files/?d=FOLDER/NAME` and `/data/upload/3/1a2b3c4d-NAME`.
    """
    plain = unquote(path.partition("?d=")[2]) if "?d=" in path else path
    for written in (path, plain):
        if files.locate(written)[0] is not None:
            return written
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    for start in range(len(parts)):
        rest = parts[start:]
        for last in (rest[-1], _UPLOAD.sub("", unquote(rest[-1]), count=1)):
            name = "/".join([*rest[:-1], last])
            if files.locate(name)[0] is not None:
                return name
    return plain


def _jsonl(file: Path) -> Iterator[tuple[int, Mapping[str, Any] | None]]:
    for number, line in enumerate(iter_lines(file), 1):
        if line.strip():
            try:
                held = loaded_json(line)
            except ValueError:
                held = None
            yield number, held if isinstance(held, dict) else None
