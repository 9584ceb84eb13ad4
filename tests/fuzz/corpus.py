"""Good files of every kind that the program reads, small enough to be read a thousand times."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from captcha_ssl.data.writers import open_writer
from tests.fuzz import tables
from tests.fuzz.mutation import (
    Mutation,
    mutate_bytes,
    mutate_card,
    mutate_json,
    mutate_lines,
    mutate_network,
    mutate_png,
    mutate_tar,
    mutate_text,
    mutate_toml,
    mutate_weights,
    mutate_zip,
)

_CHARSET = "ABC"
_PARQUET = 2 if find_spec("pyarrow") else 0
CELLS = "cells"
"""The folder of the images that tables of the kind `cells` are about."""


@dataclass(frozen=True)
class Target:
    """A file to damage in its own folder, and the command that then reads it.

    With the kind `cells` the file is a table that is rewritten, and its labels are compared.

    `{folder}` in the command stands for a copy of the folder, `{out}` for a place to write to.
    """

    kind: str
    file: str
    command: tuple[str, ...]
    text: bool = False
    way: Mutation | None = None
    """How it is damaged, where bytes or text changed anywhere are not meant."""

    def damaged(self, rng: Random, data: bytes) -> bytes:
        """`data` of the file, damaged."""
        way = self.way or (mutate_text if self.text else mutate_bytes)
        return way(rng, data)

    def chosen(self, rng: Random, folder: Path) -> Path:
        """The file to damage in a copy of the corpus: one of those that `file` may stand for."""
        found = sorted(folder.glob(self.file)) if "*" in self.file else [folder / self.file]
        return rng.choice(found)


_READ = ("predict", "--model", "{model}", "--format", "jsonl", "--quiet")
_PRINT = "--print-config"
_OWN_MODEL = ("predict", "--model", "{folder}/model.safetensors", "{folder}/image.png", "--quiet")
_OWN_NETWORK = ("predict", "--model", "{folder}/model.onnx", "{folder}/image.png", "--quiet")
_SUGGEST = (
    "suggest",
    "{pile}",
    "--init-from",
    "{folder}/model.safetensors",
    "--count",
    "2",
    "--quiet",
)
_SMALL = (
    "test=4",
    "label_counts=4",
    "seeds=1",
    "pretrain_steps=2",
    "pretrain_batch_size=4",
    "finetune_steps=2",
    "finetune_batch_size=2",
    "lr_grid=1e-3",
    "head_lr_grid=1e-3",
    "processes=1",
    "device=cpu",
)
_BENCHMARK = (
    "benchmark",
    "{large}",
    "--out",
    "{folder}/bench",
    "--resume",
    "--quiet",
    "--arms",
    "scratch,pretrained",
    *(part for assignment in _SMALL for part in ("--set", assignment)),
)
_CHECK = ("check-data", "{folder}", "--quiet")


def _check(name: str) -> tuple[str, ...]:
    return ("check-data", f"{{folder}}/{name}", "--quiet")


_RESUME = ("pretrain", "{pile}", "--out", "{folder}", "--resume", "--quiet", "--config")

TARGETS = (
    *(
        Target("image", f"image.{suffix}", (*_READ, f"{{folder}}/image.{suffix}"))
        for suffix in ("png", "jpg", "bmp", "gif", "webp", "tif", "ppm", "gray16.png")
    ),
    *(Target("cells", "", ()) for _ in range(3)),
    Target("table", "labels.csv", ("check-data", "{folder}/labels.csv", "--quiet"), text=True),
    Target("table", "paddle.txt", ("check-data", "{folder}/paddle.txt", "--quiet"), text=True),
    Target("table", "labels.tsv", ("check-data", "{folder}/labels.tsv", "--quiet"), text=True),
    Target(
        "packed", "packed/dataset.json", ("check-data", "{folder}/packed", "--quiet"), text=True
    ),
    Target("packed", "packed/labels.csv", ("check-data", "{folder}/packed", "--quiet"), text=True),
    Target("packed", "packed/images.npy", ("check-data", "{folder}/packed", "--quiet")),
    Target("lmdb", "lmdb/data.mdb", ("check-data", "{folder}/lmdb", "--quiet")),
    Target(
        "toml",
        "pretrain.toml",
        ("pretrain", "{folder}", "--config", "{folder}/pretrain.toml", "--print-config"),
        text=True,
    ),
    Target(
        "toml",
        "benchmark.toml",
        ("benchmark", "--config", "{folder}/benchmark.toml", "--print-config"),
        text=True,
    ),
    Target(
        "toml",
        "generate.toml",
        ("generate", "{out}", "--config", "{folder}/generate.toml", "--print-config"),
        text=True,
    ),
    Target(
        "model",
        "model.safetensors",
        ("predict", "--model", "{folder}/model.safetensors", "{folder}/image.png", "--quiet"),
    ),
    Target(
        "model",
        "model.safetensors",
        ("export", "{folder}/model.safetensors", "{out}/again.safetensors"),
    ),
    Target(
        "onnx",
        "model.onnx",
        ("predict", "--model", "{folder}/model.onnx", "{folder}/image.png", "--quiet"),
    ),
    Target(
        "state",
        "run/state/state.safetensors",
        (*_RESUME[:3], "{folder}/run", *_RESUME[4:], "{folder}/run/config.toml"),
    ),
    Target(
        "state",
        "run/metrics.jsonl",
        (*_RESUME[:3], "{folder}/run", *_RESUME[4:], "{folder}/run/config.toml"),
        text=True,
    ),
    Target("png", "image.png", (*_READ, "{folder}/image.png"), way=mutate_png),
    Target("png", "pngs/gray.png", ("check-data", "{folder}/pngs", "--quiet"), way=mutate_png),
    Target(
        "json", "packed/dataset.json", ("check-data", "{folder}/packed", "--quiet"), way=mutate_json
    ),
    Target("json", "packed/dataset.json", (*_READ, "{folder}/packed"), way=mutate_json),
    *(
        Target("toml", f"{command}.toml", tuple(arguments), way=mutate_toml)
        for command, *arguments in (
            ("pretrain", "pretrain", "{folder}", "--config", "{folder}/pretrain.toml", _PRINT),
            ("benchmark", "benchmark", "--config", "{folder}/benchmark.toml", _PRINT),
        )
    ),
    Target("card", "model.safetensors", _OWN_MODEL, way=mutate_card),
    Target("card", "model.safetensors", _SUGGEST, way=mutate_card),
    Target("weights", "model.safetensors", _OWN_MODEL, way=mutate_weights),
    Target("weights", "model.safetensors", _SUGGEST, way=mutate_weights),
    Target("network", "model.onnx", _OWN_NETWORK, way=mutate_network),
    Target("network", "model.onnx", _OWN_NETWORK, way=mutate_network),
    Target(
        "state",
        "run/state/state.safetensors",
        (*_RESUME[:3], "{folder}/run", *_RESUME[4:], "{folder}/run/config.toml"),
        way=mutate_card,
    ),
    Target(
        "state",
        "run/metrics.jsonl",
        (*_RESUME[:3], "{folder}/run", *_RESUME[4:], "{folder}/run/config.toml"),
        way=mutate_lines,
    ),
    *(
        Target(kind, file, command, text, way)
        for kind, file, command, text, way in (
            ("zip", "zip/pile.zip", _check("zip/pile.zip"), False, None),
            ("zip", "zip/pile.zip", _check("zip/pile.zip"), False, mutate_zip),
            ("zip", "zip/pile.zip", (*_READ, "{folder}/zip/pile.zip"), False, mutate_zip),
            ("zip", "zip/pile.zip", _check("zip/of-zip.csv"), False, None),
            ("zip", "zip/of-zip.csv", _check("zip/of-zip.csv"), True, None),
            ("tar", "tars/*.tar", _check("tars"), False, None),
            ("tar", "tars/*.tar", _check("tars"), False, mutate_tar),
            ("tar", "tars/*.tar", (*_READ, "{folder}/tars"), False, mutate_tar),
            ("records", "hf/metadata.jsonl", _check("hf"), True, None),
            ("records", "hf/metadata.jsonl", _check("hf"), True, mutate_lines),
            ("records", "hfcsv/metadata.csv", _check("hfcsv"), True, None),
            ("records", "doctr/labels.json", _check("doctr"), True, None),
            ("records", "doctr/labels.json", _check("doctr"), True, mutate_json),
            ("records", "studio/export.json", _check("studio/export.json"), True, None),
            ("records", "studio/export.json", _check("studio/export.json"), True, mutate_json),
            ("records", "trdg/labels.txt", _check("trdg"), True, None),
            ("list", "list.txt", ("check-data", "@{folder}/list.txt", "--quiet"), True, None),
            ("list", "list.txt", (*_READ, "--files-from", "{folder}/list.txt"), True, None),
            ("shards", "shards/*/dataset.json", _check("shards"), True, mutate_json),
            ("shards", "shards/*/images.npy", _check("shards"), False, None),
        )
    ),
    *(
        Target("parquet", "parquet/*.parquet", command)
        for command in (_check("parquet"), (*_READ, "{folder}/parquet")) * _PARQUET
    ),
    Target("bench", "bench/*/*.json", _BENCHMARK, way=mutate_json),
    Target("bench", "bench/pretrained/*/*.json*", _BENCHMARK, way=mutate_lines),
)


def build(folder: Path) -> None:
    """Write a good file for every target to `folder`, each of which is read without an error."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    _images(folder, rng)
    _tables(folder)
    tables.build(folder / CELLS)
    for form in ("packed", "lmdb"):
        _dataset(folder / form, form, rng)
    _formats(folder, rng)
    _settings(folder)
    _models(folder)
    _run(folder)
    _benchmark(folder, rng)


def _images(folder: Path, rng: np.random.Generator) -> None:
    picture = Image.fromarray(rng.integers(0, 256, (24, 40, 3), np.uint8))
    for suffix in ("png", "jpg", "bmp", "gif", "webp", "tif", "ppm"):
        picture.save(folder / f"image.{suffix}")
    (folder / "pngs").mkdir()
    picture.convert("P").save(folder / "pngs" / "gray.png")
    wide = rng.integers(0, 65_536, (24, 40)).astype(np.uint16)
    Image.fromarray(wide).save(folder / "image.gray16.png")


def _tables(folder: Path) -> None:
    rows = [("image.png", "AB"), ("image.jpg", "C"), ("image.bmp", "A,B")]
    head = "filename,label\n"
    (folder / "labels.csv").write_text(head + "".join(f'{n},"{t}"\n' for n, t in rows))
    (folder / "labels.tsv").write_text(
        head.replace(",", "\t") + "".join(f"{n}\t{t}\n" for n, t in rows)
    )
    (folder / "paddle.txt").write_text("".join(f"{n}\t{t}\n" for n, t in rows))


def _dataset(place: Path, form: str, rng: np.random.Generator, count: int = 6) -> None:
    with open_writer(place, form, count=count, channels=1, height=32, width=40, about={}) as writer:
        for index in range(count):
            writer.add(index, rng.integers(0, 256, (1, 32, 40), np.uint8), "ABC"[index % 3])


def _formats(folder: Path, rng: np.random.Generator) -> None:
    """Datasets as other programs write them, archives, and tables that lead into them."""
    forms = {"tars": "webdataset", "hf": "huggingface", "doctr": "doctr", "folder": "folder"}
    forms |= {"shards/a": "packed", "shards/b": "packed"}
    for name, form in forms.items() | ({"parquet": "parquet"} if _PARQUET else {}).items():
        _dataset(folder / name, form, rng)
    names = [f"images/{index:05d}.png" for index in range(6)]
    texts = ["ABC"[index % 3] for index in range(6)]
    pairs = list(zip(names, texts, strict=True))
    shutil.copytree(folder / "folder", folder / "hfcsv")
    (folder / "hfcsv" / "labels.csv").unlink()
    rows = "".join(f'{name},"{text}"\n' for name, text in pairs)
    (folder / "hfcsv" / "metadata.csv").write_text(f"file_name,text\n{rows}")
    shutil.copytree(folder / "folder" / "images", folder / "trdg")
    lines = "".join(f"{Path(name).name} {text}\n" for name, text in pairs)
    (folder / "trdg" / "labels.txt").write_text(lines)
    shutil.copytree(folder / "folder" / "images", folder / "studio" / "images")
    tasks = [
        {"id": place, "image": f"/data/local-files/?d=somewhere/{name}", "transcription": text}
        for place, (name, text) in enumerate(pairs)
    ]
    (folder / "studio" / "export.json").write_text(json.dumps(tasks, indent=1))
    shutil.make_archive(str(folder / "zip" / "pile"), "zip", folder / "folder")
    rows = "".join(f"pile.zip/{name},{text}\n" for name, text in pairs)
    (folder / "zip" / "of-zip.csv").write_text(f"filename,label\n{rows}")
    (folder / "list.txt").write_text("".join(f"{folder}/folder/{name}\n" for name in names))


def _settings(folder: Path) -> None:
    (folder / "pretrain.toml").write_text(
        'method = "simclr"\nlr = 1e-3\nbatch_size = 8\nepochs = 2.5\ntemperature = 0.1\nseed = 3\n'
    )
    (folder / "benchmark.toml").write_text(
        'preset = "quick"\nmethods = ["simclr", "moco:queue=64"]\n'
        'arms = ["scratch", "pretrained"]\n'
        "label_counts = [100, 300]\nlr_grid = [1e-3, 3e-3]\nseeds = 3\nhead_lr = 5e-3\n"
    )
    (folder / "generate.toml").write_text(
        'count = 5\nlength = "4,3-8"\nstyle = "fast"\ncharset = "ABC"\nheight = 40\nshard = "1/2"\n'
    )


def _models(folder: Path) -> None:
    import torch

    from captcha_ssl.data.charset import Charset
    from captcha_ssl.data.geometry import Geometry
    from captcha_ssl.models.encoder import build_encoder
    from captcha_ssl.recognition.export.export import export
    from captcha_ssl.recognition.reading.recognizer import Recognizer

    torch.manual_seed(0)
    reader = Recognizer(build_encoder("tiny", 1, 32), Charset(_CHARSET), Geometry(1, 32, 40))
    reader.save(folder / "model.safetensors", {})
    export(reader, folder / "model.onnx", {})


def _run(folder: Path) -> None:
    """A run of pretraining that is not finished: a state, and a model still to be written."""
    from captcha_ssl.cli.main import run

    settings = {"method": "simclr", "batch_size": 2, "steps": 2, "log_every": 1}
    config = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    (folder / "settings.toml").write_text(config)
    arguments = [str(folder / "packed"), "--config", str(folder / "settings.toml"), "--quiet"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["pretrain", *arguments, "--out", str(folder / "run")]) == 0
    (folder / "run" / "model.safetensors").unlink()
    shutil.copy(folder / "settings.toml", folder / "run" / "settings.toml")


def _benchmark(folder: Path, rng: np.random.Generator) -> None:
    """A benchmark that is finished, and its data beside the corpus."""
    from captcha_ssl.cli.main import run

    large = folder.parent / "large"
    _dataset(large, "packed", rng, count=24)
    places = {"large": str(large), "folder": str(folder)}
    arguments = [part.format(**places) for part in _BENCHMARK if part != "--resume"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(arguments) == 0
