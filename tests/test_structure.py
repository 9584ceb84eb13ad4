"""How large the pieces of the package may become."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "captcha_ssl"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE, LONGEST_BODY = 250, 40


def bodies(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every function and the lines of its body.

    The signature is not counted, nor the docstring: a command declares some twenty options, and
    what it says of itself is its help.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None and len(node.body) > 1
            first = node.body[1 if documented else 0]
            yield node.name, (node.end_lineno or 0) - first.lineno + 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_file_holds_one_idea_and_its_functions_fit_a_screen(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    found = bodies(ast.parse(text))
    assert [(name, lines) for name, lines in found if lines > LONGEST_BODY] == []
