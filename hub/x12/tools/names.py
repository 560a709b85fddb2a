"""Says a place in words: not only `2010AA N403`, but whose address it is and what stands there."""

from __future__ import annotations

from functools import lru_cache

from hub.x12.dictionary import Composite, layouts
from hub.x12.grammar import Guide, Loop, Segment


def place_in_words(guide: Guide | None, loop: str, tag: str, element: int, part: int) -> str:
    """What a place holds, such as `Billing provider, postal code`; "" where nothing is known of it.

    Where several segments of one id stand in the loop (REF, DTP, HI) only the loop and the element are named,
    since a place does not tell which of them is meant.
    """
    rows = _rows(guide).get((loop, tag), ()) if guide else ()
    around = _loops(guide).get(loop, "") if guide and loop else ""
    row = rows[0].name if len(rows) == 1 else ""
    told = [around] if around else []
    if row and (not element or not told) and row.lower() != around.lower():
        told.append(row)
    if element and tag:
        told.append(_element(tag, element, part))
    return ", ".join(one for one in told if one)


def _element(tag: str, element: int, part: int) -> str:
    layout = layouts().get(tag)
    kind = layout.elements[element - 1] if layout and element <= len(layout.elements) else None
    if isinstance(kind, Composite):
        return kind.parts[part - 1].name if 0 < part <= len(kind.parts) else ""
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
