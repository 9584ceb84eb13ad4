"""Plain reading starts without typer, with the same result."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow


def program(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = (
        "import atexit, sys; from captcha_ssl.cli.start import main;"
        "atexit.register(lambda: print('typer' in sys.modules, 'pydantic' in sys.modules,"
        " 'torch' in sys.modules, sep='|')); main()"
    )
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_signals_are_answered_before_anything_is_loaded_that_takes_time():
    script = "import captcha_ssl.cli.start, sys; print(*sys.modules)"
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {root!r}); {script}"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {"typing", "re", "contextlib", "pathlib", "numpy"} & set(loaded)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="POSIX blocks signals")
def test_a_held_signal_arrives_after_its_release():
    # In its own process: only the thread that starts the program holds signals, and libraries
    # that other tests have loaded keep threads.
    code = """
import os, signal
from captcha_ssl.cli.start import _hold_signals
seen = []
signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
release = _hold_signals()
os.kill(os.getpid(), signal.SIGTERM)
held = list(seen)
release()
print(held, seen == [signal.SIGTERM])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"


@pytest.fixture
def folder(tmp_path: Path, draw_text: Callable[[str], np.ndarray]) -> Path:
    (tmp_path / "pile").mkdir()
    for name in ("pile/AC", "pile/D"):
        Image.fromarray(draw_text(Path(name).name)).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.png").write_text("not an image")
    return tmp_path


@pytest.mark.parametrize(
    ("images", "code"),
    [
        (["pile"], 0),
        (["pile/*.png", "pile/D.png"], 0),
        (["pile", "broken.png", "gone.png"], 1),
        (["gone/*.png"], 1),
    ],
    ids=["folder", "pattern", "errors", "nothing"],
)
def test_the_fast_path_reads_like_the_command_with_options(
    folder: Path, images: list[str], code: int
) -> None:
    plain = program("predict", *images, folder=folder)
    asked = program("predict", *images, "--batch-size", "16", folder=folder)
    *lines, loaded = plain.stdout.splitlines()
    *same_lines, with_typer = asked.stdout.splitlines()
    assert (loaded, with_typer) == ("False|False|False", "True|True|False")
    assert (lines, plain.stderr, plain.returncode) == (same_lines, asked.stderr, code)
    assert asked.returncode == code
    assert (code == 0) == (plain.stderr == "")


@pytest.mark.parametrize(
    "arguments", [["predict"], ["predict", "--help"], ["predict", "pile", "-m", "gone"], ["info"]]
)
def test_everything_else_goes_through_typer(folder: Path, arguments: list[str]) -> None:
    assert program(*arguments, folder=folder).stdout.splitlines()[-1].startswith("True|")
