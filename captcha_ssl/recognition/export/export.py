"""Exports a recognizer as one file.

ONNX works in any onnxruntime, without this package or torch; half-precision safetensors work in
this package, for reading or fine-tuning, at half the size.
"""

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
from captcha_ssl.models.model_file import save_model
from captcha_ssl.recognition.reading.onnx_reader import INPUT, OUTPUT, OnnxReader
from captcha_ssl.recognition.reading.recognizer import Recognizer

OPSET = 17
TOLERANCE = 1e-4
"""Largest allowed difference, as a share of the largest logit; two implementations of float32
differ by about 1e-6."""
_USUAL_LOGIT = 10.0
"""Smaller logits count as so large."""
PREPROCESSING = (
    "uint8 pixels [batch, channels, height, width], gray or RGB, transparency on white, prepared "
    "as the geometry's preparation says (null: not at all; see captcha_ssl/data/preparation.py), "
    "resized to the geometry's height (its width too, or any other from 8 up); the graph "
    "standardizes each image to zero mean and unit deviation"
)


def export(recognizer: Recognizer, path: Path, about: dict[str, Any]) -> None:
    """Write an ONNX file with dynamic batch and width, but only if it gives the same logits.

    Input `images` uint8 [N, C, H, W], output `logits` float32 [N, frames(W), K] with class 0 the
    blank. The metadata have the model card and a description of the input. Raises UserError if
    onnxruntime's logits differ from torch's, OSError if it cannot be written.
    """
    recognizer = copy.deepcopy(recognizer).cpu().eval()
    graph = _trace(recognizer)
    onnx.helper.set_model_props(
        graph,
        {KEY: recognizer.card(about).to_json(), "preprocessing": PREPROCESSING}
        | {"classes": json.dumps(["", *recognizer.charset.characters])},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as unproven:
        unproven.write_bytes(graph.SerializeToString())
        difference = parity(recognizer, OnnxReader(unproven))
        if not difference <= TOLERANCE:
            raise UserError(
                f"{path}: not written, for it would read otherwise than the model (logits differ "
                f"by {difference:.2g} of the largest); report this with the versions that `info` "
                "prints"
            )


def export_half(recognizer: Recognizer, path: Path, about: dict[str, Any]) -> None:
    """Write the model file with its weights in float16; it loads as any other.

    Raises UserError for a weight that float16 cannot hold, OSError when it cannot be written.
    """
    state = recognizer.state_dict()
    tensors = {name: t.half() if t.is_floating_point() else t for name, t in state.items()}
    lost = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if lost:
        raise UserError(f"{path}: not written, for {lost[0]} is too large for half precision")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, tensors, recognizer.card(about))


def parity(recognizer: Recognizer, exported: OnnxReader) -> float:
    """The largest difference of a logit, as a share of the largest one.

    Over three shapes, batch and width different in each.
    """
    geometry = recognizer.geometry
    rng = np.random.default_rng(0)
    differences = []
    for batch, width in ((1, geometry.width), (2, geometry.width + 12), (5, geometry.width // 2)):
        shape = (batch, geometry.channels, geometry.height, max(8, width))
        images = rng.integers(0, 256, shape, np.uint8)
        images[0] = 255  # a flat image, whose noise must not be amplified
        theirs, ours = exported.logits(images), recognizer.logits(images)
        largest = max(_USUAL_LOGIT, np.abs(ours).max())
        alike = theirs.shape == ours.shape
        differences.append(np.abs(theirs - ours).max() / largest if alike else np.inf)
    return float(np.max(differences))


def _trace(recognizer: Recognizer) -> onnx.ModelProto:
    geometry = recognizer.geometry
    example = torch.zeros(2, geometry.channels, geometry.height, geometry.width, dtype=torch.uint8)
    traced = io.BytesIO()
    with warnings.catch_warnings():
        # torch calls the TorchScript exporter old, but it needs no other package and keeps our
        # names and shapes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            recognizer,
            (example,),
            traced,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch", 3: "width"}, OUTPUT: {0: "batch", 1: "frames"}},
        )
    return onnx.load_from_string(traced.getvalue())
