"""Dated code sets and their importers."""
