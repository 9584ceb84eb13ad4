"""Nothing here talks to another machine."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OFFLINE = """
import socket, sys

def refuse(*arguments, **keywords):
    raise SystemExit("the network was asked for something")

socket.socket.connect = socket.socket.connect_ex = socket.socket.bind = refuse
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
from captcha_ssl.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
LISTENS = {"server.py": {"socket"}}
"""The page of `label` is served to this machine alone, which tests/labeling/test_app.py shows."""
TALKERS = {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "requests", "httpx", "aiohttp"}


def test_every_stage_runs_without_a_network(tmp_path: Path) -> None:
    few = ["--steps", "2", "--batch-size", "4", "--quiet", "--device", "cpu"]
    for command in (
        ["generate", "pile", "--count", "12", "--style", "fast", "--format", "folder", "-q"],
        ["check-data", "pile", "--quiet"],
        ["pretrain", "pile", "--out", "encoder", *few],
        ["finetune", "pile", "--out", "reader", "--init-from", "encoder", *few],
        ["evaluate", "reader", "pile", "--quiet"],
        ["predict", "pile/images/00000.png", "--model", "reader"],
        ["predict", "pile/images/00000.png"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", OFFLINE, *command],
            **{"cwd": tmp_path, "capture_output": True, "text": True},
            env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, (command, done.stderr)


def test_no_module_imports_what_could_talk() -> None:
    for file in (ROOT / "captcha_ssl").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found = TALKERS & {name.partition(".")[0] for name in names}
            assert found <= LISTENS.get(file.name, set()), file
