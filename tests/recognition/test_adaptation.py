"""A recognizer adapts to images without labels by what it reads surely in them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.choose_preparation import choose_preparation
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.look import look_at
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources import open_source
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_card import Calibration, ModelCard
from captcha_ssl.models.model_file import save_model
from captcha_ssl.models.shipped import FOLDER, HEIGHTS, SHIPPED
from captcha_ssl.recognition.adaptation import adapt, clearest_pixels
from captcha_ssl.recognition.adaptation.adapt import (
    SURE_TEXTS,
    Adapting,
    run_adapting,
)
from captcha_ssl.recognition.adaptation.clearest_pixels import clearest_geometry
from captcha_ssl.recognition.adaptation.config import AdaptConfig
from captcha_ssl.recognition.adaptation.sure_texts import FEWEST, sure_texts
from captcha_ssl.recognition.fine_tuning.initial import recognizer_at
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_length import TextLength
from captcha_ssl.recognition.reading.text_reader import read_images
from captcha_ssl.training.meter import StepReport
from captcha_ssl.training.settings import LoopSettings, ModelSettings, as_shipped

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


class OnTheCpu(SaysWhatIsWritten):
    def to(self, device: object) -> None:
        """Nothing."""


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


def test_texts_of_every_length_are_kept_where_the_user_knows_of_no_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned: list[int] = []
    monkeypatch.setattr(adapt, "recognizer_at", lambda *of: OnTheCpu())
    monkeypatch.setattr(adapt, "Finetuning", lambda config, data: learned.append(len(data.train)))
    texts = [*(f"{n:04}" for n in range(1234, 1234 + 37 * 98, 37)), "12345", "12"]
    config = AdaptConfig(model=ModelSettings(encoder="small"))
    free = config.self_training.replace(known_length=False)
    for asked in (config, replace(config, self_training=free)):
        Adapting(asked, written(texts, [20] * 100))
    assert learned == [98, 100]


def test_a_rare_character_of_a_usual_kind_is_kept() -> None:
    texts = ["1234", "4321", "2143"] * 33 + ["1239"]
    found = sure_texts(SaysWhatIsWritten(), written(texts, [20] * 100), most=100, least=0.9)
    assert found.images.labels == texts


def test_the_length_of_other_images_does_not_matter(reader: Recognizer, tmp_path: Path) -> None:
    of_three = copy.deepcopy(reader)
    of_three.length = TextLength(3)
    of_three.save(tmp_path / "m.safetensors", {})
    assert recognizer_at(tmp_path / "m.safetensors", GEOMETRY).length is None


class DoubtsA(SaysWhatIsWritten):
    """Finds each A nearly as much like a B, as an O is like a 0."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        logits = super().logits(images)
        a, b = self.charset.encode("AB")
        like = np.where(logits[:, :, a] > 0, logits[:, :, a] - 0.05, logits[:, :, b])
        logits[:, :, b] = like
        return logits


def test_a_character_that_is_much_like_another_one_is_not_ruled_out() -> None:
    rng = np.random.default_rng(0)
    letters = [*SaysWhatIsWritten.charset.characters]
    shares = [0.02 if letter == "A" else 0.98 / 11 for letter in letters]
    texts = ["".join(rng.choice(letters, 4, p=shares)) for _ in range(300)]
    found = sure_texts(DoubtsA(), written(texts, [20] * 300), most=300, least=0.1)
    assert found.images.labels == texts


def test_what_is_not_settled_keeps_all_characters_of_the_reader() -> None:
    few = written(["12", "21"] * 15, [20] * 30)
    found = sure_texts(SaysWhatIsWritten(), few, most=30, least=0.9)
    assert found.charset == SaysWhatIsWritten.charset


def test_what_the_pile_rejected_is_counted_once() -> None:
    pile = written(["12A", "4", "B5"] * 20, [20] * 60)
    pile.rejected = [Rejected("x.png", "empty file (0 bytes)")]
    assert not sure_texts(SaysWhatIsWritten(), pile, most=60, least=0.9).images.rejected


def test_of_a_large_pile_some_images_from_all_parts_are_read() -> None:
    pile = written(["12A", "4", "B5"] * 67, [20] * 201)
    found = sure_texts(SaysWhatIsWritten(), pile, most=50, least=0.9)
    assert found.read == len(found.images) == 50
    assert (found.images.names[0], found.images.names[-1]) == ("0.png", "200.png")


def test_too_few_sure_texts_are_refused_with_what_to_do() -> None:
    sureness = [20] * (FEWEST - 1) + [1] * 60
    pile = written(["12A"] * len(sureness), sureness)
    with pytest.raises(
        UserError, match=r"19 of 79 texts .* are sure .* label some with captcha-ssl"
    ):
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
    config = replace(config, adapt=config.adapt.replace(init_from=reader_file, steps=180))
    run_adapting(Adapting(config, pile), tmp_path / "run")

    def right(recognizer: Recognizer) -> int:
        read = read_images(recognizer, others)
        return sum(a.text == b for a, b in zip(read, texts[300:], strict=True))

    assert right(Recognizer.load(reader_file)) < 95
    assert right(Recognizer.load(tmp_path / "run")) > 98
    assert (tmp_path / "run" / "model.onnx").is_file()
    assert "are sure and become labels" in (tmp_path / "run" / "log.txt").read_text()


def test_an_interrupted_run_continues_to_the_same_model(
    faint: tuple[Dataset, list[str]], reader_file: Path, tmp_path: Path
) -> None:
    pile = faint[0].take(range(60))
    config = AdaptConfig(
        loop=LoopSettings(device="cpu", batch_size=4, log_every=1, checkpoint_every=2)
    )
    config = replace(config, adapt=config.adapt.replace(init_from=reader_file, steps=4))

    def stop(report: StepReport) -> None:
        if report.step == 3:
            raise KeyboardInterrupt

    run_adapting(Adapting(config, pile), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_adapting(Adapting(config, pile), tmp_path / "run", observe=stop)
    texts = (tmp_path / "run" / SURE_TEXTS).read_bytes()
    with pytest.raises(UserError, match="started with other data"):
        other = replace(faint[0].take(range(60, 120)), whole=None)
        run_adapting(Adapting(config, other), tmp_path / "run", resume=True)
    assert (tmp_path / "run" / SURE_TEXTS).read_bytes() == texts
    run_adapting(Adapting(config, pile), tmp_path / "run", resume=True)
    model = "model.safetensors"
    assert (tmp_path / "run" / model).read_bytes() == (tmp_path / "whole" / model).read_bytes()


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


def test_the_shipped_model_takes_the_pixels_that_it_reads_most_surely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SureOfMuchInk(SaysWhatIsWritten):
        """Reads one character, the more surely the more of the image is dark."""

        def logits(self, images: np.ndarray) -> np.ndarray:
            logits = np.zeros((len(images), 1, 13), np.float32)
            logits[:, 0, 1] = 4 * (images < 128).mean((1, 2, 3))
            return logits

    monkeypatch.setattr(clearest_pixels, "open_reader", lambda model: SureOfMuchInk())
    for number in range(50):
        image = np.full((60, 120, 3), 255, np.uint8)
        image[10:50, 20:90] = 0
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    model = as_shipped(ModelSettings())
    found = clearest_geometry([tmp_path], model)
    assert found is not None and found.preparation is not None
    assert found.preparation.trim != "none" and found.height == 48
    # The measurements alone suggest no preparation, and the user has the last word.
    assert (
        choose_preparation(look_at(tmp_path, open_source(tmp_path, want_labels=False)).ink) is None
    )
    assert clearest_geometry([tmp_path], model.replace(trim="none")) is None


def test_few_sure_texts_are_said_to_be_few() -> None:
    readings = [("123", 14 if place % 8 == 0 else 1) for place in range(200)]
    found = sure_texts(
        SaysWhatIsWritten(), written(*zip(*readings, strict=True)), most=200, least=0.9
    )
    assert len(found.images) == 25
    assert any("few texts are sure" in note for note in found.notes)
