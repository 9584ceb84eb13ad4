"""A zip archive of a folder of images, read in place."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np

from captcha_ssl.data.image import MAX_BYTES, ImageError, read_image
from captcha_ssl.data.image_files import ABOUT, aside_note
from captcha_ssl.data.image_kinds import SUFFIXES
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.source import Source
from captcha_ssl.errors import UserError
from captcha_ssl.printable import one_line
from captcha_ssl.text_file import open_regular_file

ZIP = ".zip"
_MOST_TABLE = 1 << 28
_MOST_MEMBERS = 20_000_000


@dataclass
class ZipSource:
    """The members `names` of an open archive, below the folder `root` in it."""

    archive: zipfile.ZipFile
    root: str
    kind: str
    names: Sequence[str]
    labels: Sequence[str] | None
    rejected: list[Rejected]
    notes: list[str] = field(default_factory=list)
    stored_as: dict[str, str] = field(default_factory=dict)
    """The names of members that were written with backslashes."""

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        name = self.names[index]
        try:
            full = self.root + name
            with self.archive.open(self.stored_as.get(full, full)) as member:
                # Not the size in the header, which may be wrong.
                data = member.read(MAX_BYTES + 1)
        except Exception as error:  # damaged members raise any kind of exception
            raise ImageError(name, f"damaged or encrypted ({one_line(error)})") from error
        if len(data) > MAX_BYTES:
            raise ImageError(name, f"more than {MAX_BYTES:,} bytes")
        return read_image(data, name=name)


def open_zip(
    path: Path,
    want_labels: bool | None,
    open_folder: Callable[[Path, bool | None], Source],
    is_table: Callable[[str], bool],
) -> ZipSource:
    """Open an archive as `open_folder` opens what it holds. Raises UserError without images.

    Its tables, which `is_table` knows by their names, are read as they are in a folder; only they
    are unpacked, to a temporary folder, and the images stand there as empty files, so that the rows
    find them.
    """
    try:
        archive = zipfile.ZipFile(open_regular_file(path))
        members = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"{path}: not readable as a zip archive ({one_line(error)})") from error
    if len(members) > _MOST_MEMBERS:
        raise UserError(f"{path}: more than {_MOST_MEMBERS:,} members")
    files, aside = _sorted_out(members)
    images = [name for name in files if _is_image(name)]
    if not images:
        raise UserError(f"{path}: no images in it")
    root = _common_root(images)
    tables = [name for name in files if name.startswith(root) and is_table(name.removeprefix(root))]
    known = {*images, *tables}
    aside += [
        Rejected(name, "neither an image nor a table beside the images")
        for name in files
        if name not in known and PurePosixPath(name).name not in ABOUT
    ]
    with TemporaryDirectory(prefix="captcha-ssl-") as folder:
        try:
            for name in images:
                place = Path(folder) / name.removeprefix(root)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
            for name in tables:
                (Path(folder) / name.removeprefix(root)).write_bytes(_table(archive, files[name]))
        except Exception as error:  # damaged members raise any kind of exception
            raise UserError(f"{path}: damaged or encrypted ({one_line(error)})") from error
        try:
            found = open_folder(Path(folder), want_labels)
        except UserError as error:
            raise UserError(str(error).replace(folder, str(path))) from error
    return ZipSource(
        archive,
        root,
        f"zip archive: {found.kind}",
        list(found.names),
        found.labels,
        found.rejected,
        [*found.notes, *aside_note(aside)],
        {name: stored for name, stored in files.items() if name != stored},
    )


def _sorted_out(members: Sequence[zipfile.ZipInfo]) -> tuple[dict[str, str], list[Rejected]]:
    """The files that can be read, by their names with slashes, and the others with a reason.

    Hidden files and folders are in neither.
    """
    files: dict[str, str] = {}
    aside: list[Rejected] = []
    for member in members:
        # Some programs for Windows separate folders with a backslash.
        name = member.filename.replace("\\", "/")
        if name.endswith("/") or _is_hidden(name):
            continue
        if name in files:
            aside.append(Rejected(name, "another member has the same name"))
        elif not _is_safe(name):
            aside.append(Rejected(name, "leads out of the archive"))
        else:
            files[name] = member.filename
    return files, aside


def _table(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        # Not the size in the header, which may be wrong.
        data = member.read(_MOST_TABLE + 1)
    if len(data) > _MOST_TABLE:
        raise ValueError(f"{name}: more than {_MOST_TABLE:,} bytes")
    return data


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") and part != ".." or part == "__MACOSX" for part in parts)


def _is_safe(name: str) -> bool:
    """Whether the unpacked name stays inside its folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _common_root(names: Sequence[str]) -> str:
    """The common folder of all names, with a slash, unless it is called images."""
    parts = [PurePosixPath(name).parent.parts for name in names]
    common = list(os.path.commonprefix(parts))
    if common and common[-1] == "images":
        common.pop()
    return "".join(f"{part}/" for part in common)
