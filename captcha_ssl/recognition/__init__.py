"""Reading text: the recognizer, its training, decoding, scores and predictions."""
