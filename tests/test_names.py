"""One name, one meaning; and no tricks to fit a line."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def trees(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Every Python file of these folders, with its syntax tree."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))


def test_no_two_public_classes_or_functions_have_one_name() -> None:
    names = Counter(
        node.name
        for _, tree in trees("captcha_ssl")
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_literal_tuple_is_splatted() -> None:
    found = [
        f"{file}:{node.lineno}"
        for file, tree in trees("captcha_ssl", "benchmarks", "examples", "tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.Starred) and isinstance(node.value, ast.Tuple | ast.List)
    ]
    assert found == []
