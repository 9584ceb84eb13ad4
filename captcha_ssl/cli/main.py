"""The program `captcha-ssl`: its commands, and what it says and returns when one of them fails."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import captcha_ssl
from captcha_ssl.cli.benchmark import benchmark
from captcha_ssl.cli.check_data import check_data
from captcha_ssl.cli.evaluate import evaluate
from captcha_ssl.cli.export import export
from captcha_ssl.cli.finetune import finetune
from captcha_ssl.cli.generate import generate
from captcha_ssl.cli.info import info
from captcha_ssl.cli.neighbours import neighbours
from captcha_ssl.cli.predict import predict
from captcha_ssl.cli.pretrain import pretrain
from captcha_ssl.cli.suggest import suggest
from captcha_ssl.errors import UserError
from captcha_ssl.launch import leave, rank, ranks

PROGRAM = "captcha-ssl"
_COMPLETION = "_CAPTCHA_SSL_COMPLETE"
"""The variable in which the shell asks what could come next."""
_FOR_SEVERAL = ("generate", "pretrain")
"""Commands that torchrun may start several times over."""
_PATIENCE = 20.0
"""Seconds that a rank other than the first keeps its error to itself."""
_ADVICE = {
    errno.ENOSPC: "free some space and run it again",
    errno.EDQUOT: "free some space and run it again",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EACCES: "choose a place that you may write to",
    errno.EROFS: "choose a place that can be written to",
}

app = typer.Typer(
    name=PROGRAM,
    # Plain help: a [bracket] in a docstring is text, and it looks the same in a pipe.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    *(generate, check_data, pretrain, finetune, evaluate, predict),
    *(suggest, neighbours, benchmark, export, info),
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command in `sys.argv` and exit with its code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name need not be valid UTF-8; it goes out as it came in.
        sys.stdout.reconfigure(errors="surrogateescape")
    signal.signal(signal.SIGTERM, _interrupt)
    code = run(sys.argv[1:])
    _settle_stdout()
    leave(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    0 done, 1 some inputs failed or nobody reads the output, 2 usage, configuration or data,
    130 interrupted. Whatever the user can mend becomes one line on stderr.
    """
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except UserError as error:
        return _fail(str(error))
    except typer.TyperException as error:
        return _fail(_usage_message(error))
    except KeyboardInterrupt as stop:
        return _stopped(str(stop) or "interrupted")
    except BrokenPipeError:
        return 1
    except OSError as error:
        return _fail(_system_message(error))
    return code


@app.callback(invoke_without_command=True)
def program(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Learn to read short text images from a few labels and many plain images."""
    if version:
        typer.echo(f"{PROGRAM} {captcha_ssl.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.fail("Missing command.")
    if ranks() > 1 and context.invoked_subcommand not in _FOR_SEVERAL:
        raise UserError(
            f"{context.invoked_subcommand} is for one process; start it without torchrun"
        )


def _invoke(arguments: Sequence[str]) -> int:
    # Not `app(...)`, which would print errors in its own way and hide an interruption.
    command = typer.main.get_command(app)
    if _COMPLETION in os.environ:
        command.main([], PROGRAM)  # answers the shell and exits
    try:
        with command.make_context(PROGRAM, list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as finished:
        return finished.exit_code
    return 0


def _usage_message(error: typer.TyperException) -> str:
    near = getattr(error, "possibilities", None)
    # "Value error, " is the mark of the validator inside typer and tells a user nothing.
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    if near:
        message = f"{error.message}. Did you mean {near[0]}?"
    context = getattr(error, "ctx", None)
    if context is not None and not message.endswith("?"):
        message = f"{message}. See {context.command_path} --help"
    return message[:1].lower() + message[1:]


def _system_message(error: OSError) -> str:
    reason = error.strerror or str(error)
    advice = _ADVICE.get(error.errno or 0)
    reason += f"; {advice}" if advice else ""
    return f"{error.filename}: {reason}" if error.filename else reason


def _interrupt(number: int, frame: Any) -> None:
    """SIGTERM is met as Ctrl-C is: what is half written is taken away, what is whole is kept."""
    raise KeyboardInterrupt


def _stopped(message: str) -> int:
    # The launcher ends a rank when another has failed, and that one has said why; when all are
    # interrupted, the first says it.
    return 130 if rank() else _fail(message, code=130)


def _fail(message: str, *, code: int = 2) -> int:
    if rank():
        # What failed on every rank, the first has said, and the launcher ends this one meanwhile.
        try:
            time.sleep(_PATIENCE)
        except KeyboardInterrupt:
            return code
        message = f"rank {rank()}: {message}"
    line = " ".join(part.strip() for part in message.splitlines())
    # A file's name may hold what a terminal takes for a command.
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
    print(f"{PROGRAM}: error: {line}", file=sys.stderr)
    return code


def _settle_stdout() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        # Nobody reads, or the disk is full, and that has been said. The interpreter would try
        # to write the rest once more on its way out, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
