"""PaddleOCR's recognition set: `images/00000.png` … and a rec_gt.txt (`path<TAB>text`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from captcha_ssl.data.writers.folder import FolderStore
from captcha_ssl.errors import UserError


class PaddleStore(FolderStore):
    """A folder that PaddleOCR's `SimpleDataSet` reads."""

    def _write_labels(self, folder: Path, names: Sequence[str], labels: Sequence[str]) -> None:
        with (folder / "rec_gt.txt").open("w", encoding="utf-8", newline="\n") as file:
            for name, text in zip(names, labels, strict=True):
                if "\t" in text:
                    raise UserError(f"label {text!r}: PaddleOCR's lists cannot hold a tab")
                file.write(f"images/{name}\t{text}\n")
