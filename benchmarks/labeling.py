"""How many keys does a label take? A scripted visit to the page of `label` in Chromium.

    python -m benchmarks.labeling --write docs/results/labeling.md --pictures docs/pictures

The script knows the texts of the images and presses the keys that a user would press. The guesses,
right and wrong ones, are from the model in the package, on images with enough noise that about the
wanted share is read right; a sample of both kinds makes the share exact.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.plan.presets import DISTINCT
from captcha_ssl.cli.main import run
from captcha_ssl.data.sources import open_source
from captcha_ssl.labeling.answers import Answers
from captcha_ssl.labeling.guesses import Guesses
from captcha_ssl.labeling.pile import Pile
from captcha_ssl.labeling.server import serve
from captcha_ssl.labeling.session import Session
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.restriction import Restricted
from captcha_ssl.recognition.reading.text_reader import TextReader, read_images

SHARES = (0.5, 0.9, 0.98)
RENDERED, LABELS = 1_000, 100
NOISES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90)


@dataclass
class Visit:
    """The result of a visit: the keys of each label, and the typed labels."""

    guessed_right: int = 0
    keys: list[int] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> None:
    """Visit the page once without a model and once with each share of right readings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE.md")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="screenshots go here")
    parser.add_argument("--labels", type=int, default=LABELS)
    asked = parser.parse_args(arguments)
    reader = Restricted(open_reader(None), DISTINCT)
    visits: dict[str, Visit] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = ["--count", str(RENDERED), "--charset", DISTINCT, "--style", "classic", "-q"]
        if run(["generate", str(folder / "drawn"), "--format", "folder", *drawn]):
            raise SystemExit("could not render the images")
        images, texts = _read(folder / "drawn")
        for share in SHARES:
            pile, truth = folder / f"{share:.0%}", {}
            truth = _pile(pile, images, texts, reader, share, asked.labels)
            pictures = asked.pictures if share == SHARES[1] else None
            visits[f"{share:.0%} read right"] = _visit(pile, truth, reader, pictures)
            if share == SHARES[0]:
                (pile / "labels.csv").unlink()
                visits = {"everything typed": _visit(pile, truth, None, None)} | visits
    report = _report(visits, asked.labels)
    print(report)
    if asked.write:
        atomic_write_text(asked.write, report)


def _read(folder: Path) -> tuple[list[np.ndarray], list[str]]:
    source = open_source(folder, want_labels=True)
    return [source.read(index) for index in range(len(source))], list(source.labels or ())


def _pile(
    folder: Path,
    images: Sequence[np.ndarray],
    texts: Sequence[str],
    reader: TextReader,
    share: float,
    count: int,
) -> dict[str, str]:
    """Write `count` images of which `share` is read right; the text of each by its name."""
    best: tuple[float, list[np.ndarray], np.ndarray] | None = None
    for noise in NOISES:
        rng = np.random.default_rng(0)
        noisy = [
            np.clip(image + rng.normal(0, noise, image.shape[:2] + (1,)), 0, 255).astype(np.uint8)
            for image in images
        ]
        fitted = np.stack([reader.geometry.fit(image) for image in noisy])
        right = np.array(
            [r.text == text for r, text in zip(read_images(reader, fitted), texts, strict=True)]
        )
        distance = abs(float(right.mean()) - share)
        if best is None or distance < best[0]:
            best = (distance, noisy, right)
    assert best is not None
    _, noisy, right = best
    rng = np.random.default_rng(1)
    wanted = round(share * count)
    chosen = np.concatenate(
        [
            rng.permutation(np.flatnonzero(right))[:wanted],
            rng.permutation(np.flatnonzero(~right))[: count - wanted],
        ]
    )
    if len(chosen) < count:
        raise SystemExit(f"only {len(chosen)} images for a share of {share:.0%}")
    (folder / "images").mkdir(parents=True)
    truth = {}
    for place, index in enumerate(rng.permutation(chosen).tolist()):
        truth[f"images/{place:03}.png"] = texts[index]
        pixels = cv2.cvtColor(noisy[index], cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / "images" / f"{place:03}.png"), pixels)
    return truth


@contextmanager
def _served(session: Session) -> Iterator[str]:
    address: list[str] = []
    known = threading.Event()

    def ready(url: str) -> None:
        address.append(url)
        known.set()

    thread = threading.Thread(target=serve, args=(session, 0, ready), daemon=True)
    thread.start()
    known.wait()
    yield address[0]
    thread.join(10)


def _visit(
    folder: Path, truth: dict[str, str], reader: TextReader | None, pictures: Path | None
) -> Visit:
    """Label every image by keyboard; the labels in the table must then be the truth."""
    pile = Pile(folder / "images", folder / "labels.csv")
    answers = Answers(folder / "labels.csv")
    guesses = Guesses(pile, reader, "shipped")
    session = Session(pile, answers, guesses, range(len(pile)), target=len(pile))
    visit = Visit()
    with _served(session) as address, sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser")
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        for done, (name, text) in enumerate(truth.items()):
            expect(page.locator("#image")).to_have_attribute("title", name)
            shown = page.input_value("#text")
            visit.guessed_right += shown == text
            keys = keys_for(page, shown, text)
            for place, key in enumerate(keys):
                if pictures and key == "Enter" and place and done > len(pile) // 4:
                    _photograph(page, pictures / "label-corrected.png")
                page.keyboard.press(key)
            visit.keys.append(sum(key.count("+") + 1 for key in keys))
            if pictures and done == len(pile) // 2:
                expect(page.locator("#done")).to_have_text(str(done + 1))
                _photograph_small(page, pictures / "label-phone-dark.png")
        expect(page.locator("#finished")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#farewell h1")).to_contain_text("has stopped")
        browser.close()
    if Answers(folder / "labels.csv").labels != truth:
        raise SystemExit("the table does not hold what was typed")
    return visit


def keys_for(page: Page, shown: str, text: str) -> list[str]:
    """The keys that make `text` of what is shown, as a user would press them.

    Wrong characters are marked with Tab, from the one that is marked on, and typed over; if that
    takes more keys than typing the whole text, or the length differs, the text is typed again.
    """
    if shown == text:
        return ["Enter"]
    whole = [*(["Control+a"] if shown else []), *text, "Enter"]
    if len(shown) != len(text):
        return whole
    wrong = [place for place, pair in enumerate(zip(shown, text, strict=True)) if len({*pair}) > 1]
    at = int(page.evaluate("document.getElementById('text').selectionStart"))
    marked = bool(page.evaluate("(e => e.selectionEnd > e.selectionStart)(text)"))
    keys: list[str] = []
    for place in sorted(wrong, key=lambda place: (place < at, place)):
        if marked:
            steps = place - at
            keys += ["Tab" if steps > 0 else "Shift+Tab"] * abs(steps)
        else:
            # The cursor is behind the typed text; Tab marks the next character.
            steps = place - at
            keys += ["Tab"] * (steps + 1) if steps >= 0 else ["Shift+Tab"] * -steps
        keys.append(text[place])
        at, marked = place + 1, False
    keys.append("Enter")
    return min(keys, whole, key=lambda pressed: sum(key.count("+") + 1 for key in pressed))


def _photograph(page: Page, file: Path) -> None:
    if not file.exists():
        page.wait_for_timeout(300)
        page.screenshot(path=file)


def _photograph_small(page: Page, file: Path) -> None:
    before = page.viewport_size
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 375, "height": 740})
    page.wait_for_timeout(300)
    page.screenshot(path=file)
    page.emulate_media(color_scheme="light")
    if before is not None:
        page.set_viewport_size(before)


def _report(visits: dict[str, Visit], labels: int) -> str:
    typed = sum(visits["everything typed"].keys) / labels
    rows = [
        f"| {name} | {visit.guessed_right} | {sum(visit.keys) / labels:.2f} | "
        f"{1 - sum(visit.keys) / labels / typed:.0%} | {max(visit.keys)} |"
        for name, visit in visits.items()
    ]
    return "\n".join(
        [
            "# Keys for a label",
            "",
            f"A script labels {labels} images of 4 of {len(DISTINCT)} characters on the page of "
            "`captcha-ssl label`, in Chromium, by keyboard.",
            "Every key that goes down counts, Enter and Ctrl too; a capital letter counts as one. "
            "The labels in the table were compared with the truth.",
            "",
            "    python -m benchmarks.labeling --write docs/results/labeling.md "
            "--pictures docs/pictures",
            "",
            "| the model | right at once | keys a label | keys saved | most for one label |",
            "|---|--:|--:|--:|--:|",
            *rows,
            "",
            "The guesses are from the model in the package, restricted to these characters "
            "(`--charset`), on rendered images with noise.",
            "The script corrects a wrong character by typing over it: the page marks the one "
            "that the model is least sure of, Tab goes to the next.",
            "If the model misses a character or reads an extra one, the whole text is typed again.",
            "These figures do not include the time that a person needs to look at an image.",
            "",
            "![Correcting a reading](../pictures/label-corrected.png)",
            "",
        ]
    )


if __name__ == "__main__":
    main()
