"""The life of one node: its roles, signals, listeners, reloads, and an orderly end."""
