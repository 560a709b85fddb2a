"""One checked tree of settings, read once."""
