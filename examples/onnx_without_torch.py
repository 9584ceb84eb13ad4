"""Read an image with an exported model and nothing but onnxruntime, NumPy and Pillow.

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
width = json.loads(metadata["captcha-ssl-model"])["geometry"]["width"]
image = Image.open(sys.argv[2]).convert("L" if channels == 1 else "RGB").resize((width, height))
pixels = np.array(image, np.uint8).reshape(1, height, width, channels).transpose(0, 3, 1, 2)
path = session.run(None, {"images": pixels})[0][0].argmax(-1)
classes = json.loads(metadata["classes"])  # the first is the blank, ""
print("".join(classes[k] for k, before in zip(path, [0, *path[:-1]], strict=True) if k != before))
