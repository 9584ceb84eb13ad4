from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_card import ModelCard
from captcha_ssl.models.model_file import load_model, save_model
from captcha_ssl.models.shipped import SHIPPED
from captcha_ssl.models.transfer import load_head
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.pretrain import run_pretraining
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.evaluation.metrics import cer
from captcha_ssl.recognition.export.export import export
from captcha_ssl.recognition.fine_tuning import ctc
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.ctc import CTCTask, ctc_loss, pad_labels
from captcha_ssl.recognition.fine_tuning.even_alignment import alignment_weight
from captcha_ssl.recognition.fine_tuning.finetune import FinetuneResult, Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData, labeled_fetcher
from captcha_ssl.recognition.fine_tuning.plateau import left_plateau
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.recognition.reading.onnx_reader import ONNX_FILE_NAME
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import read_images
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings, ModelSettings, as_shipped
from captcha_ssl.views.settings import ViewSettings

# A warning of torch would reach the user.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("error::UserWarning")]

GEOMETRY = Geometry(1, 32, 64)
CHARSET = Charset("0123456789")
LOOP = LoopSettings(batch_size=16, lr=3e-3, log_every=5, device="cpu", precision="fp32")
STILL = ViewSettings(**dict.fromkeys(ViewSettings.model_fields, 0))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """32 rendered images of three digits."""
    from captcha_ssl.synthesis.render import render
    from captcha_ssl.synthesis.settings import PictureSettings

    picture = PictureSettings(length="3", charset="0123456789", style="fast", width=120, channels=3)
    drawn = [render(picture, index) for index in range(32)]
    images = np.stack([GEOMETRY.fit(pixels.transpose(1, 2, 0)) for pixels, _ in drawn])
    return Dataset(images, [text for _, text in drawn], list(map(str, range(32))), GEOMETRY, [])


def _finetune(
    data: Dataset,
    settings: FinetuneSettings,
    run: RunDirectory | None = None,
    **told: Any,
) -> FinetuneResult:
    config = FinetuneConfig(finetune=settings, loop=LOOP, views=STILL)
    return Finetuning(config, FinetuneData(data, CHARSET)).train(run, **told)


def test_ctc_loss_is_the_probability_of_all_paths_that_collapse_to_the_label() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 3)
    probabilities = logits.double().softmax(-1)
    wanted = [[1, 1], [2]]
    expected = 0.0
    for row, label in zip(probabilities, wanted, strict=True):
        likelihood = sum(
            math.prod(row[t, k].item() for t, k in enumerate(path))
            for path in itertools.product(range(3), repeat=4)
            if [k for k, _ in itertools.groupby(path) if k] == label
        )
        expected -= math.log(likelihood) / len(label) / 2
    classes, lengths = torch.tensor([[1, 1], [2, 0]]), torch.tensor([2, 1])
    assert ctc_loss(logits, classes, lengths).item() == pytest.approx(expected, rel=1e-5)


def test_labels_are_padded_with_the_blank() -> None:
    classes, lengths = pad_labels(["12", "9", "000"], CHARSET)
    assert classes.tolist() == [[2, 3, 0], [10, 0, 0], [1, 1, 1]]
    assert lengths.tolist() == [2, 1, 3]
    with pytest.raises(UserError, match="'x'"):
        pad_labels(["1x"], CHARSET)


def test_the_plateau_is_recognized() -> None:
    assert not left_plateau(math.log(10) + 0.1, CHARSET)
    assert not left_plateau(math.nan, CHARSET)
    assert left_plateau(0.3, CHARSET)


@pytest.fixture(scope="module")
def memorized(
    digits: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunDirectory, FinetuneResult]:
    """A run long enough to learn the images by heart."""
    run = RunDirectory.create(tmp_path_factory.mktemp("memorized") / "run", "")
    return run, _finetune(digits, FinetuneSettings(steps=150), run)


def test_32_images_are_memorized(
    digits: Dataset, memorized: tuple[RunDirectory, FinetuneResult]
) -> None:
    run, result = memorized
    assert result.converged
    assert evaluate(result.recognizer, digits).exact_match == 1.0
    loaded = Recognizer.load(run.path)
    images = torch.from_numpy(digits.images)
    with torch.no_grad():
        assert torch.equal(loaded(images), result.recognizer(images))
    assert (loaded.charset, loaded.geometry) == (CHARSET, GEOMETRY)


def test_the_model_keeps_the_length_that_all_labels_have(digits: Dataset, tmp_path: Path) -> None:
    for name, labels, length in (("one", digits.labels, 3), ("two", ["1", "12"] * 16, None)):
        run = RunDirectory.create(tmp_path / name, "")
        data = replace(digits, labels=labels)
        result = _finetune(data, FinetuneSettings(steps=2), run)
        export(result.recognizer, run.path / ONNX_FILE_NAME, {})
        for reader in (result.recognizer, Recognizer.load(run.path), open_reader(run.path)):
            assert (reader.length and reader.length.characters) == length


def test_a_run_too_short_to_read_anything_is_reported_as_not_converged(digits: Dataset) -> None:
    assert not _finetune(digits, FinetuneSettings(steps=3)).converged


@pytest.mark.parametrize(
    ("loop", "rows"),
    [({}, [10, 20, 30, 40]), ({"log_every": 50}, [40])],
    ids=["by default", "as the user says"],
)
def test_a_short_training_is_judged_by_its_last_steps(
    digits: Dataset, loop: dict[str, int], rows: list[int]
) -> None:
    """The mean over all of them would show the plateau that it has left."""
    settings = LoopSettings(batch_size=16, device="cpu", precision="fp32", **loop)
    config = FinetuneConfig(finetune=FinetuneSettings(steps=40), loop=settings)
    result = Finetuning(config, FinetuneData(digits, CHARSET)).train()
    assert [row["step"] for row in result.history] == rows


@pytest.fixture
def short_ones_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training of any number of steps that ends on the CTC plateau goes on."""
    monkeypatch.setattr("captcha_ssl.recognition.fine_tuning.finetune.FEWEST_EXTENDED", 1)


@pytest.mark.usefixtures("short_ones_count")
def test_a_run_that_ends_on_the_plateau_goes_on_unless_told_otherwise(
    digits: Dataset, tmp_path: Path
) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    heard: list[str | int] = []
    result = _finetune(
        digits,
        FinetuneSettings(steps=5),
        run,
        observe=lambda report: heard.append(report.step),
        say=heard.append,
    )
    words = "on the CTC plateau after 5 steps: training to step 15; --set extend=false"
    # It is said before the extension, not after it.
    assert heard[0] == 5 and str(heard[1]).startswith(words) and heard[2:] == [10, 15]
    assert result.extended and [row["step"] for row in result.history] == [5, 10, 15]
    # It is done: nothing is left to do.
    again = _finetune(digits, FinetuneSettings(steps=5), RunDirectory.resume(run.path, ""))
    assert again.history == result.history and again.extended
    told = RunDirectory.create(tmp_path / "told", "")
    assert _finetune(digits, FinetuneSettings(steps=5, extend=False), told).step == 5
    # Without a run directory trainings are compared, at the same number of steps.
    assert _finetune(digits, FinetuneSettings(steps=5)).step == 5


@pytest.mark.usefixtures("short_ones_count")
@pytest.mark.parametrize("killed_at", [6, 11])
def test_a_run_that_goes_on_is_resumed_as_it_went(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    settings = FinetuneSettings(steps=5)
    whole = RunDirectory.create(tmp_path / "whole", "")
    expected = _finetune(digits, settings, whole)
    broken = RunDirectory.create(tmp_path / "broken", "")
    with monkeypatch.context() as patch:
        _die_at(killed_at, patch)
        with pytest.raises(RuntimeError, match="killed"):
            _finetune(digits, settings, broken)
    resumed = _finetune(digits, settings, RunDirectory.resume(broken.path, ""))
    assert (resumed.history, resumed.extended) == (expected.history, True)
    for file in ("model.safetensors", "state/state.safetensors", "metrics.jsonl"):
        assert (broken.path / file).read_bytes() == (whole.path / file).read_bytes(), file


def test_even_alignment_lasts_for_the_steps_asked_for(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = []

    def watched(weight: float, progress: float, faded: float) -> float:
        weights.append(alignment_weight(weight, progress, faded))
        return weights[-1]

    monkeypatch.setattr(ctc, "alignment_weight", watched)
    _finetune(digits, FinetuneSettings(steps=10, alignment=0.5, alignment_steps=2))
    assert weights == [0.5, 0.25] + [0.0] * 8


def test_a_frozen_encoder_keeps_weights_and_statistics(digits: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(1)
    encoder = build_encoder("tiny", 1, 32)
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    file = tmp_path / "model.safetensors"
    save_model(file, before, ModelCard("encoder", "tiny", GEOMETRY))
    result = _finetune(digits, FinetuneSettings(steps=5, freeze=True, init_from=file))
    after = result.recognizer.encoder.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    moved = _finetune(digits, FinetuneSettings(steps=5, init_from=file)).recognizer.encoder
    assert not torch.equal(before["fold.weight"], moved.state_dict()["fold.weight"])


def test_an_encoder_that_is_frozen_at_first_is_trained_afterwards(digits: Dataset) -> None:
    torch.manual_seed(0)
    recognizer = Recognizer(build_encoder("tiny", 1, 32), CHARSET, GEOMETRY)
    task = CTCTask(recognizer, STILL, freeze_first=0.5).train()
    fetch = labeled_fetcher(digits, CHARSET, torch.device("cpu"))
    batch = fetch(torch.arange(4))
    weight, head = recognizer.encoder.fold.weight, recognizer.head.weight
    before = {k: v.clone() for k, v in recognizer.encoder.state_dict().items()}
    for progress in (0.0, 0.49):
        task(batch, progress)["loss"].backward()
    assert weight.grad is None and head.grad is not None
    # Nor do its batch statistics move.
    after = recognizer.encoder.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    task(batch, 0.5)["loss"].backward()
    assert weight.grad is not None
    assert recognizer.encoder.training


def test_fine_tuning_can_start_from_a_recognizer(digits: Dataset, tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    first = _finetune(digits, FinetuneSettings(steps=2), run)
    settings = FinetuneSettings(steps=1, init_from=run.path, freeze=True)
    second = _finetune(digits, settings).recognizer.encoder.state_dict()
    kept = first.recognizer.encoder.state_dict()
    assert all(torch.equal(kept[k], second[k]) for k in kept)


def test_a_recognizer_passes_on_the_weights_of_shared_characters(
    digits: Dataset, tmp_path: Path
) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    learned = _finetune(digits, FinetuneSettings(steps=2), run).recognizer.head
    head = torch.nn.Linear(learned.in_features, 4)
    fresh = head.weight.clone()
    load_head(head, Charset("19x"), run.path, 32)
    assert torch.equal(head.weight[:3], learned.weight[[0, 2, 10]])
    assert torch.equal(head.bias[:3], learned.bias[[0, 2, 10]])
    assert torch.equal(head.weight[3], fresh[3])


def test_an_encoder_that_was_pretrained_from_the_shipped_model_gets_its_head(
    digits: Dataset, tmp_path: Path
) -> None:
    config = PretrainConfig.of("simclr")
    config = replace(
        config,
        pretrain=config.pretrain.replace(steps=1, init_from=Path(SHIPPED)),
        loop=config.loop.replace(batch_size=4, device="cpu"),
        model=as_shipped(ModelSettings(height=GEOMETRY.height, width=GEOMETRY.width)),
    )
    encoder = run_pretraining(config, digits, tmp_path / "run").file
    shipped, continued = (torch.nn.Linear(192, 11) for _ in range(2))
    assert load_head(shipped, CHARSET, Path(SHIPPED), 32) == 10
    assert load_head(continued, CHARSET, encoder, 32) == 10
    assert torch.equal(shipped.weight, continued.weight)
    begun = run_pretraining(
        replace(config, pretrain=config.pretrain.replace(init_from=None)), digits, tmp_path / "new"
    )
    assert load_head(continued, CHARSET, begun.file, 32) == 0


def test_fine_tuning_a_reader_again_starts_where_it_stopped(
    digits: Dataset, memorized: tuple[RunDirectory, FinetuneResult]
) -> None:
    run, _ = memorized
    again = _finetune(digits, FinetuneSettings(steps=1, init_from=run.path, head_lr=1e-6))
    assert again.final_loss < 0.3


def test_a_truncated_head_is_one_line(digits: Dataset, tmp_path: Path) -> None:
    weights = {"head.weight": torch.zeros(3, 128), "head.bias": torch.zeros(3)}
    save_model(
        tmp_path / "m.safetensors", weights, ModelCard("recognizer", "tiny", GEOMETRY, "0123456789")
    )
    with pytest.raises(UserError, match="its head"):
        load_head(torch.nn.Linear(128, 11), CHARSET, tmp_path / "m.safetensors", 32)


def test_logits_are_float32_and_uint8_is_standardized(digits: Dataset) -> None:
    recognizer = Recognizer(build_encoder("tiny", 1, 32), CHARSET, GEOMETRY).eval()
    images = torch.from_numpy(digits.images[:2])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert recognizer(images).dtype == torch.float32
    with torch.no_grad():
        brighter = recognizer((images // 2 + 100).to(torch.uint8))
        assert torch.allclose(brighter, recognizer(images), atol=0.3)


def test_an_encoder_alone_is_not_a_recognizer(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    encoder = build_encoder("tiny", 1, 32)
    save_model(file, encoder.state_dict(), ModelCard("encoder", "tiny", GEOMETRY))
    with pytest.raises(UserError, match="finetune it first"):
        Recognizer.load(file)


def _stopping(data: Dataset, run: RunDirectory | None = None, **settings: int) -> FinetuneResult:
    """Fine-tune on 24 images with 8 held out, looked at every 5 steps."""
    config = FinetuneConfig(
        finetune=FinetuneSettings(**{"steps": 200, "patience": 3} | settings),
        loop=LOOP.replace(checkpoint_every=10),
        views=STILL,
    )
    given = FinetuneData(data.take(range(24)), CHARSET, held_out=data.take(range(24, 32)))
    return Finetuning(config, given).train(run)


def test_training_stops_when_held_out_labels_no_longer_improve(
    digits: Dataset, tmp_path: Path
) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    result = _stopping(digits, run)
    errors = [row["held_out_cer"] for row in result.history]
    best = errors.index(min(errors))
    left = [left_plateau(row["loss"], CHARSET) for row in result.history].index(True)
    # Three looks after the best one, and no more; on the plateau none counts.
    assert len(errors) == max(left, best) + 4
    assert result.step == result.history[best]["step"] < 200
    labels = list(digits.labels or ())[24:]
    read = [r.text for r in read_images(Recognizer.load(run.path), digits.images[24:])]
    assert round(cer(labels, read), 6) == min(errors)
    assert load_model(run.path)[0].about["step"] == result.step
    # Nothing is left to do.
    again = _stopping(digits, RunDirectory.resume(run.path, ""))
    assert again.history == result.history and again.step == result.step


@pytest.mark.parametrize("killed_at", [3, 12, 17])
def test_a_resumed_run_stops_at_the_same_step_with_the_same_weights(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr(
        "captcha_ssl.recognition.fine_tuning.finetune.left_plateau", lambda loss, charset: True
    )
    whole = RunDirectory.create(tmp_path / "whole", "")
    expected = _stopping(digits, whole, steps=60)
    assert expected.history[-1]["step"] < 60
    broken = RunDirectory.create(tmp_path / "broken", "")
    with monkeypatch.context() as patch:
        _die_at(killed_at, patch)
        with pytest.raises(RuntimeError, match="killed"):
            _stopping(digits, broken, steps=60)
    resumed = _stopping(digits, RunDirectory.resume(broken.path, ""), steps=60)
    assert (resumed.history, resumed.step) == (expected.history, expected.step)
    for file in ("model.safetensors", "state/state.safetensors", "metrics.jsonl"):
        assert (broken.path / file).read_bytes() == (whole.path / file).read_bytes(), file


def _die_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """Raise RuntimeError in the training step of that number, from 0."""
    calls = iter(range(1000))
    plain = ctc.CTCTask.forward

    def dying(task: ctc.CTCTask, batch: Any, progress: float) -> Any:
        if next(calls) == step:
            raise RuntimeError("killed")
        return plain(task, batch, progress)

    patch.setattr(ctc.CTCTask, "forward", dying)


def test_patience_without_held_out_labels_is_refused(digits: Dataset) -> None:
    with pytest.raises(UserError, match="give --validation"):
        _finetune(digits, FinetuneSettings(steps=2, patience=1))
