"""What is read is written again byte for byte: the bytes by their segments, and the trees by the writer."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.testing.x12_strategies import delimiters, interchanges, sets
from hub.x12.envelope import TransactionSet, X12Reader
from hub.x12.generate import KINDS, interchange, valid, written
from hub.x12.grammar import Guide
from hub.x12.guides import guide_named
from hub.x12.tree import Node
from hub.x12.wire import Delimiters, Wire, rebuild
from hub.x12.write import encode_segment, money

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "x12"
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
FEW = settings(
    deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def body(tree: Node) -> Node:
    """What a tree that was read holds between ST and SE, as the writer takes it."""
    inner = [item for item in tree.items if isinstance(item, Node) or item[0] not in ("ST", "SE")]
    return Node("", inner, position=1, delimiters=tree.delimiters)


def texts_of(transaction: TransactionSet) -> list[str]:
    """The segments of a set, encoded again from its tree."""
    return [encode_segment(values, transaction.delimiters) for values in transaction.tree().segments()]


@EVERY_KIND
@FEW
@given(data=st.data())
def test_bytes_to_segments_to_bytes(kind: str, data: st.DataObject) -> None:
    """A valid file with any delimiters and line endings comes back byte for byte from its segments."""
    file = data.draw(interchanges(kind, odd=True))
    assert rebuild(file) == file


@EVERY_KIND
@FEW
@given(data=st.data())
def test_bytes_to_tree_to_bytes(kind: str, data: st.DataObject) -> None:
    """A valid file comes back byte for byte when its tree is read and given to the writer."""
    root, marks = data.draw(sets(kind)), data.draw(delimiters())
    guide = guide_named(kind)
    file = written(guide, [root], delimiters=marks)
    reader = X12Reader(file, strict=True)
    trees = [transaction.tree() for transaction in reader]
    assert reader.findings == []
    assert written(guide, [body(tree) for tree in trees], delimiters=marks) == file


@EVERY_KIND
def test_other_delimiters_change_nothing_else(kind: str) -> None:
    """A tree that was read from a file with odd delimiters is written with the usual ones, and back."""
    guide, odd = guide_named(kind), Delimiters(element="|", component=">", repetition="!", segment="\x1c")
    plain = interchange(guide, Random(8), often=0.5)  # noqa: S311 - chance for tests
    trees = [transaction.tree() for transaction in X12Reader(plain)]
    other = written(guide, [body(tree) for tree in trees], delimiters=odd)
    back = [transaction.tree() for transaction in X12Reader(other)]
    assert other != plain
    assert written(guide, [body(tree) for tree in back]) == plain


@EVERY_KIND
def test_several_interchanges_groups_and_sets(kind: str) -> None:
    """Files put one after another, with several groups and sets, are read as they stand and come back."""
    guide = guide_named(kind)
    roots = [valid(guide, Random(seed)) for seed in range(3)]  # noqa: S311 - chance for tests
    one, two = written(guide, roots), written(guide, roots[:1], number=2)
    head, _, tail = one.partition(b"GS*")
    group, _, end = tail.partition(b"IEA*")
    doubled = (
        head
        + b"GS*"
        + group
        + (b"GS*" + group).replace(b"*0930*1*X*", b"*0930*7*X*", 1).replace(b"GE*3*1~", b"GE*3*7~")
    )
    file = doubled + b"IEA*" + end.replace(b"1*", b"2*", 1) + b"\r\n" + two
    reader = X12Reader(file, strict=True)
    assert [len(transaction.check()) for transaction in reader] == [0] * 7
    assert [len(found.groups) for found in reader.interchanges] == [2, 1]
    assert reader.findings == []
    assert rebuild(file) == file


def outside_envelopes(wire: Wire) -> list[str]:
    """The segments of a file that stand in its sets, without empty elements at their ends."""
    return [
        text.rstrip(block.delimiters.element)
        for block in wire
        for text in block.segments
        if text.split(block.delimiters.element)[0] not in ("ISA", "IEA", "GS", "GE", "TA1")
    ]


@pytest.mark.skipif(not FILES, reason="the sample files of others are not beside this clone")
def test_a_file_of_others_comes_back_from_its_trees() -> None:
    """Every segment of every set stands in its tree, in order and unchanged, whatever is wrong with it."""
    for path in FILES:
        data = path.read_bytes()
        found: list[str] = []
        for transaction in X12Reader(data):
            if transaction.guide is None:
                plain = transaction.segments()
                found.extend(encode_segment(segment.values, transaction.delimiters) for segment in plain)
            else:
                found.extend(texts_of(transaction))
        wire = Wire(data)
        assert found == outside_envelopes(wire) or wire.problem, path.name


@pytest.mark.skipif(not FILES, reason="the sample files of others are not beside this clone")
def test_a_good_file_of_others_is_written_again() -> None:
    """The bodies of the sets of others that the strict check passes are written as they were read."""
    met = 0
    for path in FILES:
        for transaction in X12Reader(path.read_bytes(), strict=True):
            tree = transaction.tree()
            guide: Guide | None = transaction.guide
            if guide is None or any(finding.severity == "error" for finding in transaction.findings):
                continue
            again = next(iter(X12Reader(written(guide, [body(tree)], delimiters=transaction.delimiters)))).tree()
            assert [list(values) for values in body(again).segments()] == [
                list(values) for values in body(tree).segments()
            ]
            met += 1
    assert met >= 5


def test_money_is_written_as_it_was_meant() -> None:
    """Generated amounts use the writer's own form, so that reading and writing agree."""
    from decimal import Decimal

    from hub.x12.generate.world import money as cents

    for amount in (0, 1, 10, 100, -317, 123456, -5):
        assert cents(amount) == money(Decimal(amount) / 100)
