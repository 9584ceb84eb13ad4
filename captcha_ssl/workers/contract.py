"""What every kind of workers does."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

from captcha_ssl.notice import Say, silent

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(Protocol):
    """Runs tasks."""

    def each(
        self,
        function: Callable[[Item, Say], Result],
        tasks: Iterable[Item],
        *,
        say: Say = silent,
        ordered: bool = True,
        until: float = math.inf,
    ) -> Generator[Result, None, None]:
        """The results of `function(task, say)`, in order; `say` receives all progress lines.

        If not `ordered`, each result comes when it is ready, and the next task is drawn
        after that: it may depend on all results so far. At `until`, by time.monotonic(), it ends
        with what is there, and stops the workers that still run a task.

        Raises what `function` raises, and UserError when a worker is lost. Closing the generator
        ends what is not finished.
        """
        ...
