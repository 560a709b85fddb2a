"""HL7 v2 messages: read lazily by position and by name over raw bytes, cut out of files, edited in one place."""
