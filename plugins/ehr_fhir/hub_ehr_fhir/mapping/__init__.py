"""Bytes to facts: what R4 resources, Bundles and lines of NDJSON say about billing; pure, nothing outside is asked."""
