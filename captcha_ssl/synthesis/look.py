"""A look: pictures that share face, colors and clutter, like pictures from one source."""

from __future__ import annotations

from random import Random

_SPREAD = 0.12
"""How much the draws of two pictures of one look differ, as a share of the whole range."""


class OneLook(Random):
    """The n-th draw of every picture lies near the n-th draw of the look.

    A style draws from it as from any `Random`. Real sources draw all their pictures with few
    faces, colors and kinds of clutter; what is left to each picture is a part of every range.
    """

    def __init__(self, look: int, own: int) -> None:
        super().__init__(own)
        self._look, self._own = Random(look), Random(own)

    def random(self) -> float:
        """The draw of the look, shifted by the picture's own draw and reflected at 0 and 1."""
        moved = abs(self._look.random() + _SPREAD * (self._own.random() - 0.5))
        return min(moved, 2 - moved, 1 - 2**-53)
