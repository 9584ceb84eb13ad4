"""Checks what the network in an ONNX file computes, before any of it runs.

A few bytes can ask for an endless loop or for terabytes, and onnxruntime would begin with it while
it loads the file.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import onnx
from onnx import shape_inference

from captcha_ssl.errors import UserError
from captcha_ssl.memory import raise_if_memory
from captcha_ssl.models.frames import frames
from captcha_ssl.models.model_card import KEY, parse_card
from captcha_ssl.printable import quoted

_OPERATORS = """
Add AveragePool BatchNormalization Cast Clip Concat Constant Conv DequantizeLinear Div Gather
Identity MatMul Max Mul QuantizeLinear ReduceMean Relu Reshape Shape Slice Sqrt Squeeze Sub
Transpose Unsqueeze
"""
OPERATORS = frozenset(_OPERATORS.split())
"""The operations of exported recognizers, from this and other versions of torch."""
_MOST_NODES = 2_000
_WIDEST = 64
"""Numbers for each pixel of an image; the largest encoder has 16."""


def check_graph(path: Path) -> None:
    """Raise UserError for a file whose network is none of ours, or takes unusual memory."""
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's exceptions and others
        raise_if_memory(error)
        raise UserError(f"{path}: not a readable ONNX file; export it again") from error
    try:
        _check_nodes(path, model)
        _check_sizes(path, model)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: its description is not UTF-8; export it again") from error


def _check_nodes(path: Path, model: onnx.ModelProto) -> None:
    graph = model.graph
    strange = sorted({_text(node.op_type) for node in graph.node} - OPERATORS)
    if strange:
        raise UserError(
            f"{path}: its network has {quoted(strange[0][:40])}, which no recognizer of ours has; "
            "export it again"
        )
    attributes = [part for node in graph.node for part in node.attribute]
    tensors = [*graph.initializer, *(part.t for part in attributes)]
    if (
        len(graph.node) > _MOST_NODES
        or model.functions
        or graph.sparse_initializer
        or any(node.domain not in ("", "ai.onnx") for node in graph.node)
        or any(part.HasField("sparse_tensor") for part in attributes)
        or any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors)
    ):
        raise UserError(f"{path}: its network is no recognizer of ours; export it again")


def _text(name: str | bytes) -> str:
    # protobuf hands out bytes where a text is not UTF-8.
    return name if isinstance(name, str) else name.decode(errors="replace")


def _check_sizes(path: Path, model: onnx.ModelProto) -> None:
    """Raise UserError where a step makes more of one image than any encoder does."""
    stored = next((entry.value for entry in model.metadata_props if entry.key == KEY), None)
    card = parse_card(path, stored)
    size = card.geometry
    classes = 1 + len(card.charset or "")
    # 8-bit weights become one number per byte.
    most = _WIDEST * size.height * size.width + frames(size.width) * classes + path.stat().st_size
    graph = model.graph
    # The sizes that the file claims are not trusted.
    del graph.value_info[:]
    for end in graph.output:
        end.type.tensor_type.ClearField("shape")
    for end in graph.input:
        shape = end.type.tensor_type.shape
        del shape.dim[:]
        for length in (1, size.channels, size.height, size.width):
            shape.dim.add().dim_value = length
    try:
        inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    except Exception as error:  # its own exceptions have no common base
        raise UserError(f"{path}: its network does not fit its description") from error
    found = {
        value.name: value.type.tensor_type.shape.dim
        for value in (*inferred.value_info, *inferred.output)
        if value.type.tensor_type.HasField("shape")
    }
    for name in (name for node in graph.node for name in node.output if name):
        lengths = found.get(name)
        if lengths is None or not all(length.HasField("dim_value") for length in lengths):
            raise UserError(f"{path}: its network gives results of unknown size; export it again")
        if prod(length.dim_value for length in lengths) > most:
            raise UserError(
                f"{path}: its network takes more memory than any of ours; export it again"
            )
