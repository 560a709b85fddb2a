"""The guide of the 999, the answer to a functional group: 005010X231A1."""

from __future__ import annotations

from hub.x12.grammar import guide, loop, seg

# what can be wrong with a segment, and with an element; I marks what only the guide forbids
_SEGMENT_FAULTS = "1,2,3,4,5,6,7,8,I4,I6,I7,I8,I9"
_ELEMENT_FAULTS = "1,2,3,4,5,6,7,8,9,10,11,12,13,I6,I9,I10,I11,I12,I13"

# a business key of the set that is answered, or the place that made a rule apply
_CONTEXT = seg("CTX S 10", "Context", "01! 01.1! 01.2 02 03 04 05 05.1! 05.2-3 06 06.1! 06.2")

_ELEMENT = loop(
    "2110 S >1",
    "Fault in an element",
    seg("IK4 R 1", "Fault in an element", f"01! 01.1! 01.2-3 02 03!={_ELEMENT_FAULTS} 04"),
    _CONTEXT,
)

_SEGMENT = loop(
    "2100 S >1",
    "Fault in a segment",
    seg("IK3 R 1", "Fault in a segment", f"01! 02! 03 04={_SEGMENT_FAULTS}"),
    _CONTEXT,
    _ELEMENT,
)

ACKNOWLEDGEMENT_999 = guide(
    "999",
    "Acknowledgement of a functional group",
    "005010X231A1",
    seg("AK1 R 1", "Group that is answered", "01! 02! 03"),
    loop(
        "2000 S >1",
        "Answer to a transaction set",
        seg("AK2 R 1", "Set that is answered", "01! 02! 03"),
        _SEGMENT,
        seg("IK5 R 1", "Verdict on the set", "01!=A,E,M,R,W,X 02-06"),
    ),
    seg("AK9 R 1", "Verdict on the group", "01!=A,E,M,P,R,W,X 02! 03! 04! 05-09"),
    group="FA",
    transaction="999",
    units=("2000",),
    accepts=("005010X231",),
    payer_made=True,
)
