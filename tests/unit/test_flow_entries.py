"""What a payment does to the books: balanced, linear, and only cost sharing after the last payer reaches anybody."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flowlab.made import D, account, adjustment, at, charge, claim, coverage, line, payment_of, service, settings
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.flow import entries
from hub.flow.carc import CONTRACTUAL, COST_SHARE, Meaning, meaning
from hub.flow.denials import denial_item, denied, gate
from hub.flow.entries import line_numbers
from hub.ledger import Entry, Transaction, sum_by, sums_by_account
from hub.model.claim import Adjustment
from hub.model.remit import ClaimPayment, ProviderAdjustment

CENTS = st.integers(-500_000, 500_000)
AMOUNTS = CENTS.map(lambda cents: Decimal(cents) / 100)
CODES = st.sampled_from(
    [("CO", "45"), ("CO", "253"), ("PR", "1"), ("PR", "2"), ("PR", "3"), ("PR", "27"), ("CO", "16"), ("OA", "23"),
     ("OA", "18"), ("PI", "P12"), ("CO", "197")]
)  # fmt: skip
PLBS = st.tuples(st.sampled_from(["L6", "WO", "FB", "72"]), AMOUNTS)
ADJUSTMENTS = st.lists(st.tuples(CODES, AMOUNTS), max_size=4)


def posted(paid: ClaimPayment, **whose: object) -> Transaction | None:
    """The transaction of a payment."""
    return entries.payment(paid, account(**whose), at())


def by_account(booked: Transaction | None) -> dict[str, int]:
    """Cents by account; nothing for no transaction."""
    return {name: cents for name, cents in sums_by_account(booked.entries if booked else ()).items() if cents}


def all_entries(*booked: Transaction | None) -> list[Entry]:
    """The entries of all that was booked."""
    return [one for each in booked if each is not None for one in each.entries]


@st.composite
def payments(draw: st.DrawFn) -> ClaimPayment:
    """Any balanced payment of the made claim, with any adjustments of the claim and of its lines."""
    lines = tuple(
        service(one, *(adjustment(g, r, a) for (g, r), a in draw(ADJUSTMENTS)))
        for one in claim().lines[: draw(st.integers(0, 2))]
    )
    whole = tuple(adjustment(g, r, a) for (g, r), a in draw(ADJUSTMENTS))
    if lines:
        return payment_of(lines, *whole)
    charge_ = D("195.00")
    return payment_of((), *whole, charge=charge_, paid=charge_ - sum((one.amount for one in whole), D(0)))


def negated(paid: ClaimPayment) -> ClaimPayment:
    """The reversal (CLP02 = 22) of a payment: every amount with the other sign."""

    def turned(those: tuple[Adjustment, ...]) -> tuple[Adjustment, ...]:
        return tuple(replace(one, amount=-one.amount) for one in those)

    lines = tuple(
        replace(one, charge=-one.charge, paid=-one.paid, adjustments=turned(one.adjustments))
        for one in paid.lines
    )
    return replace(
        paid, status="22", charge=-paid.charge, paid=-paid.paid, adjustments=turned(paid.adjustments), lines=lines
    )


@pytest.mark.parametrize(
    ("group", "reason", "expected"),
    [
        *[("CO", reason, Meaning.CONTRACTUAL) for reason in sorted(CONTRACTUAL)],
        *[("PR", reason, Meaning.COST_SHARE) for reason in sorted(COST_SHARE)],
        ("OA", "23", Meaning.PRIOR),
        ("CO", "23", Meaning.DENIED),
        ("CO", "1", Meaning.DENIED),
        ("OA", "1", Meaning.DENIED),
        ("PR", "45", Meaning.DENIED),
        ("PR", "27", Meaning.DENIED),
        ("CO", "16", Meaning.DENIED),
        ("OA", "18", Meaning.DENIED),
        ("PI", "97", Meaning.DENIED),
    ],
)
def test_meanings(group: str, reason: str, expected: Meaning) -> None:
    """Only PR with a cost-sharing reason can reach a patient; only agreed reasons are written down; the rest is
    denied, in work, whatever its group."""
    assert meaning(adjustment(group, reason, "1.00")) is expected


def test_a_charge_is_asked_of_its_first_payer() -> None:
    """Each line is a receivable of the payer against revenue."""
    booked = entries.charge("clm1", claim(), "pat1", at())
    assert by_account(booked) == {"insurance_receivable": 19500, "revenue": -19500}
    assert (
        sum_by(all_entries(booked), ("account", "line", "payer", "rank"))["insurance_receivable", 2, "ppo", 1]
        == 3000
    )


@given(payments())
def test_every_balanced_payment_posts_balanced(paid: ClaimPayment) -> None:
    """Any payment that adds up posts entries that sum to zero, and its cash is CLP04 to the cent."""
    found = all_entries(posted(paid))
    assert sum(one.cents for one in found) == 0
    assert sums_by_account(found).get("cash_clearing", 0) == int(paid.paid * 100)


@given(payments(), st.sampled_from([{}, {"next_payer": "ppo_second"}, {"gate": "qmb"}]))
def test_a_reversal_undoes_its_payment(paid: ClaimPayment, whose: dict[str, str]) -> None:
    """A payment and its reversal with negated amounts come to zero in every account, payer, line and reason."""
    both = all_entries(posted(paid, **whose), posted(negated(paid), **whose))
    by = ("account", "payer", "rank", "line", "group", "reason", "guarantor_id")
    assert {key: cents for key, cents in sum_by(both, by).items() if cents} == {}


@given(payments())
def test_what_remains_is_what_was_denied(paid: ClaimPayment) -> None:
    """After charge and payment, the payer's receivable is what was denied or is a prior payer's: nothing vanishes."""
    assume(len(paid.lines) != 1)  # then the payment would be for less than what was charged
    booked = all_entries(entries.charge("clm1", claim(), "pat1", at("c")), posted(paid))
    every = [*paid.adjustments, *(one for each in paid.lines for one in each.adjustments)]
    left = sum((one.amount for one in every if meaning(one) in {Meaning.DENIED, Meaning.PRIOR}), D(0))
    assert sums_by_account(booked)["insurance_receivable"] == int(left * 100)


SHARED = payment_of((service(line(), adjustment("PR", "1", "25.00"), adjustment("CO", "45", "40.00")),))


@pytest.mark.parametrize(
    ("whose", "goes_to"),
    [
        ({}, ("patient_receivable", "ppo", 1)),
        ({"gate": "qmb"}, ("held_receivable", "ppo", 1)),
        ({"next_payer": "ppo_second"}, ("insurance_receivable", "ppo_second", 2)),
        ({"next_payer": "ppo_second", "gate": "qmb"}, ("insurance_receivable", "ppo_second", 2)),
    ],
)
def test_where_cost_sharing_goes(whose: dict[str, str], goes_to: tuple[str, str, int]) -> None:
    """To the next payer where there is one; else it is held where the gate is shut; else the guarantor owes it."""
    found = sum_by(all_entries(posted(SHARED, **whose)), ("account", "payer", "rank"))
    assert found[goes_to] == 2500
    assert found["contractual", "ppo", 1] == 4000
    assert found["insurance_receivable", "ppo", 1] == -16500


def test_the_second_payer_pays_what_the_first_left() -> None:
    """OA-23 books nothing: the second payer owes only the cost sharing that the first handed on, and closes it."""
    onward = posted(SHARED, next_payer="ppo_second")
    second = claim(payer="ppo_second", rank=2, coverage=coverage("ppo_second", 2))
    told = payment_of((service(line(), adjustment("OA", "23", "140.00")),), status="2")
    answer = entries.payment(told, account(second), at("k2"))
    first = entries.charge("clm1", claim(lines=(line(),)), "pat1", at("k0"))
    assert by_account(answer) == {"cash_clearing": 2500, "insurance_receivable": -2500}
    found = sum_by(all_entries(first, onward, answer), ("account", "payer", "rank"))
    assert {key: cents for key, cents in found.items() if key[0] == "insurance_receivable"} == {
        ("insurance_receivable", "ppo", 1): 0,
        ("insurance_receivable", "ppo_second", 2): 0,
    }


def test_nothing_moves_without_an_entry() -> None:
    """A denial of everything moves nothing: no transaction, and the receivable stays with the payer, in work."""
    told = payment_of((service(line(), adjustment("CO", "16", "165.00"), remarks=("N290",)),))
    assert posted(told) is None
    item = denial_item(told, "clm1")
    assert item is not None
    assert (item.reason, item.amount_cents, "N290" in item.where) == ("denial.CO-16", 16500, True)


def test_a_denial_names_its_largest_reason() -> None:
    """One item per claim payment: its reason is the largest, its amount all that was denied; CLP02 is not asked."""
    told = payment_of(
        (
            service(
                line(),
                adjustment("CO", "45", "100.00"),
                adjustment("CO", "197", "5.00"),
                adjustment("PR", "27", "9.00"),
            ),
        ),
        status="1",
    )
    item = denial_item(told, "clm1")
    assert item is not None
    assert (item.reason, item.amount_cents) == ("denial.PR-27", 1400)
    assert [one.reason for one in denied(told)] == ["197", "27"]
    assert denial_item(SHARED, "clm1") is None
    assert denial_item(negated(told), "clm1") is None


def test_the_gate() -> None:
    """A patient may be asked but for QMB remarks, and for any payer among theirs that forbids it."""
    known = settings()
    assert gate(claim(), ["N130"], known) == ""
    assert gate(claim(), ["N130", "N781"], known) == "qmb"
    assert gate(claim(payer="medicaid", coverage=coverage("medicaid")), [], known) == "medicaid"
    assert gate(claim(other_coverages=(coverage("medicaid", 2),)), [], known) == "medicaid"
    assert gate(claim(payer="comp", coverage=coverage("comp")), [], known) == "workers_comp"


@pytest.mark.parametrize(
    ("reason", "goes_to"), [("L6", "interest_income"), ("WO", "plb_suspense"), ("FB", "plb_suspense")]
)
def test_provider_adjustments(reason: str, goes_to: str) -> None:
    """A positive PLB takes from the cash, a negative adds; interest is income, the rest waits under its reason."""
    for dollars in ("12.34", "-12.34"):
        booked = entries.provider_adjustment(ProviderAdjustment(reason=reason, amount=D(dollars)), "ppo", at())
        cents = int(D(dollars) * 100)
        assert by_account(booked) == {"cash_clearing": -cents, goes_to: cents}


def test_unmatched_money_waits_under_its_remittance() -> None:
    """What names no claim of ours is cash against suspense, whatever its adjustments say."""
    booked = entries.unmatched(SHARED, "ppo", at())
    assert by_account(booked) == {"cash_clearing": 10000, "unmatched_suspense": -10000}
    assert {one.remit_id for one in all_entries(booked)} == {"rem1"}


@given(
    st.lists(payments(), max_size=4),
    st.lists(st.tuples(st.sampled_from(["L6", "WO", "FB", "72"]), AMOUNTS), max_size=3),
)
def test_cash_is_claims_less_adjustments(told: list[ClaimPayment], plbs: list[tuple[str, Decimal]]) -> None:
    """For any remittance, the net debit to cash clearing is sum of CLP04 - sum of PLB, matched or not."""
    booked = [
        posted(paid) if number % 2 else entries.unmatched(paid, "ppo", at()) for number, paid in enumerate(told)
    ]
    booked += [
        entries.provider_adjustment(ProviderAdjustment(reason=reason, amount=amount), "ppo", at())
        for reason, amount in plbs
    ]
    amount = sum((paid.paid for paid in told), D(0)) - sum((amount for _, amount in plbs), D(0))
    assert sums_by_account(all_entries(*booked)).get("cash_clearing", 0) == int(amount * 100)


def test_self_pay_is_owed_from_the_start() -> None:
    """Charges that nobody insures are the guarantor's receivable against revenue."""
    booked = entries.self_pay("enc1", [charge(amount=D("10.00")), charge(amount=D("2.50"))], "gua1", at())
    assert by_account(booked) == {"patient_receivable": 1250, "revenue": -1250}
    assert {one.guarantor_id for one in all_entries(booked)} == {"gua1"}


def test_lines_are_known_again() -> None:
    """By line control number; else by the only line of the code asked (SVC06 first), day and charge; else not."""
    of = claim(lines=(line(1, "G0438", "10.00"), line(2, "G0438", "20.00"), line(3, "T1015", "20.00")))
    one, two, three = of.lines
    cases = [
        (service(two), 2),
        (service(two, control_number="L9"), 2),
        (service(three, control_number="", hcpcs="G0439", original_hcpcs="T1015"), 3),
        (service(three, control_number="", hcpcs="G0439"), 0),
        (service(one, control_number="", charge=D("11.00")), 0),
    ]
    for told, number in cases:
        assert line_numbers(payment_of((told,)), of) == (number,)
    alike = claim(lines=(one, replace(one, number=2, control_number="L2")))
    assert line_numbers(payment_of((service(one, control_number=""),)), alike) == (0,)
