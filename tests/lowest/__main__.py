"""Try the program with the lowest versions that pyproject.toml allows.

    python -m tests.lowest [--python PYTHON] [--torch-types FOLDER]

Makes a virtual environment in `.venv/lowest` with the lowest version of every dependency but
torch, whose older builds take gigabytes, and runs every command there. torch is the one that
constraints.txt pins; of its lowest version the type information is looked through (80 MB, from
its build for macOS) for every function that is called. With --python an interpreter that has the
versions is used as it is. Exits with 1 when anything fails.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv" / "lowest"
_FEW = ("--steps", "3", "--batch-size", "8", "-q")
_BENCH = (
    "test=15",
    "label_counts=10",
    "seeds=2",
    "pretrain_steps=5",
    "pretrain_batch_size=8",
    "finetune_steps=5",
    "finetune_batch_size=8",
    "lr_grid=1e-3",
    "head_lr_grid=1e-3",
    "processes=2",
)
_TUNE = (
    "--methods",
    "simclr",
    "--pretrain-steps",
    "2",
    "--finetune-steps",
    "2",
    "--set",
    "rungs=1",
    "--set",
    "folds=1",
    "-q",
)
_ABSENT = ("[attr-defined]", "[call-arg]", "[call-overload]", "[import-not-found]")
_METHODS = (
    "simclr",
    "moco",
    "simsiam",
    "byol",
    "swav",
    "barlow-twins",
    "vicreg",
    "rotation",
    "jigsaw",
    "patch-location",
    "colorization",
    "autoencoder",
    "gan",
    "rclstr",
    "dig",
)


def lowest() -> dict[str, str]:
    """The lowest version of each dependency, and of what `tune` needs, as pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["tune"]
    found = (re.match(r"([\w-]+)>=([\d.]+)", entry) for entry in wanted)
    return {match[1]: match[2] for match in found if match}


def commands() -> list[list[str]]:
    """The whole path, from drawing images to a report."""
    small = ["--count", "80", "--charset", "ABCD", "--length", "2", "--height", "32", "-q"]
    small += ["--width", "64", "--style", "broad"]
    return [
        *(
            ["generate", form, "--format", form, "--preview", f"{form}.png", *small]
            for form in ("packed", "folder", "lmdb")
        ),
        ["generate", "classic", "--count", "40", "--style", "classic", "-q"],
        ["generate", "mixed", "--count", "40", "--style", "mixed", "--workers", "2", "-q"],
        *(
            ["check-data", form, "-q", "--sheet", f"{form}-sheet.png", "--rejected", "r.csv"]
            for form in ("packed", "folder", "lmdb")
        ),
        *(
            ["pretrain", "folder", "--method", name, "--out", f"p-{name}", *_FEW]
            + ["--set", "channels=3"]
            for name in _METHODS
        ),
        ["pretrain", "folder", "--out", "p", *_FEW, "--probe", "folder"],
        ["pretrain", "folder", "--preview", "preview.png", "-q"],
        ["finetune", "folder", "--out", "reader", "--init-from", "p", *_FEW]
        + ["--validation", "0.2", "--unlabeled", "lmdb"],
        ["evaluate", "reader", "folder", "-q", "--out", "scores"],
        ["evaluate", "shipped", "folder", "-q", "--max-bad", "1"],
        ["predict", "folder/images", "-q"],
        ["predict", "folder/images", "-m", "reader", "-q", "--format", "jsonl"],
        ["export", "reader", "reader.onnx", "-q"],
        ["export", "shipped", "shipped.onnx", "-q"],
        ["export", "shipped", "shipped-8.onnx", "--int8", "folder", "-q"],
        ["export", "shipped", "shipped.safetensors", "-q"],
        ["suggest", "folder", "--init-from", "reader", "--count", "3", "-q"],
        ["neighbors", "folder", "neighbors.png", "--init-from", "p", "-q"],
        ["benchmark", "packed", "--arms", "scratch,pretrained", "--out", "bench", "-q"]
        + [part for setting in _BENCH for part in ("--set", setting)],
        ["tune", "folder", "--out", "tune", "--trials", "2", "--jobs", "1", *_TUNE],
        ["info"],
        ["--help"],
    ]


def install() -> Path:
    """The interpreter of a virtual environment with the lowest versions."""
    venv.create(FOLDER, with_pip=True, clear=True)
    python = FOLDER / "bin" / "python"
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    (torch,) = re.findall(r"^torch==\S+$", pins, re.MULTILINE)
    wanted = [f"{name}=={version}" for name, version in lowest().items() if name != "torch"]
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, torch, *wanted], check=True)
    return python


def try_all(python: Path) -> int:
    """Run every command in a new folder; how many fail."""
    failed = 0
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        for command in commands():
            done = subprocess.run(
                [python, "-m", "captcha_ssl", *command],
                **{"cwd": folder, "env": environment, "capture_output": True, "text": True},
            )
            said = "ok" if done.returncode == 0 else done.stderr.strip()[-800:]
            failed += done.returncode != 0
            print(f"{' '.join(command)[:60]:62}{said}", flush=True)
    return failed


def fetch_torch(folder: Path) -> Path:
    """The Python part of the lowest torch, for its types."""
    version = lowest()["torch"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", "download", "--quiet", "--no-deps"]
        + ["--dest", str(folder), "--only-binary", ":all:", "--python-version", "3.11"]
        + ["--platform", "macosx_11_0_arm64", f"torch=={version}.*"],
        check=True,
    )
    (wheel,) = folder.glob("torch-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(
            folder, [name for name in archive.namelist() if name.endswith((".py", ".pyi"))]
        )
    return folder


def missing(types: Path) -> list[str]:
    """What mypy finds that this code uses of that torch and that is missing."""
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "captcha_ssl", "--follow-imports=silent"]
        + ["--cache-dir", str(types / "mypy-cache")],
        **{"cwd": ROOT, "capture_output": True, "text": True},
        env={**os.environ, "MYPYPATH": str(types)},
    )
    # Its own files are held to our strictness too, and are of no interest here.
    lines = [line for line in checked.stdout.splitlines() if line.startswith("captcha_ssl")]
    return [line for line in lines if line.endswith(_ABSENT)]


def main() -> int:
    """Install, run, look through the types, and say what failed."""
    parser = argparse.ArgumentParser("python -m tests.lowest")
    parser.add_argument("--python", type=Path)
    parser.add_argument("--torch-types", type=Path)
    asked = parser.parse_args()
    print(", ".join(f"{name} {version}" for name, version in lowest().items()))
    failed = try_all(asked.python or install())
    with tempfile.TemporaryDirectory() as folder:
        found = missing(asked.torch_types or fetch_torch(Path(folder)))
    for line in found:
        print(line)
    print(f"{failed} commands failed; {len(found)} calls that the lowest torch does not have")
    return 1 if failed or found else 0


if __name__ == "__main__":
    sys.exit(main())
