"""Claims as 837P: written by hub.x12 without a finding, and accepted by pyx12, which knows nothing of us."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from flowlab.made import (
    FENNIMORE,
    HOME,
    LARKSPUR,
    NOW,
    D,
    adjustment,
    claim,
    coverage,
    desk,
    holder,
    line,
    payment_of,
    route,
    service,
)
from flowlab.second_opinion import complaints
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.flow.claim_837 import GUIDES, Sending, Unwritable, claims_837, read_claims
from hub.flow.rules import scrub
from hub.flow.secondary import next_claim, next_coverage
from hub.model.claim import Adjustment, Claim
from hub.model.dental import DentalService, Tooth
from hub.model.encounter import Accident, Drug
from hub.model.institutional import Institutional
from hub.model.people import Facility
from hub.model.remit import Remittance, ServicePayment
from hub.x12.guides.claim_837p import CLAIM_837P
from hub.x12.write import Envelope, OutgoingGroup, OutgoingSet, Party, check_texts, write_interchange

REMIT = Remittance(
    payer_name="P",
    payer_ids=("DM001",),
    payee_npi="1999999018",
    trace="T1",
    amount=D("1.00"),
    method="ACH",
    payment_date=date(2026, 3, 1),
    production_date=date(2026, 2, 28),
)
COVERED = {"coverage": coverage("medicare"), "other_coverages": (coverage("ppo_second", 2), coverage("ppo", 3))}
FIRST = claim(payer="medicare", **COVERED)


def secondary() -> Claim:
    """What the second payer is asked after Medicare has answered with adjustments of lines and of the claim."""
    one, two = FIRST.lines
    lines = (
        service(
            one, adjustment("CO", "45", "65.00"), adjustment("PR", "1", "20.00"), adjustment("PR", "2", "16.00")
        ),
        service(two, adjustment("CO", "253", "0.60")),
    )
    paid = payment_of(lines, adjustment("PR", "3", "5.00"), payer_control_number="ICN9")
    following = next_coverage(FIRST)
    assert following is not None
    return next_claim(FIRST, "clm1", following, paid, REMIT)


def tertiary() -> Claim:
    """What the third payer is asked after the second has answered too."""
    asked = secondary()
    lines = tuple(
        service(one, adjustment("OA", "23", one.adjudications[0].paid), adjustment("PR", "2", "1.00"))
        for one in asked.lines
    )
    following = next_coverage(asked)
    assert following is not None
    return next_claim(asked, "clm2", following, payment_of(lines, status="2"), REMIT)


KINDS: dict[str, Claim] = {
    "primary": claim(),
    "dependent": claim(coverage=coverage(relationship="spouse", subscriber=holder(), group_number="G-100")),
    "child": claim(coverage=coverage(relationship="child", subscriber=holder())),
    "drug": claim(lines=(line(hcpcs="J1885", drug=Drug(ndc="99999188501", quantity=D("0.5"), unit="ML")),)),
    "auto": claim(accident=Accident(kind="AA", on=date(2026, 2, 1), state="OH")),
    "work": claim(payer="comp", coverage=coverage("comp"), accident=Accident(kind="EM", on=date(2026, 2, 1))),
    "facility": claim(
        facility=Facility(name="Shore Clinic", npi="1999999026", address=replace(HOME, zip="440992208"))
    ),
    "referred": claim(referring=FENNIMORE, authorization="A-77", admitted_on=date(2026, 2, 26)),
    "lines": claim(
        lines=(
            line(modifiers=("RR", "KH"), hcpcs="E0601", service_to=date(2026, 2, 28), pointers=(2, 1)),
            line(2, rendering=FENNIMORE, place_of_service="12", units=D("2.5")),
        )
    ),
    "with others": claim(
        other_coverages=(coverage("ppo_second", 2, relationship="spouse", subscriber=holder()),)
    ),
    "replacement": claim(frequency="7", original_reference="ICN0001", version=2),
    "void": claim(frequency="8", original_reference="ICN0001", version=2),
    "secondary": secondary(),
    "tertiary": tertiary(),
    "fifty lines": claim(lines=tuple(line(n, modifiers=("76",)) for n in range(1, 51))),
}


def written(*claims: Claim, number: int = 7) -> bytes:
    """An interchange with these claims in one set."""
    sendings = [Sending(pcn=f"LF{nth:04}", claim=one) for nth, one in enumerate(claims, 1)]
    texts = claims_837(sendings, route(), reference="R1", at=NOW)
    mailbox = route().mailbox
    envelope = Envelope(
        sender=Party(id=mailbox.sender_id),
        receiver=Party(id=mailbox.receiver_id),
        control_number=number,
        usage="P",
        at=NOW,
    )
    group = OutgoingGroup(
        guide=CLAIM_837P,
        sender=mailbox.sender_id,
        receiver=mailbox.receiver_id,
        control_number=8,
        sets=[OutgoingSet(control_number="000000009", texts=texts)],
    )
    return b"".join(write_interchange(envelope, [group]))


def segments(body: bytes) -> list[list[str]]:
    """The segments of a file, split."""
    return [one.strip().split("*") for one in body.decode().split("~") if one.strip()]


@pytest.mark.parametrize("kind", KINDS)
def test_our_guide_finds_nothing(kind: str) -> None:
    """Each kind of claim is written without a finding of the guide, SNIP 3 and 4 included."""
    texts = claims_837([Sending(pcn="LF1", claim=KINDS[kind])], route(), reference="R", at=NOW)
    assert [f"{one.where} {one.message}" for one in check_texts(CLAIM_837P, texts)] == []


def test_pyx12_accepts_every_kind(tmp_path: Path) -> None:
    """pyx12 accepts all of them in one set, and each in a set of its own."""
    alone = [written(one, number=number) for number, one in enumerate(KINDS.values(), 100)]
    assert complaints([written(*KINDS.values()), *alone], tmp_path) == []


def test_no_rule_holds_a_secondary_claim() -> None:
    """The claims that the hub makes of answers pass its own scrub rules."""
    assert scrub(secondary(), desk()) == scrub(tertiary(), desk()) == ()


def test_a_dependent_stands_below_the_subscriber() -> None:
    """Who holds the policy is 2010BA; the patient is 2010CA with PAT01; SBR02 is empty then, and 18 for self."""
    told = segments(written(KINDS["dependent"]))
    assert ["PAT", "01"] in told
    assert [one[2] for one in told if one[0] == "SBR"] == [""]
    assert [one[1:5] for one in told if one[:2] in (["NM1", "IL"], ["NM1", "QC"])] == [
        ["IL", "1", "BITTERN", "HUGH"],
        ["QC", "1", "BITTERN", "ORLA"],
    ]
    assert [one[2] for one in segments(written(claim())) if one[0] == "SBR"] == ["18"]


def test_a_replacement_names_the_payers_claim() -> None:
    """CLM05-3 is 7 and REF*F8 carries the payer's claim control number."""
    told = segments(written(KINDS["replacement"]))
    assert [one[5] for one in told if one[0] == "CLM"] == ["11:B:7"]
    assert ["REF", "F8", "ICN0001"] in told


def test_what_stands_where() -> None:
    """NDC and quantity in 2410, accident in CLM11 and DTP*439, line dates, modifiers and REF*6R on their line."""
    drug, auto, lines = (segments(written(KINDS[kind])) for kind in ("drug", "auto", "lines"))
    assert ["LIN", "", "N4", "99999188501"] in drug
    assert ["CTP", "", "", "", "0.5", "ML"] in drug
    assert ["DTP", "439", "D8", "20260201"] in auto
    assert next(one for one in auto if one[0] == "CLM")[11] == "AA:::OH"
    assert ["DTP", "472", "RD8", "20260227-20260228"] in lines
    assert [one[1:] for one in lines if one[0] == "SV1"] == [
        ["HC:E0601:RR:KH", "165", "UN", "1", "", "", "2:1"],
        ["HC:T1015", "165", "UN", "2.5", "12", "", "1"],
    ]
    assert [one[2] for one in lines if one[:2] == ["REF", "6R"]] == ["L1", "L2"]


def test_a_secondary_claim_tells_what_the_first_payer_did() -> None:
    """2320 carries the first payer's rank, payment and claim adjustments, 2430 those of each line; they add up."""
    asked = secondary()
    assert (asked.payer, asked.rank, asked.version, asked.origin) == ("ppo_second", 2, 1, "clm1")
    assert [one.payer for one in asked.other_coverages] == ["medicare", "ppo"]
    told = segments(written(asked))
    assert [one[1] for one in told if one[0] == "SBR"] == ["S", "P", "T"]
    assert ["AMT", "D", "88.4"] in told
    assert [one[1:3] for one in told if one[0] == "SVD"] == [["DM001", "64"], ["DM001", "29.4"]]
    assert [one for one in told if one[0] == "CAS"] == [
        ["CAS", "PR", "3", "5"],
        ["CAS", "CO", "45", "65"],
        ["CAS", "PR", "1", "20", "", "2", "16"],
        ["CAS", "CO", "253", "0.6"],
    ]
    assert [one for one in told if one[:2] == ["DTP", "573"]] == [["DTP", "573", "D8", "20260228"]] * 2


def test_a_claim_without_lines_told_has_its_date_above() -> None:
    """Where the earlier payer told no lines, its date stands in 2330B, and the claim still adds up."""
    paid = payment_of((), adjustment("CO", "45", "95.00"), charge=D("195.00"), paid=D("100.00"))
    following = next_coverage(FIRST)
    assert following is not None
    asked = next_claim(FIRST, "clm1", following, paid, REMIT)
    texts = claims_837([Sending(pcn="LF1", claim=asked)], route(), reference="R", at=NOW)
    assert [one.where for one in check_texts(CLAIM_837P, texts)] == []
    assert scrub(asked, desk()) == ()


def test_an_origin_is_the_first_payers_claim() -> None:
    """The books keep all ranks under the first claim: a tertiary claim names it, not the secondary."""
    assert (tertiary().rank, tertiary().origin) == (3, "clm1")
    assert [one.paid for one in tertiary().lines[0].adjudications] == [D("64.00"), D("100.00")]


def test_a_stay_and_a_filling_are_written_too() -> None:
    """The hub writes institutional and dental claims of its own as well, without a finding of their guides."""
    stay = claim(
        kind="I",
        place_of_service="",
        rendering=None,
        attending=LARKSPUR,
        admitted_on=date(2026, 2, 26),
        institutional=Institutional(
            facility_code="11",
            statement_from=date(2026, 2, 26),
            statement_to=date(2026, 2, 27),
            admission_hour="0915",
            discharge_hour="1130",
            admission="1",
            source="1",
            status="01",
            present=("Y", "N"),
            admitting="E119",
        ),
        lines=(line(hcpcs="", revenue="0120", unit_basis="DA", pointers=(), is_dated=False),),
    )
    dental = claim(
        kind="D",
        lines=(
            line(
                hcpcs="D0000", code_kind="AD", dental=DentalService(teeth=(Tooth(number="12", surfaces=("O",)),))
            ),
        ),
    )
    for one in (stay, dental):
        texts = claims_837([Sending(pcn="LF1", claim=one)], route(), reference="R", at=NOW)
        found = check_texts(GUIDES[one.kind], texts)
        assert [f"{it.where} {it.message}" for it in found if it.severity == "error"] == []


def test_a_claim_that_was_read_keeps_what_it_says() -> None:
    """A claim from a file goes out as it came, under its new number and with the payer that the settings know."""
    texts = claims_837([Sending(pcn="LF1", claim=secondary())], route(), reference="R", at=NOW)
    body = [f"ST*837*0001*{CLAIM_837P.version}", *texts, f"SE*{len(texts) + 2}*0001"]
    whole = written(secondary())
    ((_, told),) = read_claims(whole)
    assert isinstance(told, Claim)
    assert len(body) == len(segments(whole)) - 4
    again = claims_837(
        [Sending(pcn="LF2", claim=replace(told, payer="ppo_second"))], route(), reference="R", at=NOW
    )
    assert again == [text.replace("CLM*LF1*", "CLM*LF2*") for text in texts]


def test_a_delimiter_in_a_number_is_refused_with_its_place() -> None:
    """An id that holds a delimiter would fall apart at the payer: the set is not written, and the place is named."""
    broken = replace(FIRST, billing=replace(FIRST.billing, tax_id="12*456789"))
    with pytest.raises(Unwritable) as refused:
        claims_837([Sending(pcn="LF1", claim=broken)], route(), reference="R", at=NOW)
    assert refused.value.place == "REF02"


CENTS = st.integers(1, 4_000)
REASONS = st.sampled_from([("CO", "45"), ("PR", "1"), ("PR", "2"), ("CO", "253"), ("OA", "23"), ("CO", "16")])


@st.composite
def answers(draw: st.DrawFn) -> tuple[Claim, tuple[ServicePayment, ...], tuple[Adjustment, ...]]:
    """A first payer's answer to one to four lines: any adjustments that leave something or nothing to pay."""
    asked = tuple(
        line(number, amount=str(Decimal(draw(st.integers(10_000, 50_000))) / 100), modifiers=("76",))
        for number in range(1, draw(st.integers(1, 4)) + 1)
    )
    told = []
    for one in asked:
        chosen = draw(st.lists(st.tuples(REASONS, CENTS), max_size=2, unique_by=lambda pair: pair[0]))
        told.append(service(one, *(adjustment(g, r, Decimal(c) / 100) for (g, r), c in chosen)))
    whole = draw(st.lists(st.tuples(REASONS, CENTS.filter(lambda c: c < 1_000)), max_size=1))
    claim_level = tuple(adjustment(g, r, Decimal(c) / 100) for (g, r), c in whole)
    return replace(FIRST, lines=asked), tuple(told), claim_level


@given(answers())
@hypothesis_settings(max_examples=60)
def test_every_secondary_claim_adds_up(
    told: tuple[Claim, tuple[ServicePayment, ...], tuple[Adjustment, ...]],
) -> None:
    """Whatever a first payer answers in balance, the next claim has no finding of SNIP 3 and no rule holds it."""
    first, lines, whole = told
    following = next_coverage(first)
    assert following is not None
    asked = next_claim(first, "clm1", following, payment_of(lines, *whole), REMIT)
    texts = claims_837([Sending(pcn="LF1", claim=asked)], route(), reference="R", at=NOW)
    assert [f"{one.where} {one.message}" for one in check_texts(CLAIM_837P, texts)] == []
    assert [one.rule for one in scrub(asked, desk()) if one.hold] == []
