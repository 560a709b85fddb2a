"""What would become of one encounter, element by element of its claim: where each comes from, and what is missing."""
