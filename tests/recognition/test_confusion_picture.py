"""The picture of what was read for what."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from captcha_ssl.recognition.evaluation.confusion_picture import MOST_ROWS, _table, write_confusions
from captcha_ssl.recognition.evaluation.evaluate import Evaluation
from captcha_ssl.recognition.reading.text_reader import Reading


def evaluation(*pairs: tuple[str, str]) -> Evaluation:
    readings = [Reading(read, 1.0, (1.0,) * len(read)) for _, read in pairs]
    return Evaluation([label for label, _ in pairs], readings)


def test_rows_are_sorted_by_errors_and_empty_readings_come_last() -> None:
    counts = Counter({("O", "0"): 3, ("O", "Q"): 1, ("1", ""): 2, ("1", "l"): 5, ("", "x"): 1})
    rows, columns, table = _table(counts)
    assert rows == ["1", "O", ""]
    assert columns == ["0", "Q", "l", "x", ""]
    assert table.tolist() == [[0, 0, 5, 0, 2], [3, 1, 0, 0, 0], [0, 0, 0, 1, 0]]


def test_no_more_rows_than_a_page_holds() -> None:
    counts = Counter({(chr(0x4E00 + n), "a"): n + 1 for n in range(MOST_ROWS + 9)})
    rows, columns, table = _table(counts)
    assert len(rows) == MOST_ROWS and rows[0] == chr(0x4E00 + MOST_ROWS + 8)
    assert table.shape == (MOST_ROWS, 1) and columns == ["a"]


def test_each_error_darkens_a_cell(tmp_path: Path) -> None:
    write_confusions(tmp_path / "few.png", evaluation(("abc", "abd"), ("aa", "aa")))
    write_confusions(tmp_path / "none.png", evaluation(("abc", "abc")))
    few, none = (
        np.asarray(Image.open(tmp_path / f"{n}.png").convert("RGB")) for n in ("few", "none")
    )
    # Orange: much more red than blue.
    orange = [int((image[..., 0].astype(int) - image[..., 2] > 120).sum()) for image in (few, none)]
    assert orange[0] > 300 and orange[1] == 0


def test_any_character_can_be_drawn_without_a_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_confusions(tmp_path / "c.png", evaluation(("$_漢", "x$z"), ("^{", "")))
    assert Image.open(tmp_path / "c.png").width > 200
