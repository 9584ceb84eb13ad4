"""Writing datasets: `open_writer`, and one module for each format."""

from captcha_ssl.data.writers.writer import FORMATS, DatasetWriter, Store, open_writer

__all__ = ["FORMATS", "DatasetWriter", "Store", "open_writer"]
