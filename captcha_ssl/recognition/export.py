"""A recogniser as an ONNX file that any onnxruntime can run, without this package or torch."""

from __future__ import annotations

import copy
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from captcha_ssl.atomic import atomic_path
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_card import KEY
from captcha_ssl.recognition.onnx_reader import INPUT, OUTPUT, OnnxReader
from captcha_ssl.recognition.recogniser import Recogniser

OPSET = 17
TOLERANCE = 1e-3
"""Largest difference of a logit; two implementations of float32 come to about 1e-5."""
PREPROCESSING = (
    "uint8 pixels [batch, channels, height, width], grey or RGB, transparency on white, resized to "
    "the geometry's height (its width too, or any other from 8 up); the graph standardises every "
    "image to zero mean and unit deviation by itself"
)


def export(recogniser: Recogniser, path: Path, about: dict[str, Any]) -> None:
    """Write an ONNX file with dynamic batch and width; it appears only when it reads alike.

    Input `images` uint8 [N, C, H, W], output `logits` float32 [N, frames(W), K] with class 0 the
    blank. The metadata hold the model card, and in words what the input must be. Raises
    UserError when onnxruntime's logits differ from torch's, OSError when it cannot be written.
    """
    recogniser = copy.deepcopy(recogniser).cpu().eval()
    graph = _trace(recogniser)
    onnx.helper.set_model_props(
        graph,
        {KEY: recogniser.card(about).to_json(), "preprocessing": PREPROCESSING}
        | {"classes": json.dumps(["", *recogniser.charset.characters])},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as unproven:
        unproven.write_bytes(graph.SerializeToString())
        difference = parity(recogniser, OnnxReader(unproven))
        if not difference <= TOLERANCE:
            raise UserError(
                f"{path}: not written, for it would read otherwise than the model (logits differ "
                f"by {difference:.2g}); report this with the versions that `info` prints"
            )


def parity(recogniser: Recogniser, exported: OnnxReader) -> float:
    """The largest difference of a logit over three shapes, batch and width different in each."""
    geometry = recogniser.geometry
    rng = np.random.default_rng(0)
    differences = []
    for batch, width in ((1, geometry.width), (2, geometry.width + 12), (5, geometry.width // 2)):
        shape = (batch, geometry.channels, geometry.height, max(8, width))
        images = rng.integers(0, 256, shape, np.uint8)
        images[0] = 255  # a flat image, which standardising must not blow up
        theirs, ours = exported.logits(images), recogniser.logits(images)
        differences.append(np.abs(theirs - ours).max() if theirs.shape == ours.shape else np.inf)
    return float(np.max(differences))


def _trace(recogniser: Recogniser) -> onnx.ModelProto:
    geometry = recogniser.geometry
    example = torch.zeros(2, geometry.channels, geometry.height, geometry.width, dtype=torch.uint8)
    traced = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter from TorchScript, which torch calls old, needs no further package, and
        # names and shapes come out as asked.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            recogniser,
            (example,),
            traced,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch", 3: "width"}, OUTPUT: {0: "batch", 1: "frames"}},
        )
    return onnx.load_from_string(traced.getvalue())
