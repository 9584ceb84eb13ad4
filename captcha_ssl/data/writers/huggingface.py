"""Hugging Face's imagefolder: `images/00000.png` … and a metadata.jsonl (`file_name`, `text`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from captcha_ssl.data.writers.folder import FolderStore


class HuggingFaceStore(FolderStore):
    """A folder that `datasets.load_dataset("imagefolder", data_dir=…)` reads."""

    def _write_labels(self, folder: Path, names: Sequence[str], labels: Sequence[str]) -> None:
        with (folder / "metadata.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            for name, text in zip(names, labels, strict=True):
                row = {"file_name": f"images/{name}", "text": text}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
