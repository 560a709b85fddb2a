"""The hub watches itself: what is wrong, since when, and who is told of it once."""
