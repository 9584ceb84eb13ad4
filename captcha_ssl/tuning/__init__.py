"""Searches for the best pretraining and fine-tuning settings on a user's images."""
