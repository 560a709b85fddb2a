"""Waiting files in: listed, stored in the inbox, and only then taken at the partner; classified by content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from hub.errors import HubError, Refused, RetryLater
from hub.flow.base import Hub, Outcome
from hub.model.people import Record
from hub.model.work import WorkItem
from hub.plugin.api import Ref
from hub.plugin.host import GuardedTransfer, PluginFault
from hub.store import Nudge, Tx
from hub.store.fetched import Fetched
from hub.store.inbox import InboxItem
from hub.x12.classify import Contents, classify

HEAD = 4096
PAGE = 50
MOST = 10_000
"""Files that one run brings at most; those that do not come are so few that newer ones never wait behind them."""
STUCK_AFTER = timedelta(hours=6)
"""How long a file may be listed without being whole before a person is told."""
SMALL = 1 << 20
"""Bytes up to which files are kept in memory and stored together; a larger one is streamed alone."""
STEP_OF = {"835": "remit.read", "999": "acks.apply", "TA1": "acks.apply", "277CA": "acks.apply"}

_NO_X12 = frozenset({"report", "damaged"})
_SET = re.compile(r"\d{3}[A-Z]{0,2}")
"""What a transaction set is called, such as 271, 837P; anything else in its place is damage."""


def fetch(hub: Hub, mailbox: str) -> Outcome:
    """Bring every file that waits in one clearinghouse mailbox into the inbox."""
    port = hub.host.clearinghouse(mailbox)
    with hub.store.view() as view:
        cursor = (view.plugin_state(mailbox).get("list-cursor") or b"").decode()
    listing = port.list(cursor)
    fresh = journal(hub, mailbox, listing.refs, listing.cursor if listing.cursor != cursor else "")
    done = bring(hub, mailbox)
    return Outcome(done=max(fresh, done))


def journal(hub: Hub, mailbox: str, refs: tuple[Ref, ...], cursor: str, name: str = "list-cursor") -> int:
    """Write down what a partner lists, before any of it is fetched; returns how many are new."""
    if not refs and not cursor:
        return 0
    practice = hub.settings.practice_of(mailbox)
    with hub.store.begin("fetch.list") as tx:
        fresh = 0
        for ref in refs:
            _, is_new = tx.fetched.listed(
                practice=practice,
                connector=mailbox,
                token=ref.token,
                name=ref.name,
                size=ref.size,
                modified_at=ref.modified_at,
            )
            fresh += is_new
        if cursor:
            tx.plugin_state(mailbox).put(name, cursor.encode())
        hub.host.state(mailbox).commit(tx)
    return fresh


def bring(hub: Hub, mailbox: str, kind: str = "") -> int:
    """Store what is listed and tell the partner what is stored; returns how many files came in."""
    with hub.store.view() as view:
        listed = view.fetched.waiting("listed", limit=MOST, connector=mailbox)
    stored = 0
    for page in _pages(listed):
        stored += _store(hub, mailbox, [got for one in page if (got := _get(hub, mailbox, one, kind))])
        _tell(hub, mailbox)
    _tell(hub, mailbox)
    return stored


def _pages(listed: list[Fetched]) -> Iterator[list[Fetched]]:
    """Files that are stored together: a page of small ones, or a large one alone."""
    page: list[Fetched] = []
    for one in listed:
        if page and (len(page) == PAGE or sum(each.size for each in page) + one.size > SMALL):
            yield page
            page = []
        page.append(one)
    if page:
        yield page


def _tell(hub: Hub, mailbox: str) -> None:
    """Let the partner know what is durable here; after a crash this is said again, which is harmless."""
    with hub.store.view() as view:
        untold = view.fetched.waiting("stored", connector=mailbox)
    port = hub.host.transfer(mailbox)
    left = [error for one in untold if (error := _refusal(port, one))]
    if untold:
        with hub.store.begin("fetch.done") as tx:
            for one in untold:
                tx.fetched.done(one.id)
            if left:
                tx.work.open(_not_taken(mailbox, left), practice=untold[0].practice)
            hub.host.state(mailbox).commit(tx)


def _refusal(port: GuardedTransfer, one: Fetched) -> HubError | None:
    """Why a file that is stored here stays at the partner; it is known again when it is listed: no harm is done."""
    try:
        port.done(_ref(one))
    except PluginFault as fault:
        if fault.hung:
            raise
        return fault
    except Refused as error:
        return error
    return None


def _not_taken(mailbox: str, left: list[HubError]) -> WorkItem:
    return WorkItem(
        reason="fetch.not_taken",
        aggregate="connector",
        aggregate_id=mailbox,
        why=f"{len(left)} files are stored here and stay at the partner, who does not let them go: {left[0]}",
        fix=f"{left[0].fix or 'ask the partner for the right to move or remove files'}; then resolve this",
        where="done",
        owner="it",
    )


class Got(Record, frozen=True, kw_only=True):
    """A file that is here: its bytes, or the blob that a large one was streamed into, and what it holds."""

    fetched: Fetched
    kind: str
    body: bytes | None = None
    blob_id: str = ""


def _get(hub: Hub, mailbox: str, one: Fetched, kind: str) -> Got | None:
    """Bring one file; None when it is not whole yet (it stays listed) or cannot be had (a person is told)."""
    port = hub.host.transfer(mailbox)
    try:
        if one.size > SMALL:
            blob_id = hub.store.write_blob("inbox", port.open(_ref(one)))
            return Got(fetched=one, blob_id=blob_id, kind=kind or _classify_blob(hub, one, blob_id))
        body = b"".join(port.open(_ref(one)))
        return Got(fetched=one, body=body, kind=kind or _classify(hub, one, body[:HEAD], (body,)))
    except RetryLater as error:
        _stuck(hub, mailbox, one, error)
    except Refused as error:
        _unavailable(hub, one, "fetch.refused", error)
    except PluginFault as fault:
        if fault.hung:
            raise
        _unavailable(hub, one, "fetch.failed", fault)
    return None


def _store(hub: Hub, mailbox: str, page: list[Got]) -> int:
    """One transaction for a page of files: inbox, journal, events and nudges; returns how many are new."""
    if not page:
        return 0
    with hub.store.begin("fetch.store") as tx:
        tx.work.resolve_many([got.fetched.id for got in page], "fetch.", "it came")
        return sum(_store_one(tx, mailbox, got) for got in page)


def _store_one(tx: Tx, mailbox: str, got: Got) -> int:
    one, found = got.fetched, got.kind
    seq, is_new = tx.inbox.put(
        practice=one.practice,
        source=mailbox,
        kind=found,
        content_type="x12" if found in STEP_OF or _is_unread(found) else "other",
        external=one.remote.name,
        body=got.body,
        blob_id=got.blob_id,
        state="stored" if found in _NO_X12 or _is_unread(found) else "received",
    )
    item = tx.inbox.get(seq)
    tx.fetched.stored(one.id, blob_id=item.blob_id if item else got.blob_id, inbox_seq=seq)
    tx.event(
        "file.received",
        "message",
        item.id if item else "",
        practice=one.practice,
        actor=mailbox,
        holds=found,
        fresh=is_new,
    )
    if found in STEP_OF:
        tx.then(Nudge(STEP_OF[found], mailbox))
    elif found == "damaged":
        tx.work.open(_damaged(item), practice=one.practice)
    elif _is_unread(found):
        tx.work.open(_unread(item, found), practice=one.practice)
    return int(is_new)


def _is_unread(kind: str) -> bool:
    """Whether it is a transaction set that no step reads; a connector's own kinds, as print_results, are none."""
    return kind not in STEP_OF and _SET.fullmatch(kind) is not None


def _classify_blob(hub: Hub, one: Fetched, blob_id: str) -> str:
    with hub.store.view() as view:
        head = next(view.blobs.read(blob_id))[:HEAD]
        return _classify(hub, one, head, view.blobs.read(blob_id))


def _classify(hub: Hub, one: Fetched, head: bytes, content: Iterable[bytes]) -> str:
    """`835`, `999`, `TA1`, `277CA`, another set such as `271`, `damaged`, or `report` for what is no X12: a plugin's
    word, then the content.
    """
    return hub.host.classify_file(one.remote.name, head) or kind_of(classify(content))


def kind_of(contents: Contents) -> str:
    """The inbox kind of a file: what pays goes before what acknowledges; an interchange of nothing is damaged."""
    if "835" in contents.kinds:
        return "835"
    for kind in ("277CA", "999", "TA1"):
        if kind in contents.kinds:
            return kind
    if not contents.is_x12:
        return "damaged" if contents.problem.startswith("ISA") else "report"
    return next((kind for kind in contents.kinds if _SET.fullmatch(kind)), "damaged")


def _ref(one: Fetched) -> Ref:
    return Ref(token=one.remote.token, name=one.remote.name, size=one.size, modified_at=one.modified_at)


def _stuck(hub: Hub, mailbox: str, one: Fetched, error: RetryLater) -> None:
    """It is asked for again at every look; when that goes on for hours, somebody should know."""
    if hub.clock.now() - one.state_since < STUCK_AFTER:
        return
    with hub.store.begin("fetch.store") as tx:
        item = WorkItem(
            reason="fetch.stuck",
            aggregate="fetched",
            aggregate_id=one.id,
            why=f"the partner lists a file for hours, and it cannot be had whole: {error}",
            fix="ask the partner to send it again; the hub goes on trying",
            where=mailbox,
            owner="it",
        )
        tx.work.open(item, practice=one.practice)


def _unavailable(hub: Hub, one: Fetched, reason: str, error: HubError) -> None:
    """It is not asked for again until a person says so; what is listed behind it is fetched."""
    with hub.store.begin("fetch.store") as tx:
        item = WorkItem(
            reason=reason,
            aggregate="fetched",
            aggregate_id=one.id,
            why=str(error),
            fix=f"{error.fix or 'ask the partner for the file'}; to try again: hub replay {one.id}",
            where=one.connector,
            owner="it",
        )
        tx.fetched.refused(one.id)
        tx.work.open(item, practice=one.practice)


def again(tx: Tx, one: Fetched, step: str, by: str) -> None:
    """A person's word that a file which was refused can be had now."""
    tx.fetched.again(one.id)
    tx.work.resolve_for(one.id, "fetch.", "fetched again", by)
    tx.event("file.refetch", "fetched", one.id, practice=one.practice, actor=by)
    tx.then(Nudge(step, one.connector))


def _unread(item: InboxItem | None, kind: str) -> WorkItem:
    return WorkItem(
        reason="fetch.unread",
        aggregate="message",
        aggregate_id=item.id if item else "",
        why=f"the file holds a {kind}, which the hub stores and does not read",
        fix="look at it with: hub files show; do by hand what it asks for, then resolve this",
        owner="biller",
    )


def _damaged(item: InboxItem | None) -> WorkItem:
    return WorkItem(
        reason="fetch.damaged",
        aggregate="message",
        aggregate_id=item.id if item else "",
        why="the file begins like X12 and holds no transaction set that can be read",
        fix="ask the partner to send it again",
        owner="it",
    )
