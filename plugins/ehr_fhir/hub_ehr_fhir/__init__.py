"""Encounters from FHIR R4 servers and files."""
