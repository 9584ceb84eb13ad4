"""CR-CTC against its formula written out, and what it asks of a training."""

from __future__ import annotations

import math

import pytest
import torch

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.recognition.fine_tuning.consistency import consistency
from captcha_ssl.recognition.fine_tuning.ctc import CTCTask, ctc_loss
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.views.settings import ViewSettings, gentle_views

STILL = ViewSettings(**dict.fromkeys(ViewSettings.model_fields, 0))


def test_it_is_half_of_the_divergence_both_ways_for_each_character() -> None:
    torch.manual_seed(0)
    logits, lengths = torch.randn(4, 3, 5), torch.tensor([2, 1, 2, 1])
    p, q = logits.double().softmax(-1).chunk(2)
    expected = 0.0
    for image, length in enumerate((2, 1)):
        for t in range(3):
            for one, other in ((p, q), (q, p)):
                pairs = zip(one[image, t].tolist(), other[image, t].tolist(), strict=True)
                expected += sum(a * math.log(a / b) for a, b in pairs) / 2 / length / 2
    assert consistency(logits, lengths).item() == pytest.approx(expected, rel=1e-5)


def test_the_gradient_of_each_view_treats_the_other_as_constant() -> None:
    torch.manual_seed(0)
    logits, lengths = torch.randn(2, 3, 5, requires_grad=True), torch.tensor([1, 1])
    (gradient,) = torch.autograd.grad(consistency(logits, lengths), logits)
    # The gradient of KL(q ‖ softmax(x)) by x is softmax(x) − q.
    p, q = logits.detach().softmax(-1)
    assert torch.allclose(gradient, 0.5 * torch.stack([p - q, q - p]), atol=1e-6)


def test_equal_views_cost_nothing_and_ctc_is_the_mean_of_both() -> None:
    torch.manual_seed(0)
    recognizer = Recognizer(build_encoder("tiny", 1, 32), Charset("ABC"), Geometry(1, 32, 64))
    images = torch.randint(0, 256, (3, 1, 32, 64), dtype=torch.uint8)
    batch = (images, torch.tensor([[1, 2], [3, 0], [2, 2]]), torch.tensor([2, 1, 2]))
    one = CTCTask(recognizer, STILL).eval()(batch, 0.5)["loss"]
    both = CTCTask(recognizer, STILL, consistency=0.2).eval()(batch, 0.5)["loss"]
    assert torch.allclose(one, both, atol=1e-5)
    assert torch.allclose(one, ctc_loss(recognizer.eval()(images), *batch[1:]), atol=1e-5)


def test_it_is_added_to_the_loss_with_its_weight() -> None:
    torch.manual_seed(0)
    recognizer = Recognizer(build_encoder("tiny", 1, 32), Charset("ABC"), Geometry(1, 32, 64))
    images = torch.randint(0, 256, (8, 1, 32, 64), dtype=torch.uint8)
    batch = (images, torch.randint(1, 4, (8, 2)), torch.full((8,), 2))

    def loss(weight: float) -> float:
        torch.manual_seed(1)
        task = CTCTask(recognizer, gentle_views(noise=0.5), consistency=weight).train()
        found: float = task(batch, 0.5)["loss"].item()
        return found

    apart = loss(1.0) - loss(1e-9)
    assert apart > 0.01
    assert loss(3.0) - loss(1e-9) == pytest.approx(3 * apart, rel=1e-3)
