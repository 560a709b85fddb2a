"""HL7 v2 over TCP (MLLP): framing, answers, the listener and the sender."""
