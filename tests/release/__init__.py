"""What users install, tried: `python -m tests.release`."""
