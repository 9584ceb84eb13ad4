"""Files made to do harm: none is run, none takes the machine down, and each is one line."""

from __future__ import annotations

import csv
import json
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image

from captcha_ssl.cli.main import run

pytestmark = pytest.mark.slow


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "the-trap-was-sprung"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    Image.fromarray(np.full((32, 64), 255, np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("model.safetensors", ["predict", "{image}", "--model", "{folder}"]),
        ("model.safetensors", ["export", "{folder}", "{folder}/out.onnx"]),
        ("model.safetensors", ["evaluate", "{folder}", "{folder}"]),
        ("model.onnx", ["predict", "{image}", "--model", "{folder}/model.onnx"]),
        ("labels.csv", ["check-data", "{folder}"]),
        ("labels.tsv", ["check-data", "{folder}"]),
        ("labels.txt", ["check-data", "{folder}"]),
        ("dataset.json", ["check-data", "{folder}"]),
        ("data.mdb", ["check-data", "{folder}"]),
        ("settings.toml", ["pretrain", "{folder}", "--config", "{file}", "--print-config"]),
        ("settings.toml", ["benchmark", "--config", "{file}", "--print-config"]),
        ("image.png", ["check-data", "{folder}"]),
        ("config.toml", ["pretrain", "{image}/..", "--out", "{folder}", "--resume"]),
        (
            "encoder.safetensors",
            ["finetune", "{image}/..", "--out", "{out}", "--init-from", "{file}"],
        ),
    ],
)
def test_a_pickle_under_any_name_is_not_loaded(
    tmp_path: Path,
    marker: Path,
    image: Path,
    name: str,
    command: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    file = folder / name
    file.write_bytes(pickle.dumps(Trap(marker)))
    places = {"folder": folder, "file": file, "image": image, "out": tmp_path / "out"}
    code = run([part.format(**places) for part in command])
    said = capsys.readouterr()
    assert not marker.exists()
    assert code in (1, 2), said
    assert "Traceback" not in said.err


def test_pickled_pixels_are_not_loaded_from_any_form_of_images_npy(
    tmp_path: Path, marker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set").mkdir()
    about = {"format": "captcha-ssl-packed", "version": 1, "count": 1, "channels": 1}
    (tmp_path / "set" / "dataset.json").write_text(json.dumps(about | {"height": 1, "width": 1}))
    file = tmp_path / "set" / "images.npy"
    array = np.array([Trap(marker)], object)
    np.save(file, array, allow_pickle=True)
    assert run(["check-data", str(tmp_path / "set")]) == 2
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", pickle.dumps(Trap(marker)))
    assert run(["check-data", str(tmp_path / "set")]) == 2
    file.write_bytes(pickle.dumps(Trap(marker)))
    assert run(["check-data", str(tmp_path / "set")]) == 2
    assert not marker.exists()
    assert capsys.readouterr().err.count("damaged or incomplete") == 3


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def bomb(width: int, height: int) -> bytes:
    """A PNG that is small on disk and large in memory."""
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(1 + width)) for _ in range(min(height, 2000)))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", packed + rows.flush()), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


LIMITED = """
import resource, sys
from captcha_ssl.cli.main import run
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits memory as Linux does")
@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("bomb.png", bomb(50_000, 50_000), "more than 30,000,000 pixels"),
        ("wide.png", bomb(30_000, 2_000), "more than 30,000,000 pixels"),
        ("claim.bmp", b"BM" + struct.pack("<IIIIii", 10, 0, 54, 40, 100_000, 100_000), ""),
    ],
)
def test_an_image_that_claims_to_be_huge_is_refused_within_a_gigabyte(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    assert len(data) < 2_000_000
    command = [sys.executable, "-c", LIMITED, "predict", name, "--quiet"]
    root = str(Path(__file__).parents[2])
    result = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": root}
    )
    assert result.returncode == 1, result.stderr
    assert result.stderr.count("\n") == 1 and said in result.stderr


def test_an_image_30_000_pixels_wide_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.full((20, 30_000), 255, np.uint8)).save(tmp_path / "wide.png")
    assert run(["predict", str(tmp_path / "wide.png")]) == 0
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("size", [10 * 2**30, 2**63 - 1])
def test_a_header_that_claims_gigabytes_is_refused(
    tmp_path: Path, size: int, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensor = {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}
    head = json.dumps({"a": tensor}).encode()
    model = tmp_path / "model.safetensors"
    model.write_bytes(struct.pack("<Q", len(head)) + head + b"\0" * 64)
    assert run(["predict", str(image), "--model", str(model)]) == 2
    model.write_bytes(struct.pack("<Q", size) + b"\0" * 64)
    assert run(["predict", str(image), "--model", str(model)]) == 2
    packed = tmp_path / "packed"
    packed.mkdir()
    about = {"format": "captcha-ssl-packed", "version": 1, "channels": 1, "height": 1, "width": 1}
    (packed / "dataset.json").write_text(json.dumps(about | {"count": size}))
    with (packed / "images.npy").open("wb") as file:
        shape = {"descr": "|u1", "fortran_order": False, "shape": (size, 1, 1, 1)}
        np.lib.format.write_array_header_1_0(file, shape)
    assert run(["check-data", str(packed)]) == 2
    database = tmp_path / "lmdb"
    with lmdb.open(str(database), map_size=2**20) as env, env.begin(write=True) as transaction:
        transaction.put(b"num-samples", str(size).encode())
    assert run(["check-data", str(database)]) == 2
    assert capsys.readouterr().err.count("\n") == 4


def test_a_table_cannot_lead_out_of_its_folder(
    tmp_path: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    Image.open(image).save(folder / "inside.png")
    rows = [
        ("inside.png", "A"),
        ("../image.png", "B"),
        (str(image), "C"),
        ("a/../../image.png", "D"),
    ]
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("filename", "label"), *rows])
    run(["check-data", str(folder)])
    said = capsys.readouterr()
    assert (said.out + said.err).count("outside the dataset folder") >= 1
    from captcha_ssl.data.sources import open_source

    source = open_source(folder, want_labels=True)
    assert source.names == ["inside.png"] and len(source.rejected) == 3


def test_terminal_control_sequences_are_not_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check-data", str(tmp_path / "\x1b[31mred\x07")]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said and "\x07" not in said and r"\x1b[31mred" in said
