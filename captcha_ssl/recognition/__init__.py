"""Reading text: the recogniser, its training, decoding, scores and predictions."""
