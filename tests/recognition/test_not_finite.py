"""Weights and answers that are not finite numbers are an error wherever a model is used."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.torch import save

from captcha_ssl.cli.main import run
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import DivergedError, UserError
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_card import KEY, ModelCard
from captcha_ssl.models.model_file import save_model
from captcha_ssl.models.shipped import HEIGHTS, shipped_version
from captcha_ssl.recognition.reading.onnx_reader import OnnxReader
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import read_images
from captcha_ssl.recognition.similarity.embedder import Embedder

BAD = [float("nan"), float("inf"), float("-inf")]
FEW = ["--steps", "1", "--batch-size", "2", "--device", "cpu"]


@pytest.fixture
def pile(tmp_path: Path) -> Path:
    (tmp_path / "pile").mkdir()
    rng = np.random.default_rng(0)
    for index, text in enumerate("ABCD"):
        pixels = rng.integers(0, 256, (32, 64), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pile" / f"{text}_{index}.png")
    return tmp_path / "pile"


def damaged(reader: Recognizer, file: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> Path:
    """`reader` in a file, with one weight deep inside changed."""
    state = {name: tensor.clone() for name, tensor in reader.state_dict().items()}
    name = "encoder.stages.1.conv2.weight"
    state[name] = change(state[name])
    card = reader.card({}).to_json()
    file.write_bytes(save({k: v.contiguous() for k, v in state.items()}, {KEY: card}))
    return file


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    "command",
    [
        ["predict", "{pile}", "--model", "{model}", "--min-confidence", "0.9"],
        ["evaluate", "{model}", "{pile}"],
        ["suggest", "{pile}", "--init-from", "{model}", "--count", "1"],
        ["neighbors", "{pile}", "{out}.png", "--init-from", "{model}", "--count", "1"],
        ["export", "{model}", "{out}.onnx"],
        ["export", "{model}", "{out}.safetensors"],
        ["finetune", "{pile}", "--init-from", "{model}", "--out", "{out}", *FEW],
        ["pretrain", "{pile}", "--init-from", "{model}", "--out", "{out}", *FEW],
    ],
    ids=lambda value: value[0] if isinstance(value, list) else str(value),
)
def test_a_weight_that_is_not_finite_is_one_line_wherever_it_is_read(
    reader: Recognizer,
    pile: Path,
    tmp_path: Path,
    value: float,
    command: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def spoil(weight: torch.Tensor) -> torch.Tensor:
        weight[0, 0, 1, 1] = value
        return weight

    model = damaged(reader, tmp_path / "model.safetensors", spoil)
    places = {"pile": pile, "model": model, "out": tmp_path / "out"}
    assert run([part.format(**places) for part in command] + ["--quiet"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert "encoder.stages.1.conv2.weight is not finite" in line
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.float8_e4m3fn, torch.uint8, torch.bool])
def test_weights_of_another_type_are_damage(
    reader: Recognizer, tmp_path: Path, dtype: torch.dtype
) -> None:
    file = damaged(reader, tmp_path / "m.safetensors", lambda weight: weight.to(dtype))
    with pytest.raises(UserError, match="weights are damaged"):
        Recognizer.load(file)


def test_no_model_with_such_a_weight_is_written(reader: Recognizer, tmp_path: Path) -> None:
    lost = copy.deepcopy(reader)
    with torch.no_grad():
        lost.head.bias[0] = torch.nan
    with pytest.raises(DivergedError, match=r"head\.bias"):
        lost.save(tmp_path / "model.safetensors", {})
    assert not list(tmp_path.iterdir())


def test_finite_weights_whose_answers_overflow_are_an_error(
    reader: Recognizer, pile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = damaged(reader, tmp_path / "m.safetensors", lambda weight: weight + 3e38)
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 32, 64), np.uint8)
    with pytest.raises(DivergedError, match=r"m\.safetensors: its answers are not finite"):
        read_images(Recognizer.load(file), images)
    with pytest.raises(DivergedError, match="not finite"):
        Embedder(file, torch.device("cpu"))(images)
    assert run(["predict", str(pile), "--model", str(file), "-q", "--format", "jsonl"]) == 2
    said = capsys.readouterr()
    assert "NaN" not in said.out and "not finite" in said.err
    encoder = build_encoder("tiny", 1, 32)
    with torch.no_grad():
        encoder.fold.weight += 3e38
    card = ModelCard("encoder", "tiny", Geometry(1, 32, 64))
    save_model(tmp_path / "e.safetensors", encoder.state_dict(), card)
    with pytest.raises(DivergedError, match="frames are not finite"):
        Embedder(tmp_path / "e.safetensors", torch.device("cpu"))(images)


def network(file: Path, answer: np.ndarray | None, card: ModelCard) -> Path:
    """An ONNX file of ours that answers with a constant; None: with a sequence of tensors."""
    if answer is None:
        constant = np.zeros((5, 4, 3), np.float32)
        node = helper.make_node("SequenceConstruct", ["c", "c"], ["logits"])
        end = helper.make_tensor_sequence_value_info("logits", TensorProto.FLOAT, None)
    else:
        constant = answer
        node = helper.make_node("Identity", ["c"], ["logits"])
        kind = helper.np_dtype_to_tensor_dtype(answer.dtype)
        end = helper.make_tensor_value_info("logits", kind, None)
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 1, 32, "width"])],
        [end],
        [numpy_helper.from_array(constant, "c")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {KEY: card.to_json()})
    onnx.save(model, file)
    return file


CARD = ModelCard("recognizer", "tiny", Geometry(1, 32, 64), "AB")
IMAGES = np.zeros((5, 1, 32, 64), np.uint8)


def test_a_network_of_the_right_form_is_read(tmp_path: Path) -> None:
    answer = np.zeros((5, 4, 3), np.float32)
    answer[:, 1, 2] = 9
    found = read_images(OnnxReader(network(tmp_path / "m.onnx", answer, CARD)), IMAGES)
    assert [reading.text for reading in found] == ["B"] * 5


@pytest.mark.parametrize(
    "answer",
    [
        *(np.full((5, 4, 3), value, np.float32) for value in BAD),
        *(np.zeros(shape, np.float32) for shape in [(1, 4, 3), (0, 4, 3), (9, 4, 3), (5, 0, 3)]),
        *(np.zeros(shape, np.float32) for shape in [(5, 4, 4), (5, 4), (5,), (5, 4, 3, 1)]),
        np.zeros((5, 65, 3), np.float32),
        *(np.zeros((5, 4, 3), kind) for kind in (np.int64, np.uint8, np.float64, bool)),
        np.array([[["a", "b", "c"]] * 4] * 5, object),
        None,
    ],
)
def test_an_answer_of_another_form_is_one_line(
    tmp_path: Path, answer: np.ndarray | None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = network(tmp_path / "m.onnx", answer, CARD)
    Image.fromarray(np.zeros((32, 64), np.uint8)).save(tmp_path / "a.png")
    image = str(tmp_path / "a.png")
    with pytest.raises(UserError):
        read_images(OnnxReader(file), IMAGES)
    assert run(["predict", *[image] * 5, "--model", str(file), "--format", "jsonl", "-q"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1


def test_models_that_claim_to_be_huge_are_not_read(
    tmp_path: Path, reader: Recognizer, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.zeros((32, 64), np.uint8)).save(tmp_path / "a.png")
    for name in ("m.onnx", "m.safetensors"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(30 << 30)
        assert run(["predict", str(tmp_path / "a.png"), "--model", str(tmp_path / name)]) == 2
        assert "too large for a model" in capsys.readouterr().err
    many = {f"t{index}": torch.zeros(0) for index in range(10_001)}
    card = reader.card({}).to_json()
    (tmp_path / "many.safetensors").write_bytes(save(many, {KEY: card}))
    with pytest.raises(UserError, match="too many for a model"):
        Recognizer.load(tmp_path / "many.safetensors")


def test_the_shipped_reader_is_finite() -> None:
    reader = OnnxReader(shipped_version(HEIGHTS[-1], ".onnx"))
    geometry = reader.geometry
    shape = (2, geometry.channels, geometry.height, geometry.width)
    for value in (0, 255):
        assert np.isfinite(reader.logits(np.full(shape, value, np.uint8))).all()
