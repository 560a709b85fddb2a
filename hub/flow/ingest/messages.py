"""Raw message -> facts: bytes first, then meaning; what the facts touch is marked to be put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from hub.errors import HubError, Problem
from hub.flow.aside import failed
from hub.flow.base import CHUNK, Hub, Outcome, work_for
from hub.flow.ingest import coming, errands, feed_lanes, following, newcomers, pieces
from hub.flow.ingest.fact_keys import patient_ids
from hub.flow.ingest.facts_store import Facts, billable
from hub.flow.ingest.folding import placed
from hub.flow.ingest.message_faults import alone, habits, reason_of
from hub.flow.source_lanes import assemble_soon, read_soon
from hub.model.encounter import Encounter
from hub.model.facts import AnyFact, Reading
from hub.plugin.api import Changes, RawMessage
from hub.plugin.host import PluginFault
from hub.store import Tx
from hub.store.documents import Change, Row
from hub.store.held_lanes import STOP, WAIT
from hub.store.inbox import Arrival, InboxItem

FACTS = 1_000
"""Facts per transaction: about four bundles of 25 visits."""
BODY_BYTES = 1 << 20
"""Bytes of messages that are read from the store at once."""
HANDFUL_BYTES = 1 << 14
"""Bytes of messages that a plugin reads in one turn of its thread."""
NOT_WHOLE = Problem(
    code="feed.not_whole",
    where="message",
    why="it cannot be applied whole",
    fix="mend it, or let it go: docs/how-to/mend-a-message.md",
)
Verdict = tuple[InboxItem, Reading | PluginFault, str]


def pull(hub: Hub, source: str) -> Outcome:
    """Ask a source what is new and put it in the inbox with its cursor, in one transaction. Where that fails, what
    the source remembers of the call is forgotten too: it would pass over what was never stored. Nothing here waits
    for `read`, which runs beside it in a lane of its own.
    """
    if newcomers.gone(hub, source):
        return Outcome()
    port = hub.host.source(source)
    newcomers.admit(hub, source)
    with hub.store.view() as view:
        cursor = (view.plugin_state(source).get("cursor") or b"").decode()
        left = errands.waiting(view, source)
    hub.host.errands(source).lay(left.errands)
    try:
        changes = port.changes(cursor)
    except HubError:
        coming.failed(hub, source)
        raise
    left = errands.taken(hub, source, left)
    try:
        fresh = _received(hub, source, changes, cursor, left)
    except BaseException:
        hub.host.state(source).discard()
        raise
    return Outcome(done=fresh, more=changes.more or left.more, due=changes.due)


def _received(hub: Hub, source: str, changes: Changes, cursor: str, left: errands.Left) -> int:
    """Store what a call brought; how many messages are new."""
    arrivals, practice = [_arrival(message) for message in changes.messages], hub.settings.practice_of(source)
    with hub.store.begin("ingest.receive") as tx:
        fresh = tx.inbox.put_many(arrivals, practice=practice, source=source, kind="message")
        _count(tx, practice, source, arrivals, fresh)
        if changes.cursor != cursor:
            tx.plugin_state(source).put("cursor", changes.cursor.encode())
        hub.host.state(source).commit(tx)
        errands.done(tx, left)
        if getattr(hub.host.source(source), "joins", False):
            coming.told(tx, source, more=changes.more or left.more)
        if fresh:
            tx.then(read_soon(source))
    return fresh


def _count(tx: Tx, practice: str, source: str, arrivals: Sequence[Arrival], fresh: int) -> None:
    """For the health of the feed: what came, and how much of it had come before."""
    size = sum(len(one.body) for one in arrivals)
    repeats = len(arrivals) - fresh
    tx.feeds.count(practice=practice, source=source, messages=len(arrivals), repeats=repeats, size=size)


def _arrival(message: RawMessage) -> Arrival:
    return Arrival(content_type=message.content_type, external=message.external_id, body=message.body)


def read(hub: Hub, source: str) -> Outcome:
    """Read what waits in the inbox of one source into facts; what cannot be read becomes work. A message that cannot
    be applied whole is not applied at all, and what follows it in its lanes waits for it. Where nothing waits in the
    inbox, and no pull has said that more comes, pieces are read with what they link to.
    """
    if newcomers.gone(hub, source):
        return Outcome()
    newcomers.admit(hub, source)
    joins = getattr(hub.host.source(source), "joins", False)
    late = joins and pieces.overdue(hub, source)
    if late:
        pieces.join(hub, source)
    answers, more = _page(hub, source)
    if not answers:
        return pieces.join(hub, source) if joins and (late or not _more_comes(hub, source)) else Outcome()
    practice = hub.settings.practice_of(source)
    with hub.store.begin("ingest.read") as tx:
        judged = feed_lanes.judged(tx, source, practice, [_asked(row, reading) for row, reading in answers])
        verdicts = [(*answers[index], verdict) for index, verdict in judged.verdicts]
        tx.inbox.put_states([(row, *_moved(row, reading, verdict)) for row, reading, verdict in verdicts])
        places = tx.held_lanes.places([row for row, *_ in verdicts if row.reason == feed_lanes.AGAIN])
        facts, marked = 0, 0
        for again, some in groupby(verdicts, lambda one: one[0].reason == feed_lanes.AGAIN):
            told = [
                fact
                for row, reading, verdict in some
                for fact in _applied(tx, row, reading, verdict, places.get(row.seq, row.seq))
            ]
            facts += len(told)
            marked += Facts(tx, source, practice).store(told, again=again)
            if hub.settings.is_followed(source):
                following.note(tx, source, practice, told)
        tx.work.open_many(habits(_warnings(verdicts), source), practice=practice)
        tx.event("messages.read", "source", source, practice=practice, **_counts(verdicts, facts))
        more |= feed_lanes.released(tx, source, judged.freed) > 0
        if marked:
            tx.then(assemble_soon(source))
    return Outcome(done=len(answers), more=more or joins)


def _more_comes(hub: Hub, source: str) -> bool:
    with hub.store.view() as view:
        return coming.comes(view, source)


def _asked(row: InboxItem, reading: Reading | PluginFault) -> feed_lanes.Asked:
    """A test message stops nothing and waits for nothing."""
    if isinstance(reading, PluginFault):
        return feed_lanes.Asked(item=row, lanes=None, poison=True)
    test = reading.not_billable == "test"
    return feed_lanes.Asked(item=row, lanes=() if test else reading.lanes, poison=reading.poison and not test)


def _applied(
    tx: Tx, row: InboxItem, reading: Reading | PluginFault, verdict: str, place: int
) -> Iterable[AnyFact]:
    """What a message leaves behind: work for what is wrong with it, and its facts and pieces where it may be applied.
    What is wrong with a test message is nobody's work.
    """
    if verdict == WAIT:
        return ()
    if isinstance(reading, PluginFault):
        tx.work.open(failed(row, str(reading)), practice=row.practice)
        return ()
    if reading.not_billable == "test":
        return ()
    if problems := alone(reading.problems) or ([NOT_WHOLE] if verdict == STOP else []):
        tx.work.open_many(work_for(problems, "message", row.id, owner="it"), practice=row.practice)
    if verdict == STOP:
        return ()
    return [*(placed(fact, place) for fact in billable(reading)), *pieces.kept(reading.pieces, row.id, place)]


def _warnings(verdicts: Sequence[Verdict]) -> Iterator[Problem]:
    """What is folded into work about the source: of a message that was not applied, not before it is."""
    for _, reading, verdict in verdicts:
        if verdict in {STOP, WAIT} or isinstance(reading, PluginFault) or reading.not_billable == "test":
            continue
        yield from reading.problems


def _counts(verdicts: Sequence[Verdict], facts: int) -> dict[str, Any]:
    """What the log says of a page: how many stopped and wait only where any did."""
    told = [verdict for *_, verdict in verdicts]
    some = {name: told.count(name) for name in (STOP, WAIT) if name in told}
    return {"messages": len(verdicts), "facts": facts, **some}


def _page(hub: Hub, source: str) -> tuple[list[tuple[InboxItem, Reading | PluginFault]], bool]:
    """What waits, message by message until a page of facts is full, and whether there is more: a bundle of a
    hundred visits counts for what it holds, so that memory and the transaction stay small.
    """
    port, answers, facts = hub.host.source(source), list[tuple[InboxItem, Reading | PluginFault]](), 0
    with hub.store.view() as view:
        waiting = view.inbox.waiting("received", CHUNK, source=source, kind="message")
    for some in _handfuls(_bodies(hub, waiting)):
        readings = port.read_many([(body, row.content_type) for row, body in some])
        answers += [(row, reading) for (row, _), reading in zip(some, readings, strict=True)]
        facts += sum(len(one.facts) + len(one.pieces) for one in readings if isinstance(one, Reading))
        if facts >= FACTS:
            break
    return answers, len(answers) < len(waiting) or len(waiting) == CHUNK


def _handfuls(bodies: Iterable[tuple[InboxItem, bytes]]) -> Iterator[list[tuple[InboxItem, bytes]]]:
    """Messages that are read in one turn of a plugin: many small ones, or one that is large."""
    some, size = list[tuple[InboxItem, bytes]](), 0
    for row, body in bodies:
        some.append((row, body))
        size += len(body)
        if size >= HANDFUL_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _bodies(hub: Hub, waiting: Sequence[InboxItem]) -> Iterator[tuple[InboxItem, bytes]]:
    """Each message with its bytes, of which no more than a few lie in memory."""
    left = waiting
    while left:
        with hub.store.view() as view:
            bodies = view.blobs.first_contents([row.blob_id for row in left], BODY_BYTES)
        yield from zip(left, bodies, strict=False)
        left = left[len(bodies) :]


def _moved(row: InboxItem, reading: Reading | PluginFault, verdict: str) -> tuple[str, str]:
    """The state and the reason that a message comes to."""
    if verdict == WAIT:
        return "blocked", row.reason or "lane.waits"
    if isinstance(reading, PluginFault):
        return "set_aside", "step.file"
    if verdict == STOP:
        return "set_aside", (alone(reading.problems) or [NOT_WHOLE])[0].code
    return _disposition(reading), reason_of(reading.problems)


def _disposition(reading: Reading) -> str:
    if reading.not_billable:
        return reading.not_billable
    if alone(reading.problems):
        return "read_in_part" if reading.facts or reading.pieces else "set_aside"
    return "read"


def replay(tx: Tx, rows: Sequence[Row[Encounter]]) -> int:
    """Look at held or waiting encounters again, as after a change of settings or a corrected source."""
    tx.encounters.put_many([Change(row, state="gathering") for row in rows])
    for source in {row.col("source") for row in rows}:
        tx.then(assemble_soon(source))
    return len(rows)


__all__ = ["Facts", "patient_ids", "pull", "read", "replay"]
