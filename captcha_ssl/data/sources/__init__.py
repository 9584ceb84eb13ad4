"""Dataset formats: one module each, and `open_source`, which detects the format."""

from captcha_ssl.data.sources.joined import Paths, listed
from captcha_ssl.data.sources.recognize import open_source
from captcha_ssl.data.sources.source import Rejected, Source

__all__ = ["Paths", "Rejected", "Source", "listed", "open_source"]
