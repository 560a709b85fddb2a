"""What credits leave of charges: whole charges, units at their price, and nothing by guess."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flowlab.made import D, priced
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.flow.crediting import Priced, net_of_credits
from hub.model.encounter import Drug


def charge(key: str, amount: str = "100.00", units: str = "1", kind: str = "charge", **changes: object) -> Priced:
    """A priced charge or credit of one code and day."""
    id_, one = priced(key, "T1015", amount, kind=kind)
    return id_, replace(one, units=D(units), **changes)


def net(
    *charges: Priced, billed: Sequence[Priced] = ()
) -> tuple[list[tuple[str, str, str]], list[str], list[str]]:
    """What is left as (id, units, amount), what is settled, and the problem codes."""
    kept, settled, problems = net_of_credits(charges, billed)
    left = [(id_, str(one.units), str(one.amount)) for id_, one in kept]
    return left, sorted(settled), [problem.code for problem in problems]


def test_the_charge_with_its_modifiers_goes_first() -> None:
    """Of two charges to the cent alike, a credit takes the one with its own modifiers."""
    left, settled, _ = net(
        charge("C1"), charge("C2", modifiers=("59",)), charge("C3", kind="credit", modifiers=("59",))
    )
    assert (left, settled) == ([("chg-C1", "1", "100.00")], ["chg-C2", "chg-C3"])


def test_a_credit_of_some_units() -> None:
    """Units that are given back at the price of the charge leave the others, and the drug in proportion."""
    drug = Drug(ndc="00002143380", quantity=D("3"), unit="ML")
    kept, settled, problems = net_of_credits(
        [charge("C1", "300.00", "3", drug=drug), charge("C2", "200.00", "2", kind="credit")]
    )
    ((_, left),) = kept
    assert (left.units, left.amount, left.drug and left.drug.quantity) == (D("1"), D("100.00"), D("1"))
    assert (settled, problems) == (("chg-C2",), [])


def test_a_credit_over_several_charges() -> None:
    """A credit of more units than one charge has takes whole charges of its price, the latest first."""
    charges = [charge(f"C{n}") for n in range(1, 4)]
    assert net(*charges, charge("C9", "200.00", "2", kind="credit")) == (
        [("chg-C1", "1", "100.00")], ["chg-C2", "chg-C3", "chg-C9"], [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "units"),
    [("40.00", "1"), ("400.00", "4"), ("0.01", "1"), ("100.00", "3")],
)
def test_a_credit_that_does_not_fit_is_held(amount: str, units: str) -> None:
    """Another price, or more units than were charged, is work: nothing is deducted by guess."""
    left, settled, problems = net(charge("C1", "300.00", "3"), charge("C2", amount, units, kind="credit"))
    assert (left, settled, problems) == ([("chg-C1", "3", "300.00")], [], ["claim.credit_alone"])


def test_a_credit_of_what_was_billed() -> None:
    """A credit whose charge is on a claim already is told as such; that claim stands until a person decides."""
    assert net(charge("C2", kind="credit"), billed=[charge("C1")])[2] == ["claim.credit_late"]


def test_a_credit_takes_of_the_charge_that_it_names() -> None:
    """Of charges alike it undoes the one that it names, of whatever day it is itself; one that it names in vain, or
    that does not fit, is a person's, however well another one would."""
    first, second = charge("C1"), charge("C2", "200.00", "2")
    other_day: dict[str, Any] = {"replaces": "C1", "service_from": first[1].service_from + timedelta(days=3)}
    back = charge("C9", kind="credit", **other_day)
    assert net(first, charge("C2"), back) == ([("chg-C2", "1", "100.00")], ["chg-C1", "chg-C9"], [])
    assert net(first, second, charge("C9", kind="credit", replaces="C2"))[0] == [
        ("chg-C1", "1", "100.00"), ("chg-C2", "1", "100.00"),
    ]  # fmt: skip
    assert net(second, back)[2] == ["claim.credit_alone"]
    assert net(second, back, billed=[first])[2] == ["claim.credit_late"]
    loose = charge("C8", kind="credit")
    assert net(first, loose, back)[1:] == (["chg-C1", "chg-C9"], ["claim.credit_alone"])


AMOUNTS = st.sampled_from(["10.00", "20.00", "30.00"])


@given(st.lists(st.tuples(st.booleans(), AMOUNTS, st.sampled_from(["1", "2", "3"])), max_size=8))
def test_no_cent_appears_or_vanishes(told: list[tuple[bool, str, str]]) -> None:
    """Whatever is charged and credited, what is left is the charges less the credits that found theirs."""
    lines = [
        charge(f"C{n}", str(D(price) * D(units)), units, kind="credit" if back else "charge")
        for n, (back, price, units) in enumerate(told)
    ]
    kept, settled, problems = net_of_credits(lines)
    charged = sum((one.amount or D(0) for _, one in lines if one.kind == "charge"), Decimal(0))
    taken = sum((one.amount or D(0) for id_, one in lines if one.kind == "credit" and id_ in settled), Decimal(0))
    assert sum((one.amount or D(0) for _, one in kept), Decimal(0)) == charged - taken
    assert len(problems) == sum(one.kind == "credit" and id_ not in settled for id_, one in lines)
    assert all(one.units > 0 for _, one in kept)
