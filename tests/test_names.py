"""One name, one meaning; and no tricks to fit a line."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "captcha_ssl"
TREES = {
    file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(PACKAGE.rglob("*.py"))
}


def test_no_two_public_classes_or_functions_have_one_name() -> None:
    names = Counter(
        node.name
        for tree in TREES.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_literal_tuple_is_splatted() -> None:
    found = [f"{file.relative_to(PACKAGE)}:{node.lineno}" for file, node in _splats()]
    assert found == []


def _splats() -> Iterator[tuple[Path, ast.Starred]]:
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Starred) and isinstance(node.value, ast.Tuple):
                yield file, node
