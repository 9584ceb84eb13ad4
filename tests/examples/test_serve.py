"""The service of examples/serve.py, asked over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
for module in ("fastapi", "uvicorn", "python_multipart"):
    pytest.importorskip(module, reason=f"{module} is not installed")


@pytest.fixture(scope="module")
def service(reader_file: Path) -> Iterator[str]:
    """The address of the service, which takes 4 images and 20,000 bytes at most."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    limits = {"MOST_IMAGES": "4", "MOST_BYTES": "20000"}
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--app-dir", "examples", "serve:app"]
        + ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"],
        env={**os.environ, "MODEL": str(reader_file), "PYTHONPATH": str(ROOT), **limits},
        cwd=ROOT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def post(address: str, files: list[tuple[str, bytes]]) -> tuple[int, Any]:
    """Send files as a form in a browser does; the code and the JSON of the answer."""
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="images"; filename="{name}"\r\n'
        "Content-Type: image/png\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files
    ]
    body = b"".join([*parts, b"--x--\r\n"])
    kind = {"content-type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{address}/read", body, kind)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture(scope="module")
def png(draw_text: Callable[[str], np.ndarray]) -> Callable[[str], bytes]:
    return lambda text: cv2.imencode(".png", draw_text(text))[1].tobytes()


def test_a_batch_is_read_in_order_and_a_bad_image_does_not_stop_it(
    service: str, png: Callable[[str], bytes]
) -> None:
    code, answer = post(
        service, [("a.png", png("AB")), ("b.png", b"no image"), ("c.png", png("DCA"))]
    )
    assert code == 200
    assert [row.get("text") for row in answer] == ["AB", None, "DCA"]
    assert [row["name"] for row in answer] == ["a.png", "b.png", "c.png"]
    assert "not an image" in answer[1]["error"]
    assert 0 <= answer[0]["confidence"] <= 1 and len(answer[2]["char_confidences"]) == 3


def test_too_many_images_and_too_many_bytes_are_refused(
    service: str, png: Callable[[str], bytes]
) -> None:
    assert post(service, [(f"{n}.png", png("A")) for n in range(5)])[0] == 413
    code, answer = post(service, [("large.png", bytes(30_000))])
    assert code == 413 and "20,000 bytes" in answer["error"]
    assert post(service, [("a.png", png("A"))])[0] == 200


def test_it_says_what_it_reads(service: str) -> None:
    with urllib.request.urlopen(f"{service}/health") as answer:
        assert json.load(answer) == {"characters": "ABCD", "images": "64×32 gray"}
