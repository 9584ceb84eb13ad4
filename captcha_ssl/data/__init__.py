"""Reading, checking and writing labeled and unlabeled text images. Knows nothing of torch."""
