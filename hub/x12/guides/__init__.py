"""The implementation guides, declared."""
