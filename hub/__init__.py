"""Billing Hub: encounters in, coded claims out, remittances posted to the cent."""

__version__ = "0.5.0"
