"""Remittances as payers write them: the sandbox's claims with other money, numbers and names, or in another order.

Every charge, payment and adjustment is another one and balances; every id and name is another one. Dates, codes,
groups and units repeat, as they do in earnest.
"""

from __future__ import annotations

from random import Random

ORDER = ("SVC", "DTM", "AMT", "REF", "CAS", "CLP", "NM1*82", "NM1", "DTM*050", "DTM*233", "DTM*232")
"""Ids in the order of a payer who writes AMT and REF before CAS, the rendering provider first, days last to first."""


def varied(data: bytes, times: int = 1) -> bytes:
    """A remittance of one payer's claims, each so many times, whose amounts, ids and names do not repeat."""
    random = Random(835)  # noqa: S311 - synthetic money
    texts = data.decode("ascii").split("~")
    before, claims, after = _parts(texts)
    paid, made = 0, []
    for number, claim in enumerate(claims * times):
        left, segments = _claim(random, number, [text.split("*") for text in claim])
        paid += left
        made += ["*".join(one) for one in segments]
    head = [_with(text, "BPR", 2, _money(paid)) for text in before]
    more = len(made) - sum(map(len, claims))
    tail = [
        _with(text, "SE", 1, str(int(text.split("*")[1]) + more)) if text[:3] == "SE*" else text for text in after
    ]
    return "~".join([*head, *made, *tail]).encode("ascii")


def reordered(data: bytes) -> bytes:
    """The same claims with their segments in an order of the payer's own, the same in every claim."""
    before, claims, after = _parts(data.decode("ascii").split("~"))
    made: list[str] = []
    for claim in claims:
        starts = [at for at, text in enumerate(claim) if text.startswith(("CLP*", "SVC*"))]
        for start, end in zip(starts, [*starts[1:], len(claim)], strict=True):
            own = claim[start + 1 : end]
            made += [claim[start], *sorted(own, key=_rank)]
    return "~".join([*before, *made, *after]).encode("ascii")


def _rank(text: str) -> int:
    return next(at for at, tag in sorted(enumerate(ORDER), key=lambda one: -len(one[1])) if text.startswith(tag))


def _parts(texts: list[str]) -> tuple[list[str], list[list[str]], list[str]]:
    """What stands before the claims, each claim, and what stands after them."""
    starts = [at for at, text in enumerate(texts) if text.startswith("CLP*")]
    end = next(at for at in range(starts[-1], len(texts)) if texts[at].startswith(("PLB*", "SE*", "LX*")))
    claims = [texts[start:stop] for start, stop in zip(starts, [*starts[1:], end], strict=True)]
    return texts[: starts[0]], claims, texts[end:]


def _with(text: str, tag: str, at: int, value: str) -> str:
    """A segment with another value, where it has this id."""
    values = text.split("*")
    if values[0] == tag:
        values[at] = value
    return "*".join(values)


def _claim(random: Random, number: int, claim: list[list[str]]) -> tuple[int, list[list[str]]]:
    """One claim with other values, and the cents that it pays."""
    charge = paid = owed = 0
    opener = claim[0]
    line: list[str] = []
    left = 0
    for values in claim:
        if values[0] == "SVC":
            line, left = values, random.randrange(20_000, 900_000)
            charge += left
            paid += left
            line[2], line[3] = _money(left), _money(left)
        elif values[0] == "CAS":
            for at in range(3, len(values), 3):
                taken = random.randrange(101, 9_000)
                left, paid = left - taken, paid - taken
                owed += taken if values[1] == "PR" else 0
                values[at] = _money(taken)
            line[3] = _money(left)
        elif values[0] == "AMT":
            values[2] = _money(random.randrange(1_000, 900_000))
        elif values[0] == "REF":
            values[2] = f"L{number * 97 + len(claim)}N{random.randrange(10**7)}"
        elif values[0] == "NM1":
            _named(random, values)
    opener[1] = f"V{random.randrange(10**9):09}"
    opener[3], opener[4], opener[5] = _money(charge), _money(paid), _money(owed)
    opener[7] = f"{random.randrange(10**13):013}"
    return paid, claim


def _named(random: Random, values: list[str]) -> None:
    for at in (3, 4):
        if len(values) > at and values[at]:
            values[at] = "".join(random.choices("ABCDEFGHIJKLMNOPRSTUVWY", k=random.randrange(4, 11)))
    if len(values) > 9:
        values[9] = (
            f"{random.randrange(10**9, 2 * 10**9)}" if values[8] == "XX" else f"M{random.randrange(10**9):09}"
        )


def _money(cents: int) -> str:
    """Cents as X12 writes dollars: no zeros at the end."""
    dollars, rest = divmod(cents, 100)
    return f"{dollars}.{rest:02}".rstrip("0").rstrip(".") if rest else str(dollars)
