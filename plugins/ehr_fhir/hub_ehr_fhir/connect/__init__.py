"""The connection to a FHIR server: discovery, tokens, keys, and calls that survive what servers do."""
