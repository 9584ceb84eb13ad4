from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from captcha_ssl.recognition.fine_tuning.ctc import ctc_losses
from captcha_ssl.recognition.fine_tuning.ctc_recursion import ctc_recursion


@pytest.mark.parametrize("frames", [1, 2, 5, 22])
def test_the_recursion_is_the_loss_of_torch_and_has_its_gradients(frames: int) -> None:
    torch.manual_seed(frames)
    # Repeats, an empty label, and labels that need more frames than there are.
    classes = torch.randint(1, 4, (40, 6))
    lengths = torch.randint(0, 7, (40,))
    lengths[:3] = torch.tensor([0, 6, 1])
    logits = 3 * torch.randn(40, frames, 5)
    found = []
    for recorded in (False, True):
        given = logits.clone().requires_grad_()
        losses = ctc_losses(given, classes, lengths, recorded=recorded)
        losses.sum().backward()
        found.append((losses.detach(), given.grad))
    (wanted, slope), (losses, own_slope) = found
    torch.testing.assert_close(losses, wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(own_slope, slope, rtol=1e-4, atol=1e-5)


def test_an_empty_label_has_a_loss_too() -> None:
    log_probabilities = torch.randn(2, 4, 3).log_softmax(-1)
    none = torch.zeros(2, 0, dtype=torch.long)
    found = ctc_recursion(log_probabilities, none, torch.zeros(2, dtype=torch.long))
    torch.testing.assert_close(found, -log_probabilities[..., 0].sum(1))


def test_values_behind_the_length_do_not_count() -> None:
    log_probabilities = torch.randn(1, 6, 4).log_softmax(-1)
    length = torch.tensor([2])
    short = ctc_recursion(log_probabilities, torch.tensor([[1, 2]]), length)
    padded = ctc_recursion(log_probabilities, torch.tensor([[1, 2, 3, 0]]), length)
    torch.testing.assert_close(short, padded)
    alone = F.ctc_loss(
        log_probabilities.transpose(0, 1), torch.tensor([[1, 2]]), (6,), (2,), reduction="none"
    )
    torch.testing.assert_close(short, alone)
