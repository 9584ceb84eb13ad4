"""The encoders that a benchmark compares, one file for each source."""
