"""Reads HL7 v2 by position over the raw bytes, lazily: the bytes are the truth and never change.

The door to the package `message`: a `Message` decodes its bytes once and splits them into segments; a `Segment`
splits its fields when first asked; a component is unescaped when it is read. Nothing here raises for bad data.
"""

from __future__ import annotations

from hub_hl7_adt.message.batches import Split, messages_of, split
from hub_hl7_adt.message.charset import plain
from hub_hl7_adt.message.fields import Field, Repetition, Text
from hub_hl7_adt.message.message import Message, message_of
from hub_hl7_adt.message.parts import Frame, Segment, Value, components
from hub_hl7_adt.message.separators import Separators, escaped, separators

__all__ = [
    "Field", "Frame", "Message", "Repetition", "Segment", "Separators", "Split", "Text", "Value",
    "components", "escaped", "message_of", "messages_of", "plain", "separators", "split",
]  # fmt: skip
