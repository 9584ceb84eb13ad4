"""Training a recognizer from labels: the loss, self-training, and where training starts."""
