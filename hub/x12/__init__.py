"""X12 5010: bytes to loop trees and back, checked against guides that are declared as rows.

Where things are (import from the modules; this package imports nothing by itself):

    wire        bytes <-> segments, delimiters from the ISA, streaming     Wire, Delimiters, rebuild
    zipped      a ZIP around files, opened within limits                   members(file)
    classify    what a file holds, by content                              classify(source) -> Contents
    envelope    interchanges, groups, transaction sets                     X12Reader(source)
    tree        loops and segments, read and built                         node, Node, Segment, amount, date
    write       loop trees -> bytes, strict                                write_interchange, check_root, basic
    ack         answers to what was read                                   ta1, acknowledgement
    ack_277     an answer to each claim that was read                      claim_acknowledgement
    overlay     rules of one payer or clearinghouse, from TOML             load, X12Reader(source, overlays=[...])
    finding     one fault with its place, never its value                  Finding; statuses adds the 277CA status
    headers     what stands around sets; rules.around, rules.starts judge it  Interchange, Group, SetOutcome
    grammar     seg, loop, guide: how a guide is declared                  compiled, walk, elements run it
    guides      the guides                                                 guide_for, guide_named
    rules       across segments: balances, pointers, sequences; one module a kind, written with `rules.reporting`
    tools       for people: a guide as a table, show, repair, anonymize, diff, table
    generate    valid sets of any guide and files as big as wanted         valid(guide, random), interchange, big

Reading, streamed unit by unit (a unit of an 835 is 2100, of an 837 2300, of a 277CA 2000D, of a 276 or 277 2200D or
2200E, of a 270 or 271 2000C with its dependents):

    with open(path, "rb") as file:
        reader = X12Reader(file)
        for transaction in reader:                     # .kind "835", .st, .group.gs, .control_number
            for claim in transaction.units():          # a Node; give loop ids for other units
                clp = claim.segment("CLP")             # Segment or None
                clp[1], clp[99]                        # "PCN1", "" when absent
                amount(clp, 4)                         # Decimal, None when absent, Problem when unreadable
                for cas in claim.all("CAS"): ...
                for line in claim.children("2110"):
                    line.segment("SVC").parts(1)[2]    # composite part, "" when absent
                claim.value("REF", 2, "1L")            # first REF with REF01 = 1L
                claim.find("2010AA")                   # nearest loop with this id in its context
            transaction.root.all("PLB"), transaction.root.child("1000B")   # what is not in units
            transaction.findings                       # complete once the units are read
        reader.interchanges, reader.findings           # envelopes, TA1s (interchange.ta1s)

Small sets in one go: `transaction.tree()`; findings only: `transaction.check()`.

Writing (control numbers are the caller's; ST, SE and counts are ours; None for HL and LX is numbered):

    root = node("",
        ("BHT", "0019", "00", "REF1", "20260102", "0930", "CH"),
        node("1000A", ("NM1", "41", "2", "PRACTICE", None, None, None, None, "46", "SUBMIT1"), ...),
        node("2000A", ("HL", None, None, "20", None),
            node("2010AA", ...),
            node("2000B", ("HL", None, None, "22", None), ("SBR", "P", "18", ...),
                node("2010BA", ...), node("2010BB", ...),
                node("2300", ("CLM", "PCN1", money(total), None, None, ("11", "B", "1"), "Y", "A", "Y", "Y"),
                    ("HI", ("ABK", "J020")),
                    node("2400", ("LX", None), ("SV1", ("HC", "G0439"), "100", "UN", "1", None, None, ("1",)),
                        ("DTP", "472", "D8", "20260101"))))))
    envelope = Envelope(sender=Party(id="PRACTICE"), receiver=Party(id="CLEARING"), control_number=1,
                        usage="T", at=now)
    group = OutgoingGroup(guide=CLAIM_837P, sender="PRACTICE", receiver="CLEARING", control_number=1,
                          sets=[OutgoingSet(control_number="0001", root=root)])
    data = b"".join(write_interchange(envelope, [group]))     # raises RefusedByGuide, with findings

Answering: read a file to its end, then `acknowledgement(group)` gives the body of a 999 for each
`reader.interchanges[i].groups[j]` (write it with ACKNOWLEDGEMENT_999), and `ta1(interchange)` the segment
for `write_interchange(envelope, ta1s=[...])`.

On sets that payers make (835, 999, 277CA) guide findings are warnings when read, since a file that breaks
its guide is money in the bank all the same; `X12Reader(source, strict=True)` makes them errors, and the
writer always does.
"""
