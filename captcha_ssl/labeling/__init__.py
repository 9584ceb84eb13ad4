"""The page on which a user types labels, and the small server behind it."""
