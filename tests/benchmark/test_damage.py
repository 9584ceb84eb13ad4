"""A benchmark folder that was damaged: one line that names the file, or the work is repeated."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.errors import UserError

ARMS = "arms=scratch,pretrained,pretrained-frozen"


def put(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def first(folder: Path) -> Path:
    return sorted(folder.iterdir())[0]


def swapped(folder: Path) -> None:
    one, other = sorted(folder.iterdir())[:2]
    shutil.copy(one, other)


MARKUP = '"><script>alert(1)</script>'
DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "nested": (lambda d: first(d / "cells").write_text("[" * 100_000), "nested too deep"),
    "markup": (lambda d: put(first(d / "cells"), exact_match="<b>"), "exact_match: expected a num"),
    "nan": (lambda d: put(first(d / "cells"), cer=float("nan")), "cer: expected a finite"),
    "beyond": (lambda d: put(first(d / "cells"), exact_match=2), "a share of texts beyond"),
    "no rate": (lambda d: put(first(d / "cells"), lr=None), "lr: expected a number"),
    "digits": (lambda d: first(d / "cells").write_text('{"steps":' + "9" * 5000), "damaged"),
    "bytes": (lambda d: first(d / "cells").write_bytes(b"\xff"), "is not UTF-8"),
    "list": (lambda d: first(d / "tuning").write_text("[]"), "expected an object"),
    "extra": (lambda d: put(first(d / "tuning"), more=1), "'more' is unknown"),
    "other run": (lambda d: swapped(d / "cells"), "the record of another run"),
    "other trial": (lambda d: swapped(d / "tuning"), "the record of another run"),
    "other recipe": (lambda d: put(first(d / "tuning"), recipe="x"), "the record of another run"),
    "timing": (
        lambda d: (d / "pretrained/simclr/timing.json").write_text("{}"),
        "per_step is miss",
    ),
    "no timing": (lambda d: (d / "pretrained/simclr/timing.json").unlink(), "timing.json: cannot"),
    "metrics": (lambda d: (d / "pretrained/simclr/metrics.jsonl").unlink(), "its metrics lack"),
    "figures": (
        lambda d: (d / "pretrained/simclr/metrics.jsonl").write_text('{"step": 4}\n'),
        "its metrics lack",
    ),
    "config": (lambda d: (d / "config.toml").write_text("a = " + "[" * 9000), "nested too deep"),
    "data": (lambda d: (d / "data.json").write_text('{"names": [1]}'), "names: expected text"),
    "picture": (
        lambda d: put(first(d / "details"), worst=[{"png": MARKUP, "truth": "A", "read": "B"}]),
        "worst: Only base64 data",
    ),
    "losses": (lambda d: put(first(d / "details"), losses=[[1, "x"]]), "losses: expected a number"),
    "order": (lambda d: put(first(d / "details"), losses=[[2, 1], [1, 1]]), "steps out of order"),
    "text": (
        lambda d: put(first(d / "details"), worst=[{"png": "", "truth": "\ud800", "read": ""}]),
        "truth: expected text",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_one_line(
    run: Callable[..., Results], uninterrupted: tuple[Path, Results], tmp_path: Path, name: str
) -> None:
    damage, said = DAMAGES[name]
    out = tmp_path / "out"
    shutil.copytree(uninterrupted[0], out)
    damage(out)
    with pytest.raises(UserError) as caught:
        run(out, ARMS, resume=True)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert str(out) in str(caught.value)


def test_an_encoder_that_is_missing_is_trained_again(
    run: Callable[..., Results], uninterrupted: tuple[Path, Results], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(uninterrupted[0], out)
    (out / "pretrained" / "simclr" / "model.safetensors").unlink()
    assert run(out, ARMS, resume=True).rows == uninterrupted[1].rows
    made = [folder / "pretrained/simclr/model.safetensors" for folder in (out, uninterrupted[0])]
    assert made[0].read_bytes() == made[1].read_bytes()
