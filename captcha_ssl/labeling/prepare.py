"""Prepares a session from the user's wishes: the images, the model that guesses, the order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from captcha_ssl.data.sources import Paths, listed
from captcha_ssl.data.spelling import composed
from captcha_ssl.data.sweep import Progress
from captcha_ssl.errors import UserError
from captcha_ssl.labeling.answers import Answers
from captcha_ssl.labeling.guesses import Guesses
from captcha_ssl.labeling.order import (
    SAMPLE,
    in_front,
    random_order,
    suspicious_first,
    unsure_first,
)
from captcha_ssl.labeling.pile import Pile
from captcha_ssl.labeling.retraining import Retraining, newest_round
from captcha_ssl.labeling.session import Session
from captcha_ssl.lock import FolderLock
from captcha_ssl.models.shipped import SHIPPED, is_shipped
from captcha_ssl.recognition.reading.fit_reader import sample_images
from captcha_ssl.recognition.reading.narrowed import narrowed
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.reader_spec import ReaderSpec

NONE = "none"
"""The name for "no model"."""


@dataclass(frozen=True)
class Wishes:
    """The user's wishes for the page.

    `model` is a run, a model file, `shipped` or `none`; None takes the newest training round beside
    the table, or else the shipped model. `order` is random, unsure or suggest; None takes unsure if
    a model is named, else random.
    """

    table: Path
    model: Path | None = None
    charset: str | None = None
    init_from: Path | None = None
    count: int = 200
    order: str | None = None
    review: bool = False
    every: int | None = None
    steps: int = 1000
    seed: int = 0
    device: str = "auto"


@contextmanager
def prepare(paths: Paths, wishes: Wishes, progress: Progress | None = None) -> Iterator[Session]:
    """A session on the images at `paths`, whose folder of labels is held until the block ends.

    Raises UserError for an unsuitable pile, table or model.
    """
    folder = wishes.table.parent
    if not folder.is_dir():
        raise UserError(f"--out {wishes.table}: there is no folder {folder}; make it first")
    try:
        with FolderLock(folder):
            yield from _prepare(paths, wishes, progress)
    except BlockingIOError as error:
        raise UserError(
            f"{folder}: another process labels images in this folder; stop it first"
        ) from error


def _prepare(paths: Paths, wishes: Wishes, progress: Progress | None) -> Iterator[Session]:
    pile = Pile(paths, wishes.table)
    answers = Answers(wishes.table)
    rounds = wishes.table.with_name(f"{wishes.table.stem}-rounds")
    model = wishes.model or newest_round(rounds)
    guesses = _guesses(pile, model, wishes)
    if wishes.review:
        order = _review_order(pile, answers, guesses, progress)
        yield Session(pile, answers, guesses, order, target=len(order), review=True)
        return
    if not len(pile):
        raise UserError(f"{listed(paths)}: holds no images whose names fit into a table")
    order = _order(pile, answers, guesses, wishes, progress)
    target = min(max(wishes.count, 1), len(pile))
    session = Session(pile, answers, guesses, order, target=target)
    if wishes.every is None:
        yield session
        return
    learner = Retraining(
        wishes.table,
        rounds,
        every=wishes.every,
        steps=wishes.steps,
        labeled=len(answers),
        init_from=wishes.init_from or _starting_point(model),
        learned=lambda run: _adopt(session, run, wishes),
    )
    session.learner = learner
    try:
        yield session
    finally:
        learner.stop()


def _guesses(pile: Pile, model: Path | None, wishes: Wishes) -> Guesses:
    if model is not None and str(model) == NONE and not model.exists():
        if wishes.order == "unsure" or wishes.review:
            raise UserError("--model none: this order needs a model to read the images")
        return Guesses(pile, None, NONE)
    spec = ReaderSpec(model, wishes.charset, wishes.device)
    if model is None or is_shipped(model):
        reader, notes = spec.fitted(sample_images(len(pile), pile.pixels))
        return Guesses(pile, reader, SHIPPED, notes)
    if wishes.model is None:
        return _guesses_of_round(pile, model, wishes)
    return Guesses(pile, spec.plain(), model.name)


def _guesses_of_round(pile: Pile, run: Path, wishes: Wishes) -> Guesses:
    """The guesses of a training round, whose recognizer knows only characters typed before it."""
    reader = open_reader(run, wishes.device)
    asked = composed(wishes.charset or "")
    known = "".join(character for character in asked if character in reader.charset.characters)
    return Guesses(pile, narrowed(reader, charset=known or None), _round_name(run))


def _order(
    pile: Pile,
    answers: Answers,
    guesses: Guesses,
    wishes: Wishes,
    progress: Progress | None,
) -> list[int]:
    order = random_order(len(pile), wishes.seed)
    kind = wishes.order or ("unsure" if wishes.model and guesses.reader else "random")
    if kind == "unsure":
        guesses.read(order[:SAMPLE], progress)
        return unsure_first(order, guesses.readings)
    if kind == "suggest":
        return in_front(_suggested(pile, answers, order[:SAMPLE], wishes, progress), order)
    return order


def _suggested(
    pile: Pile,
    answers: Answers,
    sample: Sequence[int],
    wishes: Wishes,
    progress: Progress | None,
) -> list[int]:
    """Images of the sample that are far from each other and from labeled ones in an embedding."""
    import numpy as np

    from captcha_ssl.data.image import ImageError
    from captcha_ssl.recognition.similarity.embedder import Embedder
    from captcha_ssl.recognition.similarity.suggest import suggest
    from captcha_ssl.training.device import resolve_device

    source = wishes.init_from or wishes.model
    if source is None or str(source) == NONE:
        raise UserError("--order suggest: name an encoder with --init-from, or a run with --model")
    embedder = Embedder(source, resolve_device(wishes.device))
    labeled = [found for name in answers.labels if (found := pile.find(name)) is not None]
    chosen: list[int] = []
    images: list[np.ndarray] = []
    for index in dict.fromkeys([*labeled, *sample]):
        try:
            images.append(embedder.geometry.fit(pile.pixels(index)))
            chosen.append(index)
        except ImageError:
            continue
    if not images:
        raise UserError("none of the images can be read")
    vectors, uncertainty = embedder(np.stack(images), progress)
    known = [place for place, index in enumerate(chosen) if index in set(labeled)]
    wanted = min(wishes.count, len(chosen) - len(known))
    suggestions = suggest(vectors, uncertainty, wanted, labeled=known, seed=wishes.seed)
    return [chosen[suggestion.index] for suggestion in suggestions]


def _review_order(
    pile: Pile, answers: Answers, guesses: Guesses, progress: Progress | None
) -> list[int]:
    labels = {
        found: label
        for name, label in answers.labels.items()
        if (found := pile.find(name)) is not None
    }
    if not labels:
        raise UserError(f"{answers.path}: no labels of these images to review; label some first")
    wrong = guesses.wrong_labels(labels, progress)
    return suspicious_first(labels, guesses.readings, wrong)


def _starting_point(model: Path | None) -> Path | str | None:
    """The default start of a training round: the model that guesses."""
    if model is None:
        return SHIPPED
    return None if str(model) == NONE or model.suffix.lower() == ".onnx" else model


def _round_name(run: Path) -> str:
    """What the page calls the recognizer of a round, whose folder is named by its labels."""
    return f"after {run.name.partition('-')[0]} labels"


def _adopt(session: Session, run: Path, wishes: Wishes) -> None:
    """Guess with the recognizer of a round from now on; show first what it is unsure of."""
    guesses = _guesses_of_round(session.pile, run, wishes)
    order = None
    if wishes.order in (None, "unsure"):
        # If the session started with the shipped model, the recognizer's order replaces a random
        # one.
        shuffled = random_order(len(session.pile), wishes.seed)
        guesses.read(shuffled[:SAMPLE])
        order = unsure_first(shuffled, guesses.readings)
    session.adopt(guesses, order)
