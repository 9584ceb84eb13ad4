"""Reading, checking and writing labelled and unlabelled text images. Knows nothing of torch."""
