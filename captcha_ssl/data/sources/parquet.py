"""Parquet files with a column of images, like those of Hugging Face. Needs the extra `parquet`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ssl.data.image import ImageError, read_image
from captcha_ssl.data.label_text import form_note, is_respelled, read_label
from captcha_ssl.data.patterns import files_called
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.errors import UserError
from captcha_ssl.printable import one_line

PARQUET = ".parquet"
_IMAGES = ("image", "img", "picture", "jpg", "png")
_TEXTS = ("text", "label", "transcription", "ground_truth", "sentence")
_GROUPS_HELD = 4
"""Row groups that are kept in memory, because several threads read neighboring rows."""


@dataclass
class ParquetSource:
    """Rows `rows` of a parquet file, whose images are decoded when asked for."""

    file: Any
    column: str
    rows: list[int]
    names: list[str]
    labels: list[str] | None
    rejected: list[Rejected]
    notes: list[str] = field(default_factory=list)
    kind: str = "Parquet"

    def __post_init__(self) -> None:
        sizes = [self.file.metadata.row_group(i).num_rows for i in range(self.file.num_row_groups)]
        self._ends = np.cumsum(sizes)
        self._held: OrderedDict[int, list[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        row, name = self.rows[index], self.names[index]
        group = int(np.searchsorted(self._ends, row, side="right"))
        try:
            value = self._group(group)[row - (int(self._ends[group - 1]) if group else 0)]
        except Exception as error:  # pyarrow's own exceptions have several bases
            raise ImageError(name, f"damaged file ({one_line(error)})") from error
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise ImageError(name, "has no image, only a path or nothing")
        return read_image(data, name=name)

    def _group(self, number: int) -> list[Any]:
        with self._lock:
            if number not in self._held:
                table = self.file.read_row_group(number, columns=[self.column])
                self._held[number] = table.column(0).to_pylist()
                while len(self._held) > _GROUPS_HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(number)
            return self._held[number]


def find_parts(folder: Path) -> list[Path]:
    """The parquet files in `folder`, or in `data/` in it, sorted."""
    for place in (folder, folder / "data"):
        found = files_called(place, f"*{PARQUET}")
        if found:
            return found
    return []


def open_parquet(path: Path, want_labels: bool | None) -> ParquetSource:
    """Open one file. Rows without a usable text are rejected unless `want_labels` is False.

    The image column is called `image` or has bytes (itself, or in `bytes`); the text column is
    called `text` or `label`. Raises UserError if pyarrow is not installed, there is no image
    column, or required labels are no texts.
    """
    try:
        import pyarrow.parquet as package
    except ImportError as error:
        raise UserError(
            f"{path}: pyarrow is not installed; run pip install 'captcha-ssl[parquet]'"
        ) from error
    try:
        file = package.ParquetFile(path, memory_map=True)
        schema = file.schema_arrow
    except Exception as error:  # pyarrow's own exceptions have several bases
        raise UserError(f"{path}: not readable as Parquet ({one_line(error)})") from error
    column = _image_column(schema)
    if column is None:
        raise UserError(f"{path}: no column of images among {', '.join(schema.names)}")
    text = next((name for name in _TEXTS if name in schema.names and _is_text(schema, name)), None)
    other = next((name for name in _TEXTS if name in schema.names), None)
    if want_labels and text is None and other is not None:
        raise UserError(
            f"{path}: the column {other} holds {schema.field(other).type} and no texts; write the "
            "labels as text"
        )
    total = file.metadata.num_rows
    names = [f"{path.stem}-{row:06d}" for row in range(total)]
    texts = None if want_labels is False or text is None else _texts(path, file, text)
    if texts is None or not any(texts):
        return ParquetSource(file, column, list(range(total)), names, None, [])
    kept: list[tuple[int, str]] = []
    rejected: list[Rejected] = []
    respelled = 0
    for row, written in enumerate(texts):
        label, problem = read_label(written or "")
        if problem is None:
            kept.append((row, label))
            respelled += is_respelled(written or "")
        else:
            rejected.append(Rejected(names[row], problem, len(kept)))
    rows = [row for row, _ in kept]
    labels = [label for _, label in kept]
    chosen = [names[row] for row in rows]
    return ParquetSource(file, column, rows, chosen, labels, rejected, form_note(respelled))


def _texts(path: Path, file: Any, column: str) -> list[str | None]:
    try:
        texts: list[str | None] = file.read(columns=[column]).column(0).to_pylist()
    except Exception as error:  # pyarrow's own exceptions have several bases
        raise UserError(f"{path}: damaged file ({one_line(error)})") from error
    return texts


def _image_column(schema: Any) -> str | None:
    import pyarrow.types as kinds

    def holds_bytes(kind: Any) -> bool:
        if kinds.is_struct(kind):
            inner = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
            return "bytes" in inner and holds_bytes(inner["bytes"])
        return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind))

    found = [name for name in schema.names if holds_bytes(schema.field(name).type)]
    named = [name for name in _IMAGES if name in found]
    return (named or found or [None])[0]


def _is_text(schema: Any, name: str) -> bool:
    import pyarrow.types as kinds

    kind = schema.field(name).type
    # As pandas writes a column of categories.
    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))
