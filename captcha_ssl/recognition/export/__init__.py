"""A recognizer as a file: ONNX, 8 bits, a folder for a model hub."""
