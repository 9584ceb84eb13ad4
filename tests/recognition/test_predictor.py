"""From what a command line names to texts."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.image import ImageError
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_card import ModelCard
from captcha_ssl.models.model_file import save_model
from captcha_ssl.recognition.reading.inputs import Input, Inputs
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.predictor import AHEAD, Predictor
from captcha_ssl.recognition.reading.recognizer import Recognizer

Draw = Callable[[str], np.ndarray]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def predictor(reader_file: Path) -> Predictor:
    return Predictor(open_reader(reader_file))


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def names(*arguments: str) -> list[str]:
    return [item.name for item in Inputs(arguments)]


def feed_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def png(image: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG")
    return data.getvalue()


def test_arguments_keep_their_order_and_folders_are_sorted(here: Path) -> None:
    touch("z.png", "pile/b.png", "pile/a.jpg", "pile/sub/c.PNG", "pile/notes.txt", "pile/.x.png")
    assert names("z.png", "pile", "-", "a.png") == [
        "z.png",
        "pile/a.jpg",
        "pile/b.png",
        "pile/sub/c.PNG",
        "-",
        "a.png",
    ]


def test_patterns_are_replaced_by_their_sorted_matches(here: Path) -> None:
    touch("3.png", "1.png", "2.jpg", "deep/er/4.png")
    assert names("*.png", "?.jpg") == ["1.png", "3.png", "2.jpg"]
    assert names("[12].*") == ["1.png", "2.jpg"]
    assert names("**/4.png") == names("d*") == ["deep/er/4.png"]
    assert names(f"{here}/*.jpg") == [f"{here}/2.jpg"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(here: Path) -> None:
    touch("a[1].png", "a1.png")
    assert names("a[1].png") == ["a[1].png"]


def test_the_same_image_named_twice_is_read_twice(here: Path) -> None:
    touch("a.png")
    assert names("a.png", "a.png") == ["a.png", "a.png"]


@pytest.mark.parametrize(
    ("argument", "problem"),
    [("no*.png", "no file matches"), ("empty", "no dataset here"), ("gone.png", "no such file")],
)
def test_an_argument_without_matches_is_one_input_that_fails(
    here: Path, argument: str, problem: str
) -> None:
    touch("empty/notes.txt")
    (item,) = Inputs([argument])
    assert item.name == argument
    with pytest.raises(ImageError, match=problem):
        item.pixels()


def test_a_path_without_permission_does_not_stop_the_rest(here: Path) -> None:
    touch("a.png")
    assert names("x" * 5000, "[x]" * 2000, "a.png")[-1] == "a.png"


def test_a_dash_is_the_bytes_of_one_image(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    feed_stdin(monkeypatch, png(image))
    (item,) = Inputs(["-"])
    assert np.array_equal(item.pixels(), image)
    with pytest.raises(ImageError, match="empty"):
        item.pixels()


@pytest.mark.parametrize("batch_size", [1, 2, 3, 50])
def test_images_are_read_in_order_and_bad_ones_do_not_stop_the_rest(
    predictor: Predictor, draw_text: Draw, here: Path, batch_size: int
) -> None:
    for text in ("A", "BC", "DDD"):
        Path(f"{text}.png").write_bytes(png(draw_text(text)))
    Path("damaged.png").write_bytes(png(draw_text("A"))[:60])
    order = ["damaged.png", "DDD.png", "A.png", "gone.png", "damaged.png", "BC.png"]
    predictions = list(predictor.predict(map(Input, order), batch_size))
    assert [prediction.path for prediction in predictions] == order
    texts = [prediction.reading and prediction.reading.text for prediction in predictions]
    assert texts == [None, "DDD", "A", None, None, "BC"]
    assert "no such file" in (predictions[3].error or "")
    assert [bool(prediction.error) for prediction in predictions] == [
        prediction.reading is None for prediction in predictions
    ]


def test_an_image_of_another_size_is_fitted_to_the_models_geometry(
    predictor: Predictor, draw_text: Draw, here: Path
) -> None:
    Path("big.png").write_bytes(png(draw_text("CAB").repeat(4, axis=0).repeat(4, axis=1)))
    (prediction,) = predictor.predict([Input("big.png")])
    assert prediction.reading is not None and prediction.reading.text == "CAB"


def test_no_more_than_a_few_batches_are_read_ahead(
    predictor: Predictor, draw_text: Draw, here: Path
) -> None:
    Path("A.png").write_bytes(png(draw_text("A")))
    taken = []

    def endless() -> Iterator[Input]:
        while True:
            taken.append("A.png")
            yield Input("A.png")

    predictions = predictor.predict(endless(), batch_size=3)
    assert [next(predictions).path for _ in range(3)] == ["A.png"] * 3
    predictions.close()
    assert len(taken) == 3 * (1 + AHEAD)


def test_an_encoder_without_a_head_is_refused(reader: Recognizer, tmp_path: Path) -> None:
    card = ModelCard("encoder", "tiny", reader.geometry)
    save_model(tmp_path / "model.safetensors", reader.encoder.state_dict(), card)
    with pytest.raises(UserError, match="finetune"):
        open_reader(tmp_path)
