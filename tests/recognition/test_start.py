"""Which start is chosen for a user who names none, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.config import Given
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.writers import open_writer
from captcha_ssl.errors import UserError
from captcha_ssl.models import shipped
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_file import load_model
from captcha_ssl.models.shipped import AUTO
from captcha_ssl.recognition.evaluation.evaluate import Evaluation
from captcha_ssl.recognition.evaluation.label_check import LabelCheck
from captcha_ssl.recognition.fine_tuning import start
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.start import FEW_LABELS, choose_start
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import Reading

SHIPPED = Path(shipped.SHIPPED)
GEOMETRY = Geometry(1, 32, 96)


@pytest.fixture(scope="module")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("labeled") / "set"
    rng = np.random.default_rng(0)
    with open_writer(
        out, "packed", count=FEW_LABELS, channels=1, height=32, width=96, about={}
    ) as writer:
        for index in range(FEW_LABELS):
            label = "".join(rng.choice(list("0123456789"), 4))
            writer.add(index, rng.integers(0, 256, (1, 32, 96), np.uint8), label)
    return out


@pytest.fixture(autouse=True)
def usual_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The noise of `labeled` is read in no pixels; test_readable_pixels.py has images that are."""
    monkeypatch.setattr(start, "readable_pixels", lambda data, model, **asked: None)


def config(**settings: object) -> FinetuneConfig:
    return FinetuneConfig.read(Given(flags=settings))


def raced(rate: float) -> LabelCheck:
    """The readings of a held-out label with that share of its characters missing."""
    read = "1" * round(10 - 10 * rate)
    images = Dataset(np.zeros((1, 1, 32, 96), np.uint8), ["1" * 10], ["a"], GEOMETRY, [])
    return LabelCheck(images, Evaluation(["1" * 10], [Reading(read, 0.5, (0.5,) * len(read))]))


def errors(monkeypatch: pytest.MonkeyPatch, **rates: float) -> None:
    def race(config: FinetuneConfig, data: object, observe: object) -> LabelCheck:
        return raced(rates["shipped" if config.finetune.init_from == SHIPPED else "scratch"])

    monkeypatch.setattr(start, "_race", race)


def test_the_choice_of_the_user_is_kept(labeled: Path) -> None:
    assert config().finetune.init_from == AUTO
    for named in (config(init_from="none"), config(init_from="runs/encoder")):
        assert choose_start(named, labeled) == start.Start(named, "")


def test_few_labels_start_from_the_shipped_model(labeled: Path) -> None:
    found = choose_start(config(labels=FEW_LABELS - 1), labeled)
    assert found.config.finetune.init_from == SHIPPED
    assert f"{FEW_LABELS - 1} labels are too few" in found.reason


def test_an_encoder_that_the_shipped_model_lacks_starts_from_scratch(labeled: Path) -> None:
    found = choose_start(config(encoder="tiny"), labeled)
    assert found.config.finetune.init_from is None
    assert "has encoder small, not tiny" in found.reason


@pytest.mark.parametrize(
    ("steps", "raced"), [(4, 4), (60, 50), (200, 50), (400, 100), (1000, 200), (9000, 200)]
)
def test_a_race_takes_a_quarter_of_the_steps_within_limits(steps: int, raced: int) -> None:
    assert start.race_steps(config(steps=steps)) == raced


def test_where_nothing_is_read_more_pixels_are_tried(
    labeled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def race(config: FinetuneConfig, data: FinetuneData, observe: object) -> LabelCheck:
        height, alignment = data.train.geometry.height, config.finetune.alignment
        seen.append((config.finetune.init_from, height, alignment))
        return raced(0.4 if (config.finetune.init_from, height) == (None, 64) else 0.9)

    monkeypatch.setattr(start, "_race", race)
    said: list[str] = []
    found = choose_start(config(), labeled, say=said.append)
    assert said[0].startswith("comparing the shipped model and scratch as starts, 200 steps")
    assert said[1].endswith("at height 64")
    assert seen == [(SHIPPED, 48, 0), (None, 32, 0), (SHIPPED, 64, 1), (None, 64, 1)]
    assert (found.config.finetune.init_from, found.config.model.height) == (None, 64)
    assert "starts from scratch at height 64" in found.reason
    seen.clear()
    assert choose_start(config(height=32), labeled).config.model.height == 32
    assert len(seen) == 2, "a height that the user asks for stands"


def test_a_teacher_decides_the_height_of_a_race(
    labeled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = build_encoder("tiny", 1, 32)
    teacher = tmp_path / "teacher.safetensors"
    Recognizer(encoder, Charset("0123456789"), GEOMETRY).save(teacher, about={})
    errors(monkeypatch, shipped=0.9, scratch=0.9)
    said: list[str] = []
    choose_start(config(teacher=teacher, unlabeled=(labeled,)), labeled, say=said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("shipped", "scratch", "winner"), [(0.2, 0.5, SHIPPED), (0.5, 0.2, None), (0.3, 0.3, SHIPPED)]
)
def test_enough_labels_are_decided_by_a_race(
    labeled: Path,
    monkeypatch: pytest.MonkeyPatch,
    shipped: float,
    scratch: float,
    winner: Path | None,
) -> None:
    errors(monkeypatch, shipped=shipped, scratch=scratch)
    found = choose_start(config(), labeled)
    assert found.config.finetune.init_from == winner
    assert f"{shipped:.1%} from the shipped model, {scratch:.1%} from scratch" in found.reason


def test_a_race_leaves_the_unlabeled_images_alone(
    labeled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[FinetuneData] = []

    def race(config: FinetuneConfig, data: FinetuneData, observe: object) -> LabelCheck:
        given.append(data)
        return raced(0.4)

    monkeypatch.setattr(start, "_race", race)
    with pytest.raises(UserError, match="absent"):
        choose_start(config(unlabeled=("absent",)), labeled)
    assert not given
    found = choose_start(config(unlabeled=(str(labeled),)), labeled).config.finetune
    assert found.unlabeled == (labeled,)
    assert [data.unlabeled for data in given] == [None, None]


def test_a_resumed_run_keeps_its_start(
    labeled: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    errors(monkeypatch, shipped=0.2, scratch=0.5)
    for begun in ("none", "shipped"):
        (tmp_path / "config.toml").write_text(config(init_from=begun).to_toml())
        found = choose_start(config(), labeled, resumed=tmp_path)
        assert found.config.finetune.init_from == (None if begun == "none" else SHIPPED)
    begun = config(init_from="none", height=48, alignment=1.0)
    (tmp_path / "config.toml").write_text(begun.to_toml())
    assert choose_start(config(), labeled, resumed=tmp_path).config == begun
    (tmp_path / "config.toml").write_text('height = "tall"')
    with pytest.raises(UserError, match="height"):
        choose_start(config(), labeled, resumed=tmp_path)


def test_a_race_reads_labels_that_it_did_not_train_on(
    labeled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On noise nothing is learned but by heart: the error on other labels stays high.
    monkeypatch.setattr(start, "RACE_STEPS", 2)
    found = choose_start(config(batch_size=8, device="cpu"), labeled)
    rates = [float(word.rstrip("%")) for word in found.reason.split() if word.endswith("%")]
    assert len(rates) == 4 and min(rates) > 60


@pytest.mark.parametrize("height", shipped.HEIGHTS)
def test_the_card_describes_the_shipped_encoder(height: int) -> None:
    card, _ = load_model(shipped.shipped_version(height))
    assert (card.encoder, card.geometry.height) == (shipped.ENCODER, height)


def test_a_start_that_reads_all_held_out_labels_needs_no_comparison(
    labeled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def race(config: FinetuneConfig, data: FinetuneData, observe: object) -> LabelCheck:
        seen.append(config.finetune.init_from)
        return raced(0.0)

    monkeypatch.setattr(start, "_race", race)
    found = choose_start(config(), labeled)
    assert seen == [SHIPPED] == [found.config.finetune.init_from]
    assert "reads all labels that were held out" in found.reason
