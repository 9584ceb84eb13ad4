"""Captcha rendering: styles, fonts, and pictures that depend on their seed and index alone."""
