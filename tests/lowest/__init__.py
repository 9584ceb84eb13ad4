"""The lowest versions that pyproject.toml allows, tried: `python -m tests.lowest`."""
