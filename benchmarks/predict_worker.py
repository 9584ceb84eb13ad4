"""One reader over many images, in the Python that has it: started by `benchmarks.predict`.

Usage: PYTHON predict_worker.py READER MODEL < paths, one a line. Prints one JSON object: `texts`,
`warm_ms` (median for one image on one core), `per_second` (all of them, on every core) and
`resident_mib` (the peak).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Read = Callable[[str], str]
ReadAll = Callable[[list[str]], list[str]]
WARM = 100


def ours(model: str) -> tuple[Read, ReadAll]:
    """This package, through the same functions as its `predict`."""
    from captcha_ssl.recognition.reading.inputs import Input
    from captcha_ssl.recognition.reading.predictor import Predictor
    from captcha_ssl.recognition.reading.reader_spec import ReaderSpec
    from captcha_ssl.recognition.reading.text_reader import read_images

    spec = ReaderSpec(Path(model) if model else None)
    reader = spec.plain()

    def one(path: str) -> str:
        return read_images(reader, reader.geometry.fit(Input(path).pixels())[None])[0].text

    def every(paths: list[str]) -> list[str]:
        inputs = [Input(path) for path in paths]
        found = Predictor(spec.open(inputs)[0]).predict(inputs)
        return [item.reading.text if item.reading else "" for item in found]

    return one, every


def ddddocr(_: str) -> tuple[Read, ReadAll]:
    """The model that comes with ddddocr; it reads one image at a time."""
    import ddddocr as package

    ocr = package.DdddOcr(show_ad=False)

    def one(path: str) -> str:
        return str(ocr.classification(Path(path).read_bytes()))

    return one, lambda paths: [one(path) for path in paths]


def tesseract(_: str) -> tuple[Read, ReadAll]:
    """The program, once for every image, with the option for one line of text."""

    def one(path: str) -> str:
        command = ["tesseract", path, "stdout", "--psm", "7"]
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        return "".join(done.stdout.split())

    def every(paths: list[str]) -> list[str]:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(one, paths))

    return one, every


READERS = {"captcha-ssl": ours, "ddddocr": ddddocr, "tesseract": tesseract}


def main() -> None:
    """Read the paths on standard input with the reader named on the command line."""
    name, model = sys.argv[1:]
    paths = sys.stdin.read().split("\n")
    one, every = READERS[name](model)
    one(paths[0])
    started = time.perf_counter()
    texts = every(paths)
    per_second = len(paths) / (time.perf_counter() - started)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    taken = []
    for path in paths[:WARM]:
        started = time.perf_counter()
        one(path)
        taken.append(1000 * (time.perf_counter() - started))
    result = {
        "texts": texts,
        "warm_ms": sorted(taken)[len(taken) // 2],
        "per_second": per_second,
        "resident_mib": resident,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
