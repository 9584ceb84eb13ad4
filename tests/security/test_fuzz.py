"""A short run of the fuzzer, and what the long ones found."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import save

from captcha_ssl.benchmark.report.blocks import Code, Gallery, Table
from captcha_ssl.benchmark.report.markdown import markdown
from captcha_ssl.benchmark.runs.details import Misreading
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.image import ImageError, read_image
from captcha_ssl.data.plain_png import decode_plain_png
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_card import KEY, Calibration, ModelCard, parse_card
from captcha_ssl.training.checkpoint import load_state, save_state
from captcha_ssl.training.device import advice_on_memory
from captcha_ssl.training.run_directory import RunDirectory
from tests.fuzz.mutation import (
    mutate,
    mutate_card,
    mutate_json,
    mutate_png,
    mutate_weights,
    png_of,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_damaged_files_of_every_kind_are_one_line_each() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--count", "120", "--seed", "7"]
    result = subprocess.run(
        [*command, "--processes", "1"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout
    assert "120 inputs, 0 findings" in result.stdout
    kinds = {line.split()[0] for line in result.stdout.splitlines()}
    assert {"image", "table", "packed", "lmdb", "toml", "model", "onnx", "state"} <= kinds
    assert {"png", "json", "card", "weights", "network", "bench"} <= kinds
    assert {"zip", "tar", "records", "list", "shards"} <= kinds


def test_damage_depends_on_its_seed_alone_and_changes_the_file() -> None:
    data = b'width = 40\nname = "a"\n' * 20
    damaged = [mutate(Random(seed), data, text=True) for seed in range(50)]
    assert damaged == [mutate(Random(seed), data, text=True) for seed in range(50)]
    assert sum(each != data for each in damaged) > 45


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.update(kind="program"),
        lambda card: card.update(charset="BA"),
        lambda card: card.update(charset=["A"]),
        lambda card: card.update(encoder=3),
        lambda card: card["geometry"].update(height=10**9),
        lambda card: card["geometry"].update(width=2.5),
        lambda card: card["calibration"].update(text=0),
        lambda card: card["calibration"].update(character="1e400"),
        lambda card: card.update(about=[]),
    ],
)
def test_a_card_that_cannot_be_used_is_damaged(change: Callable[[dict], None]) -> None:
    card = ModelCard("recognizer", "tiny", Geometry(1, 32, 40), "AB", {}, Calibration())
    fields = json.loads(card.to_json())
    assert parse_card(Path(KEY), json.dumps(fields)) == card
    change(fields)
    with pytest.raises(UserError, match="its description is damaged"):
        parse_card(Path(KEY), json.dumps(fields))


@pytest.mark.parametrize(
    "line", ["[1]", '{"loss": 1}', '{"step": 1, "loss": "low"}', '{"step": 1, "loss": [1]}', "7"]
)
def test_metrics_that_are_no_figures_are_damaged(tmp_path: Path, line: str) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    (run.path / "metrics.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match="damaged"):
        run.metrics()


@pytest.mark.parametrize(
    "running",
    [
        {},
        {"count": torch.zeros(3)},
        {"count": torch.tensor(1), "sum.loss": torch.zeros(3)},
        {"count": torch.tensor(1), "sum.loss": torch.zeros(0)},
        {"count": torch.tensor(1), "sum.loss": torch.zeros(2, 2)},
    ],
)
def test_a_state_without_its_sums_is_damaged(
    tmp_path: Path, running: dict[str, torch.Tensor]
) -> None:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    save_state(tmp_path / "state", 1, model, optimizer, running)
    with pytest.raises(UserError, match="damaged"):
        load_state(tmp_path / "state", model, optimizer)


def test_a_report_escapes_names_that_look_like_markup() -> None:
    text = markdown(
        [
            Table(("a|b", "c"), [["x|y", "z"]], left=()),
            Code("cat ```\nrm"),
            Gallery("t", [Misreading(png="", truth="`x`", read="|")]),
        ]
    )
    assert r"| a\|b | c |" in text and r"| x\|y | z |" in text
    assert "````\ncat ```\nrm\n````" in text
    assert "`` `x` `` → `|`" in text


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_out_of_memory_errors_suggest_a_batch_size(error: Exception) -> None:
    with (
        pytest.raises(
            UserError, match="out of memory with 64 images per step; try --batch-size 32"
        ),
        advice_on_memory(64),
    ):
        raise error


def test_other_errors_are_not_changed() -> None:
    with pytest.raises(RuntimeError, match="shapes"), advice_on_memory(64):
        raise RuntimeError("shapes do not match")


def test_a_finished_run_without_its_metrics_is_damaged(tmp_path: Path) -> None:
    from captcha_ssl.training.loop import train
    from captcha_ssl.training.settings import LoopSettings

    class Still(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def forward(self, batch: torch.Tensor, progress: float) -> dict[str, torch.Tensor]:
            return {"loss": (self.weight * batch.float()).mean()}

        def after_step(self, progress: float) -> None:
            pass

    loop = LoopSettings(batch_size=2, log_every=1, device="cpu")
    run = RunDirectory.create(tmp_path / "run", "")

    def again() -> list[dict[str, float]]:
        task = Still()
        groups = [{"params": list(task.parameters()), "lr": 0.1}]
        return train(task, groups, lambda i: i, 4, 2, loop, run=run)

    assert again() == again()
    (run.path / "metrics.jsonl").write_text("")
    with pytest.raises(UserError, match="metrics of this finished run are damaged"):
        again()


@pytest.mark.parametrize(
    "rows", [bytes(41) * 3, b"\x09" + bytes(41 * 24 - 1), bytes(41) * 24 + b"x"]
)
def test_a_damaged_png_with_valid_checksums_gives_no_decoder_message(
    rows: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    head = struct.pack(">IIBBBBB", 40, 24, 8, 0, 0, 0, 0)

    def png(pixels: bytes) -> bytes:
        return png_of([(b"IHDR", head), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")])

    assert decode_plain_png(png(bytes(41) * 24), max_pixels=10**6) is not None
    assert decode_plain_png(png(rows), max_pixels=10**6) is None
    try:
        read_image(png(rows))
    except ImageError as error:
        assert "damaged" in str(error)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("way", [mutate_json, mutate_png, mutate_card, mutate_weights])
def test_format_aware_damage_depends_on_its_seed_alone(
    way: Callable[[Random, bytes], bytes],
) -> None:
    good = {
        mutate_json: b'{"a": {"b": [1, {"c": "x"}]}, "d": 2}',
        mutate_png: png_of([(b"IHDR", bytes(13)), (b"IDAT", zlib.compress(bytes(9)))]),
        mutate_card: save({"t": torch.zeros(8)}, {"card": '{"version": 1, "kind": "encoder"}'}),
        mutate_weights: save({"t": torch.ones(8)}, {"card": "{}"}),
    }[way]
    damaged = [way(Random(seed), good) for seed in range(40)]
    assert damaged == [way(Random(seed), good) for seed in range(40)]
    assert sum(each != good for each in damaged) > 30
