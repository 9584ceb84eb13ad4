"""`captcha-ssl evaluate`: how well a recognizer reads a labeled dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from captcha_ssl.cli.loading import tell_notes
from captcha_ssl.cli.options import FilesFrom, Length, Quiet, ReadingDevice, data_argument, piles
from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.errors import UserError
from captcha_ssl.notice import warn
from captcha_ssl.printable import printable, shown

if TYPE_CHECKING:
    from captcha_ssl.recognition.evaluation.suspicion import Suspect

LISTED = 10


def evaluate_command(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="A finetune run, a .safetensors or .onnx file, or shipped."
        ),
    ],
    data: Annotated[list[Path] | None, data_argument("Images with labels")] = None,
    files_from: FilesFrom = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="How to print.")] = "table",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Write scores, predictions and the worst errors here."
        ),
    ] = None,
    length: Length = None,
    batch_size: Annotated[int, typer.Option(min=1, max=65_536, help="Images read at once.")] = 256,
    max_bad: Annotated[
        float, typer.Option(min=0, max=1, help="Stop if a larger share of the rows is unusable.")
    ] = 0.01,
    device: ReadingDevice = None,
    quiet: Quiet = False,
) -> None:
    """Score a recognizer on labeled images.

    Example: captcha-ssl evaluate runs/reader labeled/ --out scores/
    """
    from captcha_ssl.data.dataset import load_dataset
    from captcha_ssl.recognition.evaluation.evaluate import evaluate
    from captcha_ssl.recognition.evaluation.evaluation_files import write_evaluation
    from captcha_ssl.recognition.evaluation.learned import has_learned
    from captcha_ssl.recognition.reading.narrowed import narrowed
    from captcha_ssl.recognition.reading.open_reader import open_reader

    data = piles(data, files_from)
    if out is not None and any(
        path.is_dir() and out.samefile(path) for path in data if out.exists()
    ):
        raise UserError(f"--out {out}: the folder of the images; name another")
    reader = narrowed(open_reader(model, device or "auto"), length=length)
    with progress_bar("loading", quiet=quiet) as progress:
        dataset = load_dataset(
            data,
            labeled=True,
            geometry=reader.geometry,
            max_bad=max_bad,
            progress=progress,
        )
    tell_notes(data, dataset, quiet=quiet)
    if has_learned(model, dataset):
        warn(
            "the model was trained on these images: the figures are too "
            "good, and no label is found wrong; evaluate on others, or look for wrong labels with "
            "finetune --check-labels"
        )
    # Fail before the work, not after it.
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with progress_bar("reading", quiet=quiet) as progress:
        evaluation = evaluate(reader, dataset, batch_size, progress)
    if out is not None:
        write_evaluation(out, dataset, evaluation)
    scores = evaluation.to_json()
    if format == "json":
        typer.echo(json.dumps(scores, indent=2))
        return
    rows = [*_as_table(scores), *_suspect_rows(dataset.names, evaluation.suspects())]
    typer.echo("\n".join(rows))


def _as_table(scores: dict[str, Any]) -> Iterator[str]:
    low, high = scores["exact_match_ci95"]
    yield f"images           {scores['n']:,}"
    if scores["rejected"]:
        yield f"left out         {scores['rejected']:,} rows that cannot be used"
    if scores["unknown_images"]:
        unknown = scores["unknown_characters"]
        listed = ", ".join(f"{_shown(c)} ×{count:,}" for c, count in list(unknown.items())[:5])
        listed += ", …" * (len(unknown) > 5)
        yield (
            f"unknown          {scores['unknown_images']:,} labels have characters that the model "
            f"cannot read ({listed}); these images count as misread"
        )
    yield f"exact match      {scores['exact_match']:.2%} (95%: {low:.2%} to {high:.2%})"
    yield f"CER              {scores['cer']:.2%}"
    yield f"1-NED            {scores['one_minus_ned']:.2%}"
    yield f"length right     {scores['length_accuracy']:.2%}{_told(scores)}"
    yield f"empty            {scores['blank_rate']:.2%}"
    yield f"calibration off  {scores['calibration_error']:.2%} for texts, " + (
        f"{scores['char_calibration_error']:.2%} for characters"
    )
    yield from _character_rows(scores["per_character"])
    yield from _confusion_rows(scores["confusions"])


def _told(scores: dict[str, Any]) -> str:
    if scores["length"] is None:
        return ""
    unless = " unless another length is clearly likelier" if scores["other_lengths"] else ""
    return f", read with {scores['length']} characters{unless}"


def _character_rows(table: dict[str, Any]) -> Iterator[str]:
    wrong = {character: row for character, row in table.items() if row["correct"] < row["n"]}
    right = "".join(_shown(character) for character in table if character not in wrong)
    yield f"always right     {right or 'no character'}"
    if not wrong:
        return
    yield f"\n{'character':<11}{'n':>7}{'right':>9}   read instead"
    for character, row in sorted(wrong.items(), key=lambda item: item[1]["correct"] / item[1]["n"]):
        share = row["correct"] / row["n"]
        yield f"{_shown(character):<11}{row['n']:>7,}{share:>9.1%}   {_instead(row)}"


def _instead(row: dict[str, Any]) -> str:
    counts = {**row["substituted"], "": row["deleted"]}
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{_shown(read)} ×{count:,}" for read, count in ranked[:5] if count)


def _confusion_rows(confusions: list[dict[str, Any]]) -> Iterator[str]:
    if not confusions:
        return
    yield "\nmost frequent errors"
    for row in confusions[:LISTED]:
        yield f"{_shown(row['truth'])} → {_shown(row['read'])} ×{row['count']:,}"


def _suspect_rows(names: Sequence[str], suspects: Sequence[Suspect]) -> Iterator[str]:
    if not suspects:
        return
    yield "\nprobably wrong labels"
    for suspect in suspects[:LISTED]:
        name, label, reading = map(shown, (names[suspect.position], suspect.label, suspect.reading))
        yield f"{name}: labeled {label}, reads {reading} ({suspect.probability:.1%} wrong label)"
    if len(suspects) > LISTED:
        yield f"and {len(suspects) - LISTED:,} more; --out DIR lists them in suspicious.csv"


def _shown(character: str) -> str:
    if not character:
        return "nothing"
    return ascii(character) if character.isspace() else printable(character)
