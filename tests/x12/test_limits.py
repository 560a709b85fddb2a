"""Files that nobody honest makes cost no more than their size: no findings without end, no search in a search."""

from __future__ import annotations

import io
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from hub.errors import Problem
from hub.x12.ack import acknowledgement
from hub.x12.envelope import X12Reader
from hub.x12.walk import MOST_FINDINGS
from hub.x12.wire import LONGEST_SEGMENT_BYTES, Wire
from hub.x12.zipped import members

SMALL, LARGE = 300, 1200
REPEATED = {
    "835 remarks": ("835", b"REF*6R", b"LQ*HE*BAD~"),
    "835 provider adjustments": ("835", b"SE*", b"PLB*1999999999*20261231*WO:1*5~"),
    "835 lines": ("835", b"PLB*", b"SVC*HC:X*1*2~CAS*CO*1*5~"),
    "835 claims": ("835", b"PLB*", b"CLP*P*1*5*1**12*I~"),
    "837P diagnoses": ("837P", b"NM1*82", b"HI*BK:9999*BF:1~"),
    "837P lines": ("837P", b"SE*", b"LX*9~SV1*HC:BAD*1*UN*1***9~DTP*472*D8*20270105~"),
    "837P levels": ("837P", b"SE*", b"HL*9*9*22*1~"),
    "837P other payers": ("837P", b"LX*1", b"SBR*S*18*******CI~CAS*CO*1*0~AMT*D*1~OI***Y***Y~"),
    "837P sets": ("837P", b"GE*", b"ST*837*0001~SE*2*0001~"),
}


def steps(data: bytes) -> int:
    """How many calls it takes to read a file strictly and to answer it: a measure that no other process moves."""
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        reader = X12Reader(data, strict=True)
        for transaction in reader:
            transaction.check()
        for interchange in reader.interchanges:
            for group in interchange.groups:
                acknowledgement(group)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(("kind", "before", "added"), REPEATED.values(), ids=REPEATED)
def test_the_work_grows_with_the_file(samples: SimpleNamespace, kind: str, before: bytes, added: bytes) -> None:
    """Four times as many faulty segments at one place take about four times the work, never sixteen times."""
    root = samples.ordinary_remittance() if kind == "835" else samples.two_claims()
    data = samples.write(kind, root)
    at = data.index(before)
    none, small, large = (steps(data[:at] + added * count + data[at:]) for count in (0, SMALL, LARGE))
    assert large - none <= 6 * (small - none)


def test_findings_have_an_end(samples: SimpleNamespace) -> None:
    """A set with a million faults keeps the first ones, and its answer stays a 999 of bounded size."""
    data = samples.write("837P", samples.two_claims())
    at = data.index(b"NM1*82")
    reader = X12Reader(data[:at] + b"REF*G1*BAD ~" * 20_000 + data[at:], strict=True)
    found = [transaction.check() for transaction in reader]
    assert MOST_FINDINGS <= len(found[0]) <= MOST_FINDINGS + 10
    answer = acknowledgement(reader.interchanges[0].groups[0])
    assert sum(1 for _ in answer.segments()) < 3 * MOST_FINDINGS


def test_a_segment_without_end_is_refused_early() -> None:
    """A segment of a hundred megabytes is given up after a few: the rest is not even read."""
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        yield b"ISA*00*          *00*          *ZZ*" + b"A".ljust(15) + b"*ZZ*" + b"B".ljust(15)
        yield b"*260120*0930*^*00501*000000001*0*T*:~"
        for _ in range(1600):
            taken += 1 << 16
            yield b"A" * (1 << 16)

    wire = Wire(chunks())
    assert sum(len(block.segments) for block in wire) == 1
    assert wire.problem
    assert taken <= 2 * LONGEST_SEGMENT_BYTES


def test_one_great_chunk_costs_its_size_and_little_more(samples: SimpleNamespace) -> None:
    """A source that gives many interchanges in one chunk is not copied once for each of them."""
    one = samples.write("999", samples.ack_root)
    whole = one * 3000
    tracemalloc.start()
    count = sum(block.opens for block in Wire([whole]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 3000
    assert peak < 4 * len(whole)


def test_a_bomb_is_not_unpacked() -> None:
    """A member that unpacks to a thousand times its size is a Problem, and one that lies about it too."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("bomb"), b"0" * (64 << 20), zipfile.ZIP_DEFLATED)
    honest = packed.getvalue()
    lying = honest.replace((64 << 20).to_bytes(4, "little"), (1 << 10).to_bytes(4, "little"))
    for data in (honest, lying):
        tracemalloc.start()
        found = list(members(io.BytesIO(data)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert [isinstance(one, Problem) for one in found] == [True]
        assert peak < 8 << 20
