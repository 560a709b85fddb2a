"""An EHR in miniature whose messages are lists of scraps that need each other: for tests of pieces, and as a sample.

A message is a JSON list of `Scrap`s. A `visit` links to the `role` (and by that the `doctor`) who saw the patient and
to its `disease`s, an `item` to its doctor, a `plan` to the `firm` that pays; a `word` decides about the visit that it
links to (its authorization); a `patient` stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from hub.model.encounter import Coding, Diagnosis
from hub.model.facts import (
    AnyFact,
    ChargeFact,
    CoverageFact,
    EncounterFact,
    PatientFact,
    Piece,
    Reading,
    WithdrawalFact,
)
from hub.model.people import Address, Identifier, Name, Patient, Provider
from hub.plugin.api import Problem
from hub.testing.fakes import FAKE, FakeSource

KINDS = {"visit": "encounter", "item": "charge", "plan": "coverage", "patient": "patient"}
STAY = ("doctor", "role", "firm")
"""What is still used when it was deleted: a visit keeps the clinician whom it had."""
UNREADABLE = "?"
"""What a scrap says that cannot be read: a problem of whoever is read with it."""
_HOME = Address(line1="5 Reed Street", city="Exampleton", state="OH", zip="44099")


class Scrap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing: `key` as in `visit:1`, what it `says` (a name, a code, a number), and of which patient and visit.
    `whole`: it is read with its own message, too.
    """

    key: str
    version: str = "1"
    links: tuple[str, ...] = ()
    says: str = ""
    patient: str = ""
    visit: str = ""
    deleted: bool = False
    whole: bool = False

    @property
    def kind(self) -> str:
        """What comes before the colon."""
        return self.key.partition(":")[0]


def message(*scraps: Scrap) -> bytes:
    """A message with these."""
    return msgspec.json.encode(scraps)


class FakePiecing(FakeSource):
    """The source of such messages."""

    def read(self, raw: bytes, content_type: str) -> Reading:
        """What stands alone, and the pieces."""
        if content_type != FAKE:
            return _unread("the content type is not one that this source reads")
        return read(raw)

    def read_joined(self, piece: Piece, linked: Sequence[Piece]) -> Reading:
        """A visit, an item or a plan with what it links to."""
        return read_joined(piece, linked)


def read(raw: bytes) -> Reading:
    """As the port says."""
    try:
        scraps = msgspec.json.decode(raw, type=tuple[Scrap, ...])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _unread("it is not a JSON list of scraps")
    facts = [fact for one in scraps for fact in _alone(one)]
    told = [(place, one) for place, one in enumerate(scraps) if not one.deleted and one.kind != "patient"]
    pieces = tuple(_piece(one, place) for place, one in told)
    for piece, (_, one) in zip(pieces, told, strict=True):
        if one.whole:
            facts += read_joined(piece, [other for other in pieces if other.key in one.links]).facts
    return Reading(facts=tuple(facts), pieces=pieces)


def read_joined(piece: Piece, linked: Sequence[Piece]) -> Reading:
    """As the port says."""
    found = _scrap(piece)
    scraps = [(one, scrap) for one in linked if (scrap := _scrap(one))]
    others = {one.key: scrap for one, scrap in scraps if not one.withdrawn or scrap.kind in STAY}
    missing = {link for one in (piece, *linked) for link in one.links} - {one.key for one in (piece, *linked)}
    if found is None:
        return Reading()
    bad = any(one.says == UNREADABLE for one in others.values())
    where = piece.place or "message"
    said = "what the visit links to is no code"
    problems = (Problem(code="piecing.code", where=where, why=said, fix="mend it at the source"),) if bad else ()
    ready = not bad and not missing
    if found.kind == "word":
        return Reading(facts=tuple(_decided(piece, found, linked)) if not piece.withdrawn else ())
    return Reading(facts=tuple(_joined(found, others, ready=ready)), problems=problems)


def _decided(piece: Piece, word: Scrap, linked: Sequence[Piece]) -> Iterable[AnyFact]:
    """The visits that a word names, with what it says."""
    for one in linked:
        if one.key in word.links:
            reached = _reached(one, {other.key: other for other in (piece, *linked)})
            for fact in read_joined(one, reached).facts:
                yield msgspec.structs.replace(fact, authorization=word.says)


def _reached(piece: Piece, known: Mapping[str, Piece]) -> list[Piece]:
    found: dict[str, Piece] = {}
    ends = set(piece.links)
    while ends:
        found |= {key: known[key] for key in ends if key in known}
        ends = {link for key in ends if key in known for link in known[key].links} - found.keys() - {piece.key}
    return [found[key] for key in sorted(found)]


def _alone(one: Scrap) -> Iterable[AnyFact]:
    if one.deleted:
        kinds = [KINDS[one.kind], "piece"] if one.kind in KINDS else ["piece"]
        return [WithdrawalFact(key=one.key, version=one.version, kind=kind) for kind in kinds]
    if one.kind != "patient":
        return []
    patient = Patient(
        name=Name(last=one.says, first="Orla"),
        birth_date=date(1950, 2, 3),
        sex="F",
        address=_HOME,
        identifiers=(Identifier(authority="EAST", value=one.key),),
    )
    return [PatientFact(key=one.key, version=one.version, patient=patient)]


def _piece(one: Scrap, place: int) -> Piece:
    body = msgspec.json.encode(msgspec.structs.replace(one, whole=False))
    where = f"message[{place}]"
    links = one.links
    return Piece(key=one.key, version=one.version, links=links, body=body, patient_key=one.patient, place=where)


def _scrap(piece: Piece) -> Scrap | None:
    try:
        return msgspec.json.decode(piece.body, type=Scrap)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _joined(one: Scrap, others: Mapping[str, Scrap], *, ready: bool) -> Iterable[AnyFact]:
    doctor = _first(others, "doctor")
    seen_by = (
        Provider(npi="1999999034", last=doctor.says, first="Maren", taxonomy="207Q00000X") if doctor else None
    )
    about: dict[str, Any] = {"key": one.key, "version": one.version, "patient_key": one.patient}
    if one.kind == "visit":
        yield EncounterFact(
            **about,
            kind="ambulatory",
            status="finished",
            started_at=datetime(2026, 2, 27, 15, tzinfo=UTC),
            ended_at=datetime(2026, 2, 27, 16, tzinfo=UTC),
            rendering=seen_by,
            diagnoses=tuple(_diagnoses(one, others)),
            ready=ready,
        )
    elif one.kind == "item":
        coding = Coding(system="HCPCS", code=one.says)
        on = date(2026, 2, 27)
        yield ChargeFact(**about, encounter_key=one.visit, service_from=on, codings=(coding,), rendering=seen_by)
    elif one.kind == "plan":
        firm = _first(others, "firm")
        token = firm.says if firm else "UNKNOWN"
        yield CoverageFact(**about, payer_token=token, member_id=one.says, rank=1)


def _diagnoses(one: Scrap, others: Mapping[str, Scrap]) -> Iterable[Diagnosis]:
    diseases = [others[key] for key in one.links if key in others and others[key].kind == "disease"]
    return [
        Diagnosis(coding=Coding(system="ICD10", code=disease.says), rank=rank, id=disease.key)
        for rank, disease in enumerate(diseases, 1)
    ]


def _first(others: Mapping[str, Scrap], kind: str) -> Scrap | None:
    return next((others[key] for key in sorted(others) if others[key].kind == kind), None)


def _unread(why: str) -> Reading:
    return Reading(problems=(Problem(code="piecing.json", where="message", why=why, fix="send it again, whole"),))


__all__ = ["FakePiecing", "Scrap", "message", "read", "read_joined"]
