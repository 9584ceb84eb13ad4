"""How the program ends when it is asked to: Ctrl-C, SIGTERM or a terminal that closes.

`begin` is the first thing that the program does. From then on the first signal ends the process
from within the handler: what is half done is taken away, one line is said, the exit code is 130.
No exception is raised for it, so that none can be lost in an import or a callback. Signals that
follow change nothing. A training asks for time to save its state instead, with `StopRequests`; a
thread ends the process in its place when that, or a call into compiled code, takes too long.

Used as a library, this module changes nothing but for the time of a `StopRequests`.
"""

from __future__ import annotations

# Modules that every interpreter has loaded already, but for signal: until `begin` has run, a
# signal meets an interpreter that knows nothing of this program.
import _thread
import os
import signal
import sys
import time

from captcha_ssl.launch import rank
from captcha_ssl.printable import SCREEN, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, Self

PROGRAM = "captcha-ssl"
INTERRUPTED = 130
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
PATIENCE = 8.5
"""Seconds after the first signal at which the process ends, whatever it is doing."""
WORKER_PATIENCE = 5.0
"""The same for a worker process; its parent waits for it."""


class _Process:
    """What this process knows about its own end."""

    def __init__(self) -> None:
        self.begun = self.asked = self.saving = self.held_back = False
        self.speaks = True
        self.patience = PATIENCE
        self.since = 0.0
        self.actions: list[Callable[[], object]] = []
        self.words: list[str] = []
        self.line = _thread.allocate_lock()


_process = _Process()


def begin(
    signals: tuple[signal.Signals, ...] = SIGNALS,
    *,
    speaks: bool = True,
    patience: float = PATIENCE,
) -> None:
    """Take over the `signals` that end a program, once. A worker process does not speak.

    A hang-up that is ignored, as under nohup, stays ignored. Ctrl-C does not: a shell ignores it
    for what it runs in the background, and whoever sends it to this process by hand means it.
    """
    if _process.begun:
        return
    _keep_standard_numbers()
    _process.begun, _process.speaks, _process.patience = True, speaks, patience
    for number in signals:
        if number != getattr(signal, "SIGHUP", None) or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _answer)
    if os.name == "posix":
        # The interpreter runs a handler only between two of its instructions. This tells a
        # thread at once, also while the main thread is in a long call.
        told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        _thread.start_new_thread(_watch, (told,))


def _keep_standard_numbers() -> None:
    """Open the null device for a standard stream that is closed (`2>&-`).

    Its number would be given to the next file that is opened, and what is printed would go there.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, and so this one.
            os.open(os.devnull, os.O_RDWR)


def asked() -> bool:
    """Whether this process was asked to end."""
    return _process.asked


def the_last_word() -> bool:
    """Whether the caller may say the line that the program ends with: only one may."""
    return not _process.begun or _process.line.acquire(False)


class AtTheEnd:
    """Within a `with` block, `action` is called if the program is ended by a signal.

    The last is called first. They run in the main thread, between any two instructions of it.
    """

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def __enter__(self) -> Self:
        _process.actions.append(self._action)
        return self

    def __exit__(self, *_: object) -> None:
        if self._action in _process.actions:
            _process.actions.remove(self._action)


class HeldBack:
    """Within a `with` block of the main thread a signal waits for its end.

    For what must not be left half done and takes a moment. To block signals is not enough: another
    thread of the process receives them, and the handler still runs in the main one.
    """

    def __enter__(self) -> Self:
        _process.held_back = True
        return self

    def __exit__(self, *_: object) -> None:
        _process.held_back = False
        if _process.asked and not _process.saving:
            _end()


class Saying:
    """Within a `with` block, `words` are said if the program is ended by a signal.

    Of several blocks, one in the other, the outermost speaks.
    """

    def __init__(self, words: str) -> None:
        self._words = words

    def __enter__(self) -> Self:
        _process.words.append(self._words)
        return self

    def __exit__(self, *_: object) -> None:
        if self._words in _process.words:
            _process.words.remove(self._words)


class StopRequests:
    """Within a `with` block, a signal is noted instead of ending the program.

    Whoever asks for that looks at `asked` often, saves what is to be saved and raises
    KeyboardInterrupt. Outside the main thread Python delivers no signals, and the answer is no.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._asked = False

    def __enter__(self) -> Self:
        import threading

        if threading.current_thread() is threading.main_thread():
            if _process.begun:
                _process.saving = True
            else:
                self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        _process.saving = False
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if _process.asked and kind is None:
            # It came after the last look.
            _end()

    def asked(self) -> bool:
        """Whether a stop was asked for since the block began."""
        return self._asked or _process.asked

    def needs(self, seconds: float) -> None:
        """Let the program have so many seconds to stop, if that is more than it has anyhow."""
        if _process.speaks:
            _process.patience = max(PATIENCE, seconds)

    def _note(self, number: int, _: Any) -> None:
        self._asked = True


def _answer(number: int, _: Any) -> None:
    """The handler of all signals that end the program."""
    if _process.asked:
        return
    _process.asked, _process.since = True, time.monotonic()
    if os.name != "posix":
        _thread.start_new_thread(_end_in_time, ())
    if not (_process.saving or _process.held_back):
        _end()


def _end() -> NoReturn:
    """End the process now, in an orderly way."""
    for action in reversed(_process.actions):
        try:  # noqa: SIM105 - nothing is imported here: an import may be under way
            action()
        except BaseException:
            pass
    try:  # noqa: SIM105
        sys.stdout.flush()
    except Exception:
        pass
    _leave()


def _leave() -> NoReturn:
    if the_last_word() and _process.speaks and not rank():
        line = error_line(next(iter(_process.words), "interrupted"))
        try:  # noqa: SIM105
            # In one piece, and whatever the state of the stream object.
            os.write(2, f"{line}\n".encode(_encoding(), "backslashreplace"))
        except OSError:
            pass
    os._exit(INTERRUPTED)


def error_line(message: str) -> str:
    """`message` as the one line of an error, without what a terminal takes for a command."""
    line = " ".join(part.strip() for part in message.splitlines())
    return f"{PROGRAM}: error: {shown(line, SCREEN)}"


def _encoding() -> str:
    return getattr(sys.stderr, "encoding", None) or "utf-8"


def _watch(told: int) -> None:
    """In a thread: end the process when the main thread does not in time."""
    while True:
        if any(number in SIGNALS for number in os.read(told, 64)):
            _process.since = _process.since or time.monotonic()
            _end_in_time()


def _end_in_time() -> NoReturn:
    while time.monotonic() < _process.since + _process.patience:
        time.sleep(0.05)
    # Whatever the main thread holds: its workers must not outlive it.
    pool = sys.modules.get("multiprocessing")
    for child in pool.active_children() if pool else ():
        child.kill()
    _leave()
