"""Pieces of messages are kept, and read with what they link to whenever that or they themselves are told anew.

A piece that was told is marked (`join6`), in the transaction that keeps it. A round of `join` takes marked pieces,
reads each that has links together with what it reaches by them, stores the facts, and marks the pieces that link to
it one hop lower, down to `join0`: so exactly those are read anew that it can be seen from, also where links run in a
circle. What is marked survives a crash, and the facts are a function of the pieces that are kept, so that neither
order nor repetition counts. Who is linked to by very many is worked off page by page, with a cursor.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from hub.errors import Problem
from hub.flow.base import Hub, Outcome, chunks, work_for
from hub.flow.ingest.fact_keys import kind_of
from hub.flow.ingest.facts_store import HOPS, LINK, MARKS, Facts, billable
from hub.flow.ingest.folding import placed
from hub.flow.ingest.merging import source_key
from hub.flow.ingest.message_faults import alone, habits
from hub.flow.source_lanes import assemble_soon
from hub.model.facts import GONE, AnyFact, Piece, PieceFact, Reading
from hub.model.people import Record
from hub.model.work import WorkItem
from hub.plugin.host import PluginFault
from hub.store import Tx, View
from hub.store.documents import Change, Row

PAGE = 100
"""Pieces that one round reads."""
SPREAD = 500
"""Pieces that one round marks: a transaction of about 20 ms."""
LINKED, LINKED_BYTES = 500, 4 << 20
"""What one piece may reach by links."""
HELD_BYTES = 16 << 20
"""Bodies that a round holds in memory; where they are more it reads fewer pieces."""
OVERDUE = timedelta(minutes=10)
"""So long a piece waits while messages come, or a pull says that more will: most of what it needs comes meanwhile."""
CURSOR = "hub.pieces"
"""Under which key the state of a source keeps how far the marking of many has come."""
TOO_MUCH = Problem(
    code="piece.too_much",
    where="links",
    why="a part of the message links to more than is read together: what lies behind was left out",
    fix="see what it refers to at the source; if that is as it should be, report it",
)


class _Spread(Record, frozen=True, kw_only=True):
    """How far the pieces that link to one were marked: that piece as it stood, and the last that was marked."""

    id: str
    row_version: int
    after: str


class Asked(Record, frozen=True, kw_only=True):
    """A piece that is to be read with what it links to; `whole` False: some of that was left out."""

    row: Row[AnyFact]
    piece: Piece
    linked: tuple[Piece, ...]
    whole: bool


class _Round(Record, frozen=True, kw_only=True):
    """What one round does: settle `rows`, of which `asked` are read, and mark what links to them (`behind`); or only
    mark one page more of very many, where `on` is set.
    """

    rows: tuple[Row[AnyFact], ...]
    asked: tuple[Asked, ...] = ()
    behind: tuple[str, ...] = ()
    on: _Spread | None = None


Told = list[tuple[Asked, Reading | PluginFault]]


def kept(pieces: Iterable[Piece], message: str, place: int) -> list[PieceFact]:
    """The pieces of the message with that id and place among arrivals as they are kept."""
    return [_kept(piece, message, place) for piece in pieces]


def _kept(piece: Piece, message: str, place: int) -> PieceFact:
    fact = PieceFact(
        key=piece.key,
        version=piece.version,
        links=tuple(sorted({*piece.links} - {piece.key, ""})),
        body=zlib.compress(piece.body, 1),
        patient_key=piece.patient_key,
        place=piece.place,
        message=message,
    )
    return replace(fact, version=placed(fact, place).version)


def _opened(fact: PieceFact) -> Piece:
    return Piece(
        key=fact.key,
        version=fact.version,
        links=fact.links,
        body=zlib.decompress(fact.body),
        patient_key=fact.patient_key,
        place=fact.place,
        withdrawn=bool(fact.withdrawn),
    )


def look_up(
    view: View, source: str, practice: str, keys: Collection[str], patients: Collection[str], limit: int
) -> list[tuple[str, Piece]]:
    """The pieces that are kept of these keys, and at most `limit` of those of these patients, each with the id of the
    message that told it.
    """
    about: dict[str, Any] = {"practice": practice, "source": source, "kind": "piece"}
    digests = [source_key(view, source, "piece", one) for one in sorted(keys)]
    whose = [source_key(view, source, "patient", one) for one in sorted(patients)]
    rows = [row for some in chunks(digests, 500) for row in view.facts.find(key=some, **about)]
    rows += view.facts.find(parent=whose, limit=limit, **about) if whose else []
    found = {row.id: row.record for row in rows if isinstance(row.record, PieceFact)}
    return [(one.message, _opened(one)) for one in found.values() if one.version != GONE]


def overdue(hub: Hub, source: str) -> bool:
    """Whether a piece waits for too long already, also one that was marked for what it links to."""
    about = _about(hub, source)
    with hub.store.view() as view:
        oldest = (row for mark in MARKS for row in view.facts.waiting(mark, limit=1, **about))
        return any(view.now - row.state_since >= OVERDUE for row in oldest)


def join(hub: Hub, source: str) -> Outcome:
    """One round: some of the pieces that are marked are read with what they link to, and their facts stored."""
    about = _about(hub, source)
    with hub.store.view() as view:
        found = _round(view, source, about)
    if found is None:
        return Outcome()
    asks = [(one.piece, one.linked) for one in found.asked]
    readings = hub.host.source(source).read_joined_many(asks) if asks else []
    with hub.store.begin("ingest.join") as tx:
        _mark(tx, found)
        if found.on is not None:
            tx.plugin_state(source).put(CURSOR, msgspec.json.encode(found.on))
        else:
            _settle(tx, source, about["practice"], found, list(zip(found.asked, readings, strict=True)))
    return Outcome(done=len(found.rows), more=True)


def _about(hub: Hub, source: str) -> dict[str, Any]:
    return {"practice": hub.settings.practice_of(source), "source": source, "kind": "piece"}


def _marked(view: View, about: Mapping[str, Any]) -> list[Row[AnyFact]]:
    """A page of marked pieces, all of one mark: those of the highest, the oldest first."""
    pages = (view.facts.waiting(mark, limit=PAGE, **about) for mark in MARKS)
    return next((page for page in pages if page), [])


def _round(view: View, source: str, about: Mapping[str, Any]) -> _Round | None:
    rows = _marked(view, about)
    if not rows:
        return None
    behind: list[str] = []
    if rows[0].state != MARKS[-1]:
        first, after = rows[0], _after(view, source, rows[0])
        if not after:
            behind = _behind(view, source, rows, "", SPREAD + 1)
        if after or len(behind) > SPREAD:
            rows, behind = [first], _behind(view, source, [first], after, SPREAD)
            if len(behind) == SPREAD:
                on = _Spread(id=first.id, row_version=first.row_version, after=behind[-1])
                return _Round(rows=(first,), behind=tuple(behind), on=on)
    rows, asked = _reading(view, source, about, rows)
    return _Round(rows=tuple(rows), asked=tuple(asked), behind=tuple(behind))


def _after(view: View, source: str, row: Row[AnyFact]) -> str:
    """How far what links to this piece is marked already; empty at its beginning."""
    saved = view.plugin_state(source).get(CURSOR)
    spread = msgspec.json.decode(saved, type=_Spread) if saved else None
    same = spread is not None and (spread.id, spread.row_version) == (row.id, row.row_version)
    return spread.after if spread is not None and same else ""


def _behind(view: View, source: str, rows: Sequence[Row[AnyFact]], after: str, limit: int) -> list[str]:
    """The ids of pieces that link to one of these, in order."""
    return view.lookup.page(LINK, source, [row.col("key") for row in rows], after=after, limit=limit)


def _mark(tx: Tx, found: _Round) -> None:
    """Mark what links to these pieces one hop lower, unless it is marked for more."""
    mark = MARKS.index(found.rows[0].state) + 1
    heads = tx.facts.heads_of(found.behind).values()
    lower = [row for row in heads if row.state not in MARKS[: mark + 1]]
    tx.facts.put_many([Change(row, state=MARKS[mark]) for row in lower])


def _reading(
    view: View, source: str, about: Mapping[str, Any], rows: list[Row[AnyFact]]
) -> tuple[list[Row[AnyFact]], list[Asked]]:
    """As many of the rows as can be held in memory with what they reach, and what is to be read of them."""
    while (asked := _asked(view, source, about, rows)) is None:
        rows = rows[: len(rows) // 2]
    return rows, asked


def _asked(view: View, source: str, about: Mapping[str, Any], rows: Sequence[Row[AnyFact]]) -> list[Asked] | None:
    """What is to be read of these rows; None where it is too much at once."""
    ways = [_Way(row, row.record) for row in rows if isinstance(row.record, PieceFact) and row.record.links]
    known: dict[str, Piece | None] = {way.piece.key: way.piece for way in ways}
    for _ in range(HOPS):
        wanted = {key for way in ways for key in way.next} - known.keys()
        known |= dict.fromkeys(wanted) | _load(view, source, about, wanted)
        held = sum(len(one.body) for one in known.values() if one is not None)
        if held > HELD_BYTES and len(rows) > 1:
            return None
        for way in ways:
            way.go(known)
    return [way.asked() for way in ways]


def _load(view: View, source: str, about: Mapping[str, Any], keys: Collection[str]) -> dict[str, Piece]:
    digests = [source_key(view, source, "piece", key) for key in sorted(keys)]
    found: dict[str, Piece] = {}
    for start in range(0, len(digests), 500):
        for row in view.facts.find(key=digests[start : start + 500], **about):
            if isinstance(row.record, PieceFact) and row.record.version != GONE:
                found[row.record.key] = _opened(row.record)
    return found


class _Way:
    """One piece on its way along the links."""

    def __init__(self, row: Row[AnyFact], fact: PieceFact) -> None:
        self.row, self.piece, self.next = row, _opened(fact), set(fact.links)
        self.reached: dict[str, Piece] = {}
        self.bytes = 0
        self.full = False

    def go(self, known: Mapping[str, Piece | None]) -> None:
        """One hop."""
        ends, self.next = sorted(self.next), set()
        for key in ends:
            piece = known[key]
            if piece is None:
                continue
            if len(self.reached) >= LINKED or self.bytes + len(piece.body) > LINKED_BYTES:
                self.full = True
                break
            self.reached[key] = piece
            self.bytes += len(piece.body)
            self.next.update(piece.links)
        self.next = set() if self.full else self.next - self.reached.keys() - {self.piece.key}

    def asked(self) -> Asked:
        """What is to be read in the end."""
        linked = tuple(self.reached[key] for key in sorted(self.reached))
        return Asked(row=self.row, piece=self.piece, linked=linked, whole=not self.full and not self.next)


def _settle(tx: Tx, source: str, practice: str, found: _Round, told: Told) -> None:
    """Store what was read, and what is wrong with it; the rows wait no more."""
    readings = [said for _, said in told if isinstance(said, Reading) and said.not_billable != "test"]
    tells = {row.id: list[AnyFact]() for row in found.rows}
    tells |= {one.row.id: _facts(one, said) for one, said in told}
    facts = [fact for some in tells.values() for fact in some]
    store = Facts(tx, source, practice)
    failed = {one.row.id for one, said in told if isinstance(said, PluginFault)}
    _release(store, [row for row in found.rows if row.id not in failed], tells)
    marked = store.store(facts)
    tx.work.open_many(habits((one for said in readings for one in said.problems), source), practice=practice)
    work = {one.row.id: _opened_work(tx, practice, one, said) for one, said in told}
    tx.facts.put_many(
        [
            _settled(tx, row, work.get(row.id, ()), None if row.id in failed else tells[row.id])
            for row in found.rows
        ]
    )
    tx.event("pieces.joined", "source", source, practice=practice, pieces=len(found.rows), facts=len(facts))
    if marked:
        tx.then(assemble_soon(source))


def _opened_work(tx: Tx, practice: str, one: Asked, said: Reading | PluginFault) -> tuple[str, ...]:
    """The work about the message of a piece; returns the ids of the items."""
    fact = one.row.record
    if not isinstance(fact, PieceFact):
        return ()
    if isinstance(said, PluginFault):
        return (tx.work.open(_failed(fact, said), practice=practice),)
    problems = alone(said.problems) if said.not_billable != "test" else []
    problems += [] if one.whole else [replace(TOO_MUCH, where=fact.place or TOO_MUCH.where)]
    return tuple(tx.work.open_many(work_for(problems, "message", fact.message, owner="it"), practice=practice))


def _settled(tx: Tx, row: Row[AnyFact], work: tuple[str, ...], told: Sequence[AnyFact] | None) -> Change[AnyFact]:
    fact = row.record
    if not isinstance(fact, PieceFact):
        return Change(row, state="kept")
    for item in set(fact.work) - set(work):
        tx.work.resolve(item, "read anew with what came since", "hub")
    settled = replace(fact, work=work, decides=fact.decides if told is None else _decided(fact, told))
    return Change(row, state="kept") if settled == fact else Change(row, state="kept", record=settled)


def _facts(one: Asked, said: Reading | PluginFault) -> list[AnyFact]:
    if isinstance(said, PluginFault) or said.not_billable == "test":
        return []
    return [replace(fact, joined=one.piece.key) for fact in billable(said)]


def _decided(piece: PieceFact, told: Iterable[AnyFact]) -> tuple[str, ...]:
    """The facts of other pieces that a piece told, as `PieceFact.decides` names them."""
    return tuple(sorted(f"{kind_of(fact)} {fact.key}" for fact in told if fact.key != piece.key))


def _release(store: Facts, rows: Sequence[Row[AnyFact]], tells: Mapping[str, Sequence[AnyFact]]) -> None:
    """What a piece decided about and does not any more, its own piece is to tell again."""
    dropped: dict[tuple[str, str], str] = {}
    for row in rows:
        fact = row.record
        if isinstance(fact, PieceFact) and fact.decides:
            for each in set(fact.decides) - set(_decided(fact, tells[row.id])):
                kind, _, key = each.partition(" ")
                dropped[kind, key] = fact.key
    if dropped:
        store.release(dropped)


def _failed(fact: PieceFact, fault: PluginFault) -> WorkItem:
    return WorkItem(
        reason="step.file",
        aggregate="message",
        aggregate_id=fact.message,
        why=f"a part of the message could not be read with what it links to, for a fault of its plugin: {fault}",
        fix="report it; when it is mended: hub replay ID",
        where=fact.place or "links",
        owner="it",
    )


__all__ = ["join", "kept", "look_up", "overdue"]
