"""`hub x12 ack`: answers what is read, with the envelope turned round."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

import msgspec

from hub.cli.ui import print_json, say, table
from hub.cli.x12_files import STDIN, fresh, only, printable, telling, unreadable, watched
from hub.cli.x12_validate import count_of
from hub.codes.icd10cm import diagnosis_fault
from hub.errors import Misconfigured
from hub.x12.ack import acknowledgement, ta1, verdict
from hub.x12.envelope import Group, Interchange, TransactionSet, X12Reader
from hub.x12.guides import guide_named
from hub.x12.tree import Node
from hub.x12.write import Envelope, OutgoingGroup, OutgoingSet, Party, write_interchange

KINDS = ("999", "TA1", "277CA")
_MEANING = {"A": "accepted", "E": "accepted with errors", "P": "accepted in part", "R": "rejected"}
_ANSWERS = frozenset(("FA", "TA"))  # groups of answers, which nobody answers


class Read(msgspec.Struct, kw_only=True):
    """A file read to its end: its interchanges, and for a 277CA the answers to each group's claims."""

    interchanges: list[Interchange]
    claims: dict[int, list[Node]]


def ack(path: str, kind: str, output: str, number: int, *, as_json: bool) -> None:
    """Write the answer; ends with 0 where all was accepted, 1 where something was rejected, 2 where unreadable."""
    kind = kind.upper()
    if kind not in KINDS:
        raise Misconfigured("there is no such answer", fix=f"--kind is one of: {', '.join(KINDS)}")
    target = output or STDIN
    from hub.clock import SystemClock

    at = SystemClock().now().astimezone()
    with only(path) as given, watched(given) as file:
        read = _read(file, at, with_claims=kind == "277CA")
        if not read.interchanges:
            raise unreadable(given.name)
        try:
            data = b"".join(_answers(read, kind, number, at))
        except ValueError as error:
            raise Misconfigured("the envelope of the file cannot be turned round", fix=str(error)) from None
    if not data:
        raise Misconfigured(f"{given.name} holds nothing that a {kind} answers", fix=_instead(kind))
    with fresh(target) as out:
        out.write(data)
    told = [_told(one) for one in read.interchanges]
    with telling(target):
        if as_json:
            print_json({"file": given.name, "kind": kind, "output": target, "interchanges": told})
        else:
            _print(given.name, kind, target, told)
    sys.exit(int(any(one["verdict"] == "R" for one in told)))


def _instead(kind: str) -> str:
    return {
        "999": "a 999 answers groups that are no answers themselves; for the interchange: --kind TA1",
        "277CA": "a 277CA answers the claims of an 837; for other sets: --kind 999",
    }.get(kind, "look at the file: hub x12 show")


def _read(file: BinaryIO, at: datetime, *, with_claims: bool) -> Read:
    reader = X12Reader(file, strict=True, diagnoses=diagnosis_fault)
    claims: dict[int, list[Node]] = {}
    for number, transaction in enumerate(reader, 1):
        if with_claims and transaction.st[1] == "837":
            claims.setdefault(id(transaction.group), []).append(_claims(transaction, number, at))
        else:
            transaction.check()
    return Read(interchanges=reader.interchanges, claims=claims)


def _claims(transaction: TransactionSet, number: int, at: datetime) -> Node:
    """One 277CA for the claims of one set, in the name of whoever the group was sent to."""
    from hub.x12.ack_277 import Source, claim_acknowledgement

    receiver = _party(transaction.group.gs[3], "RECEIVER")
    source = Source(name=receiver, id=receiver)
    return claim_acknowledgement([transaction], source, reference=f"{at:%Y%m%d%H%M%S}{number:04}", at=at)


def _answers(read: Read, kind: str, number: int, at: datetime) -> Iterator[bytes]:
    """One interchange for each that was read."""
    for count, interchange in enumerate(read.interchanges):
        envelope = _turned(interchange, number + count, at)
        if kind == "TA1":
            yield from write_interchange(envelope, ta1s=[ta1(interchange)])
            continue
        answer = ta1(interchange)
        refused = answer[4] == "R"
        groups = [] if refused and kind == "999" else _groups(interchange, read, kind, number + count)
        wanted = kind == "999" and (refused or interchange.isa[14] == "1")
        if groups or wanted:
            yield from write_interchange(envelope, groups, ta1s=[answer] if wanted else [])


def _groups(interchange: Interchange, read: Read, kind: str, number: int) -> list[OutgoingGroup]:
    made: list[OutgoingGroup] = []
    for group in interchange.groups:
        if group.gs[1] in _ANSWERS:
            continue
        roots = [acknowledgement(group)] if kind == "999" else read.claims.get(id(group), [])
        sets = [OutgoingSet(control_number=f"{at:04}", root=root) for at, root in enumerate(roots, 1)]
        if sets:
            made.append(
                OutgoingGroup(
                    guide=guide_named(kind),
                    sender=_party(group.gs[3], "RECEIVER"),
                    receiver=_party(group.gs[2], "SENDER"),
                    control_number=number * 100 + len(made) if len(interchange.groups) > 1 else number,
                    sets=sets,
                )
            )
    return made


def _party(text: str, other: str) -> str:
    return text.strip() if 2 <= len(text.strip()) <= 15 else other


def _turned(interchange: Interchange, number: int, at: datetime) -> Envelope:
    isa = interchange.isa
    return Envelope(
        sender=Party(id=isa[8].strip()[:15] or "RECEIVER", qualifier=isa[7].strip()[:2] or "ZZ"),
        receiver=Party(id=isa[6].strip()[:15] or "SENDER", qualifier=isa[5].strip()[:2] or "ZZ"),
        control_number=number,
        usage=isa[15] if isa[15] in ("P", "T") else "T",
        at=at,
        delimiters=msgspec.structs.replace(
            interchange.delimiters, repetition=interchange.delimiters.repetition or "^"
        ),
    )


def _told(interchange: Interchange) -> dict[str, Any]:
    groups = [_group_told(group) for group in interchange.groups]
    said = ta1(interchange)
    rejected = said[4] == "R" or any(one["verdict"] == "R" for one in groups)
    return {
        "control_number": interchange.control_number,
        "ta1": said[4],
        "note": said[5],
        "verdict": "R" if rejected else "A",
        "groups": groups,
    }


def _group_told(group: Group) -> dict[str, Any]:
    sets = [
        {
            "kind": one.kind,
            "control_number": one.control_number,
            "verdict": verdict(one),
            "errors": sum(found.severity == "error" for found in one.findings),
        }
        for one in group.sets
    ]
    rejected = any(one["verdict"] == "R" for one in sets)
    return {"control_number": group.control_number, "verdict": "R" if rejected else "A", "sets": sets}


def _print(name: str, kind: str, target: str, told: list[dict[str, Any]]) -> None:
    rows = [
        (
            printable(outer["control_number"]),
            printable(inner["control_number"]),
            printable(one["kind"]),
            printable(one["control_number"]),
            _MEANING[one["verdict"]],
        )
        for outer in told
        for inner in outer["groups"]
        for one in inner["sets"]
    ]
    if rows:
        columns = ("interchange", "group", "set", "number", "answer")
        styles = ["red" if row[4] == "rejected" else "" for row in rows]
        table(f"{name}: what the {kind} answers", columns, rows, styles=styles)
    for outer in told:
        if outer["ta1"] == "R":
            say(
                f"interchange {printable(outer['control_number'])}: rejected as a whole, TA1 note {outer['note']}"
            )
    if target != STDIN:
        say(f"{count_of(len(told), 'interchange')} answered in {target}")
