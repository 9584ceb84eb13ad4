"""Losses as pure functions of embeddings, float32 inside whatever the autocast."""
