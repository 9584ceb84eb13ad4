"""One training loop for every stage, with its optimizer, checkpoints and run directory."""
