"""How a shape becomes code: its rows, the kinds of values, what is kept beside the fields, reader and writer."""
