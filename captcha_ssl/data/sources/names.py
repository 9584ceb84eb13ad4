"""Labels in file names: `label_anything.png`, or `label.png` if the caller requires labels."""

from __future__ import annotations

import os.path
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from captcha_ssl.data.label_text import EMPTY, form_note, is_respelled, read_label
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.trdg import labels_in_names
from captcha_ssl.data.spelling import composed
from captcha_ssl.errors import UserError
from captcha_ssl.printable import quoted

_LONGEST = 32
"""The longest prefix of a name that counts as a label when labels are not required."""
_LONGEST_WORD = 12
"""The longest name that is perhaps a label as a whole, and no digest."""
_FEWEST_NOTED, _MOST_NOTED = 10, 100_000
"""How many unlabeled images are looked at for names that are perhaps labels."""
_SHARE = 0.9
_SHORTEST_PREFIX = 3
"""The length of a common prefix from which names count as `frame12` and not as labels."""
_DENSE = 0.02
"""Numbers of several lengths are a count if they fill at least this share of their range."""
_MANY = 20
"""The smallest number of names for a test of even spread."""
_OFTEN = 4
"""How often a number occurs on average that is a text; a few views of one image may share one."""
_COPY = re.compile(r"(.*\S) \([1-9]\d{0,3}\)", re.DOTALL)
"""How browsers and file managers name a second file of one name: `ab12 (1).png`."""
_FEWEST = 3
"""The smallest number of names that are times or digests by more than chance."""
_FEW_TEXTS = 3
"""So few texts of several characters before the underscores of many names are prefixes."""
_DAY = r"(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3])[-_.:]?[0-5]\d[-_.:]?[0-5]\d"
_OTHER_NAMES = {
    "are times": re.compile(
        rf"\D*{_DAY}\D{{0,4}}{_CLOCK}.*|(?:1[2-9]|20)\d{{8}}(?:\d{{3}}){{0,3}}",
        re.ASCII | re.DOTALL,
    ),
    "are digests": re.compile(
        r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        re.IGNORECASE,
    ),
}
"""What programs call images: the time of day or the Unix time, and digests of their content."""
_CAMERA = {"dsc", "image", "img", "mvimg", "pano", "photo", "pxl", "screenshot", "vid", "video"}
"""What cameras and phones write before the time, several of them in one folder."""


def carry_labels(names: Sequence[str]) -> bool:
    """Whether the names evidently begin with labels.

    At least 90% look like `label_anything`, not all with the same label, as in `img_0001`, and not
    with consecutive numbers, as in `0001_x`.
    """
    stems = [stem for stem in map(_stem, names) if _looks_labeled(stem)]
    if len(stems) < _SHARE * len(names):
        return False
    labels = [_label_in(stem) for stem in stems]
    return len(names) == 1 or not _no_labels(stems, labels)


def source_from_names(folder: Path, names: Sequence[str]) -> FileSource:
    """Images labeled with the part of their names before the first underscore.

    Names of TextRecognitionDataGenerator have a number on one side, and the label has all the rest.
    The number of a copy, as in `ab12 (1).png`, is not part of a label. Raises UserError for names
    that cannot be labels: all the same, consecutive numbers, times or digests.
    """
    generated = labels_in_names(names)
    if generated is not None:
        return source_from_texts(folder, names, generated)
    stems = [_stem(name) for name in names]
    written = [_label_in(stem) for stem in stems]
    _refuse_other_names(folder, names, stems, written)
    source = source_from_texts(folder, names, written)
    copies = [name for name, stem in zip(names, stems, strict=True) if _COPY.fullmatch(stem)]
    if copies:
        source.remarks.append(
            f"{len(copies):,} names have the number of a copy, which is not part of their label: "
            f"{quoted(copies[0])}, …"
        )
    return source


def source_from_texts(folder: Path, names: Sequence[str], written: Sequence[str]) -> FileSource:
    """Images whose names contain the texts `written`; those without a usable text are rejected."""
    labels: list[str] = []
    kept: list[str] = []
    rejected: list[Rejected] = []
    for name, text in zip(names, written, strict=True):
        label, problem = read_label(text)
        if problem is None:
            labels.append(label)
            kept.append(name)
        else:
            reason = "its name has no label" if problem == EMPTY else problem
            rejected.append(Rejected(name, reason))
    respelled = form_note(sum(map(is_respelled, written)))
    return FileSource("labels in file names", folder, kept, labels, rejected, respelled)


def name_note(names: Sequence[str]) -> list[str]:
    """What to say of unlabeled images whose names are perhaps labels, as `ab12.png`."""
    if not _FEWEST_NOTED <= len(names) <= _MOST_NOTED:
        return []
    stems = [_without_copy(_stem(name)) for name in names]
    short = all(stem.isalnum() and len(stem) <= _LONGEST_WORD for stem in stems)
    if not short or _no_labels(stems, stems):
        return []
    return [f"where labels are required, the names are read as labels: {quoted(stems[0])}, …"]


def are_counters(labels: Sequence[str]) -> bool:
    """Whether these are consecutive numbers, maybe with gaps, and not labels.

    Many captchas show digits, so numbers count as consecutive only in these cases: they are as
    close together as a count and do not fill their range like random texts; all of them begin with
    a zero; their lengths are those of a count from a few digits up, and they are not mostly small
    like texts of random lengths; the same letters surround all of them, as in `frame12`. Numbers
    that occur often, and not all equally often, are no count: they are the texts of many images.
    """
    digits = _counted(labels)
    numbers = sorted(set(map(int, digits)))
    if len(numbers) < 2:
        return False
    if len(labels[0]) - len(digits[0]) >= _SHORTEST_PREFIX:
        return True
    times = Counter(digits)
    lengths = set(map(len, times))
    if len(digits) >= _OFTEN * len(times) and (lengths == {1} or len(set(times.values())) > 1):
        return False
    density = len(numbers) / (numbers[-1] - numbers[0] + 1)
    if len(lengths) == 1:
        whole: int = 10 ** lengths.pop()
        padded = len(numbers) > 2 and all(text.startswith("0") for text in digits)
        random = numbers[0] < 0.1 * whole and numbers[-1] >= 0.9 * whole
        return density == 1 or padded or (density >= 0.5 and not random)
    # A count without leading zeros has ever more numbers of every further length.
    plain = not any(text.startswith("0") and len(text) > 1 for text in digits)
    longest = sum(len(text) == max(lengths) for text in digits)
    even = len(numbers) < _MANY or 4 * numbers[len(numbers) // 2] >= numbers[-1]
    sparse = density >= _DENSE and even and (1 in lengths or longest > 0.5 * len(digits))
    return density == 1 or (plain and (density >= 0.5 or sparse))


def _counted(labels: Sequence[str]) -> list[str]:
    """The digits in which the labels differ, as `12` in `frame12`; none for other labels."""
    prefix = os.path.commonprefix(list(labels)).rstrip("0123456789")
    suffix = os.path.commonprefix([label[::-1] for label in labels])[::-1].lstrip("0123456789")
    if prefix.isalnum() and len(prefix) < _SHORTEST_PREFIX and len(labels) < _MANY:
        # A few texts may share a letter.
        return []
    digits = [label[len(prefix) : len(label) - len(suffix)] for label in labels]
    plain = all(text.isascii() and text.isdecimal() and len(text) < 19 for text in digits)
    return digits if plain else []


def _refuse_other_names(
    folder: Path, names: Sequence[str], stems: Sequence[str], labels: Sequence[str]
) -> None:
    if len(names) < 2:
        return
    what = _no_labels(stems, labels)
    if not what:
        return
    raise UserError(
        f"{folder}: no labels: the file names ({quoted(names[0])}, …) {what}; "
        "add a labels.csv with the header filename,label"
    )


def _no_labels(stems: Sequence[str], labels: Sequence[str]) -> str:
    """Why several names do not begin with labels, in words; empty if they do."""
    if len(set(labels)) == 1:
        return "all start the same"
    if _are_prefixes(labels):
        return "start in few ways"
    if are_counters(labels):
        return "are consecutive numbers"
    for what, form in _OTHER_NAMES.items():
        # A time of day may have an underscore in it, and begins before it.
        if len(stems) >= _FEWEST and all(
            form.fullmatch(label) or (_begins_time(label) and form.fullmatch(stem))
            for stem, label in zip(stems, labels, strict=True)
        ):
            return what
    return ""


def _are_prefixes(labels: Sequence[str]) -> bool:
    """Whether these are the names that some programs begin with, as `IMG` and `copy`.

    Many images rarely show one of two or three texts. Single characters may be classes.
    """
    texts = {label.casefold() for label in labels}
    return (
        len(labels) >= _MANY
        and len(texts) <= _FEW_TEXTS
        and all(len(text) > 1 and text.isalpha() for text in texts)
    )


def _begins_time(label: str) -> bool:
    """Whether it is perhaps no label but the beginning of a time: `20240131`, `IMG`."""
    return any(map(str.isdecimal, label)) or label.lower() in _CAMERA


def _looks_labeled(stem: str) -> bool:
    """Whether it has the form `label_anything`: letters, marks and digits before an underscore."""
    label, underscore, rest = composed(stem).partition("_")
    return bool(
        underscore
        and rest
        and 1 <= len(label) <= _LONGEST
        and all(c.isalnum() or unicodedata.category(c).startswith("M") for c in label)
    )


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _label_in(stem: str) -> str:
    """What stands before the first underscore, without the number of a copy."""
    return _without_copy(stem).partition("_")[0]


def _without_copy(stem: str) -> str:
    copy = _COPY.fullmatch(stem)
    return copy[1] if copy else stem
