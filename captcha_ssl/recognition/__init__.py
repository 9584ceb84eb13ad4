"""Recognition: from frames to text. The recognizer, its training, evaluation and export."""
