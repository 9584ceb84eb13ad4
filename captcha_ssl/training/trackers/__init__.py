"""Trackers for the figures of a run, besides metrics.jsonl: one module each."""

from captcha_ssl.training.trackers.registry import tracked

__all__ = ["tracked"]
