"""The members of a WebDataset shard: an image and a text of one name make a sample."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from captcha_ssl.data.image import MAX_BYTES, ImageError
from captcha_ssl.data.image_kinds import SUFFIXES
from captcha_ssl.errors import UserError
from captcha_ssl.printable import shown
from captcha_ssl.text_file import open_regular_file

_TEXTS = (".txt", ".json")
_MOST_MEMBERS = 20_000_000

Place = tuple[str, int, int]
"""The name of a member, its offset and its size."""


def member_bytes(file: BinaryIO, lock: threading.Lock, place: Place) -> bytes:
    """The content of a member. Raises ImageError if it is too large, or cut off."""
    name, offset, size = place
    if size > MAX_BYTES:
        raise ImageError(name, f"more than {MAX_BYTES:,} bytes")
    with lock:
        file.seek(offset)
        data = file.read(size)
    if len(data) < size:
        raise ImageError(name, "the archive ends within it")
    return data


def first_images(file: BinaryIO, path: Path, further: list[str] | None = None) -> Iterator[Place]:
    """The first image of each sample, in the order of the file; the others go to `further`.

    Raises UserError.
    """
    keys: set[str] = set()
    for key, is_image, place in _members(file, path):
        if is_image and key not in keys:
            keys.add(key)
            yield place
        elif is_image and further is not None:
            further.append(place[0])


def further_note(further: list[str]) -> list[str]:
    """A note on the images that `first_images` leaves out, if there are any."""
    if not further:
        return []
    return [
        f"{len(further):,} images skipped: an earlier one has the same name up to the first dot, "
        f"first {shown(further[0], 80)}"
    ]


def samples(path: Path) -> tuple[dict[str, Place], dict[str, Place], list[str]]:
    """The first image and the first text of each sample, by key in the order of the file, and notes
    on others."""
    images: dict[str, Place] = {}
    texts: dict[str, Place] = {}
    further: list[str] = []
    try:
        with open_regular_file(path) as file:
            for key, is_image, place in _members(file, path):
                if (images if is_image else texts).setdefault(key, place) != place and is_image:
                    further.append(place[0])
    except OSError as error:
        raise _foreign(path, error) from error
    refuse_none(path, len(images))
    return images, texts, further_note(further)


def _members(file: BinaryIO, path: Path) -> Iterator[tuple[str, bool, Place]]:
    """Every image and text: its key, whether it is an image, and its place. Raises UserError."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for number, member in enumerate(archive):
                if number > _MOST_MEMBERS:
                    raise UserError(f"{path}: more than {_MOST_MEMBERS:,} members")
                archive.members = []  # type: ignore[attr-defined]
                if not member.isreg():
                    continue
                # A key ends at the first dot of the file name; dots of folders do not count.
                folder, slash, name = member.name.rpartition("/")
                stem, dot, ending = name.partition(".")
                suffix = f".{ending.rpartition('.')[2]}".lower() if dot else ""
                place = (member.name, member.offset_data, member.size)
                if suffix in SUFFIXES and stem:
                    yield f"{folder}{slash}{stem}", True, place
                elif f"{dot}{ending}".lower() in _TEXTS:
                    yield f"{folder}{slash}{stem}", False, place
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        raise _foreign(path, error) from error


def _foreign(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: not readable as a plain tar file ({error}); unpack a compressed one")


def refuse_none(path: Path, images: int) -> int:
    """The number of `images` in a shard. Raises UserError if there are none."""
    if not images:
        raise UserError(f"{path}: no images in it")
    return images
