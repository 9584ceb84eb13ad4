"""What the shell gets when it asks for completions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

HEAVY = {"cv2", "matplotlib", "numpy", "PIL", "rich", "torch"}


def completions(typed: str) -> tuple[list[str], set[str]]:
    """What bash is offered for the last word of a line, and the modules that it took."""
    script = (
        "import atexit, sys; from captcha_ssl.cli.main import run_program;"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); run_program()"
    )
    asked = {
        "_CAPTCHA_SSL_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **asked},
        **{"capture_output": True, "text": True, "check": True},
    )
    return done.stdout.split(), set(done.stderr.split())


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("captcha-ssl pre", ["pretrain", "predict"]),
        ("captcha-ssl pretrain x --ba", ["--batch-size"]),
        ("captcha-ssl pretrain x --method sim", ["simclr", "simsiam"]),
        ("captcha-ssl predict x --format j", ["jsonl"]),
        ("captcha-ssl finetune x --encoder ", ["tiny", "small", "base"]),
        ("captcha-ssl pretrain x --loss n", ["n-pair"]),
        ("captcha-ssl pretrain x --device c", ["cpu", "cuda"]),
        ("captcha-ssl benchmark --preset p", ["paper"]),
    ],
)
def test_commands_options_and_names_are_completed_without_torch(
    typed: str, offered: list[str]
) -> None:
    found, loaded = completions(typed)
    assert found == offered
    assert not loaded & HEAVY


def test_the_script_for_the_shell_is_shown() -> None:
    # The shell is told by the process that started the program; `true` keeps bash alive meanwhile.
    asked = f'"{sys.executable}" -m captcha_ssl --show-completion && true'
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert "complete -o default -F _captcha_ssl_completion captcha-ssl" in done.stdout
    assert done.stderr == ""
