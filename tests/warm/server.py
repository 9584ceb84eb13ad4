"""Imports what the commands of the program need, and forks a process for each that is asked for.

python -m tests.warm.server ADDRESS
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path

SLOW = (
    "captcha_ssl.benchmark.run",
    "captcha_ssl.cli.main",
    "captcha_ssl.pretraining.pretrain",
    "captcha_ssl.recognition.evaluation.evaluate",
    "captcha_ssl.recognition.fine_tuning.start",
    "captcha_ssl.recognition.similarity.embedder",
    "captcha_ssl.synthesis.generate",
    "onnxruntime",
    "rich.console",
    "torch",
)


def main() -> None:
    """Serve until standard input is closed, which the process that started this one holds."""
    for name in SLOW:
        import_module(name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    # Nobody waits for the processes that serve.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready:
            address = Path(sys.argv[1])
            address.unlink()
            return address.parent.rmdir()
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _serve(connection)
            os._exit(0)
        connection.close()


def _serve(connection: socket.socket) -> None:
    """Run one command, and report how it ended: its exit code, or −(the number of a signal)."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    wanted = json.loads(b"".join(iter(lambda: connection.recv(1 << 16), b"")))
    child = os.fork()
    if child == 0:
        connection.close()
        _become(wanted["arguments"], wanted["folder"], wanted["environment"], streams)
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(
    arguments: list[str], folder: str, environment: dict[str, str], streams: list[int]
) -> None:
    """Be the program, as if it had been started like this."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    sys.argv = ["captcha-ssl", *arguments]
    sys.stdin = os.fdopen(0)
    sys.stdout = os.fdopen(1, "w")
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    from captcha_ssl.cli.start import main as start

    start()


if __name__ == "__main__":
    main()
