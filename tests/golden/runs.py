"""Tiny runs whose results are kept, so that a change of results is seen and not overlooked."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from captcha_ssl.cli.main import run

EXPECTED = Path(__file__).with_name("expected.json")
CHOICE_FREE = ("pretrain", "pretrain dig", "finetune")
"""Results without a choice in them, which a rounding error could turn."""
RELATIVE, ABSOLUTE = 0.2, 0.05
"""How far a figure may be off on a processor that rounds in another way. Self-training learns from
what it reads itself, which a rounding error can turn."""

_TIMED = {"seconds", "environment", "command", "date", "settings", "source", "findings"}
"""Fields of benchmark.json that hold times, places, options or words, not results."""
_FP32 = ("--device", "cpu", "--set", "precision=fp32", "--set", "log_every=2", "--quiet")
_TUNED = ("--set", "lr_grid=1e-3,3e-3", "--set", "head_lr_grid=3e-3,1e-2")
_ARMS = (
    "scratch,scratch-long,scratch-strong,synthetic,pretrained,pretrained-frozen,"
    "dig-self-training@12"
)
_SHORT = ("pretrain_steps=4", "pretrain_batch_size=8", "finetune_steps=4", "finetune_batch_size=6")
_SMALL = ("test=12", "seeds=2", "label_counts=6,12", "synthetic=24", "processes=1", *_SHORT)


def results(folder: Path) -> dict[str, Any]:
    """Pretrain, fine-tune and benchmark below `folder`; what they measured and made."""
    threads = torch.get_num_threads()
    # The number of threads decides the order of sums.
    torch.set_num_threads(1)
    try:
        return dict(_results(folder))
    finally:
        torch.set_num_threads(threads)


def _results(folder: Path) -> Iterator[tuple[str, Any]]:
    data, encoder, reader, bench = (folder / name for name in ("data", "encoder", "reader", "b"))
    draw(data)
    scratch = ("--init-from", "none", *_FP32)
    _call("pretrain", data, "--out", encoder, "--steps", 6, "--batch-size", 8, *scratch)
    yield "pretrain", _run(encoder)
    dig = folder / "dig"
    _call("pretrain", data, "--out", dig, "--method", "dig", "--epochs", 0.5, *scratch)
    yield "pretrain dig", _run(dig)
    _call(
        "finetune",
        data,
        "--out",
        reader,
        "--init-from",
        encoder,
        "--unlabeled",
        data,
        "--labels",
        24,
        "--validation",
        0.25,
        "--steps",
        6,
        "--batch-size",
        8,
        *_FP32,
        "--set",
        "confidence=0",
        "--set",
        "alignment=1",
    )
    yield "finetune", _run(reader)
    _call(
        "benchmark",
        data,
        "--preset",
        "quick",
        "--out",
        bench,
        "--device",
        "cpu",
        "--quiet",
        "--methods",
        "simclr:temperature=0.2,dig",
        "--set",
        "precision=fp32",
        *_TUNED,
        "--arms",
        _ARMS,
        *(part for assignment in _SMALL for part in ("--set", assignment)),
    )
    # Its steps follow from measured seconds.
    found = json.loads((bench / "benchmark.json").read_text())
    yield "benchmark", _untimed(found)
    files = {file.parent.name: file for file in sorted(bench.glob("models/*/*.safetensors"))}
    files.pop("scratch-long")
    yield "models", {name: _model(file) for name, file in files.items()}


def draw(folder: Path) -> None:
    """64 labeled images: each character is a block of another height and shade."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(64):
        label = "".join(rng.choice(list("0123456789"), 4))
        image = rng.integers(200, 256, (32, 96), np.uint8)
        for place, character in enumerate(label):
            left = 8 + 22 * place + int(rng.integers(-3, 4))
            image[3 + 2 * int(character) : 12 + 2 * int(character), left : left + 12] //= 4
        Image.fromarray(image).save(folder / f"{label}_{number}.png")


def fingerprint() -> str:
    """Equal on machines that round the same way: the same processor type and the same libraries."""
    versions = (torch.__version__, np.__version__, cv2.__version__)
    digest = hashlib.sha256(" ".join(versions).encode())
    generator = torch.Generator().manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    images = torch.randn(8, 1, 32, 96, generator=generator, requires_grad=True)
    first = torch.randn(16, 1, 3, 3, generator=generator, requires_grad=True)
    second = torch.randn(32, 16, 3, 3, generator=generator, requires_grad=True)
    hidden = F.gelu(F.conv2d(images, first, stride=2, padding=1))
    frames = F.layer_norm(F.conv2d(hidden, second, stride=2, padding=1).mean(2).mT, (32,))
    logits = (frames @ frames.mT).log_softmax(-1)
    (logits.square().mean() + logits.exp().std()).backward()  # type: ignore[no-untyped-call]
    for tensor in (images.grad, first.grad, second.grad, torch.linalg.svdvals(frames[0])):
        assert tensor is not None
        digest.update(tensor.detach().numpy().tobytes())
    torch.set_num_threads(threads)
    return digest.hexdigest()[:16]


def differences(expected: Any, found: Any, *, exact: bool, where: str = "") -> Iterator[str]:
    """Where two results differ; without `exact`, by more than rounding explains."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            if key not in found or key not in expected:
                yield f"{where}/{key} is {'gone' if key in expected else 'new'}"
            elif exact or key != "digest":
                yield from differences(
                    expected[key], found[key], exact=exact, where=f"{where}/{key}"
                )
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, pair in enumerate(zip(expected, found, strict=True)):
            yield from differences(*pair, exact=exact, where=f"{where}/{number}")
    elif expected != found and (exact or not _close(expected, found)):
        yield f"{where}: {expected!r} became {found!r}"


def _close(expected: Any, found: Any) -> bool:
    numbers = isinstance(expected, int | float) and isinstance(found, int | float)
    return numbers and math.isclose(expected, found, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _call(*arguments: object) -> None:
    code = run(list(map(str, arguments)))
    if code:
        raise RuntimeError(f"captcha-ssl {arguments[0]} ended with {code}")


def _run(folder: Path) -> dict[str, Any]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    network = folder / "model.onnx"
    graph = onnx.load(network).graph.SerializeToString() if network.exists() else b""
    return {
        "metrics": [json.loads(line) for line in lines],
        "model": _model(folder / "model.safetensors"),
        "onnx": {"digest": hashlib.sha256(graph).hexdigest()},
    }


def _model(file: Path) -> dict[str, Any]:
    """The card of a model file, the digest of its weights, and their norm."""
    tensors = load_file(file)
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    with safe_open(file, framework="pt") as opened:
        (card,) = (json.loads(text) for text in opened.metadata().values())
    norm = math.hypot(*(float(tensor.double().norm()) for tensor in tensors.values()))
    return {"card": card, "digest": digest.hexdigest(), "norm": float(f"{norm:.6g}")}


def _untimed(found: Any) -> Any:
    """benchmark.json without what differs between equal runs."""
    if isinstance(found, dict):
        return {key: _untimed(value) for key, value in found.items() if key not in _TIMED}
    if isinstance(found, list):
        return [_untimed(value) for value in found if not _matched(value)]
    return found


def _matched(value: Any) -> bool:
    """Whether an entry is of the arm whose number of steps is measured, not set."""
    return isinstance(value, dict) and value.get("arm") == "scratch-long"
