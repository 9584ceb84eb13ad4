"""Reads many images in parts, each by a worker that opens the model and the images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from captcha_ssl.data.name_list import Listed, list_named_by, read_names
from captcha_ssl.errors import UserError
from captcha_ssl.notice import Say
from captcha_ssl.recognition.reading.inputs import STDIN, Inputs
from captcha_ssl.recognition.reading.predictor import Prediction, Predictor
from captcha_ssl.recognition.reading.reader_spec import ReaderSpec
from captcha_ssl.recognition.reading.text_reader import Reading
from captcha_ssl.workers.contract import Workers

_PART = 64
"""Batches in a part."""
Answer = Reading | str
"""What is read in an image, or the reason why nothing is."""


@dataclass(frozen=True)
class _Asked:
    reader: ReaderSpec
    images: tuple[str, ...]
    count: int
    batch_size: int


def read_parts(
    crew: Workers,
    reader: ReaderSpec,
    names: Sequence[str],
    inputs: Inputs,
    first: int,
    batch_size: int,
) -> Iterator[Prediction]:
    """One prediction for each of the `inputs` from `first` on, in order, read by `crew`.

    Each worker reads the images from their paths, `names` as the command line has them. Raises
    UserError for standard input, and where a worker finds other images than this process.
    """
    if STDIN in names:
        raise UserError("- cannot be read by a cluster: save the image to a file first")
    model = reader.model
    if model is not None and model.exists():
        reader = replace(reader, model=model.resolve())
    asked = _Asked(reader, tuple(_absolute(names)), len(inputs), batch_size)
    step = _PART * batch_size
    parts = [range(at, min(at + step, len(inputs))) for at in range(first, len(inputs), step)]
    with closing(crew.each(partial(_read_part, asked), parts)) as answered:
        for part, answers in zip(parts, answered, strict=True):
            for index, answer in zip(part, answers, strict=True):
                name = inputs[index].name
                if isinstance(answer, str):
                    yield Prediction(name, error=answer)
                else:
                    yield Prediction(name, answer)


def _absolute(names: Sequence[str]) -> Iterator[str]:
    """The paths for a worker, whose working directory is another; lists give the names in them."""
    here = Path.cwd()
    for name in names:
        file = None if isinstance(name, Listed) else list_named_by(Path(name))
        if file is not None:
            yield from (Listed(here / listed) for listed in read_names(file))
        else:
            yield type(name)(here / name)


@lru_cache(maxsize=1)
def _opened(asked: _Asked) -> tuple[Inputs, Predictor]:
    inputs = Inputs(asked.images)
    if len(inputs) != asked.count:
        raise UserError(
            f"a worker finds {len(inputs):,} images and not {asked.count:,}; all workers need the "
            "same files under the same paths"
        )
    return inputs, Predictor(asked.reader.open(inputs)[0])


def _read_part(asked: _Asked, part: range, _: Say) -> list[Answer]:
    inputs, predictor = _opened(asked)
    some = (inputs[index] for index in part)
    return [
        read.reading or read.error or "nothing is read"
        for read in predictor.predict(some, asked.batch_size)
    ]
