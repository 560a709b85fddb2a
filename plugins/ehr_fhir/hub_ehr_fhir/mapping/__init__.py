"""Bytes to facts: what a FHIR R4 resource, Bundle or line of NDJSON says about billing. Pure: nothing outside is asked."""
