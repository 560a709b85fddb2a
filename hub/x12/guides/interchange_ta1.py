"""The TA1, the answer to an interchange as a whole: one segment between ISA and IEA, without ST and SE."""

from __future__ import annotations

from hub.x12.grammar import Guide, Loop, Segment, seg

# what can be wrong with an interchange: the codes run without a gap
_NOTES = ",".join(f"{number:03}" for number in range(32))
_ROW = seg("TA1 R 1", "Answer to an interchange", f"01! 02! 03! 04!=A,E,R 05!={_NOTES}")

INTERCHANGE_TA1 = Guide(
    kind="TA1",
    title="Answer to an interchange",
    version="00501",
    accepts=(),
    group="",
    transaction="TA1",
    root=Loop(id="", name="Interchange", required=True, repeat=1, rows=(_ROW,)),
    units=(),
    payer_made=True,
)


def ta1_row() -> Segment:
    """The one row of the TA1, for whoever reads or writes the segment in its envelope."""
    return _ROW
