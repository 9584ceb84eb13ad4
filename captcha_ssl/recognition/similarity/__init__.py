"""Which images are similar, and which to label next."""
