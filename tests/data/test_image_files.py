from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from captcha_ssl.data.image_files import find_images
from captcha_ssl.data.rejected import Rejected


def test_images_are_known_by_their_ending_or_by_their_content(pile, draw):
    folder = pile("a.png", "b.JPG", "c.jfif", "d.jpe", "e.pnm", "f.tga")
    for name, format in (("captcha", "PNG"), ("image.php", "GIF"), ("old.png.1", "JPEG")):
        Image.fromarray(draw()).save(folder / name, format)
    (folder / "README").write_text("P5 is not meant here")
    found = find_images(folder)
    assert len(found.names) == 9
    assert found.aside == [Rejected("README", "not an image")]


def test_skipped_files_are_named_with_their_reason(pile):
    folder = pile("a.png", ".b.png", "run/c.png")
    (folder / "run" / "config.toml").touch()
    (folder / "run" / "metrics.jsonl").touch()
    (folder / "Captchas.csv").touch()
    (folder / "notes.txt").write_text("x")
    (folder / "gone.png").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.png")
    found = find_images(folder)
    assert found.names == ["a.png"]
    assert {entry.row: entry.reason for entry in found.aside} == {
        ".b.png": "hidden",
        "Captchas.csv": "a table; to read it, name it on the command line",
        "gone.png": "a broken link",
        "notes.txt": "not an image",
        "pipe.png": "a pipe, socket or device",
        "run/": "results of captcha-ssl",
    }


def test_linked_folders_are_read_once_and_circles_end(pile):
    folder, other = pile("z/a.png"), pile("b.png", folder="elsewhere")
    (folder / "another").symlink_to(other)
    (folder / "again").symlink_to("z")
    (folder / "z" / "up").symlink_to("..")
    found = find_images(folder)
    assert found.names == ["another/b.png", "z/a.png"]
    assert [entry.row for entry in found.aside] == ["again/", "z/up/"]


def test_links_that_lead_only_to_each_other_are_skipped(pile):
    folder = pile("a.png")
    (folder / "b.png").symlink_to("c")
    (folder / "c").symlink_to("b.png")
    found = find_images(folder)
    assert found.names == ["a.png"]
    assert found.aside == [
        Rejected("b.png", "a broken link"),
        Rejected("c", "a broken link"),
    ]


def test_a_folder_without_read_permission_is_named(pile, monkeypatch):
    folder = pile("a.png", "closed/b.png")
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_images(folder)
    assert found.names == ["a.png"]
    assert found.unreadable == [Rejected("closed/", "cannot be read (Permission denied)")]


@pytest.mark.skipif(not Path("/usr/bin/setpriv").exists(), reason="needs setpriv")
def test_check_data_reports_a_folder_without_read_permission(pile):
    folder = pile("a.png", "closed/b.png")
    (folder / "closed").chmod(0)
    rights = "-dac_override,-dac_read_search"
    limited = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]
    command = [sys.executable, "-m", "captcha_ssl", "check-data", str(folder), "-q"]
    if os.getuid() == 0:
        command = [*limited, *command]
    result = subprocess.run(command, capture_output=True, text=True)
    (folder / "closed").chmod(0o755)
    assert result.returncode == 1
    assert "closed/: cannot be read (Permission denied)" in result.stdout
