"""The heights to which images are usually resized, in pixels. Light to import."""

DEFAULT_HEIGHT, TALLER_HEIGHT = 32, 48
"""For the encoder `tiny`, and for larger ones, which read more in more pixels."""
