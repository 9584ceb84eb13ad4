"""A separate teacher: what the student learns from it, and which ones are refused."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from captcha_ssl.config import Given
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_card import ModelCard
from captcha_ssl.models.model_file import save_model
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.ctc import CTCTask, ctc_loss, pad_labels
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.self_training import SelfTrainingTask
from captcha_ssl.recognition.fine_tuning.settings import SelfTrainingSettings
from captcha_ssl.recognition.fine_tuning.teacher import open_teacher
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.views.settings import ViewSettings

STILL = ViewSettings(**dict.fromkeys(ViewSettings.model_fields, 0))
SMALL = {"steps": "3", "batch_size": "4", "device": "cpu", "init_from": "none"}
Draw = Callable[[str], np.ndarray]


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory, draw_text: Draw) -> Path:
    """All texts of two of four letters, 16 images; the first four of them have labels."""
    folder = tmp_path_factory.mktemp("teacher") / "pile"
    (folder / "images").mkdir(parents=True)
    texts = ["".join(letters) for letters in product("ABCD", repeat=2)]
    for text in texts:
        cv2.imwrite(str(folder / "images" / f"{text}.png"), draw_text(text))
    with (folder / "labels.csv").open("w", newline="") as table:
        rows = [(f"{text}.png", text) for text in texts[:4]]
        csv.writer(table).writerows([("filename", "label"), *rows])
    return folder


def _config(**flags: str) -> FinetuneConfig:
    return FinetuneConfig.read(Given(flags={**SMALL, **flags}))


def test_the_student_learns_what_the_teacher_reads(
    reader: Recognizer, reader_file: Path, draw_text: Draw
) -> None:
    """The loss on the pile is that of the teacher's readings, with full weight from the start."""
    texts = ["AB", "CD", "BAD"]
    images = np.stack([reader.geometry.fit(draw_text(text)) for text in texts])
    torch.manual_seed(0)
    encoder = build_encoder("tiny", 1, reader.geometry.height)
    student = Recognizer(encoder, reader.charset, reader.geometry)
    guide = open_teacher(reader_file, reader.geometry)
    settings = SelfTrainingSettings(confidence=0.0, ramp=1.0)
    task = SelfTrainingTask(CTCTask(student, STILL), settings, texts, guide)
    task.strong = STILL
    task.train()
    student.eval()
    classes, lengths = pad_labels(texts, reader.charset)
    pixels = torch.from_numpy(images)
    figures = task(((pixels, classes, lengths), pixels), 0.0)
    wanted = ctc_loss(student(pixels), classes, lengths)
    assert torch.allclose(figures["pile_loss"], wanted, atol=1e-5)
    assert torch.allclose(figures["loss"], figures["labeled_loss"] + wanted, atol=1e-5)
    before = {name: value.clone() for name, value in guide.state_dict().items()}
    figures["loss"].backward()
    task.after_step(0.0)
    assert all(torch.equal(before[name], value) for name, value in guide.state_dict().items())


def test_the_student_adopts_the_pixels_and_the_characters_of_its_teacher(
    pile: Path, reader_file: Path, reader: Recognizer
) -> None:
    config = _config(teacher=str(reader_file), unlabeled=str(pile / "images"))
    data = FinetuneData.load(config, pile)
    assert data.train.geometry == reader.geometry
    assert data.charset == reader.charset
    assert data.unlabeled is not None and len(data.unlabeled) == 16
    job = Finetuning(config, data)
    assert isinstance(job.task, SelfTrainingTask) and job.task.guide is not None
    result = job.train()
    assert result.recognizer is job.task.teacher


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"unlabeled": ""}, "--teacher: give it images to read, with --unlabeled DATA"),
        ({"teacher": "nowhere"}, "nowhere"),
        ({"height": "48"}, "not with height 48; leave height out"),
        ({"trim": "box"}, "not with trim box; leave trim out"),
    ],
)
def test_a_teacher_needs_a_pile_and_a_recognizer_and_reads_its_own_pixels(
    pile: Path, reader_file: Path, flags: dict[str, str], said: str
) -> None:
    given = {"teacher": str(reader_file), "unlabeled": str(pile / "images"), **flags}
    config = _config(**{key: value for key, value in given.items() if value})
    with pytest.raises(UserError, match=said):
        FinetuneData.load(config, pile)


def test_a_teacher_of_other_characters_pixels_or_none_is_refused(
    pile: Path, reader_file: Path, reader: Recognizer, tmp_path: Path
) -> None:
    geometry = reader.geometry
    encoder = build_encoder("tiny", 1, geometry.height)
    other = Recognizer(encoder, Charset("AC"), geometry)
    other.save(tmp_path / "other.safetensors", about={})
    flags = {"unlabeled": str(pile / "images")}
    with pytest.raises(UserError, match=r"does not know 'B' of .*AB.png"):
        FinetuneData.load(_config(teacher=str(tmp_path / "other.safetensors"), **flags), pile)
    with pytest.raises(UserError, match="not at 48×32 gray, as they are; leave --init-from out"):
        open_teacher(reader_file, Geometry(1, 32, 48))
    file = tmp_path / "encoder.safetensors"
    save_model(file, encoder.state_dict(), ModelCard("encoder", "tiny", geometry))
    with pytest.raises(UserError, match="an encoder, not a recognizer"):
        FinetuneData.load(_config(teacher=str(file), **flags), pile)


def test_a_teacher_without_a_pile_is_refused(reader_file: Path, reader: Recognizer) -> None:
    images = np.zeros((4, 1, 32, 64), np.uint8)
    data = Dataset(images, ["A"] * 4, list("abcd"), reader.geometry, [])
    job = Finetuning(_config(teacher=str(reader_file)), FinetuneData(data, reader.charset))
    assert isinstance(job.task, CTCTask)


def test_the_images_are_prepared_as_the_teacher_has_learned_them(
    tmp_path: Path, reader_file: Path, draw_text: Draw
) -> None:
    """Small text on a canvas would be cut out without a teacher."""
    folder = tmp_path / "canvas"
    folder.mkdir()
    for text in ("AB", "CD", "AC", "BD"):
        for number in range(6):
            canvas = np.full((200, 400, 3), 255, np.uint8)
            small = cv2.resize(draw_text(text), (64, 32))
            canvas[20:52, 30:94] = small
            cv2.imwrite(str(folder / f"{text}_{number}.png"), canvas)
    alone = FinetuneData.load(_config(), (folder,))
    assert alone.train.geometry.preparation is not None
    told = _config(teacher=str(reader_file), unlabeled=str(folder))
    taught = FinetuneData.load(told, (folder,))
    assert taught.train.geometry == open_teacher(reader_file, taught.train.geometry).geometry
