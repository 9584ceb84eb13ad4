"""Who may talk to the page's program, and what it gives away."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable

import pytest

from captcha_ssl.labeling.session import Session

from .conftest import Served

Serve = Callable[[Session], Served]


def root(address: str) -> str:
    return address.rstrip("/").rpartition("/")[0]


def test_an_answer_is_on_disk_before_the_next_image_is_named(
    served: Serve, session: Callable[..., Session]
) -> None:
    sitting = session()
    page = served(sitting)
    first = page.view()["item"]
    view = page.view("answer", {"index": first["index"], "label": "AB"})
    assert sitting.answers.path.read_text() == "filename,label\nimages/00.png,AB\n"
    assert view["item"]["index"] == 1
    assert page.view("skip", {"index": 1})["item"]["index"] == 2
    assert page.view("unreadable", {"index": 2})["progress"]["unreadable"] == 1
    assert page.view("undo", {})["item"]["index"] == 2
    code, png = page.ask("image/3")
    assert code == 200 and png.startswith(b"\x89PNG")


def test_only_this_machine_with_the_token_gets_an_answer(
    served: Serve, session: Callable[..., Session]
) -> None:
    page = served(session())
    host, _, token = page.address.rstrip("/").rpartition("/")
    assert len(token) >= 20 and host.startswith("http://127.0.0.1:")
    for path in ("/", "/view", "/image/0", f"/{token[:-1]}/view", f"/{token}x/view", "//view"):
        assert page.ask(host + path)[0] == 403, path
    for name in ("evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", ""):
        assert page.ask("view", headers={"Host": name})[0] == 403, name
    assert page.ask("undo", {}, {"Origin": "http://evil.example"})[0] == 403
    assert page.ask("view", headers={"Host": host.removeprefix("http://")})[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "image/../../../etc/passwd",
        "image/..%2F..%2Fetc%2Fpasswd",
        "image/99999",
        "image/-1",
        "image/99999999999999999999999999",
        "..%2Fsession.py",
        "page.js%00",
        "session.py",
        "index.html",
    ],
)
def test_no_path_of_a_request_reaches_the_disk(
    served: Serve, session: Callable[..., Session], path: str
) -> None:
    code, answer = served(session()).ask(path)
    assert code in (403, 404), answer


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("answer", {"index": 0, "label": ""}),
        ("answer", {"index": 0, "label": 5}),
        ("answer", {"index": True, "label": "A"}),
        ("answer", {"index": 99, "label": "A"}),
        ("answer", {"index": 0, "label": "x" * 5000}),
        ("answer", [1]),
        ("skip", {"index": "../x"}),
        ("unreadable", {}),
        ("more", {"count": 0}),
        ("more", {"count": 10**9}),
        ("undo", {}),
        ("view?index=abc", None),
    ],
)
def test_malformed_requests_are_refused_with_a_reason(
    served: Serve, session: Callable[..., Session], path: str, body: object
) -> None:
    sitting = session()
    code, answer = served(sitting).ask(path, body)
    assert code == 400 and json.loads(answer)["error"]
    assert not sitting.answers.path.exists()


def test_a_form_of_another_site_cannot_answer(
    served: Serve, session: Callable[..., Session]
) -> None:
    sitting = session()
    body, plain = {"index": 0, "label": "A"}, {"content-type": "text/plain"}
    assert served(sitting).ask("answer", body, plain)[0] == 400
    assert not sitting.answers.path.exists()


def test_the_page_loads_nothing_from_elsewhere(
    served: Serve, session: Callable[..., Session]
) -> None:
    page = served(session())
    for name in ("", "page.css", "page.js"):
        with urllib.request.urlopen(page.address + name) as answer:
            policy = answer.headers["content-security-policy"]
            text = answer.read().decode()
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "://" not in text.replace("http://www.w3.org", "") and "style=" not in text
    assert page.ask(root(page.address) + "/view")[0] == 403
