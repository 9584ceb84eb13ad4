from __future__ import annotations

import csv
import io

import pytest

from captcha_ssl.spreadsheet import spreadsheet


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"]
)
def test_a_formula_is_marked_as_text(text: str):
    rows = list(csv.reader(io.StringIO(spreadsheet(("label",), [(text,)]), newline="")))
    assert rows == [["label"], [f"'{text}"]]


def test_other_cells_are_kept():
    row = ("a,b", 'x"1', "", "é=1", -1, "1-2")
    rows = list(csv.reader(io.StringIO(spreadsheet(["x"] * 6, [row]))))
    assert rows[1] == ["a,b", 'x"1', "", "é=1", "-1", "1-2"]
