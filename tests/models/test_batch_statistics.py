from __future__ import annotations

import pytest
import torch

from captcha_ssl.models.batch_statistics import set_batch_statistics, with_batch_statistics
from captcha_ssl.models.encoder import build_encoder, standardize


@pytest.fixture
def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (24, 1, 32, 64), generator=generator, dtype=torch.uint8)


def test_statistics_are_the_mean_over_the_batches(images: torch.Tensor):
    encoder = build_encoder("tiny", 1, 32)
    set_batch_statistics(encoder, images.split(8))
    convolved = [encoder.stem[0](standardize(batch)) for batch in images.split(8)]
    mean = torch.stack([c.mean((0, 2, 3)) for c in convolved]).mean(0)
    variance = torch.stack([c.var((0, 2, 3)) for c in convolved]).mean(0)
    torch.testing.assert_close(encoder.stem[1].running_mean, mean)
    torch.testing.assert_close(encoder.stem[1].running_var, variance)


def test_nothing_else_changes(images: torch.Tensor):
    encoder = build_encoder("tiny", 1, 32).eval()
    weights = [p.clone() for p in encoder.parameters()]
    set_batch_statistics(encoder, images.split(8))
    assert not encoder.training
    assert encoder.stem[1].momentum == 0.1
    assert all(torch.equal(p, q) for p, q in zip(encoder.parameters(), weights, strict=True))


def test_an_adapted_copy_in_evaluation_is_the_encoder_in_training(images: torch.Tensor):
    encoder = build_encoder("tiny", 1, 32).train()
    with torch.no_grad():
        frames = with_batch_statistics(encoder, images)(standardize(images))
        expected = encoder(standardize(images))
    # Evaluation takes the unbiased variance, training the biased one.
    torch.testing.assert_close(frames, expected, rtol=0.02, atol=0.02)
    # The copy has counted its batch; the encoder counts none.
    assert encoder.stem[1].num_batches_tracked == 0
