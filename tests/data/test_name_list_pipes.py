"""A list of names comes through a pipe, and a pipe without a writer does not hang."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from captcha_ssl.data import name_list
from captcha_ssl.data.name_list import read_names
from captcha_ssl.errors import UserError

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_pipe_that_nothing_writes_to_is_an_error(pipe: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(name_list, "_PATIENCE", 0)
    with pytest.raises(UserError, match="a pipe that nothing writes to"):
        read_names(pipe)


def test_a_slow_writer_is_waited_for(pipe: Path):
    def write() -> None:
        with pipe.open("wb") as opened:
            opened.write(b"a.png\n")
            opened.flush()
            time.sleep(0.1)
            opened.write(b"b.png\n")

    writer = threading.Timer(0.1, write)
    writer.start()
    assert read_names(pipe) == ["a.png", "b.png"]
    writer.join()
