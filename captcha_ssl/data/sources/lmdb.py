"""The LMDB layout of text recognition: `image-%09d`, `label-%09d`, from 1, and `num-samples`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

import lmdb
import numpy as np

from captcha_ssl.data.image import ImageError, read_image
from captcha_ssl.data.sources.source import Rejected
from captcha_ssl.errors import UserError

# A process may open a database once only, so sources that live at the same time share it.
_OPEN: WeakValueDictionary[Path, lmdb.Environment] = WeakValueDictionary()


@dataclass
class LmdbSource:
    """Records `names[i]` of an open database."""

    database: lmdb.Environment
    names: list[str]
    labels: list[str] | None
    rejected: list[Rejected]
    kind: str = "LMDB"

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        name = self.names[index]
        try:
            with self.database.begin() as transaction:
                data = transaction.get(name.encode())
        except lmdb.Error as error:
            raise ImageError(name, f"damaged database ({error})") from error
        if data is None:
            raise ImageError(name, "not in the database")
        return read_image(data, name=name)


def is_lmdb(folder: Path) -> bool:
    """Whether the folder holds a database."""
    return (folder / "data.mdb").is_file()


def open_lmdb(folder: Path, *, want_labels: bool | None) -> LmdbSource:
    """Open a database for reading. Raises UserError when it is damaged or of another layout.

    Without any label record it is an unlabeled pile; records without one are otherwise rejected.
    """
    try:
        database = _open(folder)
        with database.begin() as transaction:
            records = transaction.stat()["entries"]
            count = _count(folder, transaction.get(b"num-samples"), records)
            raw = [transaction.get(b"label-%09d" % (i + 1)) for i in range(count)]
    except lmdb.Error as error:
        raise UserError(f"{folder}: not a readable LMDB database ({error})") from error
    names = [f"image-{i + 1:09d}" for i in range(count)]
    if want_labels is False or all(value is None for value in raw):
        return LmdbSource(database, names, None, [])
    texts = [_text(value) for value in raw]
    kept = [(name, text) for name, text in zip(names, texts, strict=True) if text]
    rejected = [
        Rejected(name, "no label, or not UTF-8")
        for name, text in zip(names, texts, strict=True)
        if not text
    ]
    return LmdbSource(database, [name for name, _ in kept], [text for _, text in kept], rejected)


def _open(folder: Path) -> lmdb.Environment:
    place = folder.resolve()
    database = _OPEN.get(place)
    if database is None:
        database = lmdb.open(str(place), readonly=True, lock=False, create=False)
        _check_size(place / "data.mdb", database)
        _OPEN[place] = database
    return database


def _check_size(file: Path, database: lmdb.Environment) -> None:
    """Raises UserError for a file that is cut short: to look beyond its end kills a process."""
    needed = (database.info()["last_pgno"] + 1) * database.stat()["psize"]
    if file.stat().st_size < needed:
        raise UserError(f"{file}: incomplete; make the dataset again")


def _count(folder: Path, value: bytes | None, records: int) -> int:
    if value is None or not value.isdigit():
        raise UserError(f"{folder}: no num-samples record, so this is no database of images")
    if int(value) > records:
        raise UserError(f"{folder}: incomplete, {int(value):,} samples in {records:,} records")
    return int(value)


def _text(value: bytes | None) -> str:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        return ""
