"""What credits leave of charges, purely: a credit takes back a whole charge, or units of charges at their own price;
one that names its charge (`replaces`) takes of that alone, whatever day it was told for.

A credit that fits neither way to the cent is never guessed at, and one whose charge went out before is a person's
decision: a corrected claim may have to follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from hub.errors import Problem
from hub.model.encounter import Charge
from hub.money import NotMoney, to_cents

Priced = tuple[str, Charge]
"""A charge's id and the charge, coded and priced."""


def net_of_credits(
    charges: Sequence[Priced], billed: Sequence[Priced] = ()
) -> tuple[list[Priced], tuple[str, ...], list[Problem]]:
    """Charges left when every credit has taken what it undoes with it: the whole charge of its code, day and amount
    (one with its modifiers first), else as many units of charges of its code, day and unit price.

    Returns what is left, the ids of what is settled (credits, and charges that nothing is left of), and problems.
    """
    kept = [(id_, charge) for id_, charge in charges if charge.kind == "charge"]
    out = {charge.key for _, charge in billed}
    settled: list[str] = []
    problems = [_replaced_late() for _, charge in kept if charge.replaces and charge.replaces in out]
    credits_ = ((id_, charge) for id_, charge in charges if charge.kind == "credit")
    for id_, credit in sorted(credits_, key=lambda one: not one[1].replaces):
        undone = _named(credit, kept) if credit.replaces else _whole(credit, kept) or _units(credit, kept)
        if undone is None:
            problems.append(_late_credit() if _is_late(credit, billed) else _lonely_credit())
            continue
        settled += [id_, *(old for old, left in undone if left is None)]
        after = dict(undone)
        rest = ((old, after.get(old, charge)) for old, charge in kept)
        kept = [(old, charge) for old, charge in rest if charge is not None]
    return kept, tuple(settled), problems


Undone = list[tuple[str, Charge | None]]
"""What a credit leaves of each charge that it takes from: None where nothing is left."""


def _named(credit: Charge, kept: Sequence[Priced]) -> Undone | None:
    """What the charge that a credit names loses: another one of its code and day is not the one that was meant."""
    meant = [pair for pair in kept if pair[1].key == credit.replaces]
    credit = replace(credit, service_from=meant[0][1].service_from) if meant else credit
    return _whole(credit, meant) or _units(credit, meant)


def _whole(credit: Charge, kept: Sequence[Priced]) -> Undone | None:
    """The one charge that a credit undoes to the cent; where there are several, one with its modifiers."""
    twins = [(id_, charge) for id_, charge in kept if _is_of(credit, charge) and charge.amount == credit.amount]
    best = next((pair for pair in twins if pair[1].modifiers == credit.modifiers), twins[0] if twins else None)
    return [(best[0], None)] if best else None


def _units(credit: Charge, kept: Sequence[Priced]) -> Undone | None:
    """Some units of charges at the credit's own unit price, the latest first."""
    if credit.amount is None or credit.units <= 0:
        return None
    left, undone = credit.units, Undone()
    for id_, charge in reversed([pair for pair in kept if _same_price(credit, pair[1])]):
        taken = min(left, charge.units)
        undone.append((id_, _less(charge, taken)))
        left -= taken
        if not left:
            return undone
    return None


def _is_of(credit: Charge, charge: Charge) -> bool:
    return (credit.hcpcs, credit.service_from) == (charge.hcpcs, charge.service_from)


def _is_late(credit: Charge, billed: Sequence[Priced]) -> bool:
    """Whether what a credit takes back was billed: the charge that it names, else one of its code and day."""
    out = [charge for _, charge in billed if charge.kind == "charge"]
    if credit.replaces:
        return any(charge.key == credit.replaces for charge in out)
    return any(_is_of(credit, charge) for charge in out)


def _same_price(credit: Charge, charge: Charge) -> bool:
    """Whether a unit of both costs the same, and the credit names no modifiers that the charge lacks."""
    if credit.amount is None or charge.amount is None or not _is_of(credit, charge):
        return False
    same = credit.amount * charge.units == charge.amount * credit.units
    return same and _whole_cents(charge) and set(credit.modifiers) <= set(charge.modifiers)


def _whole_cents(charge: Charge) -> bool:
    """Whether one unit costs whole cents, so that any number of them does."""
    try:
        to_cents((charge.amount or Decimal(0)) / charge.units)
    except (NotMoney, ArithmeticError):
        return False
    return charge.units == int(charge.units)


def _less(charge: Charge, units: Decimal) -> Charge | None:
    """The charge without some of its units; its drug in proportion."""
    left = charge.units - units
    if not left or charge.amount is None:
        return None
    drug = charge.drug and replace(charge.drug, quantity=charge.drug.quantity * left / charge.units)
    amount = (charge.amount / charge.units * left).quantize(Decimal("0.01"))
    return replace(charge, units=left, amount=amount, drug=drug)


def _lonely_credit() -> Problem:
    return Problem(
        code="claim.credit_alone",
        where="charges",
        why="a credit has no charge of the same code and day that it could undo, whole or by units of its price",
        fix="find the charge it belongs to, then correct one of them at the source",
    )


def _replaced_late() -> Problem:
    return Problem(
        code="claim.replaced_late",
        where="charges",
        why="a charge stands in the place of one that is already on a claim or a bill: both would be asked for",
        fix="decide whether a corrected claim must go out in the place of the first, and resolve this item",
    )


def _late_credit() -> Problem:
    return Problem(
        code="claim.credit_late",
        where="charges",
        why="the charge that a credit undoes is already on a claim or a bill",
        fix="decide whether a corrected claim must go out, correct the charge, and resolve this item",
    )
