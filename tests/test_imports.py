"""Who imports whom: one way, no circles, and nothing heavy before it is needed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = (
    {
        "did_you_mean",
        "errors",
        "launch",
        "lock",
        "memory",
        "printable",
        "spreadsheet",
        "utf8_path",
    },
    {"interruption", "notice"},
    {"atomic", "text_file", "workers"},
    {"documents", "duration"},
    {"settings"},
    {"settings_text"},
    {"config"},
    {"data"},
    {"synthesis"},
    {"views"},
    {"models", "losses"},
    {"methods"},
    {"training"},
    {"pretraining"},
    {"recognition"},
    {"api", "benchmark", "labeling"},
    {"tuning"},
    {"cli"},
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}
HEAVY = ("cv2", "matplotlib", "numpy", "PIL", "rich", "torch")


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in sorted((ROOT / "captcha_ssl").rglob("*.py"))}


@cache
def imports(name: str) -> frozenset[str]:
    """The modules of this package that `name` imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{name} has a relative import"
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (members & MODULES.keys()) or {node.module}
    return frozenset(found & MODULES.keys())


def part(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def loaded(script: str, *arguments: str) -> set[str]:
    """Top-level modules in memory after `script` ran in a fresh interpreter."""
    report = "\nimport sys; print('loaded:', *{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", script + report, *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(output.rpartition("loaded:")[2].split())


def test_every_part_has_its_place_in_the_order() -> None:
    assert {part(name) for name in MODULES} - RANK.keys() <= {"", "__main__"}


@pytest.mark.parametrize("name", [name for name in MODULES if part(name) in RANK])
def test_imports_run_one_way(name: str) -> None:
    here = part(name)
    upward = [
        other
        for other in imports(name)
        if part(other) != here and RANK.get(part(other), -1) >= RANK[here]
    ]
    assert not upward, f"{name} imports {upward}"


def test_no_module_imports_itself_through_others() -> None:
    # static_order raises CycleError and names the circle.
    list(TopologicalSorter({name: imports(name) for name in MODULES}).static_order())


@pytest.mark.parametrize("folder", ["recognition", "benchmark", "data"])
def test_subfolders_do_not_import_each_other_in_a_circle(folder: str) -> None:
    rooms: dict[str, set[str]] = {}
    for name in MODULES:
        if part(name) == folder and name.count(".") == 3:
            room = name.split(".")[2]
            others = {
                o.split(".")[2] for o in imports(name) if part(o) == folder and o.count(".") == 3
            }
            rooms.setdefault(room, set()).update(others - {room})
    list(TopologicalSorter(rooms).static_order())


def test_the_drawing_in_the_docs_is_what_the_code_imports() -> None:
    folders = {name for name in RANK if (ROOT / "captcha_ssl" / name).is_dir()}
    uses: dict[str, set[str]] = {folder: set() for folder in folders}
    for name in MODULES:
        if part(name) in folders:
            uses[part(name)] |= {part(other) for other in imports(name)} & folders - {part(name)}

    def reached(folder: str) -> set[str]:
        return set().union(*({used} | reached(used) for used in uses[folder]))

    needed = {
        (used, folder)
        for folder in folders
        for used in uses[folder]
        if not any(used in reached(other) for other in uses[folder])
    }
    drawing = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^  (\w+) --> (\w+)$", drawing, re.MULTILINE)) == needed


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        [],
        ["predit"],
        ["predict", "--modle", "x"],
        ["pretrain", "--help"],
        ["finetune"],
        ["info", "--help"],
    ],
    ids=" ".join,
)
def test_help_and_usage_errors_load_nothing_heavy(arguments: list[str]) -> None:
    script = "import sys; from captcha_ssl.cli.main import run; run(sys.argv[1:])"
    assert not loaded(script, *arguments) & set(HEAVY)


def test_command_modules_load_nothing_heavy() -> None:
    names = [name for name in MODULES if part(name) == "cli"]
    assert len(names) > 20
    assert not loaded(f"import {', '.join(names)}") & set(HEAVY)


def test_data_and_synthesis_work_without_torch() -> None:
    light = {"errors", "atomic", "settings", "data", "synthesis"}
    names = [name for name in MODULES if part(name) in light]
    assert "torch" not in loaded(f"import {', '.join(names)}")
