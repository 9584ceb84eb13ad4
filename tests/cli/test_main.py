"""The frame of the program: help, versions, one-line errors and exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import captcha_ssl

COMMANDS = (
    "generate",
    "check-data",
    "pretrain",
    "adapt",
    "finetune",
    "evaluate",
    "predict",
    "suggest",
    "label",
    "convert",
    "neighbors",
    "tune",
    "benchmark",
    "export",
    "info",
)


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "captcha_ssl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def program_with(body: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the program with one more command, `boom`, whose parameters and body are given."""
    script = (
        "from typing import Literal\n"
        "from captcha_ssl.cli import main\n"
        "from captcha_ssl.cli.options import Seed\n"
        "from captcha_ssl.errors import UserError\n"
        f"def boom{body}\n"
        "main.COMMANDS['boom'] = boom\n"
        "main.run_program()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script, "boom", *arguments],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict", **variables},
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )


def error_line(result: subprocess.CompletedProcess[str]) -> str:
    """The only line on stderr, after checking that it is the only output."""
    assert result.stdout == ""
    assert result.stderr.startswith("captcha-ssl: error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.strip()


def test_help_lists_every_command_with_a_line_about_it() -> None:
    result = program("--help")
    assert result.returncode == 0
    rows = dict(
        line.split(maxsplit=1)
        for line in result.stdout.split("Commands:")[1].splitlines()
        if line.strip()
    )
    assert tuple(rows) == COMMANDS
    assert all(text.endswith(".") and not text.endswith("...") for text in rows.values()), rows


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = program(command, "-h")
    assert result.returncode == 0
    assert result.stdout.startswith(f"Usage: captcha-ssl {command}")
    assert f"  Example: captcha-ssl {command} " in result.stdout
    assert result.stderr == ""


def test_version() -> None:
    result = program("--version")
    assert (result.returncode, result.stdout) == (0, f"captcha-ssl {captcha_ssl.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "missing command. See captcha-ssl --help"),
        (("predit",), "no such command 'predit'. Did you mean 'predict'?"),
        (("check_data",), "no such command 'check_data'. Did you mean 'check-data'?"),
        (("zzz",), "no such command 'zzz'. See captcha-ssl --help"),
        (("--versio",), "no such option: --versio. Did you mean --version?"),
        (("info", "--devise", "cpu"), "no such option: --devise. Did you mean --device?"),
        (("info", "--zzz"), "no such option: --zzz. See captcha-ssl info --help"),
        (("info", "--device"), "option '--device' requires an argument"),
        (("info", "x"), "got unexpected extra argument(s) (x). See captcha-ssl info --help"),
    ],
)
def test_a_usage_error_is_one_line_that_helps(arguments: tuple[str, ...], expected: str) -> None:
    result = program(*arguments)
    assert error_line(result) == f"captcha-ssl: error: {expected}"
    assert result.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "missing argument 'count'. See captcha-ssl boom --help"),
        (("x",), "invalid value for 'count': "),
        (("1", "--kind", "tabel"), "invalid value for '--kind': 'tabel' is not one of 'table', "),
        (("1", "--seed", "-1"), "invalid value for '--seed': "),
    ],
)
def test_a_bad_value_is_one_line(arguments: tuple[str, ...], expected: str) -> None:
    parameters = "count: int, kind: Literal['table', 'json'] = 'table', seed: Seed = None"
    result = program_with(f"({parameters}): ...", *arguments)
    assert error_line(result).startswith(f"captcha-ssl: error: {expected}")
    assert result.returncode == 2


def test_a_user_error_is_one_line_even_when_its_text_has_several() -> None:
    result = program_with("(): raise UserError('a.toml: bad\\n  key')")
    assert error_line(result) == "captcha-ssl: error: a.toml: bad key"
    assert result.returncode == 2


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "below"
    result = program_with(f"(): open({str(target)!r}, 'w')")
    assert error_line(result) == f"captcha-ssl: error: {target}: Not a directory"
    assert result.returncode == 2


def test_a_bug_keeps_its_traceback() -> None:
    result = program_with("(): raise ValueError('ours')")
    assert result.stderr.startswith("Traceback")
    assert result.returncode == 1


def test_an_interruption_is_one_line_and_130() -> None:
    result = program_with("(): raise KeyboardInterrupt")
    assert error_line(result) == "captcha-ssl: error: interrupted"
    assert result.returncode == 130


@pytest.mark.parametrize("rank", [0, 1])
def test_only_the_first_rank_reports_an_interruption(rank: int) -> None:
    """The launcher interrupts a rank that is on its way when another has failed and said why."""
    result = program_with(
        "(): raise KeyboardInterrupt\nmain._FOR_SEVERAL = ('boom',)",
        TORCHELASTIC_RUN_ID="1",
        WORLD_SIZE="2",
        RANK=str(rank),
    )
    assert result.returncode == 130
    assert result.stderr == ("" if rank else "captcha-ssl: error: interrupted\n")


def test_an_interruption_within_exec_is_not_a_death_by_signal(tmp_path: Path) -> None:
    """As one is that comes while a dataclass is made; CPython remembers it until `-m` ends."""
    (tmp_path / "boom.py").write_text(
        "from captcha_ssl.cli.outcome import exit_with\n"
        "exit_with(lambda: exec('raise KeyboardInterrupt'))\n"
    )
    command = [sys.executable, "-m", "boom"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert error_line(result) == "captcha-ssl: error: interrupted"
    assert result.returncode == 130


def test_an_interruption_may_say_what_was_saved() -> None:
    result = program_with("(): raise KeyboardInterrupt('stopped; the state is in run/')")
    assert error_line(result) == "captcha-ssl: error: stopped; the state is in run/"


@pytest.mark.skipif(sys.platform == "win32", reason="file names are Unicode there")
def test_a_file_name_that_is_not_utf8_is_printed_as_it_is() -> None:
    name = os.fsdecode(b"\xff.png")
    result = program_with("(name: str): print(name)", name)
    assert (result.stdout, result.stderr) == (f"{name}\n", "")


def test_a_command_chooses_its_exit_code() -> None:
    result = program_with("(): print('kept'); raise main.typer.Exit(1)")
    assert (result.returncode, result.stdout, result.stderr) == (1, "kept\n", "")


def test_a_closed_pipe_gives_no_message() -> None:
    command = [sys.executable, "-m", "captcha_ssl", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "captcha_ssl", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.stderr == (
        "captcha-ssl: error: No space left on device; free some space and run it again\n"
    )
    assert result.returncode == 2


def test_info_names_the_versions_and_the_device_that_was_asked_for() -> None:
    result = program("info", "--device", "cpu")
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines() if line[0] != "-")
    assert rows["captcha-ssl"] == captcha_ssl.__version__
    assert rows["torch"][0].isdigit()
    assert rows["precision"] in ("float32 on cpu", "bfloat16 on cpu")
    assert "--device cpu  " in result.stdout
    assert result.returncode == 0


def test_info_refuses_a_device_that_is_not_there() -> None:
    result = program("info", "--device", "cuda:99")
    assert error_line(result).startswith("captcha-ssl: error: --device cuda:99: ")
    assert result.returncode == 2


def test_an_empty_argument_is_refused(tmp_path: Path) -> None:
    """A path in a variable that is not set would be the current folder."""
    for arguments in (("check-data", ""), ("generate", str(tmp_path / "x"), "--charset", "")):
        result = program(*arguments)
        assert result.returncode == 2
        assert error_line(result).startswith("captcha-ssl: error: an argument is empty; ")


def test_the_installed_program_is_this_one() -> None:
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"captcha-ssl": "captcha_ssl.cli.start:main"}
