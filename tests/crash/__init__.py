"""Kills runs at random moments and compares what they come to: `python -m tests.crash`."""
