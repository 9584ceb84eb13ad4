"""An exported model reads what the model reads, anywhere, and appears only when it does."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import Tensor

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.preparation import Preparation
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.recognition.export.export import export, export_half
from captcha_ssl.recognition.reading.onnx_reader import OnnxReader
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import read_images

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def onnx_file(reader: Recognizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "reader.onnx"
    export(reader, path, {"labels": 7})
    return path


@pytest.mark.parametrize(("batch", "width"), [(1, 64), (3, 200), (6, 33), (2, 8)])
def test_any_batch_and_width_gives_the_logits_of_the_model(
    reader: Recognizer, onnx_file: Path, batch: int, width: int
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (batch, 1, 32, width), np.uint8)
    logits = OnnxReader(onnx_file).logits(images)
    assert logits.shape == (batch, -(-width // 4), reader.charset.num_classes)
    with torch.inference_mode():
        expected = reader(torch.from_numpy(images)).numpy()
    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


def test_color_and_a_taller_image_are_exported_too(reader: Recognizer, tmp_path: Path) -> None:
    torch.manual_seed(0)
    colored = Recognizer(build_encoder("tiny", 3, 48), reader.charset, Geometry(3, 48, 40))
    export(colored, tmp_path / "colored.onnx", {})
    images = np.random.default_rng(1).integers(0, 256, (2, 3, 48, 72), np.uint8)
    logits = OnnxReader(tmp_path / "colored.onnx").logits(images)
    assert np.abs(logits - colored.logits(images)).max() < 1e-4


def test_it_carries_charset_geometry_temperature_and_preprocessing(
    reader: Recognizer, onnx_file: Path
) -> None:
    opened = OnnxReader(onnx_file)
    assert (opened.charset, opened.geometry) == (reader.charset, reader.geometry)
    assert opened.card == reader.card({"labels": 7})
    metadata = onnxruntime.InferenceSession(onnx_file).get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == ["", *reader.charset.characters]
    assert "uint8" in metadata["preprocessing"]


def test_exporting_changes_nothing_about_the_model(reader: Recognizer, onnx_file: Path) -> None:
    before = {name: value.clone() for name, value in reader.state_dict().items()}
    reader.train()
    try:
        export(reader, onnx_file.with_name("again.onnx"), {"labels": 7})
        assert reader.training
    finally:
        reader.eval()
    assert all(torch.equal(before[name], value) for name, value in reader.state_dict().items())
    assert onnx_file.with_name("again.onnx").read_bytes() == onnx_file.read_bytes()


def test_half_precision_takes_half_the_space_and_reads_the_same(
    reader: Recognizer, tmp_path: Path
) -> None:
    whole, half = tmp_path / "whole.safetensors", tmp_path / "there" / "half.safetensors"
    reader.save(whole, {"labels": 7})
    export_half(reader, half, {"labels": 7})
    assert half.stat().st_size < 0.55 * whole.stat().st_size
    opened = Recognizer.load(half)
    assert {parameter.dtype for parameter in opened.parameters()} == {torch.float32}
    assert opened.card({"labels": 7}) == reader.card({"labels": 7})
    images = np.random.default_rng(2).integers(0, 256, (4, 1, 32, 64), np.uint8)
    expected = reader.logits(images)
    assert np.abs(opened.logits(images) - expected).max() < 0.01 * np.abs(expected).max()


def test_a_weight_that_half_precision_cannot_hold_is_an_error(
    reader: Recognizer, tmp_path: Path
) -> None:
    large = copy.deepcopy(reader)
    with torch.no_grad():
        large.head.bias[1] = 70_000
    with pytest.raises(UserError, match=r"head\.bias is too large for half precision"):
        export_half(large, tmp_path / "half.safetensors", {})
    assert not list(tmp_path.iterdir())


def test_a_file_that_reads_differently_is_never_written(reader: Recognizer, tmp_path: Path) -> None:
    class Shifted(Recognizer):
        """Its graph is traced from other weights than it answers with."""

        def logits(self, images: np.ndarray) -> np.ndarray:
            return super().logits(images) + (images.shape[3] == self.geometry.width + 12)

    shifted = Shifted(reader.encoder, reader.charset, reader.geometry)
    (tmp_path / "model.onnx").write_text("the old one")
    with pytest.raises(UserError, match="not written"):
        export(shifted, tmp_path / "model.onnx", {})
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_text() == "the old one"


def test_large_logits_may_differ_by_more(reader: Recognizer, tmp_path: Path) -> None:
    large = copy.deepcopy(reader)
    with torch.no_grad():
        large.head.weight.mul_(1000)
    export(large, tmp_path / "large.onnx", about={})
    assert (tmp_path / "large.onnx").is_file()


def test_a_width_frozen_into_the_graph_is_noticed(reader: Recognizer, tmp_path: Path) -> None:
    class Frozen(Recognizer):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images)[:, : int(images.shape[3]) // 4]

    frozen = Frozen(reader.encoder, reader.charset, reader.geometry)
    with pytest.raises(UserError, match="not written"):
        export(frozen, tmp_path / "model.onnx", {})
    assert not list(tmp_path.iterdir())


def test_a_foreign_or_damaged_file_is_one_line(onnx_file: Path, tmp_path: Path) -> None:
    for name, content in (("cut", onnx_file.read_bytes()[:5000]), ("text", b"hello"), ("no", b"")):
        file = tmp_path / f"{name}.onnx"
        file.write_bytes(content)
        with pytest.raises(UserError, match=f"{name}.onnx: not a") as caught:
            OnnxReader(file)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such file"):
        OnnxReader(tmp_path / "gone.onnx")


def test_a_run_directory_is_read_through_its_onnx_file_on_the_cpu(
    reader: Recognizer, tmp_path: Path
) -> None:
    reader.save(tmp_path / "model.safetensors", {})
    assert isinstance(open_reader(tmp_path), Recognizer)
    export(reader, tmp_path / "model.onnx", {})
    assert isinstance(open_reader(tmp_path), OnnxReader)
    assert isinstance(open_reader(tmp_path / "model.safetensors"), Recognizer)
    with pytest.raises(UserError, match="cuda"):
        open_reader(tmp_path / "model.onnx", "cuda")
    # A run goes through its ONNX file where onnxruntime alone knows the device.
    with pytest.raises(UserError, match="no DmlExecutionProvider"):
        open_reader(tmp_path, "directml")
    with pytest.raises(UserError, match="for ONNX files; make one with captcha-ssl export"):
        open_reader(tmp_path / "model.safetensors", "directml")


def test_the_example_reads_with_onnxruntime_numpy_and_pillow_alone(
    onnx_file: Path, draw_text: Callable[[str], np.ndarray], tmp_path: Path
) -> None:
    Image.fromarray(draw_text("CADB")).save(tmp_path / "image.png")
    example = ROOT / "examples" / "onnx_without_torch.py"
    # A finder in front of all others, so that the example fails if it reaches for more.
    script = (
        "import runpy, sys\n"
        "sys.modules['torch'] = sys.modules['captcha_ssl'] = sys.modules['cv2'] = None\n"
        f"runpy.run_path({str(example)!r})"
    )
    command = [sys.executable, "-c", script, str(onnx_file), str(tmp_path / "image.png")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "CADB\n"


def test_a_device_is_a_provider_of_onnxruntime_or_refused(
    onnx_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="no OpenVINOExecutionProvider, which comes with"):
        OnnxReader(onnx_file, "openvino")
    with pytest.raises(UserError, match="not for an ONNX file, which takes cpu, cuda, coreml"):
        OnnxReader(onnx_file, "mps")
    asked: list[object] = []
    real = onnxruntime.InferenceSession

    def note(*arguments: object, providers: list[object]) -> object:
        asked.extend(providers)
        return real(*arguments, providers=["CPUExecutionProvider"])

    everything = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]  # noqa: E731
    monkeypatch.setattr(onnxruntime, "get_available_providers", everything)
    monkeypatch.setattr(onnxruntime, "InferenceSession", note)
    # onnxruntime falls back to the CPU in silence; we do not.
    with pytest.raises(UserError, match="CUDAExecutionProvider does not start on this machine"):
        OnnxReader(onnx_file, "cuda:1")
    assert asked == [("CUDAExecutionProvider", {"device_id": 1}), "CPUExecutionProvider"]


def test_the_example_prepares_an_image_as_the_model_says(tmp_path: Path) -> None:
    steps = Preparation(trim="box", box=(0.0, 0.25, 1.0, 0.75), gray="minimum", flatten="closing")
    geometry = Geometry(1, 32, 96, steps)
    torch.manual_seed(0)
    model = Recognizer(build_encoder("tiny", 1, 32), Charset("ABCD"), geometry).eval()
    export(model, tmp_path / "prepared.onnx", {})
    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "image.png")
    reader = OnnxReader(tmp_path / "prepared.onnx")
    assert reader.geometry == geometry
    wanted = read_images(reader, geometry.fit(picture)[None])[0].text
    example = [sys.executable, ROOT / "examples" / "onnx_without_torch.py"]
    command = [*map(str, example), str(tmp_path / "prepared.onnx"), str(tmp_path / "image.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == f"{wanted}\n"
