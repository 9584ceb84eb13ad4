"""The Python interface, and the examples of docs/python.md as they stand there."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import captcha_ssl

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
Draw = Callable[[str], np.ndarray]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the datasets that the page speaks of."""
    place = tmp_path_factory.mktemp("place")
    rng = np.random.default_rng(0)
    for folder in ("images", "labeled"):
        (place / folder).mkdir()
        for label in ("1234", "5678", *(f"{n}" for n in range(1000, 1038))):
            pixels = rng.integers(0, 256, (32, 64), np.uint8)
            Image.fromarray(pixels).save(place / folder / f"{label}.png")
    return place


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[2][:30])
def test_the_examples_of_the_page_run(
    block: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    # Shorter than a user wants it, but the same calls.
    short = block.replace("epochs=20", "steps=2, batch_size=8").replace(
        "validation=0.1", "validation=0.1, steps=2, batch_size=8"
    )
    short = short.replace(
        'PretrainConfig.of("moco")',
        'PretrainConfig.of("moco").at(Given(flags={"steps": 2, "batch_size": 8, "queue": 64}))',
    )
    exec(f"from captcha_ssl.config import Given\n{short}", {})
    said = capsys.readouterr().out
    assert said
    if "stepps" in block:
        assert said.strip() == re.findall(r"print\(error\)  # (.*)", block)[0]


def test_importing_the_package_and_reading_onnx_need_no_torch() -> None:
    script = (
        "import sys; import captcha_ssl; assert not {'torch', 'numpy', 'pydantic'} & {*sys.modules}"
        "; captcha_ssl.Reader; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    with pytest.raises(AttributeError, match="no attribute 'readers'"):
        captcha_ssl.readers  # noqa: B018


def test_a_path_bytes_and_an_array_give_the_same_reading(
    reader_file: Path, draw_text: Draw, tmp_path: Path
) -> None:
    image = draw_text("BAD")
    file = tmp_path / "image.png"
    Image.fromarray(image).save(file)
    reader = captcha_ssl.Reader(reader_file)
    read = reader.read([file, str(file), file.read_bytes(), image, image[:, :, 0]])
    assert [reading.text for reading in read] == ["BAD"] * 5
    assert len(read[0].char_confidences) == 3
    assert 0 < read[0].confidence <= 1
    assert reader.read(image)[0].text == "BAD"
    assert reader.read([]) == []
    pillow = Image.fromarray(image)
    assert [reading.text for reading in reader.read([pillow, pillow.convert("P")])] == ["BAD"] * 2
    assert reader.read(pillow.convert("RGBA"))[0].text == "BAD"
    assert reader.charset == "ABCD"


def test_a_length_decides_how_much_is_read(reader_file: Path, draw_text: Draw) -> None:
    (reading,) = captcha_ssl.Reader(reader_file, length=2).read(draw_text("BAD"))
    assert len(reading.text) == 2
    with pytest.raises(captcha_ssl.UserError, match="reads at most"):
        captcha_ssl.Reader(reader_file, length=1000)


def test_a_charset_restricts_what_is_read(reader_file: Path, draw_text: Draw) -> None:
    (reading,) = captcha_ssl.Reader(reader_file, charset="AB").read(draw_text("BAD"))
    assert set(reading.text) <= {"A", "B"}


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4)), np.zeros((4, 4, 2), np.uint8), np.zeros(4, np.uint8)],
    ids=["float", "channels", "flat"],
)
def test_an_array_that_is_no_image_is_refused(reader_file: Path, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        captcha_ssl.Reader(reader_file).read(image)


def test_a_damaged_image_of_pillow_is_named_and_one_with_frames_is_not_moved(
    reader_file: Path, draw_text: Draw
) -> None:
    reader = captcha_ssl.Reader(reader_file)
    whole = io.BytesIO()
    Image.fromarray(draw_text("BAD")).save(whole, "JPEG")
    cut = Image.open(io.BytesIO(whole.getvalue()[:-100]))
    with pytest.raises(captcha_ssl.UserError, match="damaged image"):
        reader.read(cut)
    moving, blank = io.BytesIO(), Image.new("RGB", (120, 32), "white")
    blank.save(moving, "GIF", save_all=True, append_images=[Image.fromarray(draw_text("BAD"))])
    animation = Image.open(io.BytesIO(moving.getvalue()))
    assert reader.read(animation)[0].text
    assert animation.tell() == 0


def test_what_is_no_image_at_all_is_named(reader_file: Path) -> None:
    with pytest.raises(TypeError, match="an array or an image of Pillow, got list"):
        captcha_ssl.Reader(reader_file).read([[0, 0]])  # type: ignore[list-item]


def test_a_wrong_setting_or_image_is_a_user_error(reader_file: Path, tmp_path: Path) -> None:
    with pytest.raises(captcha_ssl.UserError, match="^unknown setting 'epoch'; did you mean 'epo"):
        captcha_ssl.pretrain(tmp_path, tmp_path / "out", epoch=3)
    with pytest.raises(captcha_ssl.UserError, match="^steps = 0 is out of range"):
        captcha_ssl.finetune(tmp_path, tmp_path / "out", steps=0)
    with pytest.raises(captcha_ssl.UserError, match="gone.png"):
        captcha_ssl.Reader(reader_file).read(tmp_path / "gone.png")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("train", [captcha_ssl.adapt, captcha_ssl.finetune])
def test_a_used_folder_is_refused_before_any_image_is_read(
    train: Callable[..., object], tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(captcha_ssl.UserError, match="already holds something"):
        train(tmp_path / "missing", tmp_path)


def test_only_the_training_itself_is_observed(place: Path, tmp_path: Path) -> None:
    """Not the short trainings before it, which check the labels."""
    steps: list[int] = []
    settings = {"steps": 4, "batch_size": 8, "log_every": 1, "check_labels": 2}
    captcha_ssl.finetune(
        place / "labeled",
        tmp_path / "run",
        observe=lambda report: steps.append(report.step),
        **settings,
    )
    assert steps == [1, 2, 3, 4]
