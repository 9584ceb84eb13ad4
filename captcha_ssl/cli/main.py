"""The program `captcha-ssl`: its commands, and its errors for a wrong command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import typer

import captcha_ssl
from captcha_ssl.cli.adapt import adapt_command
from captcha_ssl.cli.benchmark import BENCHMARK_DATA, benchmark_command
from captcha_ssl.cli.check_data import check_data_command
from captcha_ssl.cli.configured import Configured, GroupedCommand, optional_word
from captcha_ssl.cli.convert import convert_command
from captcha_ssl.cli.evaluate import evaluate_command
from captcha_ssl.cli.export import export_command
from captcha_ssl.cli.finetune import finetune_command
from captcha_ssl.cli.generate import generate_command
from captcha_ssl.cli.info import info_command
from captcha_ssl.cli.label import label_command
from captcha_ssl.cli.neighbors import neighbors_command
from captcha_ssl.cli.outcome import exit_with, outcome
from captcha_ssl.cli.predict import predict_command
from captcha_ssl.cli.pretrain import pretrain_command
from captcha_ssl.cli.suggest import suggest_command
from captcha_ssl.cli.tune import tune_command
from captcha_ssl.errors import UserError
from captcha_ssl.interruption import PROGRAM
from captcha_ssl.launch import ranks

_COMPLETION = "_CAPTCHA_SSL_COMPLETE"
"""The variable with which a shell asks for completions."""
_FOR_SEVERAL = ("finetune", "generate", "pretrain")
"""Commands that torchrun may start in several processes."""

COMMANDS: dict[str, Configured | Callable[..., None]] = {
    "generate": Configured(generate_command, "captcha_ssl.synthesis.config:GenerateConfig"),
    "check-data": check_data_command,
    "pretrain": Configured(pretrain_command, "captcha_ssl.pretraining.config:PretrainConfig"),
    "adapt": Configured(adapt_command, "captcha_ssl.recognition.adaptation.config:AdaptConfig"),
    "finetune": Configured(
        finetune_command, "captcha_ssl.recognition.fine_tuning.config:FinetuneConfig"
    ),
    "evaluate": evaluate_command,
    "predict": predict_command,
    "suggest": suggest_command,
    "label": label_command,
    "convert": convert_command,
    "neighbors": neighbors_command,
    "tune": Configured(tune_command, "captcha_ssl.tuning.config:TuneConfig"),
    "benchmark": Configured(
        benchmark_command,
        "captcha_ssl.benchmark.plan.config:BenchmarkConfig",
        {"data": BENCHMARK_DATA},
    ),
    "export": export_command,
    "info": info_command,
}


def run_program() -> None:
    """Run the command in `sys.argv` and exit with its code."""
    exit_with(partial(_invoke, sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; see `outcome`."""
    return outcome(partial(_invoke, arguments))


def program(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Learn to read short text images from a few labels and many unlabeled images."""
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
    completing = _COMPLETION in os.environ
    asked = os.environ.get("COMP_WORDS", "").split()[1:] if completing else list(arguments)
    # Not `app(...)`: it prints errors in its own format and hides interruptions.
    command = typer.main.get_command(_app(asked))
    if completing:
        command.main([], PROGRAM)  # answers the shell's completion request and exits
    if "" in arguments:
        # As a path it would be the current folder, as another value often the default.
        raise UserError("an argument is empty; is a variable of your shell not set?")
    arguments = optional_word(arguments)
    try:
        with command.make_context(PROGRAM, list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as finished:
        return finished.exit_code
    except typer.TyperException as error:
        raise UserError(_usage_message(error)) from error
    return 0


def _app(arguments: Sequence[str]) -> typer.Typer:
    """The program with its commands; only the requested one has its options.

    Building options takes longer than the rest of `--help`.
    """
    app = typer.Typer(
        name=PROGRAM,
        # Plain help: a [bracket] in a docstring stays text, and a pipe gets the same output.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(program)
    asked = next((argument for argument in arguments if not argument.startswith("-")), "")
    for name, command in COMMANDS.items():
        function = command.run if isinstance(command, Configured) else command
        if name != asked:
            function = _without_options(function)
        elif isinstance(command, Configured):
            function = command.function(arguments)
        app.command(name, cls=GroupedCommand)(function)
    return app


def _without_options(function: Callable[..., None]) -> Callable[[], None]:
    def command() -> None:
        raise AssertionError("another command was asked for")

    command.__doc__ = function.__doc__
    return command


def _usage_message(error: typer.TyperException) -> str:
    near = getattr(error, "possibilities", None)
    # The validator inside typer adds "Value error, ", which does not help a user.
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    if near:
        message = f"{error.message}. Did you mean {near[0]}?"
    context = getattr(error, "ctx", None)
    if context is not None and not message.endswith("?"):
        message = f"{message}. See {context.command_path} --help"
    return message[:1].lower() + message[1:]
