"""How the program ends on a signal: Ctrl-C, SIGTERM or a terminal that closes.

The program calls `begin` first. From then on the first signal ends the process from within the
handler: it removes unfinished files, prints one line and exits with 130. It raises no exception,
because an import or a callback could swallow it. Further signals are ignored. A training asks for
time to save its state instead, with `StopRequests`; a thread ends the process in its place when
that, or a call into compiled code, takes too long.

Used as a library, this module changes nothing except during a `StopRequests`.
"""

from __future__ import annotations

# Apart from signal, every interpreter has these modules loaded already. A signal before `begin`
# gets Python's default handling, so the imports must be fast.
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
"""Seconds after the first signal until the process ends, whatever it is doing."""
WORKER_PATIENCE = 5.0
"""The same for a worker process; its parent waits for it."""


class _Process:
    """The state of the signal handling of this process."""

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
    """Handle the `signals` that end a program, once. A worker process prints nothing.

    An ignored hang-up, as under nohup, stays ignored. An ignored Ctrl-C is handled: a shell ignores
    it for background jobs, but a person who sends it to this process by hand means it.
    """
    if _process.begun:
        return
    _keep_standard_numbers()
    _process.begun, _process.speaks, _process.patience = True, speaks, patience
    for number in signals:
        if number != getattr(signal, "SIGHUP", None) or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _answer)
    if os.name == "posix":
        # The interpreter runs a handler only between two instructions. The wakeup fd informs a
        # thread at once, even while the main thread is in a long call.
        told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        _thread.start_new_thread(_watch, (told,))


def _keep_standard_numbers() -> None:
    """Open the null device for a closed standard stream (`2>&-`).

    Otherwise the next opened file would get its number, and printed text would go into that file.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one.
            os.open(os.devnull, os.O_RDWR)


def asked() -> bool:
    """Whether a signal has asked this process to end."""
    return _process.asked


def the_last_word() -> bool:
    """Whether the caller may print the last line of the program: only one caller may."""
    return not _process.begun or _process.line.acquire(False)


class AtTheEnd:
    """Within a `with` block, `action` is called if a signal ends the program.

    The last one is called first. Actions run in the main thread, between any two of its
    instructions.
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
    """Within a `with` block of the main thread, a signal waits for the end of the block.

    Use it for short work that must not stay unfinished. Blocking signals is not enough: another
    thread receives them, and the handler still runs in the main thread.
    """

    def __enter__(self) -> Self:
        _process.held_back = True
        return self

    def __exit__(self, *_: object) -> None:
        _process.held_back = False
        if _process.asked and not _process.saving:
            _end()


class Saying:
    """Within a `with` block, `words` are printed if a signal ends the program.

    Of nested blocks, the outermost one prints.
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

    The caller checks `asked` often, saves its work and raises KeyboardInterrupt. Outside the main
    thread Python delivers no signals, so the answer is always no.
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
            # The signal came after the last check.
            _end()

    def asked(self) -> bool:
        """Whether a stop was requested since the block began."""
        return self._asked or _process.asked

    def needs(self, seconds: float) -> None:
        """Give the program at least this many seconds to stop."""
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
            # In a single write, independent of the state of the stream object.
            os.write(2, f"{line}\n".encode(_encoding(), "backslashreplace"))
        except OSError:
            pass
    os._exit(INTERRUPTED)


def error_line(message: str) -> str:
    """`message` as one line of an error, without control sequences for a terminal."""
    line = " ".join(part.strip() for part in message.splitlines())
    return f"{PROGRAM}: error: {shown(line, SCREEN)}"


def _encoding() -> str:
    return getattr(sys.stderr, "encoding", None) or "utf-8"


def _watch(told: int) -> None:
    """In a thread: end the process if the main thread does not end it in time."""
    while True:
        if any(number in SIGNALS for number in os.read(told, 64)):
            _process.since = _process.since or time.monotonic()
            _end_in_time()


def _end_in_time() -> NoReturn:
    while time.monotonic() < _process.since + _process.patience:
        time.sleep(0.05)
    # End the workers too, whatever the main thread is doing.
    pool = sys.modules.get("multiprocessing")
    for child in pool.active_children() if pool else ():
        child.kill()
    _leave()
