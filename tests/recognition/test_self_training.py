"""Self-training: what the teacher is, what it says, and whether it helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.models.encoder import build_encoder, standardize
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.ctc import CTCTask, pad_labels
from captcha_ssl.recognition.fine_tuning.finetune import FinetuneResult, Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.self_training import SelfTrainingTask, rise
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings, SelfTrainingSettings
from captcha_ssl.recognition.reading.decoding import greedy_decode
from captcha_ssl.recognition.reading.pseudo_labels import pseudo_labels
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.training import captured_step
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.views.settings import gentle_views
from tests.training.tape import Tape, taped

# A warning of torch would reach the user.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("error::UserWarning")]
tapes = pytest.fixture(taped)

GEOMETRY = Geometry(1, 32, 48)
CHARSET = Charset("0123456789")
LOOP = LoopSettings(
    batch_size=16, lr=3e-3, log_every=5, checkpoint_every=4, device="cpu", precision="fp32"
)


def _draw(count: int, first: int = 0) -> Dataset:
    from captcha_ssl.synthesis.render import render
    from captcha_ssl.synthesis.settings import PictureSettings

    picture = PictureSettings(length="2", charset="0123456789", style="fast", width=90, channels=3)
    drawn = [render(picture, index) for index in range(first, first + count)]
    images = np.stack([GEOMETRY.fit(pixels.transpose(1, 2, 0)) for pixels, _ in drawn])
    return Dataset(images, [text for _, text in drawn], list(map(str, range(count))), GEOMETRY, [])


@pytest.fixture(scope="module")
def labeled() -> Dataset:
    return _draw(40)


@pytest.fixture(scope="module")
def pile() -> Dataset:
    return _draw(300, first=1000)


def _train(
    data: Dataset,
    steps: int,
    unlabeled: Dataset | None,
    run: RunDirectory | None = None,
    *,
    teaching: SelfTrainingSettings = SelfTrainingSettings(),  # noqa: B008
    **loop: int,
) -> FinetuneResult:
    config = FinetuneConfig(
        finetune=FinetuneSettings(steps=steps),
        self_training=teaching,
        loop=LOOP.replace(**loop),
    )
    return Finetuning(config, FinetuneData(data, CHARSET, unlabeled=unlabeled)).train(run)


def _task(settings: SelfTrainingSettings, *, frozen: bool = False) -> SelfTrainingTask:
    torch.manual_seed(0)
    recognizer = Recognizer(build_encoder("tiny", 1, 32), CHARSET, GEOMETRY)
    return SelfTrainingTask(CTCTask(recognizer, gentle_views(), frozen=frozen), settings, ["12"])


def _batch(data: Dataset, pile: Dataset) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    labels = pad_labels((data.labels or [])[:8], CHARSET)
    return (torch.from_numpy(data.images[:8]), *labels), torch.from_numpy(pile.images[:8])


def test_pseudo_labels_are_what_greedy_decoding_reads() -> None:
    torch.manual_seed(3)
    logits = 3 * torch.randn(50, 7, 3)
    read = pseudo_labels(logits)
    for row, wanted in enumerate(greedy_decode(logits.numpy())):
        length = int(read.lengths[row])
        assert tuple(read.classes[row, :length].tolist()) == wanted.classes
        assert not read.classes[row, length:].any()
        assert read.confidence[row].item() == pytest.approx(wanted.confidence, rel=1e-4)


def test_unsure_and_empty_texts_are_not_used() -> None:
    sure_empty = torch.tensor([[9.0, 0, 0]] * 4)
    sure = torch.tensor([[0, 9.0, 0], [9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]])
    read = pseudo_labels(torch.stack([sure_empty, sure, sure / 9]))
    assert read.believed(0.9).tolist() == [False, True, False]
    assert read.believed(0.0).tolist() == [False, True, True]
    assert read.classes[1].tolist() == [1, 1, 2, 0]


def test_the_weight_rises_to_one() -> None:
    assert rise(0.0, 0.5) == pytest.approx(np.exp(-5))
    assert rise(0.25, 0.5) == pytest.approx(np.exp(-1.25))
    assert rise(0.5, 0.5) == rise(0.9, 0.5) == rise(0.0, 0.0) == 1.0


def test_the_teacher_gets_no_gradient_and_the_pile_trains_the_student(
    labeled: Dataset, pile: Dataset
) -> None:
    task = _task(SelfTrainingSettings(confidence=0.0, ramp=0.0))
    figures = task(_batch(labeled, pile), 0.0)
    assert figures["accepted"] > 0
    figures["pile_loss"].backward()
    assert all(p.grad is None and not p.requires_grad for p in task.teacher.parameters())
    assert all(p.grad is not None for p in task.supervised.recognizer.parameters())
    total = figures["labeled_loss"] + figures["pile_loss"]
    assert torch.allclose(figures["loss"], total)


def test_the_teacher_is_the_moving_average_of_the_student() -> None:
    task = _task(SelfTrainingSettings(teacher_window=0.5))
    weight, mean = task.supervised.recognizer.head.weight, None
    for step, momentum in enumerate((1 / 3, 1 / 2, 3 / 5), start=1):
        mean = weight.detach().clone() if mean is None else mean
        with torch.no_grad():
            weight += step
        task.after_step(0.0)
        mean = momentum * mean + (1 - momentum) * weight.detach()
        assert torch.allclose(task.teacher.head.weight, mean, atol=1e-6)


def test_the_teacher_reads_the_images_as_they_are(labeled: Dataset, pile: Dataset) -> None:
    task, seen = _task(SelfTrainingSettings()), []
    task.teacher.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    batch = _batch(labeled, pile)
    task(batch, 0.5)
    assert len(seen) == 1 and torch.equal(seen[0], standardize(batch[1]))


@pytest.mark.parametrize("known", [True, False])
def test_pseudo_labels_are_as_long_as_all_labels_are(
    labeled: Dataset, pile: Dataset, known: bool
) -> None:
    teaching = SelfTrainingSettings(known_length=known)
    read = _train(labeled, 1, pile, teaching=teaching, log_every=1).history[0]["read_length"]
    assert (read == 2) is known


def test_labels_of_several_lengths_do_not_settle_that_of_a_pseudo_label(
    labeled: Dataset, pile: Dataset
) -> None:
    mixed = replace(labeled, labels=["1", *(labeled.labels or [])[1:]])
    assert _train(mixed, 1, pile, log_every=1).history[0]["read_length"] != 2


def test_a_frozen_encoder_stays_as_it_is_in_the_teacher_too(
    labeled: Dataset, pile: Dataset
) -> None:
    task = _task(SelfTrainingSettings(confidence=0.0), frozen=True).train()
    before = {k: v.clone() for k, v in task.teacher.encoder.state_dict().items()}
    task(_batch(labeled, pile), 0.5)["loss"].backward()
    task.after_step(0.5)
    after = task.teacher.encoder.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_it_reads_more_than_the_labels_alone_teach(labeled: Dataset, pile: Dataset) -> None:
    unseen = _draw(200, first=5000)
    # After 150 steps it is ahead by a third of the errors with two seeds of two, after 250 by two.
    alone = _train(labeled, 200, None)
    taught = _train(labeled, 200, pile)
    assert taught.converged
    assert evaluate(taught.recognizer, unseen).cer < evaluate(alone.recognizer, unseen).cer


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    labeled: Dataset, pile: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teaching = SelfTrainingSettings(confidence=0.0, pile_ratio=0.5)
    whole = RunDirectory.create(tmp_path / "whole", "")
    _train(labeled, 12, pile, whole, teaching=teaching)
    parts = RunDirectory.create(tmp_path / "parts", "")
    monkeypatch.setattr(SelfTrainingTask, "after_step", _break_at(7, SelfTrainingTask.after_step))
    with pytest.raises(RuntimeError, match="power cut"):
        _train(labeled, 12, pile, parts, teaching=teaching)
    monkeypatch.undo()
    _train(labeled, 12, pile, parts, teaching=teaching)
    assert "training from step 4 to 12" in (parts.path / "log.txt").read_text()
    for name in ("model.safetensors", "state/state.safetensors"):
        assert (parts.path / name).read_bytes() == (whole.path / name).read_bytes()
    assert parts.metrics() == whole.metrics()
    assert all("accepted" in row for row in whole.metrics())


@pytest.mark.parametrize("with_pile", [False, True])
def test_replayed_steps_are_those_of_python(
    labeled: Dataset,
    pile: Dataset,
    with_pile: bool,
    tapes: list[Tape],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def learn() -> FinetuneResult:
        teaching = SelfTrainingSettings(confidence=0.0, ramp=0.5)
        return _train(labeled, 12, pile if with_pile else None, teaching=teaching, log_every=1)

    replayed = learn()
    assert tapes[-1].replays == 12 - captured_step.REHEARSALS
    # The same on the same tensors, but Python goes through it each time.
    monkeypatch.setattr(captured_step, "REHEARSALS", 12)
    stepped = learn()
    assert tapes[-1].replays == 0
    assert replayed.history == stepped.history
    weights, others = replayed.recognizer.state_dict(), stepped.recognizer.state_dict()
    assert all(torch.equal(weights[key], others[key]) for key in weights)
    # And without tensors, but for what CTC rounds in another order.
    monkeypatch.setattr(captured_step, "recorder_for", lambda device: None)
    plain = learn()
    for row, other in zip(replayed.history[:4], plain.history[:4], strict=True):
        assert row == pytest.approx(other, rel=1e-3, abs=1e-3)


def _break_at(step: int, after_step: Callable[..., None]) -> Callable[..., None]:
    def breaking(task: SelfTrainingTask, progress: float) -> None:
        after_step(task, progress)
        if int(task.steps) == step:
            raise RuntimeError("power cut")

    return breaking
