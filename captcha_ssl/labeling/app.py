"""The web application: one page, its images by number, and the user's answers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from captcha_ssl.data.image import ImageError
from captcha_ssl.errors import UserError
from captcha_ssl.labeling.session import Session

LARGEST_BODY = 4096
_FILES = {"": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def build_app(session: Session, token: str, hosts: set[str], finish: Callable[[], None]) -> ASGIApp:
    """The application.

    Every path begins with `token`, every request names one of the `hosts`. A request has the number
    of an image or a little JSON; nothing of it becomes a path on disk. `finish` is called when the
    user is done.
    """
    answers = Endpoints(session, finish)
    routes = [
        Route("/", answers.static),
        Route("/view", answers.view),
        Route("/model", answers.model),
        Route("/image/{index:int}", answers.image),
        Route("/answer", answers.answer, methods=["POST"]),
        Route("/skip", answers.skip, methods=["POST"]),
        Route("/unreadable", answers.set_aside, methods=["POST"]),
        Route("/undo", answers.undo, methods=["POST"]),
        Route("/more", answers.more, methods=["POST"]),
        Route("/finish", answers.end, methods=["POST"]),
        Route("/{name}", answers.static),
    ]
    return Guard(Starlette(routes=routes), token, hosts)


class Endpoints:
    """One method for each request of the page."""

    def __init__(self, session: Session, finish: Callable[[], None]) -> None:
        self.session, self.finish = session, finish
        self._page = {name: _page_file(name or "index.html") for name in _FILES}

    async def static(self, request: Request) -> Response:
        """A file of the page; all of them are read at the start."""
        name = request.path_params.get("name", "")
        if name not in self._page:
            return PlainTextResponse("not found", 404)
        return Response(self._page[name], media_type=_FILES[name])

    async def image(self, request: Request) -> Response:
        """The image with this number as PNG."""
        index = request.path_params["index"]
        if index >= len(self.session.pile):
            return PlainTextResponse("not found", 404)
        try:
            png = await run_in_threadpool(self.session.pile.png, index)
        except ImageError as error:
            return PlainTextResponse(error.reason, 404)
        # A number means the same image as long as this token is valid.
        kept = {"cache-control": "private, max-age=86400, immutable"}
        return Response(png, media_type="image/png", headers=kept)

    async def view(self, request: Request) -> Response:
        """Everything that is shown with an image, by default the next one without an answer."""
        asked = request.query_params.get("index")
        return await _answered(self.session.view, None if asked is None else _number(asked))

    async def model(self, request: Request) -> Response:
        """The state of the model that guesses."""
        return JSONResponse(self.session.model())

    async def answer(self, request: Request) -> Response:
        """Store a label."""
        body = await _body(request)
        index, label = body.get("index"), body.get("label")
        if type(index) is not int or not isinstance(label, str):
            return _refused("an answer has an index and a label")
        return await _answered(self.session.answer, index, label)

    async def skip(self, request: Request) -> Response:
        """Move an image to the end."""
        return await _marked(self.session.skip, request)

    async def set_aside(self, request: Request) -> Response:
        """Mark an image unreadable."""
        return await _marked(self.session.set_aside, request)

    async def undo(self, request: Request) -> Response:
        """Undo the last answer."""
        return await _answered(self.session.undo)

    async def more(self, request: Request) -> Response:
        """Raise the target number of labels."""
        count = (await _body(request)).get("count")
        if type(count) is not int or not 0 < count <= 10_000:
            return _refused("ask for 1 to 10,000 images more")
        return await _answered(self.session.more, count)

    async def end(self, request: Request) -> Response:
        """Stop the program."""
        self.finish()
        return JSONResponse({})


class Guard:
    """Accepts requests that name this machine and know the token; adds headers to each answer."""

    def __init__(self, app: ASGIApp, token: str, hosts: set[str]) -> None:
        self.app, self.token, self.hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin")
        first, _, rest = scope["path"].lstrip("/").partition("/")
        app: ASGIApp
        # A page of another host knows neither, even if a name server sends it here.
        if headers.get(b"host", "").lower() not in self.hosts:
            app = PlainTextResponse("refused: this program answers only to 127.0.0.1", 403)
        elif origin is not None and origin.partition("://")[2].lower() not in self.hosts:
            app = PlainTextResponse("refused: sent by a page of another host", 403)
        elif not secrets.compare_digest(first.encode(), self.token.encode()):
            app = PlainTextResponse("refused: open the whole address that was printed", 403)
        else:
            app = self.app
            scope = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), "root_path": ""}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                added = {"cache-control": "no-store", **_HEADERS}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in added.items() if k.encode() not in own),
                ]
            await send(message)

        await app(scope, receive, send_guarded)


async def _answered(what: Callable[..., dict[str, Any]], *arguments: Any) -> Response:
    try:
        return JSONResponse(await run_in_threadpool(what, *arguments))
    except UserError as error:
        return _refused(str(error))
    except OSError as error:
        return _refused(f"not saved: {error.strerror or error}; then press Enter again", 507)


async def _marked(mark: Callable[[int], dict[str, Any]], request: Request) -> Response:
    index = (await _body(request)).get("index")
    if type(index) is not int:
        return _refused("the index of an image is missing")
    return await _answered(mark, index)


def _refused(why: str, code: int = 400) -> Response:
    return JSONResponse({"error": why}, code)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request; an empty one for anything else."""
    data = b""
    # A form of another site cannot send this type without a preflight request.
    if request.headers.get("content-type") != "application/json":
        return {}
    async for chunk in request.stream():
        data += chunk
        if len(data) > LARGEST_BODY:
            return {}
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1


def _page_file(name: str) -> bytes:
    return (files("captcha_ssl.labeling") / "page" / name).read_bytes()
