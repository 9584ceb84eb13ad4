"""Several trainings at once on one device: images a second of all of them together.

    python -m benchmarks.gpu.side_by_side DEVICE BATCH STEPS PICTURES

is one of them: it prints that it is ready, and trains at each line that it receives.
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.gpu.record import Part, Parts
from benchmarks.gpu.sizes import Sizes

_ROOT = Path(__file__).parents[2]


def parts(sizes: Sizes, scratch: Path) -> Parts:
    """1, 2, 4 and 8 of them, all from one start."""
    return {"side by side": partial(_measure, sizes)}


def _measure(sizes: Sizes) -> Part:
    batch, steps = sizes.batches[0], 10 * sizes.interval
    command = [sys.executable, "-m", "benchmarks.gpu.side_by_side", sizes.device]
    command += map(str, (batch, steps, sizes.pictures))
    started = [
        subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(max(sizes.together))
    ]
    try:
        for process in started:
            _answer(process)
        rates = {many: _rate(started[:many], batch * steps) for many in sizes.together}
    finally:
        for process in started:
            process.kill()
            process.wait()
    one = rates[sizes.together[0]]
    figures: dict[str, tuple[float | str, str]] = {}
    for many, rate in rates.items():
        figures[f"{many} trainings, batch {batch:,}"] = (rate, "images/s in all")
        figures[f"{many} trainings, beside one"] = (rate / one, "times")
    return Part(figures, {"steps": steps})


def _rate(some: list[subprocess.Popen[str]], images: int) -> float:
    """All of them train at once; until the last one is done."""
    begun = time.perf_counter()
    for process in some:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in some:
        _answer(process)
    return len(some) * images / (time.perf_counter() - begun)


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a training ended with {process.wait()}")
    return line


def main() -> None:
    """Train at each line of standard input, and print a line when it is done."""
    from benchmarks.gpu.stepper import stepper
    from benchmarks.gpu.throughput import pictures
    from captcha_ssl.training.captured_step import REHEARSALS
    from captcha_ssl.training.settings import LoopSettings

    device, batch, steps, count = sys.argv[1], *map(int, sys.argv[2:])
    settings = LoopSettings(batch_size=batch, device=device)
    step = stepper(pictures(count), "tiny", settings, [])
    # Includes the recording, which takes a while.
    done = REHEARSALS + 2
    for number in range(done):
        step(number)
    print("ready", flush=True)
    for _ in sys.stdin:
        for _ in range(steps):
            figures = step(done)
            done += 1
        # Waits for the device.
        print(figures.tolist(), flush=True)


if __name__ == "__main__":
    main()
