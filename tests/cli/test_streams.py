"""Standard streams that are closed, full or of a small code page spoil no command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from captcha_ssl.cli.streams import AS_IT_IS_OR_ESCAPED, prepare_streams

PROGRAM = f"{sys.executable} -m captcha_ssl"


def test_text_is_printed_as_it_is_or_as_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "cp1252"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), "ascii"))
    prepare_streams()
    assert "é→京\udcff!".encode("cp1252", AS_IT_IS_OR_ESCAPED) == b"\xe9\\u2192\\u4eac\xff!"
    assert "1→2".encode("cp1251", AS_IT_IS_OR_ESCAPED) == b"1\\u21922"
    for stream in (sys.stdout, sys.stderr):
        stream.write("沪")
        stream.flush()
        assert isinstance(stream, io.TextIOWrapper)
        assert stream.buffer.getvalue() == b"\\u6caa"  # type: ignore[attr-defined]


@pytest.mark.skipif(os.name != "posix", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize(
    ("arguments", "code"), [("--version", 0), ("check-data gone", 2), ("predict -", 1)]
)
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_closed_or_full_stream_gives_no_traceback(
    tmp_path: Path, arguments: str, code: int, closed: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{PROGRAM} {arguments} {closed}"],
        **{"cwd": tmp_path, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True},
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") <= 1
