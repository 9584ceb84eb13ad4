"""Networks: the encoder (image to frames) and the heads that methods and recognizer put on it."""
