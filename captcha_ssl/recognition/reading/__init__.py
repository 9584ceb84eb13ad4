"""Images to texts: the recognizer, in torch or in ONNX, decoding, and what `predict` reads."""
