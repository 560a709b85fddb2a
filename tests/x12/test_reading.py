"""Transaction sets as loop trees: units, context, values, and neighbours that survive."""

from __future__ import annotations

import datetime as dt
import gc
from decimal import Decimal
from types import SimpleNamespace

import pytest

from hub.errors import Problem
from hub.x12.envelope import X12Reader
from hub.x12.tree import Node, Parts, Segment, amount, date, number, period


@pytest.fixture(scope="module")
def remittance(samples: SimpleNamespace) -> bytes:
    """The ordinary 835."""
    return bytes(samples.write("835", samples.ordinary_remittance()))


def units(data: bytes, *loops: str) -> list[Node]:
    """The units of the first set of a file."""
    return list(next(iter(X12Reader(data))).units(*loops))


def test_each_claim_payment_is_a_unit_with_its_context(remittance: bytes) -> None:
    """An 835 yields its 2100 loops; the payee is found from each."""
    found = units(remittance)
    assert [unit.loop for unit in found] == ["2100"] * 4
    assert [unit.value("CLP", 1) for unit in found] == ["PCN1", "PCN2", "PCN3", "PCN3"]
    payee = found[0].find("1000B")
    assert payee is not None
    assert payee.value("REF", 2, "TJ") == "123456789"
    assert [len(unit.children("2110")) for unit in found] == [2, 1, 0, 0]


def test_root_keeps_what_lies_outside_the_units(remittance: bytes) -> None:
    """After the units, the header and PLB are in `root`, and no claim is held."""
    transaction = next(iter(X12Reader(remittance)))
    assert sum(1 for _ in transaction.units()) == 4
    root = transaction.root
    assert root.value("BPR", 2) == "125.5"
    assert [plb.parts(3)[1] for plb in root.all("PLB")] == ["L6"]
    assert [child.loop for child in root.children()] == ["1000A", "1000B"]


def test_units_do_not_gather_in_memory(samples: SimpleNamespace) -> None:
    """A unit that is let go is freed at once, without the collector: no loop and its parent hold each other."""
    many = [samples.paid(f"P{n}", "1", "10", "10", None, samples.service("G0439", "10", "10")) for n in range(50)]
    data = samples.write("835", samples.remittance("500", "CHK", *many))
    gc.disable()
    try:
        before = sum(isinstance(thing, Node) for thing in gc.get_objects())
        transaction = next(iter(X12Reader(data)))
        alive = [
            sum(isinstance(thing, Node) for thing in gc.get_objects()) - before
            for number_, _ in enumerate(transaction.units())
            if number_ % 10 == 0
        ]
    finally:
        gc.enable()
    assert len(alive) == 5
    assert max(alive) - min(alive) <= 4


def test_absent_things_are_empty_and_never_zero() -> None:
    """A missing element is "", a missing amount None, an unreadable one a Problem."""
    clp = Segment(["CLP", "A", "1", "", "12,50", "-3.10", "20260231", "20260228"])
    assert (clp[1], clp[3], clp[40], clp.parts(1)[1], clp.parts(3)[2]) == ("A", "", "", "A", "")
    assert amount(clp, 3) is None
    assert amount(clp, 5) == Decimal("-3.10")
    unreadable = amount(clp, 4)
    assert isinstance(unreadable, Problem)
    assert unreadable.where == "CLP04"
    assert isinstance(date(clp, 6), Problem)
    assert date(clp, 7) == dt.date(2026, 2, 28)
    assert date(clp, 30) is None


@pytest.mark.parametrize("text", ["1e5", "NaN", "1.2.3", "--1", "٣", "1_000", " 1", "1-", "."])
def test_only_plain_numbers_are_numbers(text: str) -> None:
    """What Python would take for a number but X12 does not is a Problem."""
    assert isinstance(number(text, "CLP04"), Problem)


def test_periods_are_read_in_both_formats() -> None:
    """D8 is one day, RD8 a first and a last."""
    assert period(Segment(["DTP", "472", "RD8", "20260101-20260103"]), 3) == (
        dt.date(2026, 1, 1),
        dt.date(2026, 1, 3),
    )
    assert period(Segment(["DTP", "472", "D8", "20260101"]), 3) == (dt.date(2026, 1, 1), dt.date(2026, 1, 1))
    assert isinstance(period(Segment(["DTP", "472", "RD8", "2026"]), 3), Problem)
    assert period(Segment(["DTP", "472", "D8"]), 3) is None


def test_parts_and_repeats_are_split_by_the_interchanges_delimiters() -> None:
    """Composites and repetitions are read by position, from 1."""
    sv1 = Segment(["SV1", "HC:G0439:25", "a^b"])
    assert sv1.parts(1) == Parts(("HC", "G0439", "25"))
    assert sv1.parts(1)[2] == "G0439"
    assert sv1.parts(1)[0] == ""
    assert sv1.repeats(2) == ["a", "b"]
    assert sv1.repeats(9) == []


def test_the_whole_tree_is_linked(samples: SimpleNamespace) -> None:
    """`tree` keeps every loop, each with its parent."""
    root = next(iter(X12Reader(samples.write("837P", samples.two_claims())))).tree()
    levels = root.child("2000A")
    assert levels is not None
    assert [child.loop for child in levels.children()] == ["2010AA", "2000B", "2000B"]
    line = levels.children("2000B")[0].children("2300")[0].children("2400")[1]
    billing = line.find("2010AA")
    assert billing is not None
    assert billing.value("NM1", 9) == samples.npi


def test_loops_with_one_segment_id_are_told_by_context(samples: SimpleNamespace) -> None:
    """NM1*82 is 2310B in a claim, 2420A in a line and 2330D below another payer."""
    root = samples.secondary_claim()
    data = samples.write("837P", root).replace(
        b"SVD*OTH01*70", b"NM1*82*1*SPRING*BO****XX*1234567893~SVD*OTH01*70"
    )
    claim = units(data)[0]
    assert [child.loop for child in claim.children("2310B", "2320", "2400")] == ["2310B", "2320", "2400", "2400"]
    assert [child.loop for child in claim.children("2400")[0].children()] == ["2420A", "2430"]


def test_one_bad_set_never_loses_its_neighbours(samples: SimpleNamespace) -> None:
    """A set without SE, with a wrong count or of an unknown guide leaves the sets around it whole."""
    data = samples.write("837P", samples.two_claims(), samples.two_claims(), samples.two_claims())
    cut = data.replace(b"SE*57*0002~", b"", 1)
    reader = X12Reader(cut)
    found = [(one.control_number, len(list(one.units())), [f.code for f in one.findings]) for one in reader]
    assert found == [("0001", 2, []), ("0002", 2, ["trailer.missing"]), ("0003", 2, [])]
    unknown = X12Reader(data.replace(b"ST*837*0002*005010X222A1", b"ST*999*0002*006020X999", 1))
    codes = [[finding.code for finding in one.check()] for one in unknown]
    assert codes == [[], ["guide.unknown"], []]


def test_a_set_that_is_not_read_is_skipped(samples: SimpleNamespace) -> None:
    """A caller who wants only some sets pays for no other, and envelopes are still checked."""
    data = samples.write("837P", samples.two_claims(), samples.two_claims())
    reader = X12Reader(data.replace(b"SE*57*0001", b"SE*99*0001"))
    assert [one.control_number for one in reader] == ["0001", "0002"]
    outcomes = reader.interchanges[0].groups[0].sets
    assert [[finding.code for finding in one.findings] for one in outcomes] == [["se.count"], []]


def test_a_remittance_without_lx_still_yields_its_claims(remittance: bytes) -> None:
    """A missing opener is reported and its loop opened all the same."""
    data = remittance.replace(b"LX*1~", b"").replace(b"SE*35", b"SE*34")
    transaction = next(iter(X12Reader(data)))
    assert sum(1 for _ in transaction.units()) == 4
    assert "segment.missing" in {finding.code for finding in transaction.findings}


def test_inbound_remittances_warn_but_still_balance_hard(remittance: bytes) -> None:
    """On an 835 that arrives, a broken guide is a warning and a broken balance an error."""
    data = remittance.replace(b"PER*BL*HELP DESK*TE*5555550100~", b"").replace(b"BPR*I*125.5", b"BPR*I*125.6")
    transaction = next(iter(X12Reader(data)))
    severities = {finding.code: finding.severity for finding in transaction.check()}
    assert severities["segment.missing"] == "warning"
    assert severities["835.payment_balance"] == "error"
    strict = next(iter(X12Reader(data, strict=True)))
    assert {finding.severity for finding in strict.check()} == {"error"}


def test_counts_of_an_inbound_remittance_warn_and_a_cut_file_does_not(remittance: bytes) -> None:
    """A payer's wrong count is no reason to leave money lying; a file that is cut off is."""
    wrong = remittance.replace(b"IEA*1*", b"IEA*7*").replace(b"GE*1*", b"GE*9*").replace(b"SE*35*", b"SE*30*")
    for strict, severity in ((False, "warning"), (True, "error")):
        reader = X12Reader(wrong, strict=strict)
        found = [finding for one in reader for finding in one.check()] + reader.findings
        assert {(one.code, one.severity) for one in found} == {
            (code, severity) for code in ("se.count", "ge.count", "iea.count")
        }
    cut = X12Reader(remittance[:-60])
    assert "error" in {finding.severity for one in cut for finding in one.check()}
    assert {finding.severity for finding in cut.findings} == {"error"}


def test_more_than_the_allowed_lines_are_counted_once(samples: SimpleNamespace) -> None:
    """The fifty-first line of a claim is reported, the fifty-second not again."""
    claim = samples.claim("PCN1")
    line = claim.children("2400")[0]
    claim.items[0] = ("CLM", "PCN1", "5350.25", *claim.items[0][3:])
    claim.items.extend([line] * 52)
    root = samples.claims_root(samples.subscriber_is_patient(claim))
    from hub.x12.guides import guide_named
    from hub.x12.write import check_root

    codes = [finding.code for finding in check_root(guide_named("837P"), root)]
    assert codes.count("loop.repeats") == 1


def test_ta1s_are_kept_wherever_they_stand(samples: SimpleNamespace) -> None:
    """A TA1 before GS or after GE belongs to its interchange."""
    ta1 = b"TA1*000000007*260120*0930*R*006~"
    data = samples.write("999", samples.ack_root)
    for place in (b"GS*", b"IEA*"):
        reader = X12Reader(data.replace(place, ta1 + place, 1))
        assert [one.kind for one in reader] == ["999"]
        assert [found[5] for found in reader.interchanges[0].ta1s] == ["006"]
        assert reader.findings == []


def test_a_finding_says_its_line_in_the_file_and_its_status(samples: SimpleNamespace) -> None:
    """`line` counts every segment from the ISA on, `status` is the 277CA status of a claim's fault."""
    data = samples.write("837P", samples.two_claims(), samples.two_claims())
    bad = data.replace(b"*XX*1234567893", b"*XX*1234567890", 1).replace(b"SE*57*0002", b"SE*58*0002")
    texts = bad.decode().split("~")
    reader = X12Reader(bad)
    found = [one for transaction in reader for one in transaction.check()]
    assert [(one.code, one.status) for one in found] == [("element.npi", "A7:562"), ("se.count", "A7:21")]
    assert [texts[one.line - 1].split("*")[0] for one in found] == ["NM1", "SE"]
    assert found[0].line == found[0].position + 2
    assert found[1].line == 2 + 57 * 2
    remit = samples.write("835", samples.ordinary_remittance()).replace(b"GE*1*1", b"GE*2*1")
    reader = X12Reader(remit, strict=True)
    assert [one.check() for one in reader] == [[]]
    assert [(one.code, one.line, one.status) for one in reader.findings] == [("ge.count", 38, "")]
