"""Learn to read captchas and other short text images from a few labels and many plain images."""

__version__ = "0.1.0"
