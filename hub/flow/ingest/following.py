"""What one source told, for another of the same practice that follows it: which visits and patients, and since when.

The event of each transaction that read messages stands in the sealed log, so that nothing which committed late is
skipped; the facts that those messages were about carry that transaction's instant. Nothing is written for a source
that nobody follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from hub.config.settings import Settings
from hub.errors import Misconfigured
from hub.flow.ingest.merging import source_key
from hub.model.facts import (
    GONE,
    AnyFact,
    AppointmentFact,
    ChargeFact,
    CoverageFact,
    DiagnosisFact,
    EncounterFact,
    MergeFact,
    MoveFact,
    PatientFact,
    WithdrawalFact,
)
from hub.model.people import Identifier, Record
from hub.plugin.api import Mention, Told
from hub.plugin.host.context import Following
from hub.store import Store, Tx, View
from hub.store.events import Logged
from hub.store.mentions import Touched

READ = ("messages.read", "pieces.joined")
"""What is logged in the transactions that store facts of a source."""
PAGE = 50
"""Events that are looked at in one go."""
OCCASION = "recurring:"
"""How the keys of visits begin that the hub itself makes of charges without one."""


class Place(Record, frozen=True, kw_only=True):
    """A position: every event up to `event` is told, of it and of the next nothing behind the fact `fact`."""

    event: int = 0
    fact: str = ""

    @classmethod
    def read(cls, text: str) -> Place:
        """From its text; raises `Misconfigured` for one that is none."""
        event, _, fact = text.partition("/")
        if text and not (event.isdecimal() and event.isascii()):
            raise Misconfigured("the position is not one of the hub's", fix="begin again with an empty one")
        return cls(event=int(event or 0), fact=fact)

    def __str__(self) -> str:
        return f"{self.event}/{self.fact}" if self.fact else str(self.event)


def heard(settings: Settings, store: Store) -> Callable[[str], Following]:
    """Whom each connector may hear of by these settings, and how it is told."""

    def ask(instance: str, source: str, after: str, limit: int) -> Told:
        practice = settings.practice_of(source)
        if practice != settings.practice_of(instance):
            raise Misconfigured("the source that is followed serves another practice", fix="run: hub check")
        with store.view() as view:
            return told(view, source, practice, Place.read(after), limit)

    def of(instance: str) -> Following:
        known = settings.connectors.get(instance)
        return Following(tuple(known.follows), ask) if known else Following()

    return of


def told(view: View, source: str, practice: str, after: Place, limit: int) -> Told:
    """A page of what `source` told behind `after`."""
    head, _ = view.events.head()
    begin = after.event - 1 if after.fact else after.event
    events = view.events.after(begin, PAGE, READ)
    page: list[tuple[Touched, datetime]] = []
    for event in events:
        if (event.aggregate_id, event.practice) != (source, practice):
            continue
        done = after.fact if event.position == after.event else ""
        room = limit - len(page)
        found = [one for one in view.mentions.at(practice, source, event.at) if one.id > done]
        page += [(one, event.at) for one in found[:room]]
        if len(found) > room:
            last = page[-1][0].id if room else done
            place = Place(event=event.position, fact=last) if last else Place(event=event.position - 1)
            return Told(mentions=_mentions(view, source, practice, page), position=str(place), more=True)
    more = len(events) == PAGE
    place = Place(event=events[-1].position if more else _end(events, head, after))
    return Told(mentions=_mentions(view, source, practice, page), position=str(place), more=more)


def _end(events: Sequence[Logged], head: int, after: Place) -> int:
    """Behind everything that is sealed: what others did is not looked through again."""
    return max([head, after.event, *(event.position for event in events[-1:])])


def _mentions(
    view: View, source: str, practice: str, page: Sequence[tuple[Touched, datetime]]
) -> tuple[Mention, ...]:
    rows = view.facts.get_many([one.id for one, _ in page])
    facts = [(rows[one.id].record, at) for one, at in page if one.id in rows]
    patients = _patients(view, source, practice, [fact for fact, _ in facts])
    return tuple(_mention(fact, at, patients) for fact, at in facts if _is_theirs(fact))


def _is_theirs(fact: AnyFact) -> bool:
    return fact.version != GONE and not fact.key.startswith(OCCASION)


def _patients(view: View, source: str, practice: str, facts: Iterable[AnyFact]) -> dict[str, PatientFact]:
    keys = {fact.patient_key for fact in facts if isinstance(fact, EncounterFact)}
    known = {fact.key: fact for fact in facts if isinstance(fact, PatientFact)}
    digests = [source_key(view, source, "patient", key) for key in sorted(keys - known.keys())]
    rows = view.facts.find(kind="patient", key=digests, practice=practice, source=source, limit=len(digests) or 1)
    return known | {row.record.key: row.record for row in rows if isinstance(row.record, PatientFact)}


def _mention(fact: AnyFact, at: datetime, patients: dict[str, PatientFact]) -> Mention:
    if not isinstance(fact, EncounterFact):
        return Mention(kind="patient", key=fact.key, at=at, patient_key=fact.key, identifiers=_ids(fact))
    return Mention(
        kind="encounter",
        key=fact.key,
        at=at,
        patient_key=fact.patient_key,
        account=fact.account,
        started_at=fact.started_at,
        identifiers=_ids(patients.get(fact.patient_key)),
    )


def _ids(fact: AnyFact | None) -> tuple[Identifier, ...]:
    return fact.patient.identifiers if isinstance(fact, PatientFact) else ()


def note(tx: Tx, source: str, practice: str, facts: Sequence[AnyFact]) -> None:
    """Remember which visits, and which patients without one, the messages of this transaction were about."""
    about: dict[str, set[str]] = {"encounter": set(), "patient": set()}
    for kind, key in (one for fact in facts for one in _about(fact)):
        about[kind].add(key)
    about["patient"] -= {fact.patient_key for fact in facts if isinstance(fact, EncounterFact)}
    for kind, keys in about.items():
        tx.mentions.touch(practice, source, kind, {source_key(tx, source, kind, key) for key in keys})


def _about(fact: AnyFact) -> Iterator[tuple[str, str]]:
    """Which visit or patient a fact tells of."""
    if isinstance(fact, EncounterFact):
        yield "encounter", fact.key
    elif isinstance(fact, ChargeFact | DiagnosisFact | CoverageFact | AppointmentFact) and fact.encounter_key:
        yield "encounter", fact.encounter_key
    elif isinstance(fact, ChargeFact | CoverageFact | AppointmentFact):
        yield "patient", fact.patient_key
    elif isinstance(fact, PatientFact):
        yield "patient", fact.key
    elif isinstance(fact, WithdrawalFact) and fact.kind in {"encounter", "patient"}:
        yield fact.kind, fact.key
    elif isinstance(fact, MergeFact) and fact.kind != "account":
        yield from ((fact.kind, fact.from_key), (fact.kind, fact.into_key))
    elif isinstance(fact, MoveFact):
        yield "patient", fact.into_key
        if fact.kind == "encounter":
            yield "encounter", fact.moved_key
