"""Helps a training on the CTC plateau: it is told roughly where the characters are.

On the plateau every image gets the same output, and with few labels CTC may stay there to the end
(even_alignment.py says why). A training that left it without help is not changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.usual_heights import HEIGHT_STEP, HIGHEST
from captcha_ssl.models.shipped import is_shipped, misfit
from captcha_ssl.models.task import Progress
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig

_FIRST_LOOK = 0.05
"""The share after which a training that started with known characters gets help; usually it has
left the plateau by then. One that started with none gets help at once. Waiting costs more than the
help: soon the network outputs blanks everywhere, and much of the training goes into undoing that.
"""
_LAST_LOOK = 0.6
"""The share after which full help ends: the last steps are for CTC alone."""
_FADES = 0.15
"""The share of the training over which the help fades once the plateau is left."""
_ON_IT = 0.8
"""Share of the logarithm of the number of characters above which a loss is on the plateau."""
_RECENT = 0.1
"""The weight of the newest step in the mean that decides it."""


class Plateau(nn.Module):
    """Watches the loss per character; its state is tensors, so that no step waits for a device."""

    recent: Tensor
    until: Tensor

    def __init__(self, charset: Charset, *, at_once: bool = False) -> None:
        """`at_once`: do not wait for the training to leave the plateau without help."""
        super().__init__()
        self._first_look = 0.0 if at_once else _FIRST_LOOK
        self._above = _ON_IT * math.log(max(2, len(charset)))
        self.register_buffer("recent", torch.tensor(math.inf))
        self.register_buffer("until", torch.tensor(-math.inf))

    def may_help(self, progress: Progress) -> bool:
        """Whether help is possible at this progress; True for a tensor, to avoid waiting for it."""
        return isinstance(progress, Tensor) or progress >= self._first_look

    @torch.no_grad()
    def help(self, loss: Tensor, progress: Progress) -> Tensor:
        """The weight 0…1 of the help, a scalar; `loss` is that of this step for each character.

        It is 1 for as long as the training sits on the plateau, and then fades.
        """
        loss = loss.detach().float()
        known = self.recent.isfinite()
        self.recent.copy_(torch.where(known, self.recent.lerp(loss, _RECENT), loss))
        looks = (progress >= self._first_look) & (progress <= _LAST_LOOK)
        self.until.copy_(torch.where((self.recent > self._above) & looks, progress, self.until))
        return (1 - (progress - self.until) / _FADES).clamp(0, 1)

    @property
    def helped(self) -> bool:
        """Whether this training ever was; waits for the device."""
        return math.isfinite(self.until.item())


def left_plateau(loss: float, charset: Charset) -> bool:
    """Whether a training loss per character shows that single characters are being read.

    On the plateau the loss per character is about the logarithm of the number of characters; it
    never falls to half of that.
    """
    return math.isfinite(loss) and loss < 0.5 * math.log(max(2, len(charset)))


def stuck_words(
    readings: Sequence[str], config: FinetuneConfig, geometry: Geometry, steps: int
) -> str:
    """What to say of a training of `steps` steps that never left the plateau.

    `readings` are the texts that it reads in some images. It advises only settings that are off.
    """
    alike = len(set(readings)) <= 1
    seen = (
        "every image gets the same output" if alike else "single characters are not distinguished"
    )
    advice = [f"train longer, as with --steps {2 * steps}", "label more images"]
    start = config.finetune.init_from
    # An encoder of the user's keeps its geometry.
    if geometry.height < HIGHEST and (start is None or is_shipped(start)):
        advice.insert(0, f"keep more pixels with --set height={geometry.height + HEIGHT_STEP}")
    if start is None and not misfit(config.model):
        advice.insert(0, "start with --init-from shipped")
    if not config.finetune.off_plateau and not config.finetune.alignment:
        advice.insert(0, "leave off_plateau on")
    return (
        f"the training never left the CTC plateau ({seen}); {', '.join(advice[:-1])}, "
        f"or {advice[-1]}"
    )
