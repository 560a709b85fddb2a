"""Encounters and charges from HL7 v2 ADT, DFT and BAR feeds."""
