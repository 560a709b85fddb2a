"""Waiting files in: listed, stored in the inbox, and only then taken at the partner; classified by content."""

from __future__ import annotations

from hub.errors import Refused, RetryLater
from hub.flow.base import Hub, Outcome
from hub.flow.dispatch import transfer_port
from hub.model.work import WorkItem
from hub.plugin.api import Ref
from hub.store import Nudge
from hub.store.fetched import Fetched
from hub.store.inbox import InboxItem
from hub.x12.classify import Contents, classify

HEAD = 4096
STEP_OF = {"835": "remit.read", "999": "acks.apply", "TA1": "acks.apply", "277CA": "acks.apply"}


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
        listed = view.fetched.waiting("listed", connector=mailbox)
    stored = sum(_store(hub, mailbox, one, kind) for one in listed)
    with hub.store.view() as view:
        untold = view.fetched.waiting("stored", connector=mailbox)
    port = transfer_port(hub, mailbox)
    for one in untold:
        port.done(_ref(one))
        with hub.store.begin("fetch.done") as tx:
            tx.fetched.done(one.id)
            hub.host.state(mailbox).commit(tx)
    return stored


def _store(hub: Hub, mailbox: str, one: Fetched, kind: str) -> int:
    port = transfer_port(hub, mailbox)
    try:
        blob_id = hub.store.write_blob("inbox", port.open(_ref(one)))
    except RetryLater:
        return 0  # not whole yet, or cut: it is listed still, the next run takes it
    except Refused as error:
        _unavailable(hub, mailbox, one, error)
        return 0
    found = kind or _classify(hub, one, blob_id)
    with hub.store.begin("fetch.store") as tx:
        seq, is_new = tx.inbox.put(
            practice=one.practice,
            source=mailbox,
            kind=found,
            content_type="x12" if found in STEP_OF else "other",
            external=one.remote.name,
            blob_id=blob_id,
            state="received" if found in STEP_OF or kind else "stored",
        )
        tx.fetched.stored(one.id, blob_id=blob_id, inbox_seq=seq)
        tx.event(
            "file.received", "message", str(seq), practice=one.practice, actor=mailbox, holds=found, fresh=is_new
        )
        if found in STEP_OF:
            tx.then(Nudge(STEP_OF[found], mailbox))
        elif found == "damaged":
            tx.work.open(_damaged(tx.inbox.get(seq)), practice=one.practice)
    return int(is_new)


def _classify(hub: Hub, one: Fetched, blob_id: str) -> str:
    """`835`, `999`, `TA1`, `277CA`, `damaged`, or `report` for what is no X12: a plugin's word, then the content."""
    with hub.store.view() as view:
        head = next(view.blobs.read(blob_id))[:HEAD]
        told = hub.host.classify_file(one.remote.name, head)
        if told:
            return told
        contents = classify(view.blobs.read(blob_id))
    return kind_of(contents)


def kind_of(contents: Contents) -> str:
    """The inbox kind of a file: what pays goes before what acknowledges; an interchange of nothing is damaged."""
    if "835" in contents.kinds:
        return "835"
    for kind in ("277CA", "999", "TA1"):
        if kind in contents.kinds:
            return kind
    return "damaged" if contents.is_x12 or contents.problem.startswith("ISA") else "report"


def _ref(one: Fetched) -> Ref:
    return Ref(token=one.remote.token, name=one.remote.name, size=one.size, modified_at=one.modified_at)


def _unavailable(hub: Hub, mailbox: str, one: Fetched, error: Refused) -> None:
    with hub.store.begin("fetch.store") as tx:
        item = WorkItem(
            reason="fetch.refused",
            aggregate="fetched",
            aggregate_id=one.id,
            why=str(error),
            fix=error.fix or "ask the partner for the file",
            where=mailbox,
            owner="it",
        )
        tx.work.open(item, practice=one.practice)


def _damaged(item: InboxItem | None) -> WorkItem:
    return WorkItem(
        reason="fetch.damaged",
        aggregate="message",
        aggregate_id=item.id if item else "",
        why="the file begins like X12 and holds no transaction set that can be read",
        fix="ask the partner to send it again",
        owner="it",
    )
