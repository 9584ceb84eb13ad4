"""The page in a browser, by keyboard alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from captcha_ssl.labeling.answers import Answers
from captcha_ssl.labeling.session import Session

from .conftest import TEXTS, Served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
# Where they must run, a missing browser is a failure.
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("BROWSER_TESTS"), reason="no chromium on this machine"
)
Serve = Callable[[Session], Served]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any, served: Serve) -> Iterator[Callable[..., Any]]:
    """Opens the page of a session; fails on whatever the browser complains of."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def open_page(session: Session, **options: Any) -> Any:
        address = served(session).address
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on(
            "request",
            lambda asked: asked.url.startswith(address) or complaints.append(asked.url),
        )
        page.goto(address)
        page.wait_for_selector("#work:not([hidden]), #finished:not([hidden])")
        return page

    yield open_page
    for context in contexts:
        context.close()
    # A refusal is what one test is about.
    assert [text for text in complaints if "status of 507" not in text] == []


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def wait_for(page: Any, count: int) -> None:
    """Until so many labels are on the page's counter."""
    playwright.expect(page.locator("#done")).to_have_text(str(count))


def test_enter_labels_the_whole_pile(
    visit: Callable[..., Any], session: Callable[..., Session]
) -> None:
    sitting = session()
    page = visit(sitting)
    for count, text in enumerate(TEXTS, start=1):
        playwright.expect(page.locator("#text")).to_have_value(text)
        press(page, "Enter")
        wait_for(page, count)
    playwright.expect(page.locator("#finished h1")).to_have_text("12 labels")
    said = f"No image is left without an answer. All labels are in {sitting.answers.path}."
    playwright.expect(page.locator("#kept")).to_have_text(said)
    playwright.expect(page.locator("#next dt")).to_have_text(
        ["Find typing errors", "Check", "Train"]
    )
    playwright.expect(page.locator("#next code").last).to_contain_text("finetune")
    assert list(Answers(sitting.answers.path).labels.values()) == TEXTS
    press(page, "Escape")
    playwright.expect(page.locator("#farewell h1")).to_have_text("The program has stopped")


def test_typing_corrects_what_is_marked_and_the_difference_shows(
    visit: Callable[..., Any], session: Callable[..., Session]
) -> None:
    sitting = session()
    page = visit(sitting)
    # One character of the reading is marked: typing replaces that one.
    marked = page.evaluate("[text.selectionStart, text.selectionEnd]")
    assert marked[1] - marked[0] == 1
    page.keyboard.type("X")
    wrong = "X" + "AB"[1:] if marked[0] == 0 else "AX"
    playwright.expect(page.locator("#text")).to_have_value(wrong)
    playwright.expect(page.locator("#mirror .changed")).to_have_text("X")
    playwright.expect(page.locator("#reading")).to_contain_text("The model reads AB")
    press(page, "Enter")
    wait_for(page, 1)
    press(page, "Control+a")
    page.keyboard.type("own text")
    press(page, "Enter")
    wait_for(page, 2)
    assert list(Answers(sitting.answers.path).labels.values()) == [wrong, "own text"]


def test_tab_goes_from_character_to_character(
    visit: Callable[..., Any], session: Callable[..., Session]
) -> None:
    page = visit(session(order=[9, 0]))
    first = page.evaluate("text.selectionStart")
    press(page, "Tab")
    assert page.evaluate("text.selectionStart") == (first + 1) % 4
    press(page, "Shift+Tab", "Shift+Tab")
    assert page.evaluate("text.selectionStart") == (first - 1) % 4
    press(page, "ArrowLeft")
    assert page.evaluate("text.selectionStart == text.selectionEnd")


def test_keys_skip_mark_move_and_undo(
    visit: Callable[..., Any], session: Callable[..., Session]
) -> None:
    sitting = session()
    page = visit(sitting)
    value = page.locator("#text")
    press(page, "Alt+s")
    playwright.expect(value).to_have_value(TEXTS[1])
    press(page, "Alt+u")
    playwright.expect(value).to_have_value(TEXTS[2])
    # Out of the text, single letters are commands.
    press(page, "Escape", "s")
    playwright.expect(value).to_have_value(TEXTS[3])
    press(page, "Escape", "u")
    playwright.expect(value).to_have_value(TEXTS[4])
    assert set(sitting.state.unreadable.names) == {"images/01.png", "images/03.png"}
    press(page, "Enter")
    wait_for(page, 1)
    press(page, "ArrowUp")
    playwright.expect(value).to_have_value(TEXTS[4])
    page.keyboard.press("End")
    page.keyboard.type("Z")
    press(page, "Enter")
    playwright.expect(value).to_have_value(TEXTS[5])
    press(page, "Control+z")
    playwright.expect(value).to_have_value(TEXTS[4])
    press(page, "Control+z")
    wait_for(page, 0)
    press(page, "Control+z")
    playwright.expect(page.locator("#pace")).to_contain_text("1 unreadable")
    press(page, "ArrowDown")
    playwright.expect(value).to_have_value(TEXTS[4])


def test_a_letter_typed_outside_the_text_goes_into_it(
    visit: Callable[..., Any], session: Callable[..., Session]
) -> None:
    page = visit(session(guess=False))
    press(page, "Escape")
    page.keyboard.type("k")
    playwright.expect(page.locator("#text")).to_have_value("k")


def test_review_accepts_the_models_reading_with_one_key(
    visit: Callable[..., Any], session: Callable[..., Session]
) -> None:
    for index, text in enumerate(TEXTS[:3]):
        session().answer(index, "AX" if index == 2 else text)
    sitting = session(order=[2, 0, 1], review=True, target=3)
    page = visit(sitting)
    playwright.expect(page.locator("#text")).to_have_value("AX")
    playwright.expect(page.locator("#theirs")).to_be_visible()
    press(page, "Control+Enter")
    wait_for(page, 1)
    press(page, "Enter")
    wait_for(page, 2)
    press(page, "Enter")
    playwright.expect(page.locator("#finished h1")).to_have_text("3 labels reviewed")
    assert list(Answers(sitting.answers.path).labels.values()) == TEXTS[:3]


def test_nothing_is_lost_when_the_disk_is_full(
    visit: Callable[..., Any], session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    sitting = session()
    page = visit(sitting)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    page.keyboard.type("Y")
    typed = page.input_value("#text")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        press(page, "Enter")
        playwright.expect(page.locator("#trouble")).to_contain_text("No space left on device")
    playwright.expect(page.locator("#text")).to_have_value(typed)
    press(page, "Enter")
    wait_for(page, 1)
    playwright.expect(page.locator("#trouble")).to_be_hidden()
    assert list(Answers(sitting.answers.path).labels.values()) == [typed]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (375, 667), (320, 480)])
def test_it_fits_the_window_and_can_be_read(
    visit: Callable[..., Any],
    session: Callable[..., Session],
    scheme: str,
    width: int,
    height: int,
) -> None:
    page = visit(session(), color_scheme=scheme, viewport={"width": width, "height": height})
    # Its size is set once it has come.
    page.wait_for_selector("#image[style]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("#image", "#text", "button.main"):
        box = page.locator(name).first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] > 20, name
        assert box["y"] + box["height"] <= height, name
    colors = page.evaluate(
        """['.mirror', 'body', '#reading', '#skip'].map((name) => {
          const element = document.querySelector(name);
          let behind = element;
          const paint = (e) => getComputedStyle(e).backgroundColor;
          while (paint(behind) === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
          return [getComputedStyle(element).color, paint(behind)];
        })"""
    )
    for ink, paper in colors:
        assert contrast(ink, paper) >= 4.5, (ink, paper)


def contrast(ink: str, paper: str) -> float:
    """The contrast ratio of WCAG 2.1 between two colors as a browser writes them."""

    def luminance(color: str) -> float:
        numbers = [int(n) / 255 for n in color[color.index("(") + 1 : -1].split(",")[:3]]
        linear = [n / 12.92 if n <= 0.04045 else ((n + 0.055) / 1.055) ** 2.4 for n in numbers]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
