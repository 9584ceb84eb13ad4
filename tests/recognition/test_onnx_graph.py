"""A network that is none of ours is refused before any of it is run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from captcha_ssl.errors import UserError
from captcha_ssl.models.model_card import KEY
from captcha_ssl.recognition.reading.onnx_reader import OnnxReader

CARD = {
    **{"version": 1, "kind": "recognizer", "encoder": "tiny", "charset": "AB"},
    "geometry": {"channels": 1, "height": 32, "width": 64},
}


def network(file: Path, nodes: Sequence[Any], **constants: Any) -> Path:
    """A file with these nodes, from `images` to `logits`, and a card as ours."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 1, 32, "width"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "frames", 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    helper.set_model_props(model, {KEY: json.dumps(CARD)})
    file.write_bytes(model.SerializeToString())
    return file


def endless_loop() -> Any:
    def value(name: str, kind: int, shape: list[int] | None) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_"]), helper.make_node("Relu", ["x"], ["y"])],
        "body",
        [value("i", TensorProto.INT64, []), value("on", TensorProto.BOOL, [])]
        + [value("x", TensorProto.FLOAT, None)],
        [value("on_", TensorProto.BOOL, []), value("y", TensorProto.FLOAT, None)],
    )
    return helper.make_node("Loop", ["often", "go", "start"], ["logits"], body=body)


def test_a_small_network_of_our_operators_is_read(tmp_path: Path):
    start = np.zeros((1, 5, 3), np.float32)
    file = network(
        tmp_path / "m.onnx", [helper.make_node("Relu", ["start"], ["logits"])], start=start
    )
    assert OnnxReader(file).logits(np.zeros((1, 1, 32, 64), np.uint8)).shape == (1, 5, 3)


def test_an_endless_loop_is_refused_and_named(tmp_path: Path):
    constants = {"often": 2**62, "go": True, "start": np.zeros((1, 5, 3), np.float32)}
    with pytest.raises(UserError, match="'Loop', which no recognizer of ours has"):
        OnnxReader(network(tmp_path / "m.onnx", [endless_loop()], **constants))


def test_gigabytes_from_one_shape_are_refused(tmp_path: Path):
    node = helper.make_node("ConstantOfShape", ["shape"], ["logits"])
    with pytest.raises(UserError, match="'ConstantOfShape'"):
        OnnxReader(network(tmp_path / "m.onnx", [node], shape=np.array([5, 70_000_000, 3])))


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        # A sum of a row and a column is a table.
        (
            [helper.make_node("Add", ["row", "column"], ["logits"])],
            {
                "row": np.zeros((1, 1, 60_000), np.float32),
                "column": np.zeros((1, 60_000, 1), np.float32),
            },
        ),
        (
            [
                helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
                helper.make_node("Conv", ["x", "w"], ["logits"], pads=[0, 1 << 30, 0, 1 << 30]),
            ],
            {"w": np.zeros((3, 1, 1, 1), np.float32)},
        ),
    ],
    ids=["broadcast", "padding"],
)
def test_steps_that_make_far_more_than_any_encoder_are_refused(
    tmp_path: Path, nodes: list[Any], constants: dict[str, Any]
):
    with pytest.raises(UserError, match="takes more memory than any of ours"):
        OnnxReader(network(tmp_path / "m.onnx", nodes, **constants))


def test_an_operator_whose_name_is_not_text_is_refused_and_shown(tmp_path: Path):
    start = np.zeros((1, 5, 3), np.float32)
    file = network(
        tmp_path / "m.onnx", [helper.make_node("Relu", ["start"], ["logits"])], start=start
    )
    file.write_bytes(file.read_bytes().replace(b"Relu", b"Re\xff\xfe"))
    with pytest.raises(UserError, match="its network has 'Re.*', which no recognizer of ours has"):
        OnnxReader(file)
