"""Nothing here talks to another machine, native code included."""

from __future__ import annotations

import ast
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "captcha_ssl")
LISTENS = {"server.py": {"socket"}}
"""The page of `label` is served to this machine alone, which tests/labeling/test_app.py shows."""
TALKERS = {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "requests", "httpx", "aiohttp"}
READ = ("predict", *["pile/images"] * 150, "--quiet")
"""Takes longer than a second: a library that reports in the background has the time to."""


@functools.cache
def watched() -> tuple[str, ...] | None:
    """A command that writes each call about a network, of all processes, to the file `calls`."""
    strace = ("strace", "--follow-forks", "--quiet=all", "--trace=network", "--output=calls")
    if shutil.which("strace") is None:
        return None
    tried = subprocess.run([*strace[:-1], "--output=/dev/null", "true"], capture_output=True)
    return strace if tried.returncode == 0 else None


@functools.cache
def unconnected() -> tuple[str, ...] | None:
    """A command that runs another where no network is, not even the loopback one."""
    unshare = ("unshare", "--map-root-user", "--net")
    if shutil.which("unshare") is None:
        return None
    tried = subprocess.run([*unshare, "true"], capture_output=True)
    return unshare if tried.returncode == 0 else None


def run(folder: Path, prefix: tuple[str, ...], *arguments: str) -> None:
    """Run the program with its own home folder, in which a library could keep what it sends."""
    # Without what the caller has set: the program itself must see to it.
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    home = {"HOME": str(folder / "home"), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        environment.pop(name, None)
    done = subprocess.run(
        [*prefix, *arguments],
        **{"cwd": folder, "env": environment | home, "capture_output": True, "text": True},
    )
    assert done.returncode == 0, (arguments, done.stderr)


def talked(calls: str) -> list[str]:
    """The lines of strace that reach for another machine: anything but pipes between processes.

    A socket of an internet family alone sends nothing: some libraries ask with one which
    addresses this machine has.
    """
    reaching = ("connect(", "sendto(", "sendmsg(", "sendmmsg(", "bind(")
    return [
        line
        for line in calls.splitlines()
        if any(call in line for call in reaching) and ("AF_INET" in line or "htons" in line)
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pile`, made and learned from where there is no network."""
    folder = tmp_path_factory.mktemp("network")
    (folder / "home").mkdir()
    return folder


few = ["--steps", "2", "--batch-size", "4", "--quiet", "--device", "cpu"]
STAGES = (
    ["generate", "pile", "--count", "12", "--style", "fast", "--format", "folder", "-q"],
    ["check-data", "pile", "--quiet"],
    ["pretrain", "pile", "--out", "encoder", *few],
    ["finetune", "pile", "--out", "reader", "--init-from", "encoder", *few],
    ["evaluate", "reader", "pile", "--quiet"],
    ["predict", "pile/images/00000.png", "--model", "reader"],
    ["export", "reader", "reader.onnx", "--quiet"],
    ["predict", "pile/images/00000.png", "--model", "reader.onnx"],
    list(READ),
)


def test_no_stage_uses_the_network_or_writes_a_cache_to_the_home_folder(made: Path) -> None:
    prefix = watched() or unconnected()
    if prefix is None:
        pytest.skip("neither strace nor unshare works here")
    (made / "calls").touch()
    for stage in STAGES:
        run(made, prefix, *PROGRAM, *stage)
        assert not talked((made / "calls").read_text()), stage
        kept = [file for file in (made / "home").rglob("*") if file.is_file()]
        assert not [file for file in kept if "onnx" in str(file).lower()], (stage, kept)


def test_the_example_uses_no_network_either(made: Path) -> None:
    prefix = watched() or unconnected()
    if prefix is None:
        pytest.skip("neither strace nor unshare works here")
    if not (made / "reader.onnx").exists():
        pytest.skip("the stages before did not get that far")
    # Read a hundred times in one process, which gives a reporter the time to report.
    script = (
        "import runpy, sys; sys.argv = ['x', 'reader.onnx', 'pile/images/00000.png']\n"
        f"for _ in range(100): runpy.run_path({str(ROOT / 'examples/onnx_without_torch.py')!r})"
    )
    (made / "calls").write_text("")
    run(made, prefix, sys.executable, "-c", script)
    assert not talked((made / "calls").read_text())
    assert not list((made / "home").rglob("*onnxruntime*"))


def test_network_use_of_native_code_would_be_noticed(tmp_path: Path) -> None:
    """The check itself: a datagram sent through the C library, past Python's socket module."""
    prefix = watched()
    if prefix is None:
        pytest.skip("strace does not work here")
    (tmp_path / "home").mkdir()
    script = (
        "import ctypes, struct; c = ctypes.CDLL(None); s = c.socket(2, 2, 0)\n"
        "c.sendto(s, b'x', 1, 0, struct.pack('=HH4s8x', 2, 0x3500, bytes((127, 0, 0, 1))), 16)"
    )
    run(tmp_path, prefix, sys.executable, "-c", script)
    assert talked((tmp_path / "calls").read_text())


def test_no_module_imports_a_network_library() -> None:
    for file in (ROOT / "captcha_ssl").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            # It parses addresses and sends nothing.
            names = [name for name in names if name != "urllib.parse"]
            found = TALKERS & {name.partition(".")[0] for name in names}
            assert found <= LISTENS.get(file.name, set()), file
