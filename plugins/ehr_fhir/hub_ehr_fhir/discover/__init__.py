"""What a server really offers: declared, probed, and the strategy that follows from it."""
