"""Settings of rendered datasets. Light to import: the command line reads them for its help."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import ClassVar

from captcha_ssl.errors import UserError
from captcha_ssl.settings import MOST_SEED, Settings, setting


def style_names() -> Sequence[str]:
    """The names of all styles."""
    # Drawing needs OpenCV, which takes a while to import.
    from captcha_ssl.synthesis.styles import STYLES

    return tuple(STYLES)


def _format_names() -> Sequence[str]:
    from captcha_ssl.data.writers import FORMATS

    return tuple(FORMATS)


class PictureSettings(Settings):
    """Everything that a picture depends on, besides its index."""

    title: ClassVar[str] = "Pictures"

    seed: int = setting(0, "seed of every random choice", low=0, high=MOST_SEED, flag="N")
    length: str = setting(
        "4", "characters in a picture: 4, or 4-6, or 4,3-8 for one or the other", flag="N|A-B"
    )
    charset: str = setting(
        string.digits + string.ascii_uppercase, "characters to draw from", flag="S"
    )
    kinds: float = setting(
        0.0,
        "share of texts with only some of: digits, capitals, small letters",
        low=0.0,
        high=1.0,
    )
    style: str = setting(
        "classic",
        "style of the pictures; several, as in plain,wavy, are equally likely",
        choices=style_names,
        several=True,
        flag="NAME",
    )
    look: int | None = setting(
        None,
        (
            "number of a look that all pictures share, like those from one source; none: each "
            "has its own"
        ),
        low=0,
        high=MOST_SEED,
        flag="N",
    )
    height: int = setting(60, "height of a picture in pixels", low=16, high=1024, flag="N")
    width: int = setting(160, "width of a picture in pixels", low=16, high=8192, flag="N")
    channels: int = setting(3, "3 for color, 1 for gray", low=1, high=3, flag="N")

    def lengths(self) -> tuple[tuple[int, int], ...]:
        """Shortest and longest text of each range; all ranges are equally likely.

        Raises UserError for anything but a length or a range.
        """
        return tuple(self._range(part.strip()) for part in self.length.split(","))

    def _range(self, part: str) -> tuple[int, int]:
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)
        shortest = int(match[1]) if match else 0
        longest = int(match[2] or match[1]) if match else 0
        if not 1 <= shortest <= longest:
            raise UserError(
                f"length = {self.length!r}: write one number such as 4, or a range such as 4-6"
            )
        return shortest, longest


class GenerateSettings(Settings):
    """How many pictures to write and how; none of this changes a picture."""

    title: ClassVar[str] = "Dataset"

    count: int | None = setting(None, "pictures in the whole dataset (required)", low=1, flag="N")
    format: str = setting("packed", "how the dataset is stored", choices=_format_names, flag="NAME")
    workers: int = setting(
        0, "processes that draw; 0: as many as are useful", low=0, high=1024, flag="N"
    )
    shard: str = setting("1/1", "part to write: 2/4 is the second of four", flag="I/N")

    def indices(self) -> range:
        """The indices of this shard, in order; sizes of shards differ by at most one.

        Raises UserError without a count, and for a shard that does not exist or is empty.
        """
        if self.count is None:
            raise UserError("count is missing: say how many pictures with --count N")
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", self.shard.strip())
        part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= part <= parts:
            raise UserError(f"shard = {self.shard!r}: write I/N with I from 1 to N, such as 2/4")
        if parts > self.count:
            raise UserError(
                f"shard = {self.shard!r}: {self.count} pictures are too few for {parts} shards"
            )
        return range(self.count * (part - 1) // parts, self.count * part // parts)
