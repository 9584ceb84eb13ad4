"""Use it to read images where only onnxruntime, NumPy and Pillow are installed.

A model that was trained on prepared images (faint or small text) needs data/preparation.py of
this package too, which takes OpenCV and NumPy.

Usage: python examples/onnx_without_torch.py reader.onnx image.png
"""

import json
import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import: it looks up its maker's host

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1])
metadata = session.get_modelmeta().custom_metadata_map
_, channels, height, _ = session.get_inputs()[0].shape
geometry = json.loads(metadata["captcha-ssl-model"])["geometry"]
width = geometry["width"]
image = Image.open(sys.argv[2])
if geometry.get("preparation"):
    from captcha_ssl.data.preparation import Preparation

    steps = geometry["preparation"]
    steps |= {name: tuple(values) for name, values in steps.items() if isinstance(values, list)}
    image = Image.fromarray(Preparation(**steps).apply(np.array(image.convert("RGB"))))
# A narrow image keeps its shape and is padded on the right; others are squeezed or stretched.
natural = max(1, round(image.width * height / image.height))
shown = natural if natural < 0.85 * width else width
image = image.convert("L" if channels == 1 else "RGB").resize((shown, height))
pixels = np.array(image, np.uint8).reshape(height, shown, channels)
border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
padded = np.empty((height, width, channels), np.uint8)
padded[:], padded[:, :shown] = np.median(border, axis=0), pixels
path = session.run(None, {"images": padded.transpose(2, 0, 1)[None]})[0][0].argmax(-1)
classes = json.loads(metadata["classes"])  # the first is the blank, ""
print("".join(classes[k] for k, before in zip(path, [0, *path[:-1]], strict=True) if k != before))
