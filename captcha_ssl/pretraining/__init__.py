"""Pretraining: a method on a pile of images."""
