"""Immutable canonical records; no I/O, no opinions, nothing imported but the standard library and msgspec."""
