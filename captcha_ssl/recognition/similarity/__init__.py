"""Which images are alike, and which to label next."""
