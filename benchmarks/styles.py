"""The pictures of the `captcha` package beside ours, the same texts in each row; or the test beds.

python -m benchmarks.styles docs/pictures/styles.png
python -m benchmarks.styles docs/pictures/test-beds.png --beds
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

import numpy as np
from captcha.image import ImageCaptcha

from captcha_ssl.data.column_sheet import write_columns
from captcha_ssl.synthesis.beds import BEDS
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings

ROWS, STYLES = 8, ("classic", "fast")


def main() -> None:
    """Draw the sheet. The package's own column follows no seed and differs in every run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="PNG to write")
    parser.add_argument("--beds", action="store_true", help="draw the test beds instead")
    options = parser.parse_args()
    (_draw_beds if options.beds else _draw_beside_the_package)(options.file)


def _draw_beds(file: Path) -> None:
    columns = {
        f"--style {name}": [render(settings, index)[0].transpose(1, 2, 0) for index in range(ROWS)]
        for name, settings in BEDS.items()
    }
    write_columns(file, columns, title="The test beds, each at its own size and with its own texts")


def _draw_beside_the_package(file: Path) -> None:
    ours = {style: _pictures(style) for style in STYLES}
    texts = [text for _, text in ours[STYLES[0]]]
    package = ImageCaptcha()
    columns = {
        f"captcha {version('captcha')}": [np.asarray(package.generate_image(t)) for t in texts]
    }
    for style, pictures in ours.items():
        columns[f"--style {style}"] = [image.transpose(1, 2, 0) for image, _ in pictures]
    write_columns(file, columns, title="The same texts by the package and by generate")


def _pictures(style: str) -> list[tuple[np.ndarray, str]]:
    return [render(PictureSettings(style=style), index) for index in range(ROWS)]


if __name__ == "__main__":
    main()
