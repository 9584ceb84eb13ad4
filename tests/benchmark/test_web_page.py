"""report.html: one file with everything in it, in which no text is markup."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from captcha_ssl.benchmark.report.blocks import Block, Gallery, Heading, Table, Text
from captcha_ssl.benchmark.report.markdown import markdown
from captcha_ssl.benchmark.report.report import write_report
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.verdict import highlights, unhelpful
from captcha_ssl.benchmark.report.web_page import web_page
from captcha_ssl.benchmark.runs.details import Details, Misreading, details, read_details
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.writers.png import encode_png
from captcha_ssl.recognition.evaluation.evaluate import Evaluation
from captcha_ssl.recognition.reading.text_reader import Reading

FIGURES = {
    ("scratch", 100): [0.21, 0.34, 0.29],
    ("scratch", 400): [0.61, 0.62, 0.66],
    ("simclr", 100): [0.51, 0.72, 0.48],
    ("simclr", 400): [0.71, 0.77, 0.73],
    ("simclr-frozen", 100): [0.21, 0.34, 0.30],
    ("simclr-frozen", 400): [0.21, 0.24, 0.22],
}
PNG = b64encode(encode_png(np.zeros((1, 8, 8), np.uint8))).decode()


class Page(HTMLParser):
    """Tags in order with their attributes, and whether all that were opened are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def detailed(results: Results) -> Results:
    found = {
        (row.arm, row.labels, row.seed): Details(
            [(50, 2.5), (100, 0.1)], 7, [Misreading(PNG, "A<b>", "")]
        )
        for row in results.rows
    }
    return replace(results, details=found, data=results.data | {"charset": "AB"})


def test_the_page_fetches_nothing_and_runs_nothing(
    results: Callable[..., Results], tmp_path: Path
) -> None:
    write_report(tmp_path, detailed(results(FIGURES)))
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    assert page.open == []
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base"}
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    sources = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    pictures = [b64decode(source.removeprefix("data:image/png;base64,")) for source in sources]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert len(pictures) == 2 + 3
    assert pictures[0] == (tmp_path / "accuracy-labels.png").read_bytes()
    assert pictures[1] == (tmp_path / "learning-curves.png").read_bytes()


def test_names_and_labels_are_text_and_never_markup(tmp_path: Path) -> None:
    evil = '<img src=x onerror="alert(1)">&`</td>'
    blocks = [
        Heading(evil),
        Text(evil),
        Table((evil, "b"), [(evil, evil)], left=(evil,)),
        Gallery(evil, [Misreading(PNG, evil, evil)]),
    ]
    page = Page(web_page(evil, blocks, tmp_path))
    (picture,) = [attributes for tag, attributes in page.tags if tag == "img"]
    assert picture == {"alt": evil, "src": f"data:image/png;base64,{PNG}"}
    assert page.open == []


def test_both_reports_have_the_same_sections_and_the_table(
    results: Callable[..., Results], tmp_path: Path
) -> None:
    made = detailed(results(FIGURES))
    write_report(tmp_path, made)
    text, page = ((tmp_path / f"report.{kind}").read_text() for kind in ("md", "html"))
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sections == re.findall(r"<h2>(.+?)</h2>", page)
    wanted = {
        "Training curves of fine-tuning",
        "Worst errors",
        "Pretraining that did not help",
        "Protocol",
    }
    assert wanted <= set(sections)
    for entry in made.entries:
        assert f"{entry.exact_match.mean:.1%} ±" in page
    assert "A&lt;b&gt; → <i>∅</i>" in page
    assert "`A<b>` → `∅`" in text


def test_the_best_arm_comes_first_and_arms_that_did_not_help_are_named(
    results: Callable[..., Results],
) -> None:
    made = results(FIGURES)
    (few, meaning), (many, _) = highlights(made)
    assert few.startswith("+29.0 ±")
    assert many.startswith("+10.7 ±")
    assert meaning.startswith("points: simclr over scratch at 100 labels; 40% of the errors")
    (frozen,) = unhelpful(made)
    assert frozen.startswith("simclr-frozen: +0.3 ± ")
    assert "at 100 labels (over scratch), -40.7 ±" in frozen


def test_an_arm_that_beats_its_counterpart_is_not_listed_as_failing(
    results: Callable[..., Results],
) -> None:
    ahead = {("scratch", 100): (0.5, 0.52), ("simclr", 100): (0.6, 0.63)}
    best = {("scratch-self-training", 100): (0.7, 0.72)}
    # Behind the best arm without pretraining, but clear of zero over the same fine-tuning.
    assert unhelpful(results(ahead | best, "arms=scratch,scratch-self-training,simclr")) == []


def test_a_method_on_top_of_the_shipped_model_is_compared_with_it(
    results: Callable[..., Results],
) -> None:
    both = "simclr-from-shipped"
    rows = {("scratch", 100): (0.2, 0.22), ("shipped", 100): (0.9, 0.91), (both, 100): (0.9, 0.92)}
    made = results(rows, f"arms=scratch,shipped,{both}")
    ((_, meaning),) = highlights(made)
    assert f"{both} over scratch" in meaning and meaning.endswith(" over shipped")
    # Far ahead of scratch, as the shipped model is by itself.
    (failed,) = unhelpful(made)
    assert failed.startswith(f"{both}: +0.5 ±") and failed.endswith("(over shipped)")


def test_an_older_run_without_details_is_still_reported(
    results: Callable[..., Results], tmp_path: Path
) -> None:
    write_report(tmp_path, results(FIGURES))
    assert "Worst errors" not in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "learning-curves.png").exists()


def test_an_error_that_is_probably_a_wrong_label_is_marked() -> None:
    pixels = np.zeros((4, 1, 32, 64), np.uint8)
    texts = ["12", "34", "56", "78"]
    test = Dataset(pixels, texts, list("abcd"), Geometry(1, 32, 64), [])
    readings = [Reading(text, 0.9, (0.9, 0.9)) for text in ("12", "35", "56", "7")]
    read = Evaluation(texts, readings, wrong_labels=np.array([0, 0.9, 0, 0.1]))
    found = {m.truth: m.doubt for m in details([], test, read).worst}
    assert found == {"34": " (probably a wrong label)", "78": ""}
    blocks: list[Block] = [Gallery("scratch", details([], test, read).worst)]
    assert "`34` → `35` (probably a wrong label), `78` → `7`" in markdown(blocks)
    assert "34 → <i>35</i> (probably a wrong label)</figcaption>" in web_page("t", blocks, Path())


def test_a_run_keeps_its_losses_and_its_worst_errors(uninterrupted: tuple[Path, Results]) -> None:
    out, made = uninterrupted
    for row in made.rows:
        found = read_details(out / "details" / f"{row.arm}-{row.labels}-{row.seed}.json")
        assert found == made.details[row.arm, row.labels, row.seed]
        assert found is not None
        assert found.losses[-1] == (row.steps, row.final_loss)
        assert found.wrong == round((1 - row.exact_match) * made.data["test"])
        assert len(found.worst) == min(6, found.wrong)
        assert all(m.truth != m.read and b64decode(m.png)[1:4] == b"PNG" for m in found.worst)
    assert (out / "report.html").is_file()
