"""Pretraining: training an encoder with a method on unlabeled images."""
