"""The best CTC path whose text has a known number of characters, computed on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.recognition.reading.decoding import BLANK
from captcha_ssl.recognition.reading.text_length import CLASSES


@torch.no_grad()
def best_path(
    log_probabilities: Tensor, length: int, allowed: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The most probable path of each row that collapses to `length` characters.

    Takes `[B, T, K]` with class 0 the blank; returns classes int64 `[B, T]` and the logarithm of
    the path's probability `[B]`, −∞ where no path is that long. `allowed`, bool `[length + 1, K]`
    or one for each row, says which classes the n-th character may have. Viterbi's recursion over
    states (characters so far, class of the frame): a frame repeats its class, turns blank, or
    begins a character, which no frame of the same character may precede. Of many classes only the
    blank and those that are likeliest anywhere in the row are tried.
    """
    batch, frames, classes = log_probabilities.shape
    if classes > CLASSES:
        peaks = log_probabilities.amax(1)
        peaks[:, BLANK] = torch.inf
        likely = peaks.topk(CLASSES, 1).indices
        some = log_probabilities.gather(2, likely[:, None].expand(-1, frames, -1))
        own = None if allowed is None else allowed[:, likely].transpose(0, 1)
        places, probability = best_path(some, length, own)
        return likely.gather(1, places), probability
    device = log_probabilities.device
    every, rows = torch.arange(classes, device=device), torch.arange(batch, device=device)
    score = log_probabilities.new_full((batch, length + 1, classes), -torch.inf)
    score[:, 0, BLANK] = log_probabilities[:, 0, BLANK]
    score[:, 1:2, 1:] = log_probabilities[:, :1, 1:]
    if allowed is not None:
        score = score.masked_fill(~allowed, -torch.inf)
    before = []
    for frame in range(1, frames):
        best, where = score.topk(2, 2)
        # A character is entered from the best class, or from the second if that is the best.
        is_best = every == where[..., :1]
        entered = torch.where(is_best, best[..., 1:], best[..., :1]).roll(1, 1)
        source = torch.where(is_best, where[..., 1:], where[..., :1]).roll(1, 1)
        entered[:, 0] = -torch.inf
        entered[..., BLANK], source[..., BLANK] = best[..., 0], where[..., 0]
        if allowed is not None:
            entered = entered.masked_fill(~allowed, -torch.inf)
        before.append(torch.where(score > entered, every, source).to(torch.uint8))
        score = torch.maximum(score, entered) + log_probabilities[:, frame, None]
    total, state = score[:, length].max(1)
    path, count = [state], torch.full_like(state, length)
    for sources in reversed(before):
        previous = sources[rows, count, state].long()
        count = (count - ((state != BLANK) & (previous != state)).long()).clamp_min(0)
        state = previous
        path.append(state)
    return torch.stack(path[::-1], 1), total
