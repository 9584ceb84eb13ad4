"""The files that match a pattern such as `pile/**/*.png`; each folder is searched once."""

# A pattern may be absolute, and Path.glob refuses that.
# ruff: noqa: PTH207
from __future__ import annotations

import fnmatch
import glob
import os
import re
from pathlib import Path

from captcha_ssl.data.image_files import leads_to_folder

_ANY_FOLDERS = "**"


def matching(pattern: str) -> list[str]:
    """The sorted matches of `pattern` (`*`, `?`, `[…]`, `**`), like `glob.glob`.

    With `**` every folder is searched once, however many links lead to it: `glob.glob` follows two
    links to `.` endlessly.
    """
    parts = pattern.replace("\\", "/").split("/") if os.sep == "\\" else pattern.split("/")
    if _ANY_FOLDERS not in parts:
        return sorted(glob.glob(pattern))
    first = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    base, rest = "/".join(parts[:first]), parts[first:]
    if first and not base:
        base = "/"
    expression = _expression(rest)
    found = [name for name in _below(Path(base or ".")) if expression.fullmatch(name)]
    return sorted(f"{base.rstrip('/')}/{name}" if base else name for name in found)


def files_called(folder: Path, *patterns: str) -> list[Path]:
    """The files in `folder` whose names match a pattern, sorted; none if it cannot be read.

    Path.glob first makes a list of everything in it: of millions of images, for a few names.
    """
    known = re.compile("|".join(map(fnmatch.translate, patterns)))
    try:
        with os.scandir(folder) as entries:
            found = [folder / entry.name for entry in entries if known.match(entry.name)]
    except OSError:
        return []
    return sorted(file for file in found if file.is_file())


def _below(folder: Path) -> list[str]:
    """Folders and files in `folder` and below, by paths relative to it; hidden ones left out."""
    names: list[str] = []
    seen: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        place = waiting.pop()
        try:
            status = (folder / place).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder / place) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        folders = []
        for entry in listed:
            if entry.name.startswith("."):
                continue
            name = f"{place}/{entry.name}" if place else entry.name
            names.append(name)
            if leads_to_folder(entry):
                folders.append((entry.is_symlink(), name))
        # Real folders are searched before links, so that they keep their own names.
        links = [name for linked, name in folders if linked]
        waiting = links + waiting + [name for linked, name in folders if not linked]
    return names


def _expression(parts: list[str]) -> re.Pattern[str]:
    text = ""
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part == _ANY_FOLDERS:
            text += ".*" if last else "(?:[^/]+/)*"
        else:
            # In `fnmatch`, `*` and `?` match a slash, which separates names here.
            inner = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z")
            text += inner.replace(".*", "[^/]*") + ("" if last else "/")
    return re.compile(text, re.DOTALL)
