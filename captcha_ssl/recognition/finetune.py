"""Fine-tuning: a recognizer from labeled images, with or without a pretrained encoder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_file import FILE_NAME
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.models.transfer import load_encoder, load_head
from captcha_ssl.recognition.ctc import CTCTask, LabeledBatch, left_plateau, pad_labels
from captcha_ssl.recognition.early_stopping import BestWeights, best_row, looks_since_best
from captcha_ssl.recognition.even_alignment import faded_after
from captcha_ssl.recognition.recognizer import Recognizer
from captcha_ssl.recognition.self_training import (
    LABELED_LOSS,
    Pile,
    SelfTrainingTask,
    teacher_of,
    with_pile,
)
from captcha_ssl.recognition.settings import FinetuneSettings
from captcha_ssl.training.device import resolve_device
from captcha_ssl.training.loop import Observer, train
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings, ModelSettings
from captcha_ssl.training.store import image_fetcher
from captcha_ssl.views.ink import fit_views, measured_inks
from captcha_ssl.views.settings import ViewSettings


@dataclass(frozen=True)
class FinetuneResult:
    """A trained recognizer and how its training went: `history` has the logged figures.

    `step` is the one after which it had these weights: the last, or the best with patience.
    """

    recognizer: Recognizer
    converged: bool
    final_loss: float
    seconds: float
    history: list[dict[str, float]]
    step: int


def finetune(
    data: Dataset,
    charset: Charset,
    settings: FinetuneSettings,
    loop: LoopSettings,
    model: ModelSettings,
    views: ViewSettings,
    *,
    pile: Pile | None = None,
    held_out: Dataset | None = None,
    begin: Callable[[], RunDirectory] | None = None,
    observe: Observer | None = None,
) -> FinetuneResult:
    """Train a recognizer on every image of `data`; with a run directory, write its model there.

    With a `pile` it trains itself on that too, and the result is its teacher. With
    `settings.patience` it stops when it no longer reads `held_out` better, and the result has the
    weights that read it best.

    `begin` opens the run directory and is called once nothing is left to refuse.
    `converged` is false when the loss never left the CTC plateau. Raises UserError for a label
    with a character outside `charset`, an unfit `settings.init_from`, a loss that is not finite,
    or a run to resume that was begun with other data.
    """
    started = time.perf_counter()
    if settings.patience is not None and held_out is None:
        raise UserError("patience needs labels that are held out; give --validation 0.1, say")
    torch.manual_seed(loop.seed)
    device = resolve_device(loop.device)
    recognizer = _recognizer(data.geometry, charset, model, settings.init_from)
    views = fit_views(views, measured_inks(data.images), data.geometry)
    supervised = CTCTask(
        *(recognizer, views),
        frozen=settings.freeze,
        alignment=settings.alignment,
        faded=faded_after(settings.alignment_steps, settings.steps) / settings.steps,
    )
    task = (SelfTrainingTask(supervised, pile.settings) if pile else supervised).to(device)
    groups = parameter_groups(recognizer.encoder, loop.lr, loop.weight_decay)
    groups += parameter_groups(recognizer.head, settings.head_lr, loop.weight_decay)
    labeled = labeled_fetcher(data, charset, device)
    fetch = with_pile(labeled, pile, loop.batch_size, device) if pile else labeled
    recognizer = teacher_of(task) or recognizer
    best = None
    if settings.patience is not None and held_out is not None:
        task.best = best = BestWeights(recognizer, held_out).to(device)

    def left(row: Mapping[str, float]) -> bool:
        return left_plateau(row.get(LABELED_LOSS, row["loss"]), charset)

    run = begin() if begin else None
    history = train(
        *(task, groups, fetch, len(data.images), settings.steps, loop),
        run=run,
        data=_learned_from(data, charset, pile) if run else None,
        observe=observe,
        inspect=best.inspect if best else None,
        enough=lambda logged: looks_since_best(logged, left) >= (settings.patience or math.inf),
    )
    last = history[-1]
    if best:
        recognizer, last = best.kept.requires_grad_(True), best_row(history)
    step, converged = int(last["step"]), left(last)
    loss = last.get(LABELED_LOSS, last["loss"])
    if run:
        about = {"labels": len(data.images), "seed": loop.seed, "converged": converged}
        if best:
            about["step"] = step
        recognizer.save(run.path / FILE_NAME, about)
    seconds = time.perf_counter() - started
    return FinetuneResult(recognizer.eval(), converged, loss, seconds, history, step)


def _learned_from(data: Dataset, charset: Charset, pile: Pile | None) -> dict[str, str]:
    """What a saved state must not be mixed with other data of."""
    more = pile.fingerprint if pile else {}
    return {
        **data.fingerprint(),
        "charset": charset.characters,
        **{f"pile {name}": fact for name, fact in more.items()},
    }


def _recognizer(
    geometry: Geometry, charset: Charset, model: ModelSettings, init_from: Path | None
) -> Recognizer:
    """A recognizer that begins at random, or with what a model has learned."""
    encoder = build_encoder(model.encoder, geometry.channels, geometry.height)
    recognizer = Recognizer(encoder, charset, geometry)
    if init_from:
        load_encoder(encoder, init_from)
        load_head(recognizer.head, charset, init_from)
    return recognizer


def labeled_fetcher(
    data: Dataset, charset: Charset, device: torch.device
) -> Callable[[Tensor], LabeledBatch]:
    """A function from indices to the images, padded classes and lengths on `device`.

    Raises UserError for a label with a character outside `charset`.
    """
    pixels = image_fetcher(data.images, device)
    classes, lengths = pad_labels(data.labels or [], charset)

    def fetch(indices: Tensor) -> LabeledBatch:
        return pixels(indices), classes[indices].to(device), lengths[indices].to(device)

    return fetch
