"""The door between the hub and its plugins."""
