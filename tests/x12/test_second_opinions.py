"""Programs of others accept what is generated: pyx12 the structure, oxedi the money of every 835."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from hub.x12.generate import valid, written
from hub.x12.guides import guide_named
from hub.x12.tree import Node

sys.path.insert(0, str(Path(__file__).parent))
import opinions

ONLY_ONE: dict[str, dict[str, int]] = {
    # pyx12 wants the levels down to the patient, and the trace of the provider, which the guide leaves open
    "277CA": {"2000B": 1, "2000C": 1, "2000D": 1, "2200C": 1},
}


def for_pyx12(root: Node) -> Node:
    """The tree without what pyx12 alone refuses."""
    for item in list(root.items):
        if isinstance(item, Node):
            for_pyx12(item)
        elif item[0] == "PWK" and item[1] == "CT" and root.loop == "2400":
            root.items.remove(item)  # it takes the certificate of medical necessity for a report of the same code
    return root


def plbs(root: Node) -> int:
    """How many PLB segments a set has: pyx12 takes a second for a second end of the set."""
    return sum(not isinstance(item, Node) and item[0] == "PLB" for item in root.items)


@pytest.mark.parametrize("often", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("kind", ["837P", "837I", "835", "999", "277CA"])
def test_pyx12_accepts_what_is_generated(kind: str, often: float) -> None:
    """pyx12 finds nothing in a valid set of a guide that it has a map for."""
    for seed in range(2 if often > 0.5 else 3):
        root = valid(guide_named(kind), Random(f"{kind}{seed}"), often=often, times=ONLY_ONE.get(kind))  # noqa: S311
        if plbs(root) < 2:
            second = opinions.pyx12(written(guide_named(kind), [for_pyx12(root)]))
            assert second == opinions.Opinion("clean", ())


def test_pyx12_sees_what_is_broken() -> None:
    """The second opinion is one: a set whose receiver is gone is refused by it."""
    data = written(guide_named("837P"), [valid(guide_named("837P"), Random(1))])  # noqa: S311
    start = data.index(b"NM1*40")
    second = opinions.pyx12(data[:start] + data[data.index(b"~", start) + 1 :])
    assert second is not None
    assert second.verdict == "errors"


@pytest.mark.parametrize("often", [0.05, 0.3, 0.6])
def test_oxedi_accepts_the_money_of_every_835(often: float) -> None:
    """Oxedi finds nothing in generated remittances: lines, claims and the payment balance."""
    oxedi = pytest.importorskip("oxedi")
    for seed in range(12):
        data = written(guide_named("835"), [valid(guide_named("835"), Random(seed), often=often)])  # noqa: S311
        assert [str(found) for found in oxedi.parse(data).diagnostics] == []


def test_oxedi_sees_a_cent_that_is_missing() -> None:
    """The second opinion on money is one: a payment that is a cent off is told of."""
    oxedi = pytest.importorskip("oxedi")
    data = written(guide_named("835"), [valid(guide_named("835"), Random(3), often=0.3)])  # noqa: S311
    head, bpr, rest = data.partition(b"BPR*")
    values = rest.split(b"*", 2)
    values[1] = str(Decimal(values[1].decode()) + Decimal("0.01")).encode()
    assert list(oxedi.parse(head + bpr + b"*".join(values)).diagnostics)
