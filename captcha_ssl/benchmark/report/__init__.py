"""Statistics, tables and plots from the records."""
