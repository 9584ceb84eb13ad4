"""Where the figures of a run go besides metrics.jsonl: one module for each tracker."""

from captcha_ssl.training.trackers.registry import tracked

__all__ = ["tracked"]
