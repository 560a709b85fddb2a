"""Bytes to facts: what R4 resources, Bundles and NDJSON say about billing. Pure: nothing outside is asked."""
