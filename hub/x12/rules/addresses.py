"""What an address must be true to: a state and a ZIP in the United States, a street for a billing provider."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.x12.rules.reporting import first, text
from hub.x12.tree import Node

_ZIP = re.compile(r"(?!000)\d{5}(?:\d{4})?")
_BOX = re.compile(
    r"\bG?(?:P\.?\s*O\.?|POST(?:AL)?(?:\s+OFFICE)?)\s*(?:BOX|BX|DRAWER)(?![A-Z])"
    r"|\bP\.?\s?O\.?\s?B\.?\s?(?:\#\s?)?\d"
    r"|\bLOCK\s?BOX(?:\s*(?:\#|NO\.?)?\s*\d|$)",
    re.IGNORECASE,
)
_BARE_BOX = re.compile(r"\s*(?:BOX|DRAWER)\s*(?:\#|NO\.?)?\s*\d", re.IGNORECASE)
_STREET = re.compile(r"\s*(?:\d|R\.?R|H\.?C|RURAL|HIGHWAY|STAR)", re.IGNORECASE)

Fault = tuple[list[str], str, str, int, int]


def address_faults(node: Node, *, full: bool, street: bool) -> Iterator[Fault]:
    """Yields segment, code, message, SNIP type and element of what is wrong with a loop's N3 and N4.

    `full` asks for the ZIP with its four digits, `street` for a place where somebody can be visited.
    """
    n4 = first(node, "N4")
    if street:
        yield from _street_faults(first(node, "N3"))
    if n4 is not None:
        yield from _place_faults(n4, full=full)


def _street_faults(n3: list[str] | None) -> Iterator[Fault]:
    if n3 is None:
        return
    for element, line in enumerate(n3[1:], 1):
        beside_street = element > 1 and _STREET.match(text(n3, 1))
        if _BOX.search(line) or (_BARE_BOX.match(line) and not beside_street):
            message = "the billing address must be a street; a box goes to the pay-to address (2010AB)"
            yield n3, "n3.box", message, 2, element


def _place_faults(n4: list[str], *, full: bool) -> Iterator[Fault]:
    country = text(n4, 4)
    if country not in ("", "US", "CA"):
        return
    if not text(n4, 2):
        yield n4, "n4.state", "a state or province is required in this country", 4, 2
    code = text(n4, 3)
    if country == "CA":
        return
    if not _ZIP.fullmatch(code):
        yield n4, "n4.zip", "the ZIP has neither five nor nine digits of a true ZIP", 5, 3
    elif full and (len(code) != 9 or code.endswith("9999")):
        yield n4, "n4.zip4", "the true ZIP+4 of nine digits is required here", 2, 3
