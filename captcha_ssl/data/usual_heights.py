"""The heights to which images are usually resized, in pixels. Light to import."""

DEFAULT_HEIGHT, TALLER_HEIGHT = 32, 48
"""For images with fewer than 48 rows, and for all others. Larger encoders than `tiny` always get
the second one: the shipped model reads best at it.
"""
HIGHEST, HEIGHT_STEP = 64, 16
"""The largest height that the program chooses or advises by itself, and by how much it goes up."""
