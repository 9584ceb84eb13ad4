"""The pages of docs/: their commands run, their links lead somewhere, their messages exist."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
TINY = {"COUNT": "40", "LABELS": "20", "TESTS": "8", "STEPS": "2"}


def blocks(page: str) -> str:
    """The fenced `sh` blocks of a page, one below the other."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize(
    ("page", "left"),
    [
        (
            "your-own-images.md",
            ["pile.png", "views.png", "neighbors.png", "scores/reader/worst.png", "reader.onnx"],
        ),
        ("adding-a-method.md", ["mirror.png", "runs/mirror/model.safetensors"]),
    ],
)
@pytest.mark.slow
def test_the_commands_of_a_page_run_in_order(
    page: str, left: list[str], tmp_path: Path, of_these_sources: dict[str, str]
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", blocks(page)],
        cwd=tmp_path,
        env={**of_these_sources, **TINY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [name for name in left if not (tmp_path / name).is_file()] == []


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda page: page.name
)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [to for to in links if "://" not in to and not (page.parent / to).exists()] == []


def test_the_index_has_every_page() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "README.md").read_text()))
    assert listed == {page.name for page in PAGES} - {"README.md"}


def test_every_quoted_message_exists_in_the_program() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").partition("## Warnings")[2]
    quoted = [
        message
        for row in re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE)
        for message in re.split(r"(?<=`), (?=`)", row)
    ]
    said = messages()
    assert len(quoted) > 60
    assert [m for m in quoted if not any(m[1:-1] in text for text in said)] == []


def messages() -> set[str]:
    """Every text in the sources; `…` stands for what is put into one."""
    files = (ROOT / "captcha_ssl").rglob("*.py")
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in files)
    return {_text(node) for tree in trees for node in ast.walk(tree)}


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.FormattedValue):
        return "…"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
