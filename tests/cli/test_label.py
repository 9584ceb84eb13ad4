"""`captcha-ssl label` as a user runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.slow

pytest.importorskip("uvicorn", reason="the extra `label` is not installed")
TEXTS = ["AB", "BCD", "AC", "DA", "CAB", "DD"]


@pytest.fixture
def pile(tmp_path: Path, draw_text: Callable[[str], np.ndarray]) -> Path:
    for number, text in enumerate(TEXTS):
        cv2.imwrite(str(tmp_path / f"{number}.png"), draw_text(text))
    return tmp_path


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Starts the program and gives back its process and the address of the page."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "captcha_ssl", "label", *map(str, arguments)]
        process = subprocess.Popen(
            [*command, "--no-browser", "--device", "cpu"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]+/", address), process.communicate()
        return process, address

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ask(url: str, body: Any = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


OPEN = "open this address in a browser; Ctrl-C ends the page\n"


def test_a_killed_program_loses_nothing_and_continues(
    pile: Path, reader_file: Path, start: Callable[..., tuple[subprocess.Popen[str], str]]
) -> None:
    given = (pile, "--out", pile / "labels.csv", "--model", reader_file)
    process, address = start(*given)
    item = ask(address + "view")["item"]
    assert item["guess"]["text"] == TEXTS[int(item["name"][0])]
    ask(address + "answer", {"index": item["index"], "label": item["guess"]["text"]})
    process.kill()
    assert (pile / "labels.csv").read_text() == (
        f"filename,label\n{item['name']},{item['guess']['text']}\n"
    )
    process, address = start(*given)
    view = ask(address + "view")
    assert view["progress"]["done"] == 1 and view["item"]["name"] != item["name"]
    # While it runs, no other program writes into this folder.
    with pytest.raises(AssertionError, match="another process labels images in this folder"):
        start(*given)
    ask(address + "finish", {})
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert err == f"{OPEN}1 labels in {pile / 'labels.csv'}\n"


@pytest.mark.skipif(os.name != "posix", reason="sends signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_one_line(
    pile: Path,
    number: signal.Signals,
    start: Callable[..., tuple[subprocess.Popen[str], str]],
) -> None:
    process, address = start(pile, "--out", pile / "labels.csv", "--model", "none")
    assert ask(address + "view")["item"]["guess"] is None
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, f"{OPEN}captcha-ssl: error: interrupted\n")


def test_it_learns_from_the_labels_and_guesses_better(
    pile: Path, reader_file: Path, start: Callable[..., tuple[subprocess.Popen[str], str]]
) -> None:
    process, address = start(
        pile,
        "--out",
        pile / "labels.csv",
        "--model",
        "none",
        "--init-from",
        reader_file,
        "--every",
        3,
        "--steps",
        2,
    )
    for index in range(3):
        view = ask(address + "answer", {"index": index, "label": TEXTS[index]})
    assert view["model"]["state"] == "learning"
    deadline = time.monotonic() + 120
    while view["model"]["state"] == "learning" and time.monotonic() < deadline:
        time.sleep(0.2)
        view = ask(address + "view")
    assert (view["model"]["state"], view["model"]["name"]) == (
        "learned",
        "after 3 labels",
    ), view["model"]
    assert view["item"]["guess"] is not None
    assert (pile / "labels-rounds" / "3" / "model.onnx").is_file()
    assert not list(pile.glob(".labels*"))
    process.terminate()
    process.communicate()
    # The next start guesses with the newest round.
    _, address = start(pile, "--out", pile / "labels.csv")
    assert ask(address + "view")["model"]["name"] == "after 3 labels"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone", "--out", "gone.csv"], "no such file or folder"),
        ([".", "--out", "sub/labels.csv"], "there is no folder sub"),
        ([".", "--out", "below/labels.csv"], "a table names images in its own folder and below"),
        ([".", "--out", "labels.csv", "--review"], "no labels of these images to review"),
        ([".", "--out", "labels.csv", "--order", "suggest"], "name an encoder with --init-from"),
        ([".", "--out", "labels.csv", "--model", "none", "--order", "unsure"], "needs a model"),
    ],
)
def test_mistakes_are_one_line(pile: Path, arguments: list[str], said: str) -> None:
    (pile / "below").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "captcha_ssl", "label", *arguments, "--no-browser"],
        **{"cwd": pile, "capture_output": True, "text": True},
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert said in line
