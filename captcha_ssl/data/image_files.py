"""Finds the images in a folder and below, and the other files there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from captcha_ssl.data.image_kinds import SUFFIXES, looks_like_image
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.printable import shown

HIDDEN = "hidden"
_OWN = ({"config.toml", "metrics.jsonl"}, {"evaluation.json"}, {"benchmark.json"})
"""Files that mark a folder with results of this program."""
ABOUT = frozenset(("about.json",))
"""Files of a dataset that are not its images."""


@dataclass
class Found:
    """The files in a folder and below, as sorted relative names.

    `images` can be read, judged by extension or content. `aside` lists skipped files with the
    reason, `unreadable` lists what could contain images but has no read permission.
    """

    names: list[str] = field(default_factory=list)
    aside: list[Rejected] = field(default_factory=list)
    unreadable: list[Rejected] = field(default_factory=list)


def find_images(folder: Path) -> Found:
    """Search `folder`, every folder below it once, and the folders behind links."""
    found = Found()
    seen: set[tuple[int, int]] = set()
    links: list[str] = []
    _walk(folder, "", found, seen, links)
    # Links come last: a file that is also here without a link keeps its own name.
    while links:
        link = min(links)
        links.remove(link)
        _walk(folder, link, found, seen, links)
    found.names.sort()
    found.aside.sort(key=lambda entry: entry.row)
    found.unreadable.sort(key=lambda entry: entry.row)
    return found


def _walk(
    root: Path, start: str, found: Found, seen: set[tuple[int, int]], links: list[str]
) -> None:
    waiting = [start]
    while waiting:
        place = waiting.pop()
        folders: list[str] = []
        try:
            status = (root / place).stat()
            identity = (status.st_dev, status.st_ino)
            if identity in seen:
                found.aside.append(Rejected(f"{place}/", "a link to a folder that is already read"))
                continue
            seen.add(identity)
            if place and any(_holds(root / place, own) for own in _OWN):
                found.aside.append(Rejected(f"{place}/", "results of captcha-ssl"))
                continue
            # Each entry on its own: a list of them takes three times as much as the names.
            with os.scandir(root / place) as entries:
                for entry in entries:
                    name = f"{place}/{entry.name}" if place else entry.name
                    if entry.name.startswith("."):
                        found.aside.append(Rejected(name, HIDDEN))
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(name)
                    elif leads_to_folder(entry):
                        links.append(name)
                    else:
                        _sort(entry, name, found)
        except OSError as error:
            found.unreadable.append(
                Rejected(f"{place}/" if place else str(root), f"cannot be read ({error.strerror})")
            )
        waiting += sorted(folders)


def _holds(folder: Path, names: set[str]) -> bool:
    return all(os.path.lexists(folder / name) for name in names)


def leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a circle of links is not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _sort(entry: os.DirEntry[str], name: str, found: Found) -> None:
    """Sort a file into the images or the skipped files."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
    # Not `entry.is_file`, which raises for links in a circle.
    if not (entry.is_file(follow_symlinks=False) or os.path.isfile(entry.path)):  # noqa: PTH113
        missing = entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110
        what = "a broken link" if missing else "a pipe, socket or device"
        found.aside.append(Rejected(name, what))
    elif suffix in SUFFIXES or looks_like_image(Path(entry.path)):
        found.names.append(name)
    elif entry.name not in ABOUT:
        table = suffix in (".csv", ".tsv")
        what = "a table; to read it, name it on the command line" if table else "not an image"
        found.aside.append(Rejected(name, what))


def aside_note(aside: Sequence[Rejected]) -> list[str]:
    """A sentence on skipped files except hidden ones: their number, and the first."""
    seen = [entry for entry in aside if entry.reason != HIDDEN]
    if not seen:
        return []
    first = ", ".join(f"{shown(entry.row, 80)} ({entry.reason})" for entry in seen[:3])
    return [f"{len(seen):,} skipped: {first}" + ", …" * (len(seen) > 3)]
