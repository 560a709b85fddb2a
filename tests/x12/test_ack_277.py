"""A 277CA for an 837 that was read: each claim goes on or stops, with the status of what was found."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from hub.x12.ack_277 import Source, claim_acknowledgement
from hub.x12.envelope import X12Reader
from hub.x12.tree import Node
from tests.x12.mutations import findings, told

HERE = Path(__file__).parent
FILES = sorted(path for folder in ("pass", "fail") for path in (HERE / folder).glob("837*.x12"))
SOURCE = Source(name="Anytown Clearing", id="CLEAR1")


def answered(samples: SimpleNamespace, data: bytes) -> Node:
    """The body of the 277CA for a file."""
    return claim_acknowledgement(X12Reader(data), SOURCE, reference="R1", at=samples.at)


def claims(root: Node) -> list[Node]:
    """Loop 2200D of every claim."""
    return [
        below
        for source in root.children("2000A")
        for receiver in source.children("2000B")
        for provider in receiver.children("2000C")
        for patient in provider.children("2000D")
        for below in patient.children("2200D")
    ]


def verdicts(root: Node) -> list[tuple[str, ...]]:
    """Claim number, first status and go or stop of every claim."""
    return [(one.value("TRN", 2), one.value("STC", 1), one.value("STC", 3)) for one in claims(root)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_answer_to_any_837_is_good(path: Path, samples: SimpleNamespace) -> None:
    """Whatever is wrong with an 837, its 277CA keeps its own guide, and answers every claim that was met."""
    data = path.read_bytes()
    root = answered(samples, data)
    met = sum(len(list(one.units("2300"))) for one in X12Reader(data))
    assert len(claims(root)) == met
    if met:
        assert told(findings(samples.write("277CA", root).decode())) == []
    if path.parent.name == "pass":
        assert {verdict[1:] for verdict in verdicts(root)} == {("A2:20", "WQ")}


def test_a_claim_stops_with_the_status_of_its_fault_and_its_neighbour_goes_on(samples: SimpleNamespace) -> None:
    """Only the claim with the fault is stopped; counts and amounts part them."""
    data = samples.write("837P", samples.two_claims()).replace(b"CLM*PCN2*150.25", b"CLM*PCN2*150.26")
    root = answered(samples, data)
    assert verdicts(root) == [("PCN1", "A2:20", "WQ"), ("PCN2", "A8:178", "U")]
    receiver = root.children("2000A")[0].children("2000B")[0].child("2200B")
    assert receiver is not None
    assert [[one[1], one[2]] for one in (*receiver.all("QTY"), *receiver.all("AMT"))] == [
        ["90", "1"],
        ["AA", "1"],
        ["YU", "150.25"],
        ["YY", "150.26"],
    ]
    assert [receiver.value("STC", at) for at in (1, 3, 4)] == ["A1:19", "WQ", "300.51"]


def test_a_fault_of_the_provider_stops_all_its_claims(samples: SimpleNamespace) -> None:
    """What stands above the claims concerns each of them, and nobody else."""
    data = samples.write("837P", samples.two_claims(), samples.two_claims())
    bad = data.replace(b"CLINIC*****XX*1234567893", b"CLINIC*****XX*1234567890", 1)
    stopped = [verdict[1:] for verdict in verdicts(answered(samples, bad))]
    assert stopped == [("A7:562", "U")] * 2 + [("A2:20", "WQ")] * 2


def test_a_fault_of_one_subscriber_stops_only_his_claims(samples: SimpleNamespace) -> None:
    """The subscriber's birth date is no matter of another subscriber's claim."""
    data = samples.write("837P", samples.two_claims()).replace(b"DMG*D8*19800101", b"DMG*D8*19800231")
    assert [verdict[1:] for verdict in verdicts(answered(samples, data))] == [("A7:158", "U"), ("A2:20", "WQ")]


def test_a_line_with_a_fault_is_named_below_its_claim(samples: SimpleNamespace) -> None:
    """Loop 2220D names the line by its procedure and by the sender's own control number."""
    data = samples.write("837P", samples.two_claims())
    bad = data.replace(b"SV1*HC:J3301*50.25*UN*2*", b"SV1*HC:J3301*50.25*UN*2X*", 1)
    first, second = claims(answered(samples, bad))
    (line,) = first.children("2220D")
    assert [line.value("SVC", 1), line.value("STC", 1), line.value("REF", 2)] == [
        "HC:J3301",
        "A7:476",
        "PCN1L2",
    ]
    assert second.children("2220D") == []


def test_three_reasons_at_most_are_told(samples: SimpleNamespace) -> None:
    """STC has room for three statuses; each is told once."""
    data = samples.write("837P", samples.two_claims())
    for old, new in (
        (b"*11:B:1*", b"*11:B:Q*"),
        (b"CLM*PCN1*150.25", b"CLM*PCN1*150.26"),
        (b"HI*ABK:J020", b"HI*ABK:#"),
        (b"*UN*1*", b"*UN*X*"),
    ):
        data = data.replace(old, new, 1)
    first = claims(answered(samples, data))[0]
    assert [bool(first.value("STC", at)) for at in (1, 10, 11)] == [True, True, True]
    assert len({first.value("STC", at) for at in (1, 10, 11)}) == 3


def complaints(path: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    """What pyx12 says against a file."""
    from pyx12.params import params
    from pyx12.x12n_document import x12n_document

    said: list[str] = []
    logger = logging.getLogger("pyx12")
    monkeypatch.setattr(logger, "propagate", False)
    keeper = logging.Handler(level=logging.WARNING)
    keeper.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(keeper)
    try:
        good = x12n_document(param=params(), src_file=str(path), fd_997=None, fd_html=None, fd_xmldoc=None)
    finally:
        logger.removeHandler(keeper)
    return said if good else said or ["refused without a word"]


@pytest.mark.parametrize("name", ["837p_two_claims", "837p_total", "837p_npi_check_digit"])
def test_pyx12_accepts_our_277ca(
    name: str, tmp_path: Path, samples: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second opinion has nothing against what we answer."""
    data = next(path for path in FILES if path.stem == name).read_bytes()
    path = tmp_path / "answer.277"
    path.write_bytes(samples.write("277CA", answered(samples, data)))
    assert complaints(path, monkeypatch) == []
