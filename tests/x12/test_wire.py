"""Bytes to segments and back."""

from __future__ import annotations

import io
import zipfile
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Problem
from hub.x12.classify import classify
from hub.x12.envelope import X12Reader
from hub.x12.wire import Delimiters, Wire, read_delimiters, rebuild, segments
from hub.x12.zipped import LARGEST_RATIO, members


@pytest.fixture(scope="module")
def claims(samples: SimpleNamespace) -> bytes:
    """An 837P on one line."""
    return bytes(samples.write("837P", samples.two_claims()))


def texts(data: bytes) -> list[list[str]]:
    """All segments of a file."""
    return list(segments(data))


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\r"])
def test_line_breaks_after_terminators_are_layout(samples: SimpleNamespace, ending: str) -> None:
    """CR, LF or both after a terminator belong to no segment and come back in a round trip."""
    data = samples.write("837P", samples.two_claims(), delimiters=Delimiters(ending=ending))
    assert texts(data) == texts(samples.write("837P", samples.two_claims()))
    assert rebuild(data) == data


@pytest.mark.parametrize("terminator", ["\n", "\r", "'", "!", "\x1c", "|"])
def test_any_terminator_is_read_from_the_isa(samples: SimpleNamespace, terminator: str) -> None:
    """The ISA alone says what ends a segment, a line break too."""
    marks = Delimiters(element="\x1d", component="\x1f", repetition="\x1e", segment=terminator)
    data = samples.write("837P", samples.two_claims(), delimiters=marks)
    reader = X12Reader(data)
    assert [transaction.check() for transaction in reader] == [[]]
    assert reader.interchanges[0].delimiters == marks
    assert rebuild(data) == data


def test_a_byte_order_mark_is_skipped_and_kept(claims: bytes) -> None:
    """A BOM before the ISA does not hide it and survives the round trip."""
    data = b"\xef\xbb\xbf" + claims
    assert texts(data) == texts(claims)
    assert rebuild(data) == data


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_accents_survive_in_either_encoding(claims: bytes, encoding: str) -> None:
    """UTF-8 and Latin-1 names are read as the same text and written back as they came."""
    data = claims.replace(b"SUMMER", "SÜMMER".encode(encoding))
    found = [values[3] for values in segments(data) if values[:2] == ["NM1", "IL"]]
    assert found[0] == "SÜMMER"
    assert rebuild(data) == data


@settings(deadline=None, max_examples=60)
@given(cuts=st.lists(st.integers(min_value=0, max_value=3200), max_size=12))
def test_chunks_do_not_matter(samples: SimpleNamespace, cuts: list[int]) -> None:
    """A file read in any pieces gives the same segments as read at once."""
    marks = Delimiters(ending="\r\n")
    data = samples.write("837P", samples.two_claims(), delimiters=marks) * 2
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert list(segments(iter(pieces))) == texts(data)
    assert texts(data)[0][0] == "ISA"


def test_a_file_object_is_read_block_by_block(claims: bytes) -> None:
    """Memory holds a block, not the file: no block is larger than it must be."""
    many = claims.replace(b"REF*EI*123456789~", b"REF*EI*123456789~" * 100_000)
    largest = max(sum(map(len, block.segments)) for block in Wire(io.BytesIO(many)))
    assert len(many) > 1_500_000
    assert largest < 600_000


def test_interchanges_with_other_delimiters_follow_each_other(samples: SimpleNamespace, claims: bytes) -> None:
    """Each ISA sets its own delimiters, with or without a line break between interchanges."""
    odd = Delimiters(element="|", component=">", segment="'", ending="\n")
    last = samples.write("837P", samples.two_claims(), control_number=2)
    data = claims + samples.write("835", samples.notice(), delimiters=odd, control_number=3) + last
    reader = X12Reader(data)
    assert [(one.kind, one.check()) for one in reader] == [("837P", []), ("835", []), ("837P", [])]
    assert reader.findings == []
    assert rebuild(data) == data


def test_the_word_isa_inside_data_starts_nothing(samples: SimpleNamespace) -> None:
    """A name that ends in ISA is no interchange header."""
    data = samples.write("837P", samples.two_claims()).replace(b"SUMMER*JANE", b"SUMMER*ISA")
    reader = X12Reader(data)
    assert [one.check() for one in reader] == [[]]
    assert len(reader.interchanges) == 1


@pytest.mark.parametrize("data", [b"", b"  \r\n", b"%PDF-1.7", b"MSH|^~\\&|A", b"ISA", b"ISA*00*", b"\x00" * 50])
def test_what_is_no_x12_is_said_so(data: bytes) -> None:
    """A file without a readable ISA yields no segment and never raises."""
    assert texts(data) == []
    assert not classify(data).is_x12
    assert [one.kind for one in X12Reader(data)] == []


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_no_damage_makes_a_reader_raise(samples: SimpleNamespace, data: st.DataObject) -> None:
    """Whatever bytes are lost, added or changed, reading ends without an exception."""
    good = bytearray(samples.write("835", samples.ordinary_remittance()))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(good) - 1))
        size = data.draw(st.integers(0, 40))
        good[at : at + size] = data.draw(st.binary(max_size=12))
        if not good:
            break
    reader = X12Reader(bytes(good))
    kinds = [(one.kind, len(one.check())) for one in reader]
    assert len(kinds) <= 40
    assert isinstance(rebuild(bytes(good)), bytes)


@pytest.mark.parametrize("junk", [b"9", b"9.", b" ", b"A:", b"-", b"ISA", b"\xc3", b"^"])
def test_no_element_makes_checking_slow(samples: SimpleNamespace, junk: bytes) -> None:
    """An element of a million characters is found wrong in one pass over it, not in a million."""
    data = samples.write("835", samples.ordinary_remittance())
    long = data.replace(b"CLP*PCN2*1*80*", b"CLP*PCN2*1*" + junk * (1_000_000 // len(junk)) + b"X*")
    transaction = next(iter(X12Reader(long)))
    assert any(finding.where.startswith("2100 CLP03") for finding in transaction.check())


def test_a_cut_file_is_reported_as_truncated(claims: bytes) -> None:
    """A file that ends inside a segment says so, and what came before is still read."""
    reader = X12Reader(claims[: len(claims) // 2])
    kinds = [one.kind for one in reader if one.check() is not None]
    assert kinds == ["837P"]
    assert {"file.truncated", "interchange.unclosed", "group.unclosed"} <= {one.code for one in reader.findings}


def test_an_isa_of_uneven_width_is_read_by_its_separators(claims: bytes) -> None:
    """An ISA that is not padded is read all the same and reported."""
    assert read_delimiters(claims.replace(b"*ZZ*ANYTOWN        *", b"*ZZ*ANYTOWN*")) == (Delimiters(), False)
    assert read_delimiters(claims) == (Delimiters(), True)


def test_a_zip_around_files_is_opened(claims: bytes) -> None:
    """Each member of a ZIP is read as a file of its own; what cannot be is a Problem; a plain file passes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("out/", b"")
        archive.writestr("out/one.835", claims)
        archive.writestr("out/bomb.835", b" " * (LARGEST_RATIO << 17))
    packed.seek(0)
    found = [
        one if isinstance(one, Problem) else [each.kind for each in X12Reader(one)] for one in members(packed)
    ]
    assert found[0] == ["837P"]
    assert [one.where for one in found if isinstance(one, Problem)] == ["member 2"]
    plain = io.BytesIO(claims)
    assert list(members(plain)) == [plain]
    damaged = list(members(io.BytesIO(packed.getvalue()[:100])))
    assert [isinstance(one, Problem) for one in damaged] == [True]


def test_kinds_are_told_by_content(samples: SimpleNamespace, claims: bytes) -> None:
    """What a file holds is read from its ST, GS and TA1 segments, whatever its name."""
    both = claims + samples.write("277CA", samples.claim_acknowledgement())
    assert classify(both).kinds == ("837P", "277CA")
    assert classify(both).usage == "T"
    ta1 = b"TA1*000000001*260120*0930*A*000~"
    assert classify(claims.replace(b"GS*", ta1 + b"GS*", 1)).kinds == ("TA1", "837P")
