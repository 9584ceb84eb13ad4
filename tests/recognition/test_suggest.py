"""Which images are suggested: unlike each other, unlike those labeled, unsure ones first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import build_encoder, standardize
from captcha_ssl.models.model_file import ModelCard, save_model
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import read_images
from captcha_ssl.recognition.similarity.embedder import Embedder
from captcha_ssl.recognition.similarity.suggest import suggest

CPU = torch.device("cpu")


def clusters(sizes: tuple[int, ...]) -> torch.Tensor:
    """Unit vectors about one axis for each of `sizes`, hardly apart within a cluster."""
    torch.manual_seed(0)
    axes = torch.eye(len(sizes), 6).repeat_interleave(torch.tensor(sizes), 0)
    return F.normalize(axes + 0.001 * torch.randn_like(axes), dim=1)


def test_each_cluster_is_named_once_before_any_twice() -> None:
    sizes = (500, 30, 5, 2)
    groups = np.repeat(range(4), sizes)
    for seed in range(5):
        chosen = suggest(clusters(sizes), None, 4, seed=seed)
        assert sorted(groups[[s.index for s in chosen]]) == [0, 1, 2, 3]
        assert chosen[0].distance is None
        assert all(s.distance == pytest.approx(2**0.5, abs=0.1) for s in chosen[1:])


def test_neither_labeled_images_nor_similar_ones_are_suggested() -> None:
    sizes = (50, 50, 50)
    (first,) = suggest(clusters(sizes), None, 1, labeled=[0, 1, 60])
    assert first.index >= 100
    rest = suggest(clusters((2, 2)), None, 2, labeled=[0, 3])
    assert sorted(s.index for s in rest) == [1, 2]


def test_draws_are_as_likely_as_squared_distance_times_uncertainty() -> None:
    vectors = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), dim=1)
    unsure = torch.tensor([0.5, 0.8, 0.4])
    squared = [(vectors[0] - vectors[i]).square().sum().item() for i in (1, 2)]
    odds = [squared[0] * 0.8, squared[1] * 0.4]
    drawn = Counter(
        suggest(vectors, unsure, 1, labeled=[0], seed=seed)[0].index for seed in range(2000)
    )
    assert drawn[1] / 2000 == pytest.approx(odds[0] / sum(odds), abs=0.04)
    assert drawn[0] == 0


def test_a_longer_list_begins_with_the_shorter_and_copies_come_last() -> None:
    vectors = clusters((20, 20))
    long = suggest(vectors, None, 40, seed=3)
    assert long[:7] == suggest(vectors, None, 7, seed=3)
    assert sorted(s.index for s in long) == list(range(40))
    alike = suggest(torch.ones(5, 1), None, 5)
    assert sorted(s.index for s in alike) == list(range(5))
    with pytest.raises(UserError, match="3 images are not labeled yet: cannot suggest 4"):
        suggest(vectors[:4], None, 4, labeled=[1])


def test_the_uncertainty_of_a_recognizer_is_that_of_its_readings(
    reader: Recognizer, reader_file: Path, draw_text: Callable[[str], np.ndarray]
) -> None:
    images = np.stack([reader.geometry.fit(draw_text(text)) for text in ("AB", "DCA", "")])
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    both = np.concatenate([images, noise])
    vectors, unsure = Embedder(reader_file, CPU)(both)
    assert unsure is not None
    read = [1 - reading.confidence for reading in read_images(reader, both)]
    assert unsure.tolist() == pytest.approx(read, abs=1e-4)
    marked = torch.tensor([True, True, False, True, True, True])
    assert torch.allclose(vectors.norm(dim=1)[marked], torch.ones(5))
    assert vectors[2].norm() <= 1 + 1e-6  # an empty picture may have no frame above zero


def test_an_encoder_alone_gives_the_mean_of_its_frames(reader: Recognizer, tmp_path: Path) -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    file = tmp_path / "model.safetensors"
    save_model(file, encoder.state_dict(), ModelCard("encoder", "tiny", reader.geometry))
    images = np.random.default_rng(0).integers(0, 256, (300, 1, 32, 64), np.uint8)
    vectors, unsure = Embedder(file, CPU)(images)
    assert unsure is None
    with torch.no_grad():
        frames = encoder(standardize(torch.from_numpy(images[270:280])))
    assert torch.allclose(vectors[270:280], F.normalize(frames.mean(1), dim=1), atol=1e-5)
