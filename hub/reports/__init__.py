"""Read-only views of the books."""
