"""The fonts are there, and know what they lack."""

from __future__ import annotations

import string
import subprocess
import sys

import pytest

from captcha_ssl.synthesis.fonts import CLASSIC_FACE, FACES, face_path, faces_with


@pytest.mark.parametrize("face", FACES)
def test_font_files_come_with_the_dependencies(face: str) -> None:
    assert face_path(face).is_file()


def test_every_font_draws_ascii() -> None:
    for character in string.ascii_letters + string.digits + string.punctuation:
        assert faces_with(character) == FACES


def test_a_character_that_a_font_lacks_is_not_its_substitute_box() -> None:
    assert faces_with("中") == ()
    assert CLASSIC_FACE not in faces_with("♥")
    assert faces_with("♥")


def test_a_character_without_ink_counts_as_missing() -> None:
    assert faces_with(" ") == ()
    assert faces_with("\u200b") == ()


def test_matplotlib_is_not_imported_for_its_fonts() -> None:
    script = (
        "import sys; from captcha_ssl.synthesis.render import render;"
        "from captcha_ssl.synthesis.settings import PictureSettings;"
        "render(PictureSettings(style='fast'), 0); assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
