"""What a person does with a message that was not applied: read it again, mend it, or let it go.

Each is one transaction. The place of a message in its lanes is kept by `hub.store.held_lanes`; a lane that opens
lets what waited in it be read, in the order of arrival.
"""

from __future__ import annotations

from typing import Any

from hub.errors import HubError, Refused
from hub.flow.ingest.feed_lanes import AGAIN, guarded, let_go
from hub.flow.source_lanes import read_soon
from hub.store import Tx
from hub.store.inbox import InboxItem

NOT_APPLIED = ("set_aside", "read_in_part", "blocked")
LET_GO = ("set_aside", "blocked")
PAST = {
    "replaced": "it was replaced by a mended one",
    "skipped": "it was let go",
    "received": "it is to be read already",
}


def replay(tx: Tx, item: InboxItem, by: str) -> str:
    """Read a message anew, in its own place. What it brought before is known again by its keys. One that waits behind
    another is read when that one is; `Refused` for one that was replaced or is waiting to be read.
    """
    if item.state == "blocked" and tx.held_lanes.ahead([tx.held_lanes.place(item)]):
        fix = "see what it waits for: hub messages lanes; or let that go: hub messages skip"
        raise Refused("it waits behind a message of its lane that could not be applied", fix=fix)
    if item.state in {"replaced", "received"}:
        raise Refused(PAST[item.state], fix=f"hub messages show {item.id}")
    if tx.blobs.buried([item.blob_id]):
        raise Refused("its bytes were purged when their time was over", fix="let it go: hub messages skip")
    guarded(tx, item.source)
    tx.inbox.put_state(item, "received", AGAIN)
    tx.work.resolve_for(item.id, "", "read again", by)
    _told(tx, "message.replayed", item, by, was=item.state, kind_of=item.kind)
    tx.then(read_soon(item.source))
    return "it is read again"


def edit(tx: Tx, item: InboxItem, body: bytes, by: str, why: str) -> str:
    """Store `body` in the place of `item`, which is kept, linked and `replaced`; returns the new message's id."""
    _reasoned(why)
    if item.state not in NOT_APPLIED:
        said = PAST.get(item.state, f"it is {item.state}: nothing of it is left to apply")
        raise Refused(said, fix="ask the sender for a message that corrects it")
    if body == tx.blobs.content(item.blob_id):
        raise Refused("the mended message is the same, byte for byte", fix="hub messages replay")
    guarded(tx, item.source)
    original = tx.held_lanes.links(item.id)[0] or item.id
    seq, fresh = tx.inbox.put(
        practice=item.practice,
        source=item.source,
        kind=item.kind,
        content_type=item.content_type,
        external=f"edit of {original}",
        body=body,
    )
    made = tx.inbox.get(seq)
    if made is None or not fresh:
        raise Refused("these bytes were put in its place before", fix=f"hub messages show {item.id}")
    tx.held_lanes.edited(made.id, original, by)
    tx.inbox.put_state(made, "received", AGAIN)
    tx.inbox.put_state(item, "replaced", "message.edited")
    tx.work.resolve_for(item.id, "", f"replaced by {made.id}: {why}"[:200], by)
    _told(tx, "message.edited", item, by, was=item.state, into=made.id, how=why[:200])
    tx.then(read_soon(item.source))
    return made.id


def skip(tx: Tx, item: InboxItem, by: str, why: str) -> str:
    """Let a message go that will not be applied: it is kept, nothing of it is used, and its lanes open."""
    _reasoned(why)
    if item.state not in LET_GO:
        said = PAST.get(item.state, f"it is {item.state}: it is applied, as far as it could be")
        raise Refused(said, fix="hub messages list --state set_aside")
    guarded(tx, item.source)
    tx.inbox.put_state(item, "skipped", "message.skipped")
    tx.work.resolve_for(item.id, "", f"let go: {why}"[:200], by)
    released = let_go(tx, item)
    _told(tx, "message.skipped", item, by, was=item.state, how=why[:200], released=released)
    return f"it is let go; messages that waited for it alone: {released}" if released else "it is let go"


def _reasoned(why: str) -> None:
    if not why.strip():
        raise HubError("say why, in a few words without patient data", fix='--why "..."')


def _told(tx: Tx, kind: str, item: InboxItem, by: str, **said: Any) -> None:
    tx.event(kind, "message", item.id, practice=item.practice, actor=by, **said)
