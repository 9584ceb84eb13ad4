"""docTR's recognition set: `images/00000.png` … and a labels.json (`{name: text}`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from captcha_ssl.data.writers.folder import FolderStore


class DoctrStore(FolderStore):
    """A folder that docTR's `RecognitionDataset` reads."""

    def _write_labels(self, folder: Path, names: Sequence[str], labels: Sequence[str]) -> None:
        text = json.dumps(dict(zip(names, labels, strict=True)), indent=1, ensure_ascii=False)
        (folder / "labels.json").write_text(text + "\n", encoding="utf-8")
