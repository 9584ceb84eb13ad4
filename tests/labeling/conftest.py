"""A pile of drawn texts, a reader whose mistakes are known, and the page's program in a thread."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from captcha_ssl.labeling.answers import Answers
from captcha_ssl.labeling.guesses import Guesses
from captcha_ssl.labeling.pile import Pile
from captcha_ssl.labeling.session import Session
from captcha_ssl.recognition.reading.text_reader import TextReader

TEXTS = ["AB", "BCD", "AC", "DA", "CAB", "DD", "BA", "CD", "AD", "DCBA", "BB", "ACD"]


@pytest.fixture
def pile(tmp_path: Path, draw_text: Callable[[str], np.ndarray]) -> Path:
    """The texts of TEXTS as `images/00.png` and so on; RGB, so that a reader has to convert."""
    folder = tmp_path / "pile"
    (folder / "images").mkdir(parents=True)
    for number, text in enumerate(TEXTS):
        cv2.imwrite(str(folder / "images" / f"{number:02}.png"), draw_text(text))
    return folder


@pytest.fixture
def session(pile: Path, reader: TextReader) -> Callable[..., Session]:
    """Makes a session over the pile in the order of its names."""

    def make(*, guess: bool = True, target: int = len(TEXTS), **options: Any) -> Session:
        images = Pile(pile / "images", pile / "labels.csv")
        guesses = Guesses(images, reader if guess else None, "reader")
        order = options.pop("order", range(len(images)))
        answers = Answers(pile / "labels.csv")
        return Session(images, answers, guesses, order, target=target, **options)

    return make


@dataclass
class Served:
    """A program that serves a page, and a way to ask it things."""

    address: str

    def ask(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """The code and the body of an answer; a POST when there is a body to send."""
        url = path if path.startswith("http") else self.address + path
        data = None if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | (headers or {})
        request = urllib.request.Request(url, data, sent)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def view(self, path: str = "view", body: Any = None) -> dict[str, Any]:
        code, answer = self.ask(path, body)
        assert code == 200, answer
        return json.loads(answer)


@pytest.fixture
def served() -> Iterator[Callable[[Session], Served]]:
    """Serves the page of a session until the test ends."""
    pytest.importorskip("uvicorn", reason="the extra `label` is not installed")
    from captcha_ssl.labeling.server import serve

    running: list[tuple[Served, threading.Thread]] = []

    def start(session: Session) -> Served:
        address: list[str] = []
        known = threading.Event()

        def ready(url: str) -> None:
            address.append(url)
            known.set()

        thread = threading.Thread(target=serve, args=(session, 0, ready), daemon=True)
        thread.start()
        assert known.wait(30)
        running.append((Served(address[0]), thread))
        return running[-1][0]

    yield start
    for page, thread in running:
        # It may have been ended by its user, and be on its way out.
        with suppress(OSError):
            page.ask("finish", {})
        thread.join(10)
        assert not thread.is_alive()
