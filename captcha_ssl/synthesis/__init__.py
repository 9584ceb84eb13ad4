"""Rendering captchas: styles, fonts, and pictures that depend only on seed and index."""
