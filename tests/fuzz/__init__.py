"""Damaged and hostile files, made by mutation from good ones: `python -m tests.fuzz`."""
