"""The writer: strict, counted, and accepted by other people's validators."""

from __future__ import annotations

import datetime as dt
import logging
import warnings
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.x12.ack import acknowledgement
from hub.x12.envelope import X12Reader
from hub.x12.guides import guide_named
from hub.x12.tree import Node, node
from hub.x12.wire import Delimiters, segments
from hub.x12.write import Envelope, Party, RefusedByGuide, basic, check_root, money, write_interchange


def pyx12_accepts(data: bytes, folder: Path) -> bool:
    """What pyx12 says of a file; its own 999 is not asked for, since it cannot write one for an 835."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyx12.params
        import pyx12.x12n_document
    logging.getLogger("pyx12").setLevel(logging.CRITICAL)
    path = folder / "file.x12"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bool(
            pyx12.x12n_document.x12n_document(
                param=pyx12.params.params(None), src_file=str(path), fd_997=None, fd_html=None
            )
        )


def read(data: bytes) -> X12Reader:
    """A file read to its end."""
    reader = X12Reader(data)
    for transaction in reader:
        transaction.check()
    return reader


@pytest.mark.parametrize("name", ["two_claims", "secondary_claim"])
def test_pyx12_accepts_the_837p(samples: SimpleNamespace, tmp_path: Path, name: str) -> None:
    """Another validator has no complaint about our claims: primary, dependent, drug and secondary."""
    assert pyx12_accepts(samples.write("837P", getattr(samples, name)()), tmp_path)


@pytest.mark.parametrize("name", ["ordinary_remittance", "notice"])
def test_pyx12_and_oxedi_accept_the_835(samples: SimpleNamespace, tmp_path: Path, name: str) -> None:
    """Other validators accept the structure and the money of our remittances."""
    import oxedi

    data = samples.write("835", getattr(samples, name)())
    assert pyx12_accepts(data, tmp_path)
    assert list(oxedi.parse(data).diagnostics) == []


def test_oxedi_sees_the_imbalance_that_we_see(samples: SimpleNamespace) -> None:
    """The second opinion is worth having: it names the same wrong total."""
    import oxedi

    data = samples.write("835", samples.ordinary_remittance()).replace(b"BPR*I*125.5", b"BPR*I*125.6")
    assert list(oxedi.parse(data).diagnostics)
    assert [f.code for one in X12Reader(data) for f in one.check()] == ["835.payment_balance"]


def test_pyx12_accepts_the_277ca(samples: SimpleNamespace, tmp_path: Path) -> None:
    """Another validator has no complaint about our claim acknowledgement."""
    assert pyx12_accepts(samples.write("277CA", samples.claim_acknowledgement()), tmp_path)


def test_pyx12_accepts_the_999(samples: SimpleNamespace, tmp_path: Path) -> None:
    """Another validator has no complaint about our 999, whether it accepts or rejects."""
    good = samples.write("837P", samples.two_claims(), samples.two_claims())
    for data in (good, good.replace(b"*11:B:1*Y*", b"*11:B*Q*", 1)):
        root = acknowledgement(read(data).interchanges[0].groups[0])
        assert pyx12_accepts(samples.write("999", root), tmp_path)


def test_counts_and_numbers_are_ours_and_control_numbers_the_callers(samples: SimpleNamespace) -> None:
    """SE, GE and IEA count what is there and repeat the numbers that were given."""
    data = samples.write("837P", samples.two_claims(), samples.two_claims(), control_number=77)
    found = {values[0]: values for values in segments(data)}
    assert found["ISA"][13] == "000000077"
    assert found["IEA"][1:] == ["1", "000000077"]
    assert found["GE"][1:] == ["2", "1"]
    assert found["SE"][1:] == ["57", "0002"]
    levels = [values[1:] for values in segments(data) if values[0] == "HL"]
    assert levels[:4] == [
        ["1", "", "20", "1"],
        ["2", "1", "22", "0"],
        ["3", "1", "22", "1"],
        ["4", "3", "23", "0"],
    ]
    assert [values[1] for values in segments(data) if values[0] == "LX"] == ["1", "2"] * 4


def test_a_set_that_breaks_its_guide_is_refused(samples: SimpleNamespace) -> None:
    """Nothing invalid is written, and the refusal names places and no values."""
    root = samples.claims_root(samples.subscriber_is_patient(samples.claim("PCN1", ("REF", "ZZ", "SECRETVALUE"))))
    with pytest.raises(RefusedByGuide) as caught:
        samples.write("837P", root)
    assert "2300 REF01" in str(caught.value)
    assert "SECRETVALUE" not in str(caught.value)
    assert caught.value.findings[0].loop == "2300"


@pytest.mark.parametrize("value", ["A*B", "A:B", "A^B", "A~B", "A\nB", "A\tB", "\x7f"])
def test_a_delimiter_inside_data_is_refused(samples: SimpleNamespace, value: str) -> None:
    """Data that holds a delimiter or a control character never reaches a file."""
    root = samples.claims_root(samples.subscriber_is_patient(samples.claim("PCN1", ("REF", "D9", value))))
    assert "element.character" in {finding.code for finding in check_root(guide_named("837P"), root)}
    with pytest.raises(RefusedByGuide):
        samples.write("837P", root)


def test_an_undeclared_segment_is_refused(samples: SimpleNamespace) -> None:
    """A segment that the guide does not know at this place is not written."""
    root = samples.two_claims()
    root.items.append(("PLB", samples.npi, "20261231", ("L6", "X"), "1"))
    codes = [finding.code for finding in check_root(guide_named("837P"), root)]
    assert codes == ["segment.unexpected"]


def test_a_header_that_does_not_fit_is_refused() -> None:
    """The ISA is 106 characters wide or it is not written."""
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    long = Envelope(sender=Party(id="A" * 16), receiver=Party(id="B"), control_number=1, usage="T", at=at)
    with pytest.raises(ValueError, match="ISA06 must be 15 characters wide"):
        list(write_interchange(long))


def test_an_interchange_may_hold_only_a_ta1() -> None:
    """TA1s stand between ISA and IEA without a group."""
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    envelope = Envelope(sender=Party(id="A"), receiver=Party(id="B"), control_number=5, usage="P", at=at)
    ta1 = ("TA1", "000000001", "260101", "0000", "A", "000")
    reader = X12Reader(b"".join(write_interchange(envelope, ta1s=[ta1])))
    assert list(reader) == []
    assert [found[1] for found in reader.interchanges[0].ta1s] == ["000000001"]
    assert reader.findings == []


names = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 &'-", min_size=1, max_size=35).filter(
    lambda text: text == text.strip()
)
cents = st.integers(min_value=1, max_value=99_999_999)


@settings(deadline=None, max_examples=40)
@given(
    last=names,
    first=names,
    charges=st.lists(cents, min_size=1, max_size=8),
    mark=st.sampled_from(["", "\n", "\r\n"]),
)
def test_what_is_written_is_what_is_read(
    samples: SimpleNamespace, last: str, first: str, charges: list[int], mark: str
) -> None:
    """Any names and amounts come back from a written claim exactly, without a finding."""
    total = money(Decimal(sum(charges)) / 100)
    lines = [
        node(
            "2400",
            ("LX", None),
            ("SV1", ("HC", "A0428"), money(Decimal(cent) / 100), "UN", "1", None, None, ("1",)),
            ("DTP", "472", "D8", "20260105"),
        )
        for cent in charges
    ]
    claim = node(
        "2300",
        ("CLM", "PCN1", total, None, None, ("11", "B", "1"), "Y", "A", "Y", "Y"),
        ("HI", ("ABK", "J020")),
        *lines,
    )
    subscriber = samples.subscriber_is_patient(claim)
    subscriber.children("2010BA")[0].items[0] = ("NM1", "IL", "1", last, first, None, None, None, "MI", "W1")
    data = samples.write("837P", samples.claims_root(subscriber), delimiters=Delimiters(ending=mark))
    transaction = next(iter(X12Reader(data)))
    unit = next(iter(transaction.units()))
    person = unit.find("2010BA")
    assert person is not None
    assert (person.value("NM1", 3), person.value("NM1", 4)) == (last, first)
    assert [Decimal(one.value("SV1", 2)) * 100 for one in unit.children("2400")] == charges
    assert transaction.check() == []


def test_a_tree_that_was_read_is_written_again(samples: SimpleNamespace) -> None:
    """Reading a set and writing its tree gives the same segments, for every guide we write."""
    roots = {
        "837P": samples.two_claims(),
        "835": samples.ordinary_remittance(),
        "277CA": samples.claim_acknowledgement(),
    }
    for kind, root in roots.items():
        data = samples.write(kind, root)
        tree = next(iter(X12Reader(data))).tree()
        inner = Node("", [item for item in tree.items if isinstance(item, Node) or item[0] not in ("ST", "SE")])
        # a tree that was read holds composites as text; they are declared, so they pass as they are
        assert split_composites(samples.write(kind, opened(inner))) == split_composites(data)


def opened(tree: Node) -> Node:
    """The tree with composite texts as tuples, as a builder would give them."""
    items: list[object] = [
        opened(item)
        if isinstance(item, Node)
        else tuple(tuple(str(value).split(":")) if ":" in str(value) else value for value in item)
        for item in tree.items
    ]
    return Node(tree.loop, items)  # type: ignore[arg-type]


def split_composites(data: bytes) -> list[list[str]]:
    """All segments of a file."""
    return list(segments(data))


def test_basic_text_and_money() -> None:
    """Names lose what the basic set lacks; amounts are written without needless digits, never as float."""
    assert basic("Núñez*  de la~Cruz") == "NUNEZ DE LA CRUZ"
    assert [money(Decimal(text)) for text in ("100.00", "12.50", "-3.10", "0.00", "-0", "1E+3")] == [
        "100", "12.5", "-3.1", "0", "0", "1000",
    ]  # fmt: skip
    assert money(7) == "7"
    with pytest.raises(TypeError):
        money(1.5)
