"""Trains every arm and keeps the record of each run."""
