"""What a message holds, on a terminal: readable, and obeyed by nothing."""

from __future__ import annotations

from hub.cli import contents


def test_a_segment_a_line() -> None:
    """HL7 and X12 are broken behind each segment; what has lines of its own stays as it is."""
    assert contents.readable("MSH|^~\\&|A\rPID|1\r") == "MSH|^~\\&|A\nPID|1\n"
    isa = "ISA*00*" + " " * 98 + "~"
    assert contents.readable(isa + "GS*HC~") == f"{isa}\nGS*HC~\n"
    assert contents.readable("a\r\nb\tc") == "a\nb\tc"


def test_a_terminal_obeys_nothing_of_it() -> None:
    """What a sender writes can neither colour, move nor name anything: control characters are shown by number."""
    assert contents.readable("PID|\x1b[2J\x07\x9b1m|Żółć") == "PID|\\x1b[2J\\x07\\x9b1m|Żółć"


def test_what_is_no_text_keeps_its_bytes() -> None:
    """Bytes of another character set are not guessed at: scripts get them in base64."""
    assert contents.record(b"ok") == {"content": "ok"}
    assert contents.record(b"\xff") == {"content_base64": "/w=="}
