"""Networks: the encoder (image to frames) and the heads that methods and recogniser put on it."""
