"""`hub demo`: the whole path in simulated days, with a simulated partner, in a folder of its own."""
