"""Asks a FHIR server by REST what is new, page by page, and makes messages of it."""
