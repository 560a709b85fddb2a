"""Says a place in words: not only `2010AA N403`, but whose address it is and what stands there."""

from __future__ import annotations

from functools import lru_cache

from hub.x12.dictionary import Composite, layouts
from hub.x12.grammar import Guide, Loop, Segment

# parts whose name in the dictionary says little of what they are
_PARTS = {
    ("HI", 1): "kind of code",
    ("HI", 2): "diagnosis or other code",
    ("STC", 1): "status category",
    ("STC", 2): "status",
}
_MOST_NAMES = 2


def place_in_words(guide: Guide | None, loop: str, tag: str, element: int, part: int) -> str:
    """What a place holds, such as `Billing provider, postal code`; "" where nothing is known of it.

    Where many segments of one id stand in the loop (REF, DTP, HI) only the loop and the element are named, since a
    place does not tell which of them is meant.
    """
    rows = _rows(guide).get((loop, tag), ()) if guide else ()
    around = _loops(guide).get(loop, "") if guide and loop else ""
    named = tuple(dict.fromkeys(row.name for row in rows))
    row = " or ".join(named) if len(named) <= _MOST_NAMES else ""
    told = [around] if around else []
    if row and (not element or not told or len(named) > 1) and row.lower() != around.lower():
        told.append(row)
    if element and tag:
        told.append(_element(tag, element, part))
    return ", ".join(one for one in told if one)


def _element(tag: str, element: int, part: int) -> str:
    layout = layouts().get(tag)
    kind = layout.elements[element - 1] if layout and element <= len(layout.elements) else None
    if isinstance(kind, Composite):
        name = kind.parts[part - 1].name if 0 < part <= len(kind.parts) else ""
        return _PARTS.get((tag, part), name)
    return kind.name if kind else ""


@lru_cache(maxsize=16)
def _loops(guide: Guide) -> dict[str, str]:
    return {row.id: row.name for _, row in guide.root.walk() if isinstance(row, Loop)}


@lru_cache(maxsize=16)
def _rows(guide: Guide) -> dict[tuple[str, str], tuple[Segment, ...]]:
    found: dict[tuple[str, str], tuple[Segment, ...]] = {}

    def gather(loop: Loop) -> None:
        for row in loop.rows:
            if isinstance(row, Loop):
                gather(row)
            else:
                key = (loop.id, row.id)
                found[key] = (*found.get(key, ()), row)

    gather(guide.root)
    return found
