"""The 277CA status that fits a finding of a claim: category and code, as numbers of the public lists."""

from __future__ import annotations

import msgspec

from hub.x12.finding import REPAIRS, Finding

_MISSING, _INVALID, _RELATED = "A6", "A7", "A8"
_GENERAL = "21"
_CATEGORIES = {
    "segment.missing": _MISSING,
    "loop.missing": _MISSING,
    "element.missing": _MISSING,
    "element.relation": _RELATED,
}

# what a fault of one rule is about, wherever it stands
_BY_RULE = {
    "element.npi": "562",
    "element.character": "511",
    "element.too_long": "512",
    "element.too_short": "512",
    "guide.unknown": "493",
    "st.version": "493",
}

# what a segment is about as a whole, then what some of its elements are about
_BY_SEGMENT = {
    "CL1": "231",
    "CLM": "481",
    "DMG": "158",
    "DTP": "187",
    "HI": "255",
    "N3": "503",
    "N4": "126",
    "NM1": "125",
    "PRV": "145",
    "SV1": "507",
    "SV2": "455",
    "SVD": "400",
}
_BY_ELEMENT = {
    ("CLM", 1): "478",
    ("CLM", 2): "178",
    ("DMG", 3): "157",
    ("N4", 1): "502",
    ("N4", 2): "501",
    ("N4", 3): "500",
    ("NM1", 3): "504",
    ("NM1", 4): "505",
    ("NM1", 5): "514",
    ("NM1", 9): "153",
    ("SV1", 2): "178",
    ("SV1", 4): "476",
    ("SV1", 5): "249",
    ("SV1", 7): "477",
    ("SV2", 2): "507",
    ("SV2", 3): "178",
    ("SV2", 5): "476",
}
_BY_PART = {
    ("CLM", 5, 1): "249",
    ("CLM", 5, 3): "535",
    **{(tag, place, part): "453" for tag, place in (("SV1", 1), ("SV2", 2)) for part in (3, 4, 5, 6)},
}


def status_of(found: Finding) -> str:
    """The 277CA status of a finding, such as `A7:562`; a missing thing is A6, a wrong one A7, a pair A8."""
    category = _CATEGORIES.get(found.code) or (_RELATED if found.snip in (3, 4) else _INVALID)
    code = _BY_RULE.get(found.code) or _BY_PART.get((found.segment, found.element, found.part))
    code = code or _BY_ELEMENT.get((found.segment, found.element))
    if code is None and found.snip == 3:
        code = "400"
    return f"{category}:{code or _BY_SEGMENT.get(found.segment, _GENERAL)}"


def placed(found: Finding, *, opens: int, claims: bool) -> Finding:
    """The finding with its line in the file, its repair, and for a set of claims its 277CA status.

    `opens` is the line of the set's ST, 0 where there is no file; a status that a rule has given is kept.
    """
    line = found.line or (opens + max(found.position, 1) - 1 if opens else 0)
    return msgspec.structs.replace(
        found,
        line=line,
        status=found.status or (status_of(found) if claims else ""),
        repair=found.repair or REPAIRS.get(found.code, ""),
    )
