"""The LMDB layout of text recognition: `image-%09d`, `label-%09d`, from 1, and `num-samples`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

import lmdb
import numpy as np

from captcha_ssl.data.image import ImageError, read_image
from captcha_ssl.data.label_text import EMPTY, UNDECODABLE, form_note, is_respelled, read_label
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.errors import UserError

DATA = "data.mdb"
_LEAST_RECORD = 16
"""The smallest record in bytes: a header, a key and a value."""
_REASONS = {EMPTY: "no label", UNDECODABLE: "no label, or not UTF-8"}
# A process may open a database only once, so sources share the open database.
_OPEN: WeakValueDictionary[Path, lmdb.Environment] = WeakValueDictionary()


@dataclass
class LmdbSource:
    """Records `names[i]` of an open database."""

    database: lmdb.Environment
    names: list[str]
    labels: list[str] | None
    rejected: list[Rejected]
    notes: list[str] = field(default_factory=list)
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
    return (folder / DATA).is_file()


def open_lmdb(folder: Path, *, want_labels: bool | None) -> LmdbSource:
    """Open a database for reading.

    Raises UserError if it is damaged or has another layout. Without any label record the images are
    unlabeled; otherwise records without a label are rejected.
    """
    try:
        database = _open(folder)
        with database.begin() as transaction:
            records = min(transaction.stat()["entries"], _most_records(folder / DATA))
            count = _count(folder, transaction.get(b"num-samples"), records)
            raw = [transaction.get(b"label-%09d" % (i + 1)) for i in range(count)]
    except lmdb.Error as error:
        raise UserError(f"{folder}: not a readable LMDB database ({error})") from error
    names = [f"image-{i + 1:09d}" for i in range(count)]
    if want_labels is False or all(value is None for value in raw):
        return LmdbSource(database, names, None, [])
    kept: list[str] = []
    labels: list[str] = []
    rejected: list[Rejected] = []
    respelled = 0
    for name, value in zip(names, raw, strict=True):
        written = (value or b"").decode(errors="surrogateescape")
        label, problem = read_label(written)
        if problem is None:
            kept.append(name)
            labels.append(label)
            respelled += is_respelled(written)
        else:
            rejected.append(Rejected(name, _REASONS.get(problem, problem)))
    return LmdbSource(database, kept, labels, rejected, form_note(respelled))


def _open(folder: Path) -> lmdb.Environment:
    place = folder.resolve()
    database = _OPEN.get(place)
    if database is None:
        database = lmdb.open(str(place), readonly=True, lock=False, create=False)
        _check_size(place / DATA, database)
        _OPEN[place] = database
    return database


def _check_size(file: Path, database: lmdb.Environment) -> None:
    """Raises UserError for a truncated file: reading beyond its end kills the process."""
    needed = (database.info()["last_pgno"] + 1) * database.stat()["psize"]
    if file.stat().st_size < needed:
        raise UserError(f"{file}: incomplete; make the dataset again")


def _most_records(file: Path) -> int:
    """The largest possible number of records in a file: a forged header may claim more."""
    status = file.stat()
    # Of a sparse file only the allocated part; some file systems do not report it.
    stored = getattr(status, "st_blocks", 0) * 512 or status.st_size
    return int(min(status.st_size, stored)) // _LEAST_RECORD


def _count(folder: Path, value: bytes | None, records: int) -> int:
    if value is None or not value.strip().isdigit():
        raise UserError(f"{folder}: no num-samples record, so this is no database of images")
    digits = value.strip().lstrip(b"0") or b"0"
    # Check the length before int(), which refuses numbers of thousands of digits.
    if len(digits) > len(str(records)) or int(digits) > records:
        claimed = f"{int(digits):,}" if len(digits) < 40 else f"{len(digits):,} digits of"
        raise UserError(f"{folder}: incomplete, {claimed} samples in {records:,} records")
    return int(digits)
