"""A recognizer adapts to images without labels by what it reads surely in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_card import Calibration, ModelCard
from captcha_ssl.models.model_file import save_model
from captcha_ssl.models.shipped import FOLDER, HEIGHTS, SHIPPED
from captcha_ssl.recognition.adaptation.adapt import Adapting, recognizer_at, run_adapting
from captcha_ssl.recognition.adaptation.config import AdaptConfig
from captcha_ssl.recognition.adaptation.sure_texts import FEWEST, sure_texts
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import read_images
from captcha_ssl.training.settings import LoopSettings

GEOMETRY = Geometry(1, 32, 64)


class SaysWhatIsWritten:
    """Reads the characters in the pixels of the first row, as surely as the second row says."""

    charset, geometry, calibration = Charset("0123456789AB"), GEOMETRY, Calibration()
    length = None

    def logits(self, images: np.ndarray) -> np.ndarray:
        logits = np.zeros((len(images), 16, 13), np.float32)
        rows, frames = np.indices((len(images), 16))
        logits[rows, frames, images[:, 0, 0, :16]] = images[:, 0, 1, :16]
        return logits


def written(texts: Sequence[str], sureness: Sequence[int]) -> Dataset:
    """Images of texts for `SaysWhatIsWritten`, a blank after each character."""
    images = np.zeros((len(texts), 1, 32, 64), np.uint8)
    for image, text, sure in zip(images, texts, sureness, strict=True):
        image[0, 0, : 2 * len(text) : 2] = SaysWhatIsWritten.charset.encode(text)
        image[0, 1, :16] = sure
    return Dataset(images, None, [f"{i}.png" for i in range(len(images))], GEOMETRY, [])


def test_texts_of_low_confidence_are_no_labels() -> None:
    texts = ["12A", "4", "B5", "678"] * 15
    found = sure_texts(
        SaysWhatIsWritten(), written(texts, [20, 20, 20, 3] * 15), most=60, least=0.9
    )
    assert found.images.labels == ["12A", "4", "B5"] * 15
    assert found.images.names[:4] == ["0.png", "1.png", "2.png", "4.png"]
    assert found.read == 60


def test_where_nearly_all_texts_are_alike_the_others_are_no_labels() -> None:
    numbers = [f"{n:04}" for n in range(1234, 1234 + 37 * 98, 37)]
    found = sure_texts(
        SaysWhatIsWritten(), written([*numbers, "12345", "77BA"], [20] * 100), most=100, least=0.9
    )
    assert found.images.labels == numbers
    assert found.charset.characters == "0123456789"
    assert len(found.notes) == 2


def test_a_rare_character_of_a_usual_kind_is_kept() -> None:
    texts = ["1234", "4321", "2143"] * 33 + ["1239"]
    found = sure_texts(SaysWhatIsWritten(), written(texts, [20] * 100), most=100, least=0.9)
    assert found.images.labels == texts


def test_of_a_large_pile_some_images_from_all_parts_are_read() -> None:
    pile = written(["12A", "4", "B5"] * 67, [20] * 201)
    found = sure_texts(SaysWhatIsWritten(), pile, most=50, least=0.9)
    assert found.read == len(found.images) == 50
    assert (found.images.names[0], found.images.names[-1]) == ("0.png", "200.png")


def test_too_few_sure_texts_are_refused_with_what_to_do() -> None:
    sureness = [20] * (FEWEST - 1) + [1] * 60
    pile = written(["12A"] * len(sureness), sureness)
    with pytest.raises(UserError, match=r"of 79 images 19 have .* label some with captcha-ssl"):
        sure_texts(SaysWhatIsWritten(), pile, most=100, least=0.9)


@pytest.fixture
def faint(draw_text: Callable[[str], np.ndarray]) -> tuple[Dataset, list[str]]:
    """Texts under noise, of which `reader` reads nine tenths."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ABCD"), 3)) for _ in range(400)]
    drawn = np.stack([GEOMETRY.fit(draw_text(text)) for text in texts])
    noisy = np.clip(drawn + rng.normal(0, 60, drawn.shape), 0, 255).astype(np.uint8)
    return Dataset(noisy, None, [f"{i}.png" for i in range(400)], GEOMETRY, []), texts


def test_adapting_reads_other_images_of_the_kind_better(
    faint: tuple[Dataset, list[str]], reader_file: Path, tmp_path: Path
) -> None:
    images, texts = faint
    pile, others = images.take(range(300)), images.images[300:]
    config = AdaptConfig(loop=LoopSettings(device="cpu", batch_size=16))
    config = replace(config, adapt=config.adapt.replace(init_from=reader_file, steps=100))
    run_adapting(Adapting(config, pile), tmp_path / "run")

    def right(recognizer: Recognizer) -> int:
        read = read_images(recognizer, others)
        return sum(a.text == b for a, b in zip(read, texts[300:], strict=True))

    assert right(Recognizer.load(reader_file)) < 95
    assert right(Recognizer.load(tmp_path / "run")) > 98
    assert (tmp_path / "run" / "model.onnx").is_file()
    assert "are sure: labels" in (tmp_path / "run" / "log.txt").read_text()


def test_an_encoder_without_a_head_cannot_read_a_pile(tmp_path: Path) -> None:
    encoder = build_encoder("tiny", 1, 32)
    save_model(
        tmp_path / "m.safetensors", encoder.state_dict(), ModelCard("encoder", "tiny", GEOMETRY)
    )
    with pytest.raises(UserError, match="an encoder, not a recognizer; finetune it first"):
        recognizer_at(tmp_path / "m.safetensors", GEOMETRY)


@pytest.mark.parametrize("height", HEIGHTS)
def test_the_shipped_model_reads_at_its_heights_as_it_is(height: int) -> None:
    geometry = Geometry(1, height, 80)
    images = torch.randint(0, 256, (2, 1, height, 80), dtype=torch.uint8).numpy()
    own = Recognizer.load(FOLDER / f"model-{height}.safetensors")
    here = recognizer_at(Path(SHIPPED), geometry)
    np.testing.assert_allclose(here.logits(images), own.logits(images), rtol=1e-5, atol=1e-5)
    assert here.calibration == own.calibration
