"""What hl7apy says of a message: advice for a person who looks at it. Its values are never used, and none is shown.

hl7apy reads some thirty messages a second, refuses what real senders send (five separators) and raises for much of
it, so it is asked on demand and on a sample, for messages of a bounded size, and whatever it does is a finding.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import IO

from hub.errors import Problem
from hub_hl7_adt.message.lookup import is_table
from hub_hl7_adt.message.message import Message, message_of

MOST_BYTES = 64 * 1024
"""Larger messages are not checked: hl7apy takes a second for 64 KB."""
MOST_SEGMENTS = 400
MOST_FINDINGS = 50
_FIX = "advice only: nothing was changed or held because of it; tell the sender if it matters"
_PAIR = re.compile(r"([A-Z][A-Za-z0-9_]*)\.([A-Z][A-Z0-9]{1,2})(?:_(\d{1,3}))?\b")
_NAME = re.compile(r"\b([A-Z][A-Z0-9]{2})(?:_(\d{1,3}))?\b")
_KINDS = {
    "Missing required child": "a part that HL7 requires here is missing",
    "Child limit exceeded": "a part is repeated more often than this version of HL7 allows, or was withdrawn from it",
    "Value ": "a code is not in its HL7 table",
    "Exceeded max length": "a value is longer than HL7 allows",
    "Datatype ": "a part has another data type than HL7 gives it",
    "Invalid children": "a part stands where HL7 has none",
    "Invalid element": "a part stands where HL7 has none",
    "Unknown element": "a part stands where HL7 has none",
}
_NAMELESS = ("ChildNotFound", "ChildNotValid", "InvalidName", "MaxChildLimitReached")
"""What hl7apy raises with a name of HL7's in its words; the words of all else may be values."""
_lock = threading.Lock()


def sampled(raw: bytes, rate: float) -> bool:
    """Whether a message is in the sample of `rate` (0 to 1): the same message always is or never is."""
    if rate <= 0 or rate >= 1:
        return rate >= 1
    digest = hashlib.blake2b(raw, digest_size=8).digest()
    return int.from_bytes(digest, "big") < rate * 2**64


def advise(raw: bytes, charset: str = "utf-8") -> list[Problem]:
    """hl7apy's findings about one message: place and what, as warnings, never a value. Never raises."""
    message = message_of(raw, charset)
    if message is None:
        return [_said("MSH", "the bytes do not begin with a usable MSH segment")]
    if len(message.raw) > MOST_BYTES or len(message.lines) > MOST_SEGMENTS:
        return [_said("MSH", f"the message is larger than {MOST_BYTES // 1024} KB or {MOST_SEGMENTS} segments, and "
                             "was not checked")]  # fmt: skip
    with _lock:  # hl7apy keeps its defaults in module variables
        return list(dict.fromkeys(_findings(message)))[:MOST_FINDINGS]


def _findings(message: Message) -> Iterator[Problem]:
    try:
        library = _library()
    except Exception:  # noqa: BLE001 - a broken library is not a broken message
        yield _said("MSH", "hl7apy is not installed or does not start, so nothing was checked")
        return
    version = message.header.text(12)
    if version not in library.SUPPORTED_LIBRARIES:
        yield _said("MSH-12", "hl7apy has no tables of this version of HL7; 2.5 was taken instead")
        version = "2.5"
    try:
        report = _report(_as_hl7apy_reads(message, version))
    except Exception as error:  # noqa: BLE001 - it raises nearly anything for real messages
        kind = type(error).__name__
        yield _said(_place_in(str(error)) if kind in _NAMELESS else "MSH", f"hl7apy cannot read it ({kind})")
        return
    for line in report:
        if not line.startswith(("Error: ", "Warning: ")):
            continue
        said = line.partition(": ")[2]
        kind = next((meant for start, meant in _KINDS.items() if said.startswith(start)), "")
        yield _said(_place_in(said), kind or "hl7apy objects to something here")


def _report(text: str) -> list[str]:
    """Every finding of hl7apy's validator, which writes them to a file: here one that only memory holds."""
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.exceptions import HL7apyException
    from hl7apy.parser import parse_message
    from hl7apy.validation import Validator

    parsed = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True)
    with _memory_file() as memory:
        with suppress(HL7apyException):  # the first finding is raised as well
            Validator.validate(parsed, report_file=f"/dev/fd/{memory.fileno()}")
        memory.seek(0)
        return memory.read().decode("utf-8", errors="replace").splitlines()


def _memory_file() -> IO[bytes]:
    """A file without a name, and where the system can, without a disk: the report repeats values."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("advice"), "w+b")  # noqa: PTH123 - there is no path
    return tempfile.TemporaryFile()


def _as_hl7apy_reads(message: Message, version: str) -> str:
    """The message with CR ends, the version that is checked, and as many separators as hl7apy wants for it."""
    lines = [line.decode(message.codec, errors="replace") for line in message.lines]
    seps = message.seps
    mark = seps.field.decode("ascii")
    header = lines[0].split(mark)
    header[1] = (
        (seps.component + seps.repetition).decode("ascii") + seps.escape + seps.subcomponent.decode("ascii")
    )
    header[1] += seps.truncation if version >= "2.7" else ""
    if len(header) > 11:
        header[11] = version
    return "\r".join([mark.join(header), *lines[1:]])


def _place_in(said: str) -> str:
    """The place in hl7apy's words: `PID.PID_5`, `PID_3.CX_1`, `ADT_A01.PID`; MSH when none is one of HL7's own.

    The last pair counts, because a value may stand before it.
    """
    for parent, name, number in reversed(_PAIR.findall(said)):
        if is_table(name):
            segment, _, field = parent.partition("_")
            if number and is_table(segment) and field.isdigit():
                return f"{segment}-{field}.{number}"
            return f"{name}-{number}" if number else name
    if said.startswith("Value "):
        return "MSH"
    found = next((match for match in _NAME.finditer(said) if is_table(match[1])), None)
    return "MSH" if found is None else f"{found[1]}-{found[2]}" if found[2] else found[1]


def _said(where: str, what: str) -> Problem:
    return Problem(code="hl7.advice", where=where, why=what, fix=_FIX, severity="warning")


@cache
def _library() -> ModuleType:
    return importlib.import_module("hl7apy")
