"""Networks: the encoder (image to frames) and the heads of methods and recognizer."""
