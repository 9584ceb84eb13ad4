"""What a saved state says of the data and the arithmetic that made it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from captcha_ssl.data.fingerprint import SAMPLE, WHOLE, fingerprint
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources.packed import PackedNames
from captcha_ssl.errors import UserError
from captcha_ssl.training.checkpoint import read_origin, save_state
from captcha_ssl.training.origin import Origin, arithmetic, check_origin

GEOMETRY = Geometry(1, 4, 8)


def saved(file: Path, origin: Origin | None = None) -> Path:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    save_state(file, 3, model, optimizer, {"count": torch.tensor(0)}, origin)
    return file


def test_a_state_has_one_metadata_entry_and_returns_its_origin(tmp_path: Path) -> None:
    origin = Origin({"labels": "1f", "charset": "é\n\ud800"}, {"threads": "2"})
    file = saved(tmp_path / "state", origin)
    with safe_open(file, framework="pt") as opened:
        assert len(opened.metadata()) == 1
    assert read_origin(file) == origin


@pytest.mark.parametrize(
    "word",
    [
        "[" * 100_000,
        "[]",
        "1",
        '{"step": 3, "data": 7}',
        '{"step": 3, "data": {"names": 5}}',
        '{"step": 3, "arithmetic": ["x"]}',
        '{"step": ' + "1" * 5000 + "}",
    ],
    ids=["deep", "list", "number", "data", "names", "arithmetic", "digits"],
)
def test_an_origin_of_another_format_is_damage(tmp_path: Path, word: str) -> None:
    file = saved(tmp_path / "state")
    save_file(load_file(file), file, {"run": word})
    with pytest.raises(UserError, match="damaged"):
        read_origin(file)


def test_a_state_of_an_earlier_version_continues_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved(tmp_path / "state")
    save_file(load_file(file), file, {"step": "3"})
    check_origin(tmp_path, read_origin(file), Origin({"names": "a"}, {"threads": "1"}))
    assert "earlier version" in capsys.readouterr().err


def test_threads_precision_and_processor_are_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    before = arithmetic(cpu, torch.float32)
    assert before == arithmetic(cpu, torch.float32)
    assert arithmetic(cpu, torch.bfloat16)["precision"] == "bfloat16"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": False})
    assert arithmetic(cpu, torch.float32)["processor"] != before["processor"]
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert arithmetic(cpu, torch.float32)["threads"] == before["threads"]


def test_every_pixel_name_and_label_counts() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 1, 4, 8), np.uint8)
    names, labels = [f"{i}.png" for i in range(20)], list("abcdefghijabcdefghij")
    of = {"names": names, "labels": labels, "sizes": np.full((20, 2), 4)}
    first = fingerprint(images, GEOMETRY, **of)
    assert first == fingerprint(images.copy(), GEOMETRY, **of)
    for index in range(20):
        other = images.copy()
        other[index, 0, 3, 7] ^= 1
        assert fingerprint(other, GEOMETRY, **of)["pixels"] != first["pixels"]
    assert fingerprint(images, GEOMETRY, names=names[::-1])["names"] != first["names"]
    merged = ["ab", ""], ["a", "b"]
    assert len({fingerprint(images, GEOMETRY, labels=texts)["labels"] for texts in merged}) == 2


def test_a_large_pile_is_sampled_and_its_numbered_names_are_not_built() -> None:
    count = WHOLE // 2**14 + 1
    images = np.broadcast_to(np.zeros((1, 1, 128, 128), np.uint8), (count, 1, 128, 128))
    geometry = Geometry(1, 128, 128)
    told = fingerprint(images, geometry, names=PackedNames(range(2 * 10**9)))
    assert count > SAMPLE
    assert told["names"] != PackedNames(range(2 * 10**9 - 1)).digest()
    assert told["names"] == PackedNames(range(2 * 10**9)).digest()


def test_an_origin_is_written_the_same_way_every_time(tmp_path: Path) -> None:
    origin = Origin({"b": "1", "a": "2"}, {"threads": "2"})
    files = [saved(tmp_path / str(i), origin) for i in range(16)]
    words = set()
    for file in files:
        with safe_open(file, framework="pt") as opened:
            words.add(json.dumps(opened.metadata()))
    assert len(words) == 1
