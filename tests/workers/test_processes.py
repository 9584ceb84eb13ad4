"""Worker processes: results in order, and an end to all of them whatever happens to one."""

from __future__ import annotations

import errno
import io
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captcha_ssl.errors import UserError
from captcha_ssl.lock import FolderLock
from captcha_ssl.notice import Say
from captcha_ssl.workers import large_arrays
from captcha_ssl.workers.choice import choose_workers

pytestmark = pytest.mark.slow

posix = pytest.mark.skipif(os.name != "posix", reason="sends signals as POSIX has them")

_SCRIPT = """
import os, sys, time
from pathlib import Path
from captcha_ssl.interruption import StopRequests, begin
from captcha_ssl.lock import FolderLock
from captcha_ssl.workers.choice import choose_workers

def large(number, say):
    return bytes(40_000_000)

def learn(folder, say):
    # As a training does: it takes a moment to stop, and saves what it has.
    with StopRequests() as stop:
        Path(folder, f"pid-{os.getpid()}").touch()
        while not stop.asked():
            time.sleep(0.02)
        time.sleep(0.7)
        Path(folder, f"saved-{os.getpid()}").touch()
        raise KeyboardInterrupt

def signal_amid_start(function):
    # A worker has been started then, and does not know yet what it is.
    import signal
    from multiprocessing import resource_tracker, util
    resource_tracker.ensure_running()
    start = util.spawnv_passfds
    def started(*arguments):
        pid = start(*arguments)
        Path(folder, f"pid-{pid}").touch()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.5)
        return pid
    util.spawnv_passfds = started

def idle(folder, say):
    Path(folder, f"pid-{os.getpid()}").touch()
    time.sleep(1000)

if __name__ == "__main__":
    function, folder = globals()[sys.argv[1]], sys.argv[2]
    if function is large:
        results = choose_workers(2, setting="workers", prepare=int).each(large, range(50))
        print(len(next(results)))
        results.close()
    else:
        begin()
        if sys.argv[3:]:
            signal_amid_start(function)
        with FolderLock(Path(folder)):
            list(choose_workers(2, setting="workers", prepare=int).each(function, [folder] * 9))
"""


def _square(number: int, say: Say) -> int:
    say(f"at {number}")
    if number == 1:
        time.sleep(0.3)
    return number * number


def _fail(number: int, say: Say) -> int:
    if number == 3:
        raise UserError("three is too many")
    if number == 5:
        raise MemoryError
    return number


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("brief", [True, False])
def test_results_and_lines_are_those_of_one_process(count: int, brief: bool) -> None:
    said: list[str] = []
    crew = choose_workers(count, setting="workers", prepare=int, brief=brief)
    assert list(crew.each(_square, range(20), say=said.append)) == [n * n for n in range(20)]
    assert sorted(said) == sorted(f"at {n}" for n in range(20))


def _wait_for(file: Path, say: Say) -> str:
    until = time.monotonic() + 60
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return file.name


@pytest.mark.parametrize("count", [1, 2])
def test_a_task_may_depend_on_all_results_so_far(count: int) -> None:
    found: list[int] = []

    def tasks() -> Iterator[int]:
        # Two are handed out before there is any result, and each one after that for a result.
        for drawn in range(6):
            assert len(found) >= drawn - count + 1
            yield drawn

    crew = choose_workers(count, setting="workers", prepare=int)
    for result in crew.each(_square, tasks(), ordered=False):
        found.append(result)
    assert sorted(found) == [0, 1, 4, 9, 16, 25]


def test_a_quick_task_does_not_wait_for_a_slow_one_before_it(tmp_path: Path) -> None:
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    quick.touch()
    found = []
    crew = choose_workers(2, setting="workers", prepare=int)
    for name in crew.each(_wait_for, [slow, quick, quick], ordered=False):
        found.append(name)
        if len(found) == 2:
            slow.touch()
    assert found == ["quick", "quick", "slow"]


def test_unfinished_tasks_are_stopped_at_the_deadline(tmp_path: Path) -> None:
    crew = choose_workers(2, setting="workers", prepare=int)
    tasks = [tmp_path / "never"] * 2
    assert list(crew.each(_wait_for, tasks, ordered=False, until=time.monotonic() + 3)) == []


def test_an_exception_of_a_task_is_raised_here() -> None:
    results = choose_workers(2, setting="workers", prepare=int).each(_fail, [1, 2, 3, 4])
    with pytest.raises(UserError, match="three is too many"):
        list(results)


def test_a_worker_without_memory_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="ran out of memory, .* fewer --threads"):
        list(choose_workers(2, setting="--threads", prepare=int).each(_fail, [5, 6]))


@contextmanager
def _at_work(tmp_path: Path, what: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """The script with two workers at work, and their process ids."""
    script, folder = tmp_path / "script.py", tmp_path / "folder"
    script.write_text(_SCRIPT)
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, script, what, folder],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True},
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 60
        while len(list(folder.glob("pid-*"))) < 2 and time.monotonic() < until:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        yield process, [int(file.name[4:]) for file in folder.glob("pid-*")]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    """Whether a process runs: one that waits to be reaped by its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def _wait_until_gone(pids: list[int]) -> None:
    until = time.monotonic() + 30
    while any(map(_alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(_alive, pids))


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("whom", ["process", "group"])
def test_signals_end_all_with_one_line_and_let_workers_save(
    tmp_path: Path, number: signal.Signals, whom: str
) -> None:
    with _at_work(tmp_path, "learn") as (process, pids):
        for _ in range(3):
            (os.killpg if whom == "group" else os.kill)(process.pid, number)
            time.sleep(0.1)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert stderr == "captcha-ssl: error: interrupted\n"
    assert not any(map(_alive, pids))
    assert len(list((tmp_path / "folder").glob("saved-*"))) == 2


@posix
def test_a_signal_while_a_worker_starts_ends_both_in_one_line(tmp_path: Path) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "folder"
    script.write_text(_SCRIPT)
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, script, "idle", folder, "signal"],
        **{"capture_output": True, "text": True, "timeout": 60},
    )
    assert (done.returncode, done.stderr) == (130, "captcha-ssl: error: interrupted\n")
    pids = [int(file.name[4:]) for file in folder.glob("pid-*")]
    assert len(pids) == 1
    assert not any(map(_alive, pids))


@posix
def test_a_worker_that_only_computes_is_not_waited_for(tmp_path: Path) -> None:
    with _at_work(tmp_path, "idle") as (process, pids):
        process.terminate()
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr.count("\n")) == (130, 1)
    assert not any(map(_alive, pids))


@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_killed_worker_ends_the_others_with_a_clear_error(
    tmp_path: Path, number: signal.Signals
) -> None:
    with _at_work(tmp_path, "learn") as (process, pids):
        os.kill(pids[0], number)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1 and stderr.strip().endswith("try fewer workers")
    assert not any(map(_alive, pids))
    assert len(list((tmp_path / "folder").glob(f"saved-{pids[1]}"))) == 1


@posix
def test_workers_of_a_killed_parent_save_and_end_and_hold_its_lock_meanwhile(
    tmp_path: Path,
) -> None:
    pytest.importorskip("fcntl")
    folder = tmp_path / "folder"
    with _at_work(tmp_path, "learn") as (process, pids):
        process.kill()
        process.wait()
        assert any(map(_alive, pids))
        with pytest.raises(BlockingIOError), FolderLock(folder):
            pass
        _wait_until_gone(pids)
    assert len(list(folder.glob("saved-*"))) == 2
    # The process that tidies up after multiprocessing holds the lock a moment longer.
    _wait_until_free(folder)


def _wait_until_free(folder: Path) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            with FolderLock(folder):
                return
        except BlockingIOError:
            assert time.monotonic() < end, "the lock is still held"
            time.sleep(0.05)


def test_ending_during_a_large_result_does_not_wait_for_the_rest(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    done = subprocess.run(
        [sys.executable, script, "large", tmp_path],
        **{"capture_output": True, "text": True, "timeout": 120},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "40000000\n", "")


def _shared(images: np.ndarray, number: int, _: Say) -> tuple[int, bool]:
    """Overwrites an image; returns what was there, and whether the memory is a mapped file."""
    base: Any = images
    while isinstance(base, np.ndarray):
        base = base.base
    mapped = isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)
    found = int(images[number, 0])
    images[:] = 0
    return found, mapped


@pytest.mark.skipif(sys.platform != "linux", reason="maps files through /proc")
def test_large_arrays_reach_the_workers_through_one_mapped_file() -> None:
    images = np.arange(4, dtype=np.uint8)[:, None].repeat(2**18, 1)
    workers = choose_workers(4, setting="workers", prepare=int)
    function = partial(_shared, images)
    assert list(workers.each(function, range(4))) == [(number, True) for number in range(4)]
    small = partial(_shared, images[:, :100].copy())
    assert list(workers.each(small, range(2))) == [(0, False), (1, False)]


class _Full(io.BytesIO):
    """A file on a full disk."""

    def write(self, content: Any) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")


def test_without_room_for_a_file_arrays_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[_Full] = []
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: made.append(_Full()) or made[-1])
    images = np.arange(4, dtype=np.uint8)[:, None].repeat(2**18, 1)
    workers = choose_workers(2, setting="workers", prepare=int)
    assert list(workers.each(partial(_shared, images), [3])) == [(3, False)]
    assert made[0].closed


def test_without_proc_arrays_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_arrays, "_PROC", "/proc-is-not-there")
    images = np.arange(4, dtype=np.uint8)[:, None].repeat(2**18, 1)
    workers = choose_workers(2, setting="workers", prepare=int)
    assert list(workers.each(partial(_shared, images), [3])) == [(3, False)]


def test_shared_arrays_are_aligned() -> None:
    odd, wide = np.zeros(2**20 + 1, np.uint8), np.arange(2**18)
    with closing(large_arrays.Pickled((odd, wide))) as pickled:
        _, found = large_arrays.unpickled(pickled.message)
    assert found.flags.aligned and (found == wide).all()
