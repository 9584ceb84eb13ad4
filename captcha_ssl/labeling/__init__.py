"""The web page for typing labels, and its small server."""
