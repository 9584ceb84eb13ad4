"""`captcha-ssl check-data`: what is in a dataset, and what is wrong with it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from captcha_ssl.cli.options import FilesFrom, Quiet, data_argument, piles, refuse_among_images
from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.errors import UserError
from captcha_ssl.printable import printable, shown

if TYPE_CHECKING:
    from captcha_ssl.data.check import DataReport
    from captcha_ssl.data.label_report import FramesCheck, LabelReport

LISTED = 20


def check_data_command(
    data: Annotated[list[Path] | None, data_argument("Images, labeled or not")] = None,
    files_from: FilesFrom = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", metavar="FILE.png", help="Draw a sheet of images and labels."),
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option("--rejected", metavar="FILE.csv", help="List every rejected row here."),
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="How to print.")] = "table",
    quiet: Quiet = False,
) -> None:
    """Show what is in a dataset, and what is wrong with it.

    Example: captcha-ssl check-data images/ --sheet images.png

    Exits with 1 when a row or an image cannot be used.
    """
    from captcha_ssl.data.check import contact_sheet, inspect
    from captcha_ssl.data.rejected import write_rejected
    from captcha_ssl.data.sheet import check_picture_name
    from captcha_ssl.data.sources import open_source
    from captcha_ssl.models.frames import frames

    data = piles(data, files_from)
    # Fail before the work, not after it.
    if sheet is not None:
        check_picture_name(sheet)
        refuse_among_images("--sheet", sheet, data)
    if rejected is not None and rejected.is_dir():
        raise UserError(f"--rejected {rejected}: a folder; name a file")
    with progress_bar("reading", quiet=quiet) as progress:
        report = inspect(data, frames=frames, progress=progress)
    if sheet is not None:
        contact_sheet(
            open_source(data),
            sheet,
            title=f"{', '.join(path.resolve().name for path in data)}: {report.images:,} images",
        )
    if rejected is not None:
        write_rejected(rejected, report.rejected)
    typer.echo(_as_json(report) if format == "json" else "\n".join(_as_table(report)))
    if report.rejected:
        raise typer.Exit(1)


def _as_json(report: DataReport) -> str:
    return json.dumps(report.to_json(), indent=2)


def _as_table(report: DataReport) -> Iterator[str]:
    yield f"{shown(report.path)} ({report.kind})"
    rows = (*_image_rows(report), *_label_rows(report.labels, report.geometry.width))
    for name, value in (*rows, *_aside_rows(report)):
        yield f"  {name:<12}{value}"
    if not report.rejected:
        return
    yield f"rejected: {len(report.rejected):,}"
    for entry in report.rejected[:LISTED]:
        yield f"  {shown(entry.row)}: {shown(entry.reason)}"
    if len(report.rejected) > LISTED:
        yield f"  … and {len(report.rejected) - LISTED:,} more; --rejected FILE.csv lists all"


def _image_rows(report: DataReport) -> Iterator[tuple[str, str]]:
    from captcha_ssl.data.ink_words import describe

    sizes = [f"{width}×{height} ({count:,})" for width, height, count in report.sizes[:5]]
    if len(report.sizes) > len(sizes):
        sizes.append(f"{len(report.sizes) - len(sizes):,} other sizes")
    yield "images", f"{report.images:,}"
    yield "sizes", ", ".join(sizes)
    yield "duplicates", f"{report.duplicates:,} images repeat the pixels of another"
    if report.blank:
        yield "blank", f"{len(report.blank):,} images show nothing: {_first(report.blank)}"
    yield "geometry", f"{report.geometry} by default"
    if report.ink is not None:
        yield "text", describe(report.ink)
    if report.geometry.preparation is not None:
        yield "prepared", f"{report.geometry.preparation} (--set prepare=none: not)"
    for place, warning in enumerate(report.warnings):
        yield "warnings" if not place else "", warning


def _label_rows(labels: LabelReport | None, width: int) -> Iterator[tuple[str, str]]:
    if labels is None:
        yield "labels", "none"
        return
    if labels.unlabeled:
        yield "unlabeled", f"{labels.unlabeled:,} more images here have no usable label"
    yield "charset", f"{len(labels.charset)} characters: {shown(labels.charset, 500)}"
    rarest = sorted(labels.characters.items(), key=lambda item: item[1])[:5]
    yield "rarest", ", ".join(f"{printable(character)} ×{count:,}" for character, count in rarest)
    lengths = [f"{length} ×{count:,}" for length, count in labels.lengths.items()]
    more = [f"{len(lengths) - 2 * LISTED:,} other lengths"] if len(lengths) > 2 * LISTED else []
    yield "lengths", ", ".join(lengths[: 2 * LISTED] + more)
    yield "frames", _frames(labels.frames, width)
    if labels.hidden:
        yield "hidden", f"{labels.hidden:,} labels have invisible characters"
    if labels.right_to_left:
        yield (
            "direction",
            (
                f"{labels.right_to_left:,} labels have right-to-left characters; the first "
                "character of a label must be the leftmost on the image"
            ),
        )
    if labels.conflicts:
        yield "conflicts", f"{len(labels.conflicts):,} equal images with different labels"
        for group in labels.conflicts[:LISTED]:
            yield "", _first(group)


def _aside_rows(report: DataReport) -> Iterator[tuple[str, str]]:
    """The skipped files, a row for each reason, and notes on how the rest is read."""
    of_reason: defaultdict[str, list[str]] = defaultdict(list)
    for entry in report.aside:
        of_reason[entry.reason].append(entry.row)
    for place, (reason, names) in enumerate(of_reason.items()):
        yield "" if place else "left aside", f"{len(names):,} × {shown(reason)}: {_first(names)}"
    for place, note in enumerate(report.notes):
        yield "" if place else "note", shown(note)


def _first(names: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    listed = ", ".join(shown(name, 80) for name in names[:3])
    return listed + f" and {len(names) - 3:,} more" * (len(names) > 3)


def _frames(frames: FramesCheck, width: int) -> str:
    fit = f"{frames.available} at width {width}, the labels need up to {frames.needed}"
    if not frames.labels_too_long:
        return fit
    return (
        f"{fit}: {frames.labels_too_long:,} labels cannot be learned; a width of "
        f"{frames.width_that_would_do} is enough"
    )
