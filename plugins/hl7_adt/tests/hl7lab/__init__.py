"""Messages made of segments by position, and what is read of them."""

from __future__ import annotations

from typing import Any, TypeVar

from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings

from hub.model.facts import Reading

F = TypeVar("F")


def segment(name: str, fields: dict[int, str]) -> str:
    """A segment with some fields by position."""
    return "|".join([name, *(fields.get(n, "") for n in range(1, max(fields) + 1))])


def with_(fields: dict[int, str], changes: dict[str, str]) -> dict[int, str]:
    """Fields with some of them changed, written `f10="3"`."""
    return fields | {int(name[1:]): value for name, value in changes.items()}


PERSON = {3: "100^^^EAST^MR~999999999^^^SSA^SS", 5: "QUILL^ADA^B^JR", 7: "19800203", 8: "F",
          11: "1 Elm^Apt 2^Salem^OR^97301-0000", 13: "5035550100"}  # fmt: skip
CHARGE = {1: "1", 2: "T1", 4: "20260105^20260106", 6: "CG", 7: "L77^local^L", 10: "2", 11: "200.00&USD",
          12: "100.00&USD", 16: "CLINIC", 19: "I10^^I10C", 20: "1234567893^HALE^IDA", 25: "G0438^^HCPCS",
          26: "25~59"}  # fmt: skip
PID = segment("PID", PERSON)
PV1 = segment(
    "PV1", {2: "O", 3: "CLINIC^1", 7: "1234567893^HALE^IDA^^^^^^NPI", 19: "V77", 44: "20260105090000-0500"}
)
FT1 = segment("FT1", CHARGE)


def message(*segments: str, kind: str = "DFT^P03", processing: str = "P", sent: str = "20260106120000") -> bytes:
    """One message, with its header."""
    return "\r".join([f"MSH|^~\\&|APP|FAC|HUB|SITE|{sent}||{kind}|M1|{processing}|2.5", *segments]).encode()


def reading(*segments: str, settings: dict[str, Any] | None = None, **header: str) -> Reading:
    """The reading of one message under a profile."""
    return read(message(*segments, **header), Hl7Settings(**(settings or {})))


def only(found: Reading, kind: type[F]) -> F:
    """The one fact of a kind."""
    (fact,) = [fact for fact in found.facts if isinstance(fact, kind)]
    return fact


def codes(found: Reading) -> list[str]:
    """The problem codes in order."""
    return [problem.code for problem in found.problems]


def every(found: Reading, kind: type[F]) -> list[F]:
    """The facts of a kind, in order."""
    return [fact for fact in found.facts if isinstance(fact, kind)]
