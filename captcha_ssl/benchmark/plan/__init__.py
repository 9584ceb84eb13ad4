"""Which arms are compared, at how many labels, from which seeds."""
