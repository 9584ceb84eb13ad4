"""PaddleOCR's lists of `path<TAB>label`, with the file names of its guides."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.data.patterns import files_called
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.table import open_table
from captcha_ssl.errors import UserError

PADDLE_LISTS = ("rec_gt*.txt", "train_list.txt", "val_list.txt", "gt.txt")


def find_lists(folder: Path) -> list[Path]:
    """The lists in `folder`, by name."""
    return files_called(folder, *PADDLE_LISTS)


def open_list(folder: Path, want_labels: bool | None) -> FileSource:
    """The images of the only list in `folder`. Raises UserError if there are several."""
    lists = find_lists(folder)
    if len(lists) > 1:
        names = ", ".join(file.name for file in lists)
        raise UserError(f"{folder}: several lists ({names}); name one, such as {lists[0]}")
    return open_table(lists[0], want_labels=want_labels)
