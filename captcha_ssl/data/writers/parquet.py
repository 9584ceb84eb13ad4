"""Parquet as Hugging Face writes it: columns `image` (bytes, path) and `text`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.writers.in_order import InOrder
from captcha_ssl.data.writers.png import encode_png
from captcha_ssl.errors import UserError

_PER_GROUP = 1_000


class ParquetStore:
    """`train-00000-of-00001.parquet` in `folder`, `about.json` beside it.

    Raises UserError when pyarrow is not installed.
    """

    shared = False
    any_size = True

    def __init__(self, folder: Path, count: int, geometry: Geometry) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise UserError(
                "pyarrow is not installed; run pip install 'captcha-ssl[parquet]'"
            ) from error
        self._package = pyarrow
        image = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
        # The column type for Hugging Face; other readers ignore it.
        features = {"image": {"_type": "Image"}, "text": {"dtype": "string", "_type": "Value"}}
        about = {"huggingface": json.dumps({"info": {"features": features}})}
        self._schema = pyarrow.schema([("image", image), ("text", pyarrow.string())], about)
        self._folder = folder
        path = folder / "train-00000-of-00001.parquet"
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema)
        self._rows: list[dict[str, Any]] = []
        self._in_order = InOrder()

    def put(self, first: int, images: np.ndarray, labels: Sequence[str | None]) -> None:
        for index, image, label in self._in_order(first, images, labels):
            held = {"bytes": encode_png(image), "path": f"{index:09d}.png"}
            self._rows.append({"image": held, "text": label})
        if len(self._rows) >= _PER_GROUP:
            self._write()

    def finish(self, labels: Sequence[str] | None, about: Mapping[str, Any]) -> None:
        if self._rows:
            self._write()
        self.close()
        text = json.dumps(dict(about), indent=2, ensure_ascii=False)
        (self._folder / "about.json").write_text(text + "\n", encoding="utf-8")

    def close(self) -> None:
        self._writer.close()

    def _write(self) -> None:
        table = self._package.Table.from_pylist(self._rows, schema=self._schema)
        self._writer.write_table(table)
        self._rows.clear()
