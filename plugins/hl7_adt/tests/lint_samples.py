"""Synthetic samples of a sender, as a vendor would hand them over, with one habit or another."""

from __future__ import annotations

from typing import Any

from hub_hl7_adt.linting.samples import Sample

CODES = ("G0438", "J1885", "G0008", "A4253", "T1015")
NPI = "1234567893"


def segment(name: str, fields: dict[int, str]) -> str:
    """A segment with some fields by position."""
    return "|".join([name, *(fields.get(n, "") for n in range(1, max(fields) + 1))])


def person(n: int, changes: dict[int, str] | None = None) -> str:
    """PID of patient `n`."""
    fields = {3: f"7{n:05}^^^EAST^MR", 5: f"QUILL{n}^ADA", 7: "19800203", 8: "F", 11: "1 Elm^^Salem^OR^97301",
              18: f"ACC{n}"}  # fmt: skip
    return segment("PID", fields | (changes or {}))


def visit(n: int, changes: dict[int, str] | None = None) -> str:
    """PV1 of visit `n`."""
    fields = {2: "O", 3: "CLINIC", 7: f"{NPI}^HALE^IDA^^^^^^NPI", 19: f"V{n}", 44: "20260105090000-0500"}
    return segment("PV1", fields | (changes or {}))


def line(n: int, number: int, changes: dict[int, str] | None = None) -> str:
    """FT1 `number` of message `n`."""
    units = 1 + (n + number) % 3
    fields = {
        1: str(number), 2: f"T{n}-{number}", 4: "20260105", 6: "CG", 7: f"L{(n + number) % 5}", 10: str(units),
        11: f"{units * 20}.00", 12: "20.00", 19: "I10^^I10C", 20: f"{NPI}^HALE^IDA",
        25: f"{CODES[(n + number) % 5]}^^HCPCS",
    }  # fmt: skip
    return segment("FT1", fields | (changes or {}))


def policy(n: int, changes: dict[int, str] | None = None) -> str:
    """IN1 of patient `n`."""
    fields = {1: "1", 2: f"PLAN{n % 3}", 3: f"CO{n % 3}", 4: "A Payer", 16: f"QUILL{n}^ADA", 17: "SEL",
              36: f"XYZ{n:06}"}  # fmt: skip
    return segment("IN1", fields | (changes or {}))


def sample(n: int, *segments: str, kind: str = "DFT^P03", changes: dict[int, str] | None = None) -> Sample:
    """Message `n` of the samples."""
    fields = {2: "APP", 3: "EAST", 6: f"202601061200{n:02}-0500", 8: kind, 9: f"M{n}", 10: "P", 11: "2.5"}
    head = segment("MSH|^~\\&", fields | (changes or {}))
    body = "\r".join([head.replace("|^~\\&||", "|^~\\&|", 1), *segments])
    return Sample(file="samples.hl7", nth=n + 1, body=body.encode())


def dft(n: int, **changes: Any) -> Sample:
    """A whole DFT with two lines; `pid`, `pv1`, `ft1`, `in1`, `msh` change fields of one kind of segment, `more`
    adds segments."""
    lines = [line(n, number, changes.get("ft1")) for number in (1, 2)]
    segments = [
        person(n, changes.get("pid")),
        visit(n, changes.get("pv1")),
        *lines,
        policy(n, changes.get("in1")),
    ]
    return sample(n, *segments, *changes.get("more", ()), changes=changes.get("msh"))


def several(count: int = 6, **changes: Any) -> tuple[Sample, ...]:
    """Samples of one habit."""
    return tuple(dft(n, **changes) for n in range(count))
