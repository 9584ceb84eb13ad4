"""The heights to which images are usually resized, in pixels. Light to import."""

DEFAULT_HEIGHT, TALLER_HEIGHT = 32, 48
"""For images with fewer than 48 rows, and for all others. Larger encoders than `tiny` always get
the second one: the shipped model reads best at it.
"""
