"""A finding: one thing that is wrong in an X12 file, with its place and without its value."""

from __future__ import annotations

import msgspec

# finding code -> what `hub x12 fix` does about it; a code that is not here needs a person
REPAIRS: dict[str, str] = {
    "element.blanks": "takes the blanks away",
    "element.character": "takes control characters and line breaks out; anything else needs a person",
    "element.date": "writes a date with separators (2026-01-05) without them; any other needs a person",
    "element.trailing": "takes the empty elements and parts at the end away",
    "file.truncated": "ends a last segment that is whole (SE, GE, IEA); any other needs the whole file",
    "ge.control": "repeats GS06",
    "ge.count": "counts the transaction sets",
    "group.unclosed": "adds the GE",
    "hi.icd10": "takes the point out of the diagnosis code; any other needs a person",
    "hl.children": "says what follows",
    "hl.parent": "names the level above; a number that is another level's needs a person",
    "hl.sequence": "numbers the levels anew",
    "iea.control": "repeats ISA13",
    "iea.count": "counts the groups",
    "interchange.unclosed": "adds the IEA",
    "isa.control": "fills a shorter number with zeros; any other needs a person",
    "isa.width": "fills shorter elements with blanks; any other needs a person",
    "lx.sequence": "numbers the lines anew",
    "n4.zip": "takes the hyphen out of a ZIP code; any other needs a person",
    "n4.zip4": "takes the hyphen out of a ZIP code; any other needs a person",
    "ref.tax_id": "takes the hyphens out; any other needs a person",
    "se.control": "repeats ST02",
    "se.count": "counts the segments",
    "segment.case": "writes the segment id in capitals",
    "segment.unexpected": "writes the segment id in capitals; any other needs a person",
    "trailer.missing": "adds the SE",
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: what kind, how bad, where, and what a biller should know; never the value itself.

    `snip` is the WEDI SNIP type 1-7 (0: a receiver said it), `severity` error or warning, `code` stable and short
    (`segment.missing`). `position` is the segment's place in the transaction set, 1-based (ST is 1; 0 for
    envelopes), `line` its place in the whole file (the ISA is 1), which is the line of an editor where each segment
    has a line of its own; `element` and `part` are 1-based or 0. `ik3` and `ik4` are the 999 codes IK304 and IK403,
    `ik5` is that of the whole set (IK502). `status` is the 277CA status that fits, category and code such as
    `A7:562`, "" where none does. `repair` says what `hub x12 fix` would do, "" where only a person can know.
    """

    snip: int
    code: str
    message: str
    severity: str = "error"
    loop: str = ""
    segment: str = ""
    position: int = 0
    element: int = 0
    part: int = 0
    ik3: str = ""
    ik4: str = ""
    ik5: str = ""
    line: int = 0
    status: str = ""
    repair: str = ""

    @property
    def where(self) -> str:
        """The place as people say it, such as `2010AA N403` or `2400 SV101-2`."""
        place = self.segment + (f"{self.element:02}" if self.element else "")
        if self.part:
            place += f"-{self.part}"
        return f"{self.loop} {place}".strip()


def softened(finding: Finding) -> Finding:
    """The same finding as a warning."""
    return msgspec.structs.replace(finding, severity="warning")
