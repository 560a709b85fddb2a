"""Raw message -> facts -> Encounter and Charges: bytes first, then meaning, then the whole put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hub.flow.aside import failed
from hub.flow.base import CHUNK, Hub, Outcome, work_for
from hub.flow.facts_store import Facts, patient_ids
from hub.model.encounter import Encounter
from hub.model.facts import AnyFact, CoverageFact, MergeFact, PatientFact, Reading
from hub.plugin.api import RawMessage
from hub.plugin.host import GuardedSource, PluginFault
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row
from hub.store.inbox import Arrival, InboxItem

FACTS = 1_000
"""Facts per transaction: about four bundles of 25 visits."""
BODY_BYTES = 1 << 20
"""Bytes of messages that are read from the store at once."""


def pull(hub: Hub, source: str) -> Outcome:
    """Ask a source what is new and put it in the inbox with its cursor, in one transaction."""
    port = hub.host.source(source)
    with hub.store.view() as view:
        cursor = (view.plugin_state(source).get("cursor") or b"").decode()
    changes = port.changes(cursor)
    with hub.store.begin("ingest.receive") as tx:
        fresh = tx.inbox.put_many(
            [_arrival(message) for message in changes.messages],
            practice=hub.settings.practice_of(source),
            source=source,
            kind="message",
        )
        if changes.cursor != cursor:
            tx.plugin_state(source).put("cursor", changes.cursor.encode())
        hub.host.state(source).commit(tx)
        if fresh:
            tx.then(Nudge("ingest.read", source))
    return Outcome(done=fresh, more=changes.more)


def receive(hub: Hub, tx: Tx, source: str, message: RawMessage) -> tuple[int, bool]:
    """Put one message in the inbox: its sequence number, and whether it is new."""
    return tx.inbox.put(
        practice=hub.settings.practice_of(source),
        source=source,
        kind="message",
        content_type=message.content_type,
        external=message.external_id,
        body=message.body,
    )


def _arrival(message: RawMessage) -> Arrival:
    return Arrival(content_type=message.content_type, external=message.external_id, body=message.body)


def read(hub: Hub, source: str) -> Outcome:
    """Read what waits in the inbox of one source into facts; what cannot be read becomes work."""
    answers, more = _page(hub, source)
    if not answers:
        return Outcome()
    practice = hub.settings.practice_of(source)
    with hub.store.begin("ingest.read") as tx:
        facts: list[AnyFact] = []
        tx.inbox.put_states([(row, *_moved(reading)) for row, reading in answers])
        for row, reading in answers:
            if isinstance(reading, PluginFault):
                tx.work.open(failed(row, str(reading)), practice=practice)
                continue
            tx.work.open_many(work_for(reading.problems, "message", row.id, owner="it"), practice=practice)
            if reading.not_billable != "test":
                facts += _billable(reading)
        dirty = Facts(tx, source, practice).store(facts)
        tx.event("messages.read", "source", source, practice=practice, messages=len(answers), facts=len(facts))
        if dirty:
            tx.then(Nudge("ingest.assemble", source))
    return Outcome(done=len(answers), more=more)


def _page(hub: Hub, source: str) -> tuple[list[tuple[InboxItem, Reading | PluginFault]], bool]:
    """What waits, message by message until a page of facts is full, and whether there is more: a bundle of a
    hundred visits counts for what it holds, so that memory and the transaction stay small.
    """
    port, answers, facts = hub.host.source(source), list[tuple[InboxItem, Reading | PluginFault]](), 0
    with hub.store.view() as view:
        waiting = view.inbox.waiting("received", CHUNK, source=source, kind="message")
    for row, body in _bodies(hub, waiting):
        reading = _reading(port, body, row.content_type)
        answers.append((row, reading))
        facts += 0 if isinstance(reading, PluginFault) else len(reading.facts)
        if facts >= FACTS:
            break
    return answers, len(answers) < len(waiting) or len(waiting) == CHUNK


def _bodies(hub: Hub, waiting: Sequence[InboxItem]) -> Iterator[tuple[InboxItem, bytes]]:
    """Each message with its bytes, of which no more than a few lie in memory."""
    left = waiting
    while left:
        with hub.store.view() as view:
            bodies = view.blobs.first_contents([row.blob_id for row in left], BODY_BYTES)
        yield from zip(left, bodies, strict=False)
        left = left[len(bodies) :]


def _reading(port: GuardedSource, body: bytes, content_type: str) -> Reading | PluginFault:
    """What a plugin makes of a message, or how it failed on this one; a plugin that hangs ends the run."""
    try:
        return port.read(body, content_type)
    except PluginFault as fault:
        if fault.hung:
            raise
        return fault


def _moved(reading: Reading | PluginFault) -> tuple[str, str]:
    """The state and the reason that a message comes to."""
    if isinstance(reading, PluginFault):
        return "set_aside", "step.file"
    return _disposition(reading), reading.problems[0].code if reading.problems else ""


def _disposition(reading: Reading) -> str:
    if reading.not_billable:
        return reading.not_billable
    if reading.problems:
        return "read_in_part" if reading.facts else "set_aside"
    return "read"


def _billable(reading: Reading) -> Iterable[AnyFact]:
    """What a message leaves behind: an informational one updates people, and never charges."""
    if reading.not_billable == "informational":
        return [fact for fact in reading.facts if isinstance(fact, PatientFact | CoverageFact | MergeFact)]
    return reading.facts


def replay(tx: Tx, rows: Sequence[Row[Encounter]]) -> int:
    """Look at held or waiting encounters again, as after a change of settings or a corrected source."""
    tx.encounters.put_many([Change(row, state="gathering") for row in rows])
    for source in {row.col("source") for row in rows}:
        tx.then(Nudge("ingest.assemble", source))
    return len(rows)


__all__ = ["Facts", "patient_ids", "pull", "read", "receive", "replay"]
