"""Learning from images without labels: a recognizer's own sure readings are the labels."""
