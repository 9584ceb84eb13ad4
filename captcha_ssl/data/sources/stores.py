"""Archives and databases that keep images, and paths that lead into them: `pile.zip/a.png`."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from captcha_ssl.data.image_files import find_images
from captcha_ssl.data.image_kinds import SUFFIXES
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.format import Format, Opener, parts_opener
from captcha_ssl.data.sources.joined import find_shards
from captcha_ssl.data.sources.lmdb import is_lmdb, open_lmdb
from captcha_ssl.data.sources.packed import PackedSource, is_packed, open_packed
from captcha_ssl.data.sources.parquet import PARQUET, find_parts, open_parquet
from captcha_ssl.data.sources.source import Source
from captcha_ssl.data.sources.webdataset import TAR, find_tars, open_tar
from captcha_ssl.data.sources.zipped import ZIP, open_zip


def _holds_only(find: Callable[[Path], Sequence[Path]]) -> Callable[[Path], bool]:
    """Recognizes a folder with such files, unless images lie there too: then they are the pile."""

    def recognizes(folder: Path) -> bool:
        return bool(find(folder)) and not any(
            file.suffix.lower() in SUFFIXES for file in folder.iterdir()
        )

    return recognizes


FOLDERS: Sequence[Format] = (
    Format("dataset.json (packed)", is_packed, lambda p, want: open_packed(p, want_labels=want)),
    Format("data.mdb (LMDB)", is_lmdb, lambda p, want: open_lmdb(p, want_labels=want)),
    Format(
        "*.tar (WebDataset)",
        _holds_only(find_tars),
        parts_opener("WebDataset", find_tars, open_tar),
    ),
    Format("*.parquet", _holds_only(find_parts), parts_opener("Parquet", find_parts, open_parquet)),
)
"""The conventions of a folder whose images are no files, in the order in which they are tried."""

SHARDS = Format(
    "folders of these",
    lambda folder: bool(find_shards(folder)),
    parts_opener("shards", find_shards, lambda p, want: _open_database(p, want)),
)

ARCHIVES: Mapping[str, Opener] = {TAR: open_tar, PARQUET: open_parquet}
"""How an archive is opened, by the ending of its name; a zip archive is a folder in one file."""


class Stores:
    """Finds images in the archives and databases below `root`, by a path that leads into one.

    The path is that of the archive, or of the folder of the database, and the name of an image in
    it as if its labels were not read. Each is opened once. Raises UserError for a damaged one.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opened: dict[str, tuple[Source, Callable[[str], int | None]] | None] = {}

    def find(self, path: str) -> tuple[Source, int] | None:
        """The source of an image and its place there; None where the path leads into none."""
        name = os.path.normpath(path).replace(os.sep, "/")
        end = name.rfind("/")
        # The longest first: a folder of shards has names for their images too.
        while end > 0:
            store = self._store(name[:end])
            place = None if store is None else store[1](name[end + 1 :])
            if store is not None and place is not None:
                return store[0], place
            end = name.rfind("/", 0, end)
        return None

    def _store(self, name: str) -> tuple[Source, Callable[[str], int | None]] | None:
        if name not in self._opened:
            source = _open_store(self._root / name)
            self._opened[name] = None if source is None else (source, _finder(source))
        return self._opened[name]


def _open_database(folder: Path, want_labels: bool | None) -> Source:
    known = next(form for form in FOLDERS if form.recognizes(folder))
    return known.open(folder, want_labels)


def _open_store(path: Path) -> Source | None:
    try:
        if path.is_dir():
            known = next((form for form in (*FOLDERS, SHARDS) if form.recognizes(path)), None)
            return None if known is None else known.open(path, False)
        if not path.is_file():
            return None
    except OSError:
        # A name that is no path, or a folder that may not be looked into.
        return None
    suffix = path.suffix.lower()
    if suffix == ZIP:
        return open_zip(path, False, _open_images, lambda name: False)
    return ARCHIVES[suffix](path, False) if suffix in ARCHIVES else None


def _open_images(folder: Path, want_labels: bool | None) -> Source:
    return FileSource("images", folder, find_images(folder).names)


def _finder(source: Source) -> Callable[[str], int | None]:
    """Gives the place of a name."""
    if isinstance(source, PackedSource):
        return source.names.find
    return {name: place for place, name in enumerate(source.names)}.get
