"""A recognizer in 8 bits: smaller, complete, and refused when it reads otherwise."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest

from captcha_ssl.errors import UserError
from captcha_ssl.models.shipped import HEIGHTS, shipped_version
from captcha_ssl.recognition.export.quantize import CALIBRATED, quantize
from captcha_ssl.recognition.reading.onnx_reader import OnnxReader
from captcha_ssl.recognition.reading.text_reader import read_images
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings
from tests.warm.program import run_warm

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped recognizer in float."""
    file = tmp_path_factory.mktemp("exact") / "model.onnx"
    weights = shipped_version(HEIGHTS[-1])
    run_warm("export", weights, file).check_returncode()
    return file


@pytest.fixture(scope="module")
def pictures(exact: Path) -> np.ndarray:
    return fitted(exact, "plain")


def fitted(model: Path, style: str) -> np.ndarray:
    """200 pictures of a style, as the model sees them."""
    geometry = OnnxReader(model).geometry
    settings = PictureSettings(style=style, seed=3)
    drawn = (render(settings, index)[0] for index in range(200))
    return np.stack([geometry.fit(np.ascontiguousarray(p.transpose(1, 2, 0))) for p in drawn])


def test_it_reads_nearly_the_same_says_how_often_and_is_a_third_of_the_size(
    exact: Path, pictures: np.ndarray, tmp_path: Path
) -> None:
    small = tmp_path / "sub" / "int8.onnx"
    share = quantize(exact, small, pictures[:150])
    assert share > 0.95
    texts = [[r.text for r in read_images(OnnxReader(f), pictures[:150])] for f in (exact, small)]
    assert share == np.mean([a == b for a, b in zip(*texts, strict=True)])
    unseen = [[r.text for r in read_images(OnnxReader(f), pictures[150:])] for f in (exact, small)]
    assert sum(a == b for a, b in zip(*unseen, strict=True)) >= 46
    assert small.stat().st_size < exact.stat().st_size / 3


def test_it_keeps_the_card_and_any_batch_and_width(
    exact: Path, pictures: np.ndarray, tmp_path: Path
) -> None:
    small = tmp_path / "int8.onnx"
    quantize(exact, small, pictures[:32])
    told, kept = (
        {entry.key: entry.value for entry in onnx.load(file).metadata_props}
        for file in (exact, small)
    )
    assert kept == told
    reader = OnnxReader(small)
    blank = np.zeros((3, 1, reader.geometry.height, 50), np.uint8)
    assert reader.logits(blank).shape[:2] == (3, 13)


def test_no_convolution_but_the_first_is_left_in_float(
    exact: Path, pictures: np.ndarray, tmp_path: Path
) -> None:
    small = tmp_path / "int8.onnx"
    quantize(exact, small, pictures[:16])
    graph = onnx.load(small).graph
    made_by = {output: node.op_type for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 11
    first, *others = convolutions
    assert made_by.get(first.input[1]) != "DequantizeLinear"
    for node in others:
        assert {made_by[name] for name in node.input} == {"DequantizeLinear"}


def test_ranges_of_other_images_are_refused_and_nothing_is_written(
    exact: Path, tmp_path: Path
) -> None:
    wavy = fitted(exact, "wavy")
    flat = np.full((CALIBRATED, *wavy.shape[1:]), 255, np.uint8)
    with pytest.raises(UserError, match="in 8 bits only"):
        quantize(exact, tmp_path / "int8.onnx", np.concatenate([flat, wavy, wavy]))
    assert list(tmp_path.iterdir()) == []


def test_export_writes_it_and_predict_reads_with_it(tmp_path: Path) -> None:
    run = partial(run_warm, cwd=tmp_path)
    picture = ("--style", "plain", "--charset", "234567", "-q")
    assert run("generate", "pile", "--count", "40", *picture).returncode == 0
    assert run("generate", "one", "--count", "1", "--format", "folder", *picture).returncode == 0
    done = run("export", "shipped", "int8.onnx", "--int8", "pile")
    assert (done.returncode, done.stdout) == (0, "int8.onnx\n"), done.stderr
    assert done.stderr.splitlines()[-1].startswith("in 8 bits ")
    assert done.stderr.splitlines()[-1].endswith("% of 40 images read as before")
    read = run("predict", "one", "--model", "int8.onnx")
    assert read.stdout == run("predict", "one").stdout != ""
    wrong = run("export", "shipped", "half.safetensors", "--int8", "pile")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--int8 is for .onnx files" in wrong.stderr
