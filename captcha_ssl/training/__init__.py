"""One training loop for every stage, with its optimiser, checkpoints and run directory."""
