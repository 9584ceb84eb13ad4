"""What many tests use: a recognizer that really reads, made without training, and the program."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from itertools import chain, product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.warm.program import warm_program

if TYPE_CHECKING:
    from captcha_ssl.recognition.reading.recognizer import Recognizer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every worker start with slow modules, so that none waits for another's at the end.

    Each worker of xdist first gets one run of consecutive tests (`--dist worksteal`). Modules stay
    whole: their fixtures are made once.
    """
    modules = dict.fromkeys(item.path for item in items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    first = [path for path in modules if path in slow]
    rest = [path for path in modules if path not in slow]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    parts = [first[worker::workers] + rest[worker::workers] for worker in range(workers)]
    place = {path: number for number, path in enumerate(chain.from_iterable(parts))}
    items.sort(key=lambda item: place[item.path])


LETTERS = "ABCD"
HEIGHT, WIDTH, CELL, FRAME = 32, 64, 16, 4


def _draw_text(text: str) -> np.ndarray:
    """RGB uint8 [32, 64, 3]: letter k of up to four is a dark bar in band k of its cell."""
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for place, letter in enumerate(text):
        top, left = 8 * LETTERS.index(letter), CELL * place + 4
        image[top : top + 8, left : left + 8] = 0
    return image


def _classes(text: str) -> np.ndarray:
    """The class that each frame of `_draw_text(text)` should say."""
    classes = np.zeros(WIDTH // FRAME, np.int64)
    for place, letter in enumerate(text):
        classes[4 * place + 1 : 4 * place + 3] = LETTERS.index(letter) + 1
    return classes


@pytest.fixture(scope="session")
def draw_text() -> Callable[[str], np.ndarray]:
    """Draws a text that `reader` can read: up to four of the letters A to D."""
    return _draw_text


@pytest.fixture(scope="session")
def reader() -> Recognizer:
    """A random encoder whose head was solved for by least squares."""
    import torch

    from captcha_ssl.data.charset import Charset
    from captcha_ssl.data.geometry import Geometry
    from captcha_ssl.models.encoder import build_encoder
    from captcha_ssl.recognition.reading.recognizer import Recognizer

    torch.manual_seed(0)
    geometry = Geometry(1, HEIGHT, WIDTH)
    reader = Recognizer(build_encoder("tiny", 1, HEIGHT), Charset(LETTERS), geometry).eval()
    texts = ["".join(letters) for n in range(5) for letters in product(LETTERS, repeat=n)]
    images = np.stack([geometry.fit(_draw_text(text)) for text in texts])
    wanted = torch.eye(reader.charset.num_classes)[np.concatenate([_classes(t) for t in texts])]
    frames: list[torch.Tensor] = []
    hook = reader.head.register_forward_pre_hook(lambda _, inputs: frames.append(inputs[0]))
    with torch.no_grad():
        reader(torch.from_numpy(images))
        hook.remove()
        features = frames[0].flatten(0, 1).double()
        features = torch.cat([features, torch.ones(len(features), 1)], 1)
        solved = 20 * torch.linalg.lstsq(features, wanted.double(), driver="gelsd").solution
        reader.head.weight.copy_(solved[:-1].T)
        reader.head.bias.copy_(solved[-1])
    return reader


@pytest.fixture(scope="session")
def reader_file(reader: Recognizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of `reader`."""
    path = tmp_path_factory.mktemp("reader") / "model.safetensors"
    reader.save(path, about={})
    return path


@pytest.fixture(scope="session")
def of_these_sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which `captcha-ssl` and `python` are those of these sources."""
    programs = tmp_path_factory.mktemp("bin")
    for name, command in (("captcha-ssl", warm_program()), ("python", [sys.executable])):
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        (programs / name).chmod(0o755)
    root = str(Path(__file__).parents[1])
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": root}
