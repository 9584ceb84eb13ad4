"""Reading, checking and writing labeled and unlabeled text images. Works without torch."""
