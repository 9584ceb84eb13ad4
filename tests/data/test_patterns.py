# ruff: noqa: PTH207
from __future__ import annotations

import glob
from pathlib import Path

import pytest

from captcha_ssl.data.patterns import matching


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.png", "b.jpg", "sub/c.png", "sub/deep/d.png", ".hidden/e.png", "sub/[1].png"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "tree"


@pytest.mark.parametrize(
    "pattern",
    [
        "*.png",
        "**/*.png",
        "**/deep/*.png",
        "*/*.png",
        "**/[ab].*",
        "**/?.png",
        "s*/**/d*",
        "sub/**/*.png",
        "**/[[]1].png",
    ],
)
def test_a_pattern_matches_what_glob_matches(tree: Path, pattern: str, monkeypatch):
    monkeypatch.chdir(tree)
    for asked in (pattern, f"{tree}/{pattern}", f"../tree/{pattern}"):
        expected = glob.glob(asked, recursive=True)
        assert expected and matching(asked) == sorted(expected)


def test_links_in_circles_end_and_name_each_file_once(tree: Path):
    for name in ("one", "two"):
        (tree / name).symlink_to(".")
        (tree / "sub" / name).symlink_to("..")
    (tree / "to-itself").symlink_to("to-itself")
    names = ("a.png", "sub/[1].png", "sub/c.png", "sub/deep/d.png")
    assert matching(f"{tree}/**/*.png") == [f"{tree}/{name}" for name in names]
