"""Pseudo-labels with characters as frequent as they are in labels.

With few labels a recognizer takes most pictures of one character for another, T for 7 say, and
learns that from itself. But it can know that it reads too many 7s: the labels tell how frequent
each character is (distribution alignment: ReMixMatch, Berthelot et al. 2020, section 3.1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, variance

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captcha_ssl.data.charset import Charset
from captcha_ssl.models.ranks import total
from captcha_ssl.recognition.reading.pseudo_labels import pseudo_labels

_MEMORY = 0.98
"""Share of what was read before that still counts after a step."""
_BEFORE = 10.0
"""Characters of each class that count as read rightly before the first step."""
_LARGEST = 2.0
"""Largest change of a logit: a character that no image has must not be read everywhere."""


class CharacterBalance(nn.Module):
    """Logits with less of the characters that are read too often, and more of those too seldom.

    `strength` 1 makes up for the whole ratio of the two frequencies, 0 for nothing. Buffers hold
    what was read, so that a resumed training continues with it.
    """

    def __init__(self, labels: Sequence[str], charset: Charset, strength: float) -> None:
        super().__init__()
        self.strength = strength
        frequencies, margins = expected_frequencies(labels, charset)
        self.frequencies: Tensor
        self.margins: Tensor
        self.counts: Tensor
        self.register_buffer("frequencies", frequencies)
        self.register_buffer("margins", margins)
        self.register_buffer("counts", _BEFORE * len(charset) * frequencies)

    @torch.no_grad()
    def forward(self, logits: Tensor) -> Tensor:
        """Logits `[B, T, K]`, class 0 the blank, corrected by what has been read so far."""
        read = pseudo_labels(logits).classes.flatten()
        every = torch.arange(1, logits.shape[-1], device=read.device)
        # Not bincount, which would wait for a GPU.
        found = total((read[:, None] == every).sum(0).float())
        self.counts.mul_(_MEMORY).add_(found)
        ratios = (self.frequencies * self.counts.sum() / self.counts.clamp_min(1e-6)).log()
        # What may be chance in the labels is no reason to change a reading.
        ratios = ratios.sign() * (ratios.abs() - self.margins).clamp_min(0)
        changes = self.strength * ratios.clamp(-_LARGEST, _LARGEST)
        return logits + F.pad(changes, (1, 0))


def expected_frequencies(labels: Sequence[str], charset: Charset) -> tuple[Tensor, Tensor]:
    """The frequency of each character of `charset` float32 `[K − 1]`, and a margin of its log.

    Frequencies in few labels vary by chance. They are drawn to the mean by as much as their
    variance is chance (of counts by Poisson's law it is their mean; James & Stein 1961): where all
    characters are equally frequent, entirely. The margin is the standard error of the rest.
    """
    found = Counter(character for label in labels for character in label)
    counts = [float(found[character]) for character in charset.characters]
    mean = fmean(counts)
    spread = variance(counts) if len(counts) > 1 else 0.0
    kept = max(0.0, 1 - mean / spread) if spread else 0.0
    drawn = torch.tensor([mean + kept * (count - mean) for count in counts]).clamp_min(0.5)
    return drawn / drawn.sum(), kept / drawn.sqrt()
