"""Bulk Data export: asked for, waited for, and downloaded line by line."""
