"""Quantizes an exported recognizer to 8 bits: half the time, a quarter of the size."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from captcha_ssl.atomic import atomic_path
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.reading.onnx_reader import INPUT, OnnxReader
from captcha_ssl.recognition.reading.text_reader import read_images

CALIBRATED, JUDGED = 512, 1024
"""Numbers of images for the ranges and for the comparison of the two models."""
LEAST_ALIKE = 0.9
"""Smallest share of unchanged texts; some texts change on images that are hard to read."""
_BATCH = 16


def quantize(source: Path, target: Path, images: np.ndarray) -> float:
    """Write the ONNX file `source` to `target` with all convolutions but the first in int8.

    The ranges of activations (per tensor) are the extremes over the first of the uint8 images [N,
    C, H, W]; weights have one scale for each output channel and 7 bits, so that processors without
    VNNI, which add products in 16 bits, do not overflow. Returns the share of images with the same
    text. Raises UserError if it is below 0.9, OSError if the file cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as unproven, tempfile.TemporaryDirectory() as folder:
        rough = Path(folder) / "rough.onnx"
        _quantize(source, rough, images[:CALIBRATED])
        unproven.write_bytes(_with_card(rough, source))
        alike = _alike(OnnxReader(source), OnnxReader(unproven), images[:JUDGED])
        if alike < LEAST_ALIKE:
            raise UserError(
                f"{target}: not written, for in 8 bits only {alike:.1%} of the images read as "
                "before; give images like those it will read, or export it without --int8"
            )
    return alike


def _quantize(source: Path, target: Path, images: np.ndarray) -> None:
    # The quantizer always advises to preprocess the model, which torch has already done.
    logging.disable(logging.WARNING)
    try:
        quantize_static(
            source,
            target,
            _Batches(images),
            quant_format=QuantFormat.QDQ,
            # Sums and pools stay in float: they cost little time, and there precision matters.
            op_types_to_quantize=["Conv"],
            # The first convolution sees pixels and is cheap, and its errors affect all later ones.
            nodes_to_exclude=[_first_convolution(source)],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
    finally:
        logging.disable(logging.NOTSET)


def _first_convolution(file: Path) -> str:
    return next(str(node.name) for node in onnx.load(file).graph.node if node.op_type == "Conv")


class _Batches(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, images: np.ndarray) -> None:
        self._batches: Iterator[np.ndarray] = iter(
            np.array(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def _with_card(file: Path, source: Path) -> bytes:
    """The network in `file` with the metadata of `source`."""
    graph, told = onnx.load(file), onnx.load(source).metadata_props
    onnx.helper.set_model_props(graph, {entry.key: entry.value for entry in told})
    written: bytes = graph.SerializeToString()
    return written


def _alike(one: OnnxReader, other: OnnxReader, images: np.ndarray) -> float:
    pairs = zip(read_images(one, images), read_images(other, images), strict=True)
    return float(np.mean([a.text == b.text for a, b in pairs]))
