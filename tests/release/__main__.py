"""Build the wheel and the sdist, install each into a fresh environment, and use it there.

    python -m tests.release

The commands run in an empty folder outside of these sources, without PYTHONPATH, so that only what
was packed can be found. Exits with 1 when a command fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "generate pile --count 64 --charset 0123456789 --length 4 --format folder -q",
    "pretrain pile --out encoder --steps 20 --batch-size 8 --seed 1 -q",
    "finetune pile --out reader --init-from encoder --steps 5 --batch-size 8 --seed 1 -q",
    "predict pile/images --model reader -q",
    "predict pile/images -q",
)


def build(folder: Path) -> list[Path]:
    """The wheel and the sdist of these sources. Raises SystemExit when one is not built."""
    command = [sys.executable, "-m", "build", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}")
    built = sorted(folder.glob("*.whl")) + sorted(folder.glob("*.tar.gz"))
    if len(built) != 2:
        raise SystemExit(f"expected a wheel and an sdist, got {[file.name for file in built]}")
    return built


def installed(file: Path, environment: Path, *options: str) -> Path:
    """The program that `file` puts into the environment."""
    python = environment / "bin" / "python"
    # Of torch's modules most are never imported, so they need not be compiled.
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    subprocess.run([*pip, *options, "-c", ROOT / "constraints.txt", file], check=True)
    return environment / "bin" / "captcha-ssl"


def use(program: Path, folder: Path) -> None:
    """Run the whole path in an empty folder. Raises CalledProcessError when a command fails."""
    folder.mkdir()
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for command in COMMANDS:
        print(f"{folder.name}: captcha-ssl {command}", flush=True)
        done = subprocess.run(
            [program, *command.split()], cwd=folder, env=clean, stdout=subprocess.PIPE, text=True
        )
        # Exit code 1 of `predict` would mean that some images were not read.
        done.check_returncode()
        if command.startswith("predict") and len(done.stdout.splitlines()) != 64:
            raise SystemExit(f"expected 64 readings, got:\n{done.stdout}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = build(folder / "dist")
        environment = folder / "environment"
        venv.create(environment, with_pip=True)
        use(installed(wheel, environment), folder / "wheel")
        # The dependencies are there; only the package itself is built and installed again.
        again = ("--no-deps", "--force-reinstall")
        use(installed(sdist, environment, *again), folder / "sdist")
        print(f"{wheel.name} and {sdist.name} install and work")


if __name__ == "__main__":
    main()
