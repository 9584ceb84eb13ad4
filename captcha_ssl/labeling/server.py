"""The small server of the page: reachable only from this machine, until the user is done."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable

from captcha_ssl.errors import UserError
from captcha_ssl.labeling.session import Session

HOST = "127.0.0.1"


def serve(session: Session, port: int, ready: Callable[[str], None]) -> None:
    """Serve the page until the user is done.

    `ready` gets its address, which includes the token. Port 0 takes any free port. Raises UserError
    if the extra `label` is not installed or the port is in use, KeyboardInterrupt on Ctrl-C.
    """
    try:
        import uvicorn

        from captcha_ssl.labeling.app import build_app
    except ImportError as error:
        raise UserError(
            "the page needs starlette and uvicorn; run pip install 'captcha-ssl[label]'"
        ) from error
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            raise UserError(f"--port {port}: {error.strerror}; choose another, or none") from error
        port = listening.getsockname()[1]
        token = secrets.token_urlsafe(16)

        def finish() -> None:
            server.should_exit = True

        hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        app = build_app(session, token, hosts, finish)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1)
        )
        listening.listen()
        ready(f"http://{HOST}:{port}/{token}/")
        server.run(sockets=[listening])
