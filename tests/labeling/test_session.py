"""Which image comes next, what is kept of an answer, and what is taken back."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from captcha_ssl.errors import UserError
from captcha_ssl.labeling.answers import Answers
from captcha_ssl.labeling.order import suspicious_first, unsure_first
from captcha_ssl.labeling.pile import Pile
from captcha_ssl.labeling.session import Session
from captcha_ssl.recognition.reading.text_reader import Reading

from .conftest import TEXTS

Make = Callable[..., Session]


def test_the_models_reading_is_there_to_be_accepted(session: Make) -> None:
    sitting = session()
    view = sitting.view()
    for place, text in enumerate(TEXTS):
        assert view["item"]["guess"]["text"] == text
        assert [item["guess"]["text"] for item in view["after"]] == TEXTS[place + 1 : place + 8]
        assert len(view["item"]["guess"]["characters"]) == len(text)
        view = sitting.answer(place, view["item"]["guess"]["text"])
    assert view["finished"] and view["item"] is None
    assert list(Answers(sitting.answers.path).labels.values()) == TEXTS
    assert (view["model"]["right"], view["model"]["judged"]) == (12, 12)


def test_a_second_session_continues_where_the_first_ended(session: Make) -> None:
    first = session()
    first.answer(0, "AB")
    first.set_aside(1)
    first.skip(2)
    again = session()
    view = again.view()
    # What was skipped has no answer, and comes up again.
    assert view["item"]["index"] == 2
    assert (view["progress"]["done"], view["progress"]["unreadable"]) == (1, 1)
    assert [(item["label"], item["unreadable"]) for item in view["before"]] == [
        ("AB", False),
        (None, True),
    ]


def test_a_skipped_image_comes_after_all_others(session: Make) -> None:
    sitting = session()
    view = sitting.skip(0)
    seen = []
    while not view["finished"]:
        seen.append(view["item"]["index"])
        view = sitting.answer(seen[-1], "X")
    assert seen == [*range(1, 12), 0]


def test_every_answer_can_be_undone(session: Make) -> None:
    sitting = session()
    sitting.answer(0, "AB")
    sitting.answer(0, "AX")
    sitting.set_aside(1)
    sitting.skip(2)
    assert sitting.undo()["item"]["index"] == 2
    assert [item["index"] for item in sitting.view()["before"]] == [0, 1]
    view = sitting.undo()
    assert (view["item"]["index"], view["progress"]["unreadable"]) == (1, 0)
    assert sitting.undo()["item"]["label"] == "AB"
    view = sitting.undo()
    assert (view["item"]["label"], view["can_undo"]) == (None, False)
    assert Answers(sitting.answers.path).labels == {}
    with pytest.raises(UserError, match="nothing to undo"):
        sitting.undo()


def test_the_target_ends_the_session_and_more_continues_it(session: Make) -> None:
    sitting = session(target=2)
    sitting.answer(0, "A")
    assert sitting.answer(1, "B")["finished"]
    view = sitting.more(3)
    assert (view["finished"], view["item"]["index"], view["progress"]["target"]) == (False, 2, 5)
    # An answer can still be looked at and changed when the round is over.
    sitting.state.target = 2
    assert not sitting.view(1)["finished"]


def test_a_failed_write_changes_nothing(session: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    sitting = session()
    sitting.answer(0, "AB")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            sitting.answer(1, "BCD")
    assert sitting.view()["item"]["index"] == 1
    assert sitting.answer(1, "BCD")["item"]["index"] == 2


@pytest.mark.parametrize("label", ["", "  ", "a\nb", "x" * 257])
def test_a_label_that_no_row_can_hold_is_refused(session: Make, label: str) -> None:
    with pytest.raises(UserError):
        session().answer(0, label)


def test_characters_are_counted_with_those_only_read(session: Make) -> None:
    sitting = session()
    view = sitting.answer(5, "DD")
    counts = dict(view["characters"])
    assert counts == {"A": 0, "B": 0, "C": 0, "D": 2}
    assert view["lengths"] == {2: 1}


def test_readings_take_the_case_of_what_was_typed(session: Make) -> None:
    sitting = session()
    for index in range(10):
        view = sitting.answer(index, TEXTS[index].lower())
    assert view["item"]["guess"]["text"] == "bb"
    for index in range(10):
        sitting.answer(index, "Ab")
    assert sitting.view()["item"]["guess"]["text"] == "BB"


def test_a_damaged_image_is_skipped(session: Make, pile: Path) -> None:
    (pile / "images" / "00.png").write_bytes(b"no image")
    view = session().view()
    assert (view["item"]["index"], view["progress"]["damaged"]) == (1, 1)


def test_review_shows_each_label_once_and_keeps_what_was_reviewed(session: Make) -> None:
    for index, text in enumerate(TEXTS[:4]):
        session().answer(index, "XX" if index == 2 else text)
    sitting = session(order=[2, 0, 1, 3], review=True, target=4)
    view = sitting.view()
    assert (view["item"]["label"], view["item"]["guess"]["text"]) == ("XX", "AC")
    sitting.answer(2, "AC")
    view = session(order=[2, 0, 1, 3], review=True, target=4).view()
    assert (view["item"]["index"], view["progress"]["done"]) == (0, 1)
    assert Answers(sitting.answers.path).labels["images/02.png"] == "AC"
    assert sitting.undo()["item"]["label"] == "XX"


def test_a_truncated_label_comes_first_with_what_is_left_of_it(session: Make, pile: Path) -> None:
    (pile / "labels.csv").write_text("filename,label\nimages/00.png,AB\nimages/07.png,C")
    view = session().view()
    assert (view["item"]["index"], view["item"]["fill"]) == (7, "C")


def test_unsure_images_come_first_and_suspicious_labels() -> None:
    readings = {
        index: Reading(text, sure, (sure,))
        for index, text, sure in ((0, "A", 0.9), (1, "B", 0.2), (2, "C", 0.6), (3, "D", 0.8))
    }
    assert unsure_first([3, 0, 4, 1, 2], readings) == [1, 2, 3, 0, 4]
    labels = {0: "A", 1: "X", 2: "X", 3: "D", 4: "E"}
    # Sure of another text, then less sure of another, then sure of the same; not read at the end.
    assert suspicious_first(labels, readings, {}) == [2, 1, 3, 0, 4]
    assert suspicious_first(labels, readings, {1: 0.9, 2: 0.1}) == [1, 2, 3, 0, 4]


def test_a_table_names_images_relative_to_its_folder(pile: Path) -> None:
    images = Pile(pile / "images", pile / "labels.csv")
    assert images.names[0] == "images/00.png"
    # A table may leave out the folder `images` beside it.
    assert images.find("03.png") == images.find("images/03.png") == 3
    assert images.find("../pile/images/03.png") is None
    # Tables are read so too.
    assert images.find("images\\03.PNG") == images.find("03.Png") == 3
    with pytest.raises(UserError, match="put it into the folder of"):
        Pile(pile / "images", pile.parent / "elsewhere" / "labels.csv")


def test_a_list_names_files_relative_to_the_folder_of_the_table(
    pile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pile / "images")
    (pile / "list.txt").write_text(f"03.png\n{pile}/images/../images/05.png\n")
    named = Pile(Path(f"@{pile / 'list.txt'}"), pile / "labels.csv")
    assert named.names == ["images/03.png", "images/05.png"]
    assert (named.pixels(1) == Pile(pile / "images", pile / "labels.csv").pixels(5)).all()
    with pytest.raises(UserError, match=r"put it into the folder of 03\.png or one above"):
        Pile(Path(f"@{pile / 'list.txt'}"), pile.parent / "elsewhere" / "labels.csv")


def test_without_a_model_nothing_is_guessed(session: Make) -> None:
    view = session(guess=False).view()
    assert view["item"]["guess"] is None and view["model"] is None
