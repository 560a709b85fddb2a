"""Whether bytes that look like X12 came whole."""

from __future__ import annotations

import pytest
from hub_sftp_transfer.wholeness import Watched, is_cut

ISA = (
    b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260302*1400*^*00501*000000001*0*T*:~"
)
WHOLE = ISA + b"GS*HP*S*R*20260302*1400*1*X*005010X221A1~ST*835*0001~SE*2*0001~GE*1*1~IEA*1*000000001~"


@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\n\n", b"\x00\x00", b"\x1a"])
def test_a_whole_interchange(ending: bytes) -> None:
    """It ends in its IEA, whatever padding follows."""
    assert not is_cut(WHOLE, WHOLE + ending)


def test_other_separators() -> None:
    """Separators are those that the ISA states; a line end may be the terminator."""
    lines, other = WHOLE.replace(b"~", b"\n"), WHOLE.replace(b"*", b"|").replace(b"~", b"'")
    for whole in (lines, other, WHOLE.replace(b"~", b"~\r\n")):
        assert not is_cut(whole, whole)
        assert is_cut(whole, whole[:-30])


def test_every_cut_inside_the_interchange_is_seen() -> None:
    """Whatever byte is the last one before the end, it is seen that more must come."""
    seen = [end for end in range(3, len(WHOLE)) if not is_cut(WHOLE[:end][:512], WHOLE[:end])]
    assert seen == []


@pytest.mark.parametrize("body", [b"", b"IS", b"%PDF-1.7", b"a report\nISA*", b"ISA is a name\n", b"PK\x03\x04"])
def test_what_is_no_interchange_cannot_be_told(body: bytes) -> None:
    """Reports, archives and anything else pass: their wholeness is their size."""
    assert not is_cut(body, body)


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_chunks_of_any_size_are_judged_alike(size: int) -> None:
    """How the bytes were cut into chunks changes nothing, and they pass unchanged."""
    for body, cut in ((WHOLE, False), (WHOLE[:-1], True)):
        watched = Watched(iter([body[start : start + size] for start in range(0, len(body), size)]))
        assert b"".join(watched) == body
        assert (watched.size, watched.is_cut()) == (len(body), cut)
