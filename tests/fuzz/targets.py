"""What the fuzzer does with one input: every door of the codec, and what must be true behind each."""

from __future__ import annotations

import datetime as dt
import io

from hub.errors import Problem
from hub.x12.ack import acknowledgement, ta1
from hub.x12.ack_277 import Source, claim_acknowledgement
from hub.x12.classify import classify
from hub.x12.envelope import X12Reader
from hub.x12.grammar import Guide
from hub.x12.guides import GUIDES, guide_named
from hub.x12.tools.anonymize import Anonymous
from hub.x12.tools.repair import Mending
from hub.x12.tools.show import Choice, findings_by_line, outline
from hub.x12.tree import Node
from hub.x12.walk import Walk
from hub.x12.wire import STANDARD, Wire, rebuild, segments
from hub.x12.write import check_root
from hub.x12.zipped import members

_AT = dt.datetime(2026, 1, 20, 9, 30, tzinfo=dt.UTC)
_ARCHIVE = b"PK\x03\x04"


def one_input(data: bytes) -> None:
    """Puts the bytes through the codec; raises when it breaks one of its promises."""
    _wire(data)
    classify(data)
    _read(data, strict=bool(sum(data) % 4))
    _as_any_guide(data)
    if data.startswith(_ARCHIVE):
        _zipped(data)
    {0: _claims_answered, 1: _mended, 2: _shown}.get(len(data) % 4, _disguised)(data)


def _wire(data: bytes) -> None:
    """Reading never fails, in blocks of any size, and what is uniform comes back byte for byte."""
    wire = Wire(data)
    blocks = list(wire)
    small = Wire(data[at : at + 97] for at in range(0, len(data), 97))
    again = [text for block in small for text in block.segments]
    # bytes that are no UTF-8 are Latin-1 from the block on where that shows
    if wire.encoding != "latin-1":
        assert again == [text for block in blocks for text in block.segments], "the size of the blocks shows"
    if wire.uniform and not wire.problem and blocks:
        assert rebuild(data) == data, "a uniform file does not come back"


def _read(data: bytes, *, strict: bool) -> None:
    """Every set is checked and answered; the answers keep their own guide."""
    reader = X12Reader(data, strict=strict)
    for number, transaction in enumerate(reader):
        if (number + strict) % 2 == 0:
            tree = transaction.tree()
            if transaction.guide is not None:
                _written(transaction.guide, tree)
        else:
            for finding in transaction.check():
                assert finding.message, "a finding without words"
                assert finding.severity in ("error", "warning"), "a finding of no severity"
                assert finding.where is not None
    assert all(finding.message for finding in reader.findings)
    _answered(reader)


def _answered(reader: X12Reader) -> None:
    for interchange in reader.interchanges:
        ta1(interchange)
        for group in interchange.groups:
            answer = acknowledgement(group)
            wrong = [found.where for found in check_root(guide_named("999"), answer) if found.severity == "error"]
            assert not wrong, f"our own 999 breaks its guide at {wrong[:3]}"


def _claims_answered(data: bytes) -> None:
    """Each claim of an 837 is answered, however broken."""
    claim_acknowledgement(X12Reader(data), Source(name="FUZZ", id="FUZZ"), reference="1", at=_AT)


def _mended(data: bytes) -> None:
    """What is repaired can be read and repaired again."""
    first = Mending(data)
    mended = b"".join(first)
    if not first.problem:
        second = Mending(mended)
        assert sum(map(len, second)) or not mended


def _shown(data: bytes) -> None:
    """Any file can be shown with its findings, masked or not."""
    found = findings_by_line(io.BytesIO(data))
    assert all(
        line is not None for line in outline(io.BytesIO(data), Choice(masked=bool(sum(data[-9:]) % 2)), found)
    )


def _disguised(data: bytes) -> None:
    """Any file can be disguised."""
    anonymous = Anonymous(data, b"secret")
    made = b"".join(anonymous)
    assert made or anonymous.problem or not anonymous.segments


def _written(guide: Guide, tree: Node) -> None:
    """A tree that was read can be checked as a tree to write, whatever it holds."""
    inner = [item for item in tree.items if isinstance(item, Node) or item[0] not in ("ST", "SE")]
    check_root(guide, Node("", inner, delimiters=tree.delimiters), delimiters=tree.delimiters)


def _as_any_guide(data: bytes) -> None:
    """The segments are walked along a guide that is not theirs: the choice is made by their bytes."""
    if len(data) < 200:
        return
    guide = GUIDES[sum(data[:300]) % len(GUIDES)]
    texts = [STANDARD.element.join(values) for values in segments(data)]
    walk = Walk(guide, STANDARD, units=guide.units)
    for unit in walk.run(texts):
        assert unit.loop, "a unit without a loop"


def _zipped(data: bytes) -> None:
    """A damaged archive is told of as a Problem; what it unpacks to is read like any file."""
    for member in members(io.BytesIO(data)):
        if isinstance(member, Problem):
            assert member.why
        else:
            for transaction in X12Reader(member):
                transaction.check()
