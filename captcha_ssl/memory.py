"""Recognizes that memory ran out, whatever a library calls it."""

from __future__ import annotations

import errno

_SIGNS = (
    # torch, on a CPU and on a GPU
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    # C++ libraries such as onnxruntime
    "bad_alloc",
    "Failed to allocate memory",
    # the loader of a compiled module
    "failed to map segment",
    "Cannot allocate memory",
    "cannot allocate memory",
    # NumPy, while it is imported
    "NULL without setting an exception",
)
_WHOLE = "could not create a primitive"
"""What oneDNN says without memory. With more behind it, an operation is not supported."""


def lacks_memory(error: BaseException | None) -> bool:
    """Whether `error`, or an exception that led to it, says that memory ran out."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        # An error of the system with a number has its reason in it, and in its text a file's name.
        if isinstance(error, RuntimeError | ImportError | SystemError | OSError) and not (
            getattr(error, "errno", None)
        ):
            told = str(error)
            if told == _WHOLE or any(sign in told for sign in _SIGNS):
                return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def raise_if_memory(error: Exception) -> None:
    """Raise MemoryError where memory ran out, which is no fault of the file that was read."""
    if lacks_memory(error):
        raise MemoryError(str(error)) from error
