"""The simulated payers: what they pay is decided by the claim, the terms and the seed, and always adds up."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.sandbox.adjudicate import OUTCOMES, Verdict, adjudicate, hand_on, later_terms, outcome_of
from hub.sandbox.amounts import amount, cents_of
from hub.sandbox.claims import Claim, Line, OtherCover, Person, PriorLine, Provider, fingerprint
from hub.sandbox.payers import MEDICAID, MEDICARE, MEDIGAP, PPO, QMB_MARKER, WORKERS, Terms, pays_on, terms_for
from hub.sandbox.remittance import reversed_payment, write_payment

RECEIVED = date(2026, 1, 6)
KINDS = (MEDICARE, PPO, MEDICAID, WORKERS, MEDIGAP)


def a_claim(
    *charges: int, member: str = "MEMBER1", filing: str = "CI", others: list[OtherCover] | None = None
) -> Claim:
    """A claim with a J1885 line for each charge (cents)."""
    lines = [
        Line(
            number=str(i), procedure="HC:J1885", charge=cents, begins="20260105", ends="20260105", control=f"L{i}"
        )
        for i, cents in enumerate(charges, 1)
    ]
    return Claim(
        pcn="PCN1",
        charge=sum(charges),
        place="11",
        filing=filing,
        payer_id="SBPPO",
        provider=Provider(name="PRACTICE", npi="1234567893", tax_id="987654321"),
        subscriber=Person(last="SAMPLE", first="PAT", qualifier="MI", id=member),
        patient=Person(last="SAMPLE", first="PAT", qualifier="MI", id=member),
        lines=lines,
        others=others or [],
    )


def reasons(verdict: Verdict) -> set[tuple[str, str]]:
    """Each (group, reason) that stands anywhere in the verdict."""
    every = [*verdict.adjustments, *(row for line in verdict.lines for row in line.adjustments)]
    return {(group, reason) for group, reason, _ in every}


@given(cents=st.integers(-(10**9), 10**9))
def test_amounts_round_trip(cents: int) -> None:
    """Cents written as X12 type R read back as the same cents, without trailing zeros."""
    text = amount(cents)
    assert cents_of(text) == cents
    assert not ("." in text and text.endswith("0"))


@pytest.mark.parametrize("text", ["", "-", ".", "1.234", "1,0", "1e3", " 1", "--1", "1-"])
def test_amounts_that_are_none(text: str) -> None:
    """A text that is no amount raises, it never becomes zero."""
    with pytest.raises(ValueError, match="amount"):
        cents_of(text)


@settings(max_examples=150, deadline=None)
@given(
    charges=st.lists(st.integers(0, 500_000), min_size=1, max_size=6),
    roll=st.integers(0, 2**64 - 1),
    terms=st.sampled_from(KINDS),
    outcome=st.sampled_from(sorted(OUTCOMES)),
)
def test_every_verdict_balances(charges: list[int], roll: int, terms: Terms, outcome: str) -> None:
    """Charge less every adjustment is what is paid, on each line and on the claim, and no adjustment is zero."""
    verdict = adjudicate(a_claim(*charges), terms, roll, outcome)
    for line in verdict.lines:
        assert line.line.charge - sum(cents for *_, cents in line.adjustments) == line.paid >= 0
        assert all(cents > 0 for *_, cents in line.adjustments)
    taken = sum(cents for *_, cents in verdict.adjustments)
    taken += sum(cents for line in verdict.lines for *_, cents in line.adjustments)
    assert sum(charges) - taken == verdict.paid


def test_medicare_keeps_two_percent_back() -> None:
    """CO-253 is 2 % of what Medicare would have paid, rounded half up."""
    line = adjudicate(a_claim(10_000, filing="MB"), MEDICARE, 0, "pay").lines[0]
    kept = dict((f"{g}-{r}", c) for g, r, c in line.adjustments)["CO-253"]  # noqa: C402
    assert kept == ((line.paid + kept) * 2 + 50) // 100


def test_medicaid_and_workers_compensation_leave_nothing_to_the_patient() -> None:
    """Neither Medicaid nor workers' compensation ever writes a PR adjustment on a paid claim."""
    for terms in (MEDICAID, WORKERS):
        for roll in range(0, 4_000, 37):
            assert not any(group == "PR" for group, _ in reasons(adjudicate(a_claim(9_999), terms, roll, "pay")))


def test_a_qmb_member_carries_the_remark() -> None:
    """A Medicare member id with the marker gets N782 for its coinsurance, on the line and on the claim."""
    verdict = adjudicate(a_claim(10_000, member=f"1EG4TE5{QMB_MARKER}", filing="MB"), MEDICARE, 0, "pay")
    assert "N782" in verdict.remarks
    assert "N782" in verdict.lines[0].remarks
    assert ("PR", "2") in reasons(verdict)


def test_an_old_service_is_too_late() -> None:
    """A service older than the payer's limit is denied CO-29, whatever the seed."""
    claim = a_claim(1_000)
    assert outcome_of(claim, PPO, 999, date(2026, 12, 1)) == "co29"
    assert outcome_of(claim, PPO, 999, RECEIVED) == "pay"


def test_a_denial_takes_the_whole_charge() -> None:
    """A denied claim is CLP02 = 1 with the reason over its whole charge and its remark on each line."""
    verdict = adjudicate(a_claim(1_000, 500), PPO, 0, "co16")
    assert (verdict.status, verdict.paid, reasons(verdict)) == ("1", 0, {("CO", "16")})
    assert [line.remarks for line in verdict.lines] == [["N290"], ["N290"]]


def test_an_unknown_patient_is_status_4_without_lines() -> None:
    """CLP02 = 4 means that the payer does not know the patient: claim-level CAS, no service lines."""
    verdict = adjudicate(a_claim(1_000), MEDICAID, 0, "unknown")
    assert (verdict.status, verdict.lines, verdict.adjustments) == ("4", [], [("CO", "31", 1_000)])


def test_medicare_hands_on_and_medigap_pays_the_coinsurance() -> None:
    """A Medicare claim with a next payer is 19; what follows is 2, pays PR-2, leaves PR-1, and OA-23 the rest."""
    claim = a_claim(20_000, filing="MB", others=[OtherCover(rank="S", filing="CI", payer_id="SBGAP")])
    first = adjudicate(claim, MEDICARE, 4 << 12, "pay")
    later = hand_on(claim, first)
    second = adjudicate(later, later_terms(later), 0, "pay")
    owed = {reason: cents for group, reason, cents in first.lines[0].adjustments if group == "PR"}
    assert (first.status, second.status, later.pcn, later.payer_id) == ("19", "2", claim.pcn, "SBGAP")
    assert second.paid == owed["2"]
    assert second.patient == owed["1"]
    assert ("OA", "23") in reasons(second)


def test_a_secondary_claim_is_paid_from_what_the_first_left() -> None:
    """With 2430 data the later payer pays of the PR amounts only; a third payer's status is 3."""
    prior = PriorLine(payer_id="SBMCR", paid=6_000, adjustments=[("CO", "45", 2_500), ("PR", "2", 1_500)])
    claim = a_claim(10_000, others=[OtherCover(rank="P", payer_id="SBMCR", paid=6_000)])
    claim.lines[0].prior.append(prior)
    verdict = adjudicate(claim, PPO, 0, "pay")
    assert (verdict.status, verdict.paid) == ("2", 1_500)
    claim.others.insert(0, OtherCover(rank="P", payer_id="OTHER", paid=0))
    assert adjudicate(claim, PPO, 0, "pay").status == "3"


def test_a_secondary_claim_with_claim_level_data_only() -> None:
    """Without 2430 the PR amounts of 2320 are paid, spread over the lines and never beyond a line's charge."""
    other = OtherCover(rank="P", payer_id="SBMCR", paid=0, adjustments=[("PR", "2", 1_200)])
    verdict = adjudicate(a_claim(1_000, 1_000, others=[other]), PPO, 0, "pay")
    assert [line.paid for line in verdict.lines] == [1_000, 200]


def test_a_reversal_is_the_decision_with_opposite_signs() -> None:
    """CLP02 = 22 repeats the claim with every charge, payment and adjustment negated, and no interest."""
    verdict = adjudicate(a_claim(10_000), PPO, 0, "pay")
    verdict.interest = 50
    first = write_payment(a_claim(10_000), verdict, PPO, icn="ICN1", received=RECEIVED)
    back = reversed_payment(first)
    assert (back.paid, back.charge, back.status, back.icn) == (-first.paid, -10_000, "22", "ICN1")
    amounts = [cents_of(s.split("*")[3]) for s in first.segments.split("~") if s.startswith("CAS")]
    negated = [cents_of(s.split("*")[3]) for s in back.segments.split("~") if s.startswith("CAS")]
    assert negated == [-cents for cents in amounts]
    assert "AMT*I" not in back.segments


@pytest.mark.parametrize(
    ("filing", "received", "day"),
    [
        ("MB", date(2026, 1, 6), date(2026, 1, 20)),
        ("CI", date(2026, 1, 6), date(2026, 1, 16)),
        ("WC", date(2026, 1, 6), date(2026, 1, 26)),
        ("MC", date(2026, 1, 6), date(2026, 1, 9)),
        ("MC", date(2026, 1, 7), date(2026, 1, 16)),
    ],
)
def test_payers_keep_their_days(filing: str, received: date, day: date) -> None:
    """Medicare pays after 14 days, a PPO after 10, compensation after 20, Medicaid on Fridays."""
    assert pays_on(terms_for(filing), received) == day


def test_the_seed_and_the_content_decide() -> None:
    """The same claim content under another number draws the same lot; another seed or charge draws another."""
    one, other = a_claim(1_000), a_claim(1_001)
    renamed = msgspec.structs.replace(one, pcn="PCN2")
    assert fingerprint(1, one.content()) == fingerprint(1, renamed.content())
    assert (
        len({fingerprint(1, one.content()), fingerprint(2, one.content()), fingerprint(1, other.content())}) == 3
    )
