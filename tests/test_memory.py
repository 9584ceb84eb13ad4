"""Memory that ran out is recognized whatever a library calls it."""

from __future__ import annotations

import errno
import pickle

import pytest

from captcha_ssl.cli.outcome import outcome
from captcha_ssl.memory import lacks_memory
from captcha_ssl.workers.worker_process import _pickled_error

OUT_OF_MEMORY: list[Exception] = [
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    OSError("libc10.so: failed to map segment from shared object"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("could not create a primitive"),
    SystemError("<built-in function add_docstring> returned NULL without setting an exception"),
]
OTHERS = [
    FileNotFoundError(errno.ENOENT, "No such file or directory", "out of memory.png"),
    ImportError("No module named 'lmdb'"),
    RuntimeError("could not create a primitive descriptor for a convolution"),
    ValueError("not enough memory slots"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=repr)
def test_memory_that_ran_out_is_one_line(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error

    def fail_after_it() -> int:
        try:
            raise error
        except Exception:
            raise AttributeError("partially initialized module 'torch'")  # noqa: B904

    for command in (fail, fail_after_it):
        assert outcome(command) == 2
        assert capsys.readouterr().err == (
            "captcha-ssl: error: not enough memory; close other programs, or process less at once\n"
        )


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not lacks_memory(error)


def test_a_worker_passes_it_on_as_what_it_is() -> None:
    _, error = pickle.loads(_pickled_error(OUT_OF_MEMORY[2]))
    assert isinstance(error, MemoryError)
