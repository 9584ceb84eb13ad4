"""A process that reads damaged files, one after the other, as the program would."""

from __future__ import annotations

import contextlib
import io
import json
import resource
import shutil
import sys
import traceback
from pathlib import Path
from random import Random

from tests.fuzz.corpus import CELLS, TARGETS
from tests.fuzz.tables import table, understood

MEMORY = 3 * 2**30
"""Bytes of address space beyond what a worker has once everything is imported."""
FINE = {0, 1, 2}


def attempt(corpus: Path, place: Path, seed: int, number: int) -> dict[str, object]:
    """Damage one file and read it: what came of it, empty when all is well."""
    target = TARGETS[number % len(TARGETS)]
    folder, out = place / "copy", place / "out"
    for stale in (folder, out):
        shutil.rmtree(stale, ignore_errors=True)
    shutil.copytree(corpus, folder)
    out.mkdir()
    rng = Random(f"{seed}-{number}")
    if target.kind == "cells":
        return {"number": number, "kind": target.kind, **understand(rng, folder / CELLS)}
    file = target.chosen(rng, folder)
    file.write_bytes(target.damaged(rng, file.read_bytes()))
    places = {
        "folder": str(folder),
        "out": str(out / "new") if target.command[0] == "generate" else str(out),
        "model": str(corpus / "model.onnx"),
        "pile": str(corpus / "packed"),
        "large": str(corpus.parent / "large"),
    }
    arguments = [argument.format(**places) for argument in target.command]
    return {"number": number, "kind": target.kind, **call(arguments)}


def understand(rng: Random, folder: Path) -> dict[str, object]:
    """Write a table and open it: what is wrong with what was understood, if anything."""
    from captcha_ssl.data.sources import open_source
    from captcha_ssl.errors import UserError

    written = table(rng)
    (folder / written.name).write_bytes(written.data)
    try:
        source = open_source(folder / written.name, want_labels=True)
    except UserError as error:
        return {"code": 2, "problem": "", "detail": str(error)}
    except BaseException:
        return {"code": None, "problem": "traceback", "detail": traceback.format_exc()[-3000:]}
    wrong = understood(written, dict(zip(source.names, source.labels or (), strict=True)))
    return {"code": 0, "problem": "understood otherwise" if wrong else "", "detail": wrong}


def call(arguments: list[str]) -> dict[str, object]:
    """Run the program in this process: its exit code, and what is wrong with that, if anything."""
    from captcha_ssl.cli.main import run

    said, heard = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(heard):
            code = run(arguments)
    except BaseException:
        return {"code": None, "problem": "traceback", "detail": traceback.format_exc()[-3000:]}
    errors = [line for line in said.getvalue().splitlines() if "warning" not in line]
    if code not in FINE:
        return {"code": code, "problem": f"exit code {code}", "detail": said.getvalue()}
    if code == 2 and (len(errors) != 1 or not errors[0].startswith("captcha-ssl: error: ")):
        return {"code": code, "problem": "not one line", "detail": said.getvalue()[:3000]}
    if "Traceback" in said.getvalue():
        return {"code": code, "problem": "traceback on stderr", "detail": said.getvalue()[-3000:]}
    return {"code": code, "problem": "", "detail": ""}


def main() -> None:
    """Numbers come in on stdin; a line of JSON goes out for each."""
    corpus, place, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    place.mkdir(parents=True, exist_ok=True)
    import onnxruntime  # noqa: F401
    import torch

    torch.set_num_threads(1)
    answers = sys.stdout
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for line in sys.stdin:
        print(json.dumps(attempt(corpus, place, seed, int(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
