"""Servers that a client of FHIR meets, for the tests of `connect`: small, real, on this machine, without waits."""
