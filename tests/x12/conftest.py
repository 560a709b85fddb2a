"""Synthetic transaction sets, built with the writer, that the X12 tests share."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest

from hub.x12.grammar import Guide
from hub.x12.guides import guide_named
from hub.x12.tree import Node, RawSegment, node
from hub.x12.write import Envelope, OutgoingGroup, OutgoingSet, Party, write_interchange

NPI = "1234567893"
AT = dt.datetime(2026, 1, 20, 9, 30, tzinfo=dt.UTC)


def claim(number: str, *extra: RawSegment | Node, frequency: str = "1") -> Node:
    """A 2300 loop of two lines, 150.25 in all, the second a drug with its NDC."""
    return node(
        "2300",
        ("CLM", number, "150.25", None, None, ("11", "B", frequency), "Y", "A", "Y", "Y"),
        *[item for item in extra if not isinstance(item, Node)],
        ("HI", ("ABK", "J020"), ("ABF", "E119")),
        node(
            "2310B",
            ("NM1", "82", "1", "WINTER", "ANN", None, None, None, "XX", NPI),
            ("PRV", "PE", "PXC", "207Q00000X"),
        ),
        *[item for item in extra if isinstance(item, Node)],
        node(
            "2400",
            ("LX", None),
            ("SV1", ("HC", "G0439"), "100", "UN", "1", None, None, ("1", "2")),
            ("DTP", "472", "D8", "20260105"),
            ("REF", "6R", number + "L1"),
        ),
        node(
            "2400",
            ("LX", None),
            ("SV1", ("HC", "J3301"), "50.25", "UN", "2", None, None, ("1",)),
            ("DTP", "472", "D8", "20260105"),
            ("REF", "6R", number + "L2"),
            node("2410", ("LIN", None, "N4", "99999000101"), ("CTP", None, None, None, "1", ("ML",))),
        ),
    )


def payer() -> Node:
    """Loop 2010BB."""
    return node("2010BB", ("NM1", "PR", "2", "ANYTOWN HEALTH", None, None, None, None, "PI", "ANY01"))


def subscriber_is_patient(*claims: Node) -> Node:
    """Loop 2000B with its claims."""
    return node(
        "2000B",
        ("HL", None, None, "22", None),
        ("SBR", "P", "18", None, None, None, None, None, None, "CI"),
        node(
            "2010BA",
            ("NM1", "IL", "1", "SUMMER", "JANE", None, None, None, "MI", "W100001"),
            ("N3", "2 ELM ST"),
            ("N4", "SPRINGFIELD", "IL", "62701"),
            ("DMG", "D8", "19800101", "F"),
        ),
        payer(),
        *claims,
    )


def dependent_patient(*claims: Node) -> Node:
    """Loop 2000B with a patient level below it."""
    return node(
        "2000B",
        ("HL", None, None, "22", None),
        ("SBR", "P", None, None, None, None, None, None, None, "CI"),
        node("2010BA", ("NM1", "IL", "1", "AUTUMN", "JIM", None, None, None, "MI", "W100002")),
        payer(),
        node(
            "2000C",
            ("HL", None, None, "23", None),
            ("PAT", "19"),
            node(
                "2010CA",
                ("NM1", "QC", "1", "AUTUMN", "KIT"),
                ("N3", "3 OAK ST"),
                ("N4", "SPRINGFIELD", "IL", "62701"),
                ("DMG", "D8", "20150101", "M"),
            ),
            *claims,
        ),
    )


def claims_root(*subscribers: Node) -> Node:
    """A whole 837P around subscriber levels."""
    return node(
        "",
        ("BHT", "0019", "00", "BATCH1", "20260120", "0930", "CH"),
        node(
            "1000A",
            ("NM1", "41", "2", "ANYTOWN CLINIC", None, None, None, None, "46", "SUBMIT1"),
            ("PER", "IC", "HELP DESK", "TE", "5555550100"),
        ),
        node("1000B", ("NM1", "40", "2", "ANYTOWN CLEARING", None, None, None, None, "46", "CLEAR1")),
        node(
            "2000A",
            ("HL", None, None, "20", None),
            ("PRV", "BI", "PXC", "207Q00000X"),
            node(
                "2010AA",
                ("NM1", "85", "2", "ANYTOWN CLINIC", None, None, None, None, "XX", NPI),
                ("N3", "1 MAIN ST"),
                ("N4", "SPRINGFIELD", "IL", "627011234"),
                ("REF", "EI", "123456789"),
            ),
            *subscribers,
        ),
    )


def two_claims() -> Node:
    """An 837P with a subscriber who is the patient and one whose child is."""
    return claims_root(subscriber_is_patient(claim("PCN1")), dependent_patient(claim("PCN2")))


def secondary_claim() -> Node:
    """An 837P to a second payer that tells what the first paid, by line."""
    other = node(
        "2320",
        ("SBR", "S", "18", None, None, None, None, None, None, "CI"),
        ("AMT", "D", "110.25"),
        ("OI", None, None, "Y", None, None, "Y"),
        node("2330A", ("NM1", "IL", "1", "SUMMER", "JANE", None, None, None, "MI", "X200001")),
        node("2330B", ("NM1", "PR", "2", "OTHERTOWN HEALTH", None, None, None, None, "PI", "OTH01")),
    )
    made = claim("PCN3", other)
    first, second = made.children("2400")
    first.items.append(
        node(
            "2430",
            ("SVD", "OTH01", "70", ("HC", "G0439"), None, "1"),
            ("CAS", "CO", "45", "20"),
            ("CAS", "PR", "2", "10"),
            ("DTP", "573", "D8", "20260110"),
        )
    )
    second.items.append(
        node(
            "2430",
            ("SVD", "OTH01", "40.25", ("HC", "J3301"), None, "2"),
            ("CAS", "PR", "2", "10"),
            ("DTP", "573", "D8", "20260110"),
        )
    )
    return claims_root(subscriber_is_patient(made))


def service(code: str, charge: str, paid: str, *adjustments: tuple[str, ...]) -> Node:
    """Loop 2110 of an 835."""
    return node(
        "2110",
        ("SVC", ("HC", code), charge, paid, None, "1"),
        ("DTM", "472", "20260105"),
        *adjustments,
        ("REF", "6R", "L1"),
    )


def paid(number: str, status: str, charge: str, amount: str, share: str | None, *rest: RawSegment | Node) -> Node:
    """Loop 2100 of an 835."""
    return node(
        "2100",
        ("CLP", number, status, charge, amount, share, "12", "ICN" + number, "11", "1"),
        *[item for item in rest if not isinstance(item, Node)],
        ("NM1", "QC", "1", "SUMMER", "JANE", None, None, None, "MI", "W100001"),
        *[item for item in rest if isinstance(item, Node)],
    )


def remittance(total: str, method: str, *rest: RawSegment | Node) -> Node:
    """A whole 835 around its claims and PLB segments."""
    claims = [item for item in rest if isinstance(item, Node)]
    return node(
        "",
        ("BPR", "I" if method != "NON" else "H", total, "C", method, *[None] * 11, "20260120"),
        ("TRN", "1", "TRACE1", "1512345678"),
        node(
            "1000A",
            ("N1", "PR", "ANYTOWN HEALTH"),
            ("N3", "9 BANK ST"),
            ("N4", "SPRINGFIELD", "IL", "62701"),
            ("PER", "BL", "HELP DESK", "TE", "5555550100"),
        ),
        node("1000B", ("N1", "PE", "ANYTOWN CLINIC", "XX", NPI), ("REF", "TJ", "123456789")),
        node("2000", ("LX", "1"), *claims) if claims else None,
        *[item for item in rest if not isinstance(item, Node)],
    )


def ordinary_remittance() -> Node:
    """An 835 with a payment, a denial, a reversal with its correction, interest and a recovery."""
    return remittance(
        "125.5",
        "CHK",
        paid(
            "PCN1",
            "1",
            "150",
            "110",
            "20",
            service("G0439", "100", "70", ("CAS", "CO", "45", "20"), ("CAS", "PR", "2", "10")),
            service("J3301", "50", "40", ("CAS", "PR", "2", "10")),
        ),
        paid("PCN2", "1", "80", "0", None, service("G0439", "80", "0", ("CAS", "CO", "16", "80"))),
        paid("PCN3", "22", "-60", "-50", None, ("CAS", "CO", "45", "-10")),
        paid("PCN3", "1", "60", "55", None, ("CAS", "CO", "45", "5")),
        ("PLB", NPI, "20261231", ("L6", "INT"), "-10.5"),
    )


def notice() -> Node:
    """An 835 that pays nothing (NON)."""
    return remittance(
        "0",
        "NON",
        paid("PCN4", "1", "100", "0", "100", service("G0439", "100", "0", ("CAS", "PR", "1", "100"))),
    )


def claim_status(number: str, category: str, code: str, action: str) -> Node:
    """Loop 2000D of a 277CA."""
    return node(
        "2000D",
        ("HL", None, None, "PT"),
        node("2100D", ("NM1", "QC", "1", "SUMMER", "JANE", None, None, None, "MI", "W100001")),
        node(
            "2200D",
            ("TRN", "2", number),
            ("STC", (category, code), "20260121", action, "150.25"),
            ("REF", "1K", "ICN" + number),
            ("DTP", "472", "D8", "20260105"),
        ),
    )


def claim_acknowledgement() -> Node:
    """A 277CA that accepts one claim and rejects another."""
    status = (("A1", "19", "PR"), "20260121", "WQ", "300.5")
    return node(
        "",
        ("BHT", "0085", "08", "CA1", "20260121", "0800", "TH"),
        node(
            "2000A",
            ("HL", None, None, "20", None),
            node("2100A", ("NM1", "PR", "2", "ANYTOWN HEALTH", None, None, None, None, "PI", "ANY01")),
            node(
                "2200A", ("TRN", "1", "TR1"), ("DTP", "050", "D8", "20260121"), ("DTP", "009", "D8", "20260121")
            ),
            node(
                "2000B",
                ("HL", None, None, "21", None),
                node("2100B", ("NM1", "41", "2", "ANYTOWN CLINIC", None, None, None, None, "46", "SUBMIT1")),
                node(
                    "2200B",
                    ("TRN", "2", "BATCH1"),
                    ("STC", *status),
                    ("QTY", "90", "1"),
                    ("QTY", "AA", "1"),
                    ("AMT", "YU", "150.25"),
                    ("AMT", "YY", "150.25"),
                ),
                node(
                    "2000C",
                    ("HL", None, None, "19", None),
                    node("2100C", ("NM1", "85", "2", "ANYTOWN CLINIC", None, None, None, None, "XX", NPI)),
                    node("2200C", ("TRN", "1", "0"), ("STC", ("A1", "19", "PR"), None, "WQ", "300.5")),
                    claim_status("PCN1", "A2", "20", "WQ"),
                    claim_status("PCN2", "A3", "33", "U"),
                ),
            ),
        ),
    )


def write(kind: str, *roots: Node, control_number: int = 1, **envelope: object) -> bytes:
    """One interchange with one group around the roots."""
    guide: Guide = guide_named(kind)
    outer = Envelope(
        sender=Party(id="ANYTOWN"),
        receiver=Party(id="CLEARING"),
        control_number=control_number,
        usage="T",
        at=AT,
        **envelope,  # type: ignore[arg-type]
    )
    sets = [OutgoingSet(control_number=f"{number:04}", root=root) for number, root in enumerate(roots, 1)]
    group = OutgoingGroup(guide=guide, sender="ANYTOWN", receiver="CLEARING", control_number=1, sets=sets)
    return b"".join(write_interchange(outer, [group]))


@pytest.fixture(scope="session")
def samples() -> SimpleNamespace:
    """The builders above under one name."""
    answered = node("2000", ("AK2", "837", "0001", "005010X222A1"), ("IK5", "A"))
    ack_root = node("", ("AK1", "HC", "1", "005010X222A1"), answered, ("AK9", "A", "1", "1", "1"))
    return SimpleNamespace(
        ack_root=ack_root,
        claim=claim,
        claim_acknowledgement=claim_acknowledgement,
        claims_root=claims_root,
        dependent_patient=dependent_patient,
        notice=notice,
        ordinary_remittance=ordinary_remittance,
        paid=paid,
        remittance=remittance,
        secondary_claim=secondary_claim,
        service=service,
        subscriber_is_patient=subscriber_is_patient,
        two_claims=two_claims,
        write=write,
        npi=NPI,
        at=AT,
    )
