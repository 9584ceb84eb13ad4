"""How well a recognizer reads: metrics, calibrated confidences, scores and their files."""
