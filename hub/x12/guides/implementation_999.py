"""The guide of the 999, the answer to a functional group: 005010X231A1."""

from __future__ import annotations

from hub.x12.grammar import guide, loop, seg

# what can be wrong with a segment, and with an element; I marks what only the guide forbids
_SEGMENT_FAULTS = "1,2,3,4,5,6,7,8,I4,I6,I7,I8,I9"
_ELEMENT_FAULTS = "1,2,3,4,5,6,7,8,9,10,11,12,13,I6,I9,I10,I11,I12,I13"

_SET_FAULTS = "1,2,3,4,5,6,7,8,9,10,11,12,13,15,16,17,18,19,23,24,25,26,27,I5,I6"
_GROUP_FAULTS = "1,2,3,4,5,6,10,11,12,13,14,15,16,17,18,19,23,24,25,26"

# the place that made a rule apply, and a key of the business by which a person finds the claim or member
_TRIGGER = "01!*10 01.1!=SITUATIONAL_TRIGGER 02! 03! 04 05 05.1! 05.2-3 06 06.1!"
_KEYS = "CLM01,ENT01,NM109,PATIENT_NAME_NM109,SUBSCRIBER_NAME_NM109,SUBSCRIBER_NUMBER_REF02,TRN02"

_ELEMENT = loop(
    "2110 S >1",
    "Fault in an element",
    seg("IK4 R 1", "Fault in an element", f"01! 01.1! 01.2-3 02 03!={_ELEMENT_FAULTS} 04"),
    seg("CTX S 10", "Context of the element", _TRIGGER),
)

_SEGMENT = loop(
    "2100 S >1",
    "Fault in a segment",
    seg("IK3 R 1", "Fault in a segment", f"01! 02! 03 04={_SEGMENT_FAULTS}"),
    seg("CTX S 9", "Context of the segment", _TRIGGER),
    seg("CTX S 1", "Key of the business unit", f"01! 01.1!={_KEYS} 01.2!"),
    _ELEMENT,
)

ACKNOWLEDGEMENT_999 = guide(
    "999",
    "Acknowledgement of a functional group",
    "005010X231A1",
    seg("AK1 R 1", "Group that is answered", "01! 02! 03!"),
    loop(
        "2000 S >1",
        "Answer to a transaction set",
        seg("AK2 R 1", "Set that is answered", "01! 02! 03"),
        _SEGMENT,
        seg("IK5 R 1", "Verdict on the set", f"01!=A,E,M,R,W,X 02-06={_SET_FAULTS}"),
    ),
    seg("AK9 R 1", "Verdict on the group", f"01!=A,E,M,P,R,W,X 02! 03! 04! 05-09={_GROUP_FAULTS}"),
    group="FA",
    transaction="999",
    units=("2000",),
    accepts=("005010X231",),
    payer_made=True,
)
