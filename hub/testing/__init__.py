"""For tests: fakes, sample makers, and conformance kits that plugin authors subclass."""
