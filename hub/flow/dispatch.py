"""Frozen files out: stage, publish, confirm, with the journal before and after each, so that a crash between
any two leaves a file that is known to be sent, known not to be, or known to be in doubt."""

from __future__ import annotations

from datetime import timedelta

from hub.errors import HubError, InDoubt, Refused
from hub.flow.base import Hub, Outcome, move_claims
from hub.model.work import WorkItem
from hub.plugin.api import Evidence, Outgoing
from hub.plugin.host import GuardedTransfer
from hub.store import Nudge, Tx
from hub.store.documents import Change
from hub.store.outbox import File

PRINT_DAYS = 5
UNSENT = ("frozen", "staged", "published")


def send(hub: Hub, mailbox: str) -> Outcome:
    """Send every frozen file of one mailbox, oldest first. Also takes up files that a crash left between phases.

    A connection that does not work ends the run: the files wait where they are, and the runner tells of it once.
    """
    with hub.store.view() as view:
        files = [file for state in UNSENT for file in view.files.waiting(state, mailbox=mailbox)]
    if not files:
        return Outcome()
    with hub.store.begin("dispatch.stage") as tx:
        fence = tx.outbox.fence(mailbox)
    port = hub.host.transfer(mailbox)
    for file in sorted(files, key=lambda one: (one.frozen_at, one.kind == "manifest", one.id)):
        try:
            _Sending(hub, port, file, fence).run()
        except Refused as error:
            _set_aside(hub, file, "refused", "dispatch.refused", error)
        except InDoubt as error:
            _set_aside(hub, file, "in_doubt", "dispatch.in_doubt", error)
    return Outcome(done=len(files))


class _Sending:
    """One file on its way, from whatever phase it stands in."""

    def __init__(self, hub: Hub, port: GuardedTransfer, file: File, fence: int) -> None:
        self.hub, self.port, self.file, self.fence = hub, port, file, fence
        with hub.store.view() as view:
            journal = view.outbox.journal(file.id)
            digest = view.blobs.sha256(file.blob_id)
        self.tried = _since_staged([line.phase for line in journal])
        self.outgoing = Outgoing(file_id=file.id, name=file.name, kind=file.kind, size=file.size, digest=digest)

    def run(self) -> None:
        """Through the phases that are left."""
        if self.file.state == "frozen":
            self._stage()
        if self.file.state == "staged":
            self._publish()
        if self.file.state == "published":
            self._settle(self.port.confirm(self.outgoing))

    def _stage(self) -> None:
        self._enter("dispatch.stage", "staging")
        with self.hub.store.view() as view:
            evidence = self.port.stage(self.outgoing, view.blobs.read(self.file.blob_id))
        self._move("dispatch.stage", "staged", evidence)
        self.tried = []

    def _publish(self) -> None:
        """Make it visible. A publish that was begun before and never journalled as done is looked at, then gone
        on with: the port makes visible what is not yet, leaves alone what is, and raises `InDoubt` when it
        cannot know.
        """
        evidence = None
        if "publishing" in self.tried:
            evidence = self.port.confirm(self.outgoing)
        else:
            self._enter("dispatch.publish", "publishing")
        self._move("dispatch.publish", "published", evidence or self.port.publish(self.outgoing))

    def _enter(self, point: str, phase: str) -> None:
        with self.hub.store.begin(point) as tx:
            tx.outbox.enter(self.file.id, phase, self.fence)

    def _move(self, point: str, state: str, evidence: Evidence) -> None:
        with self.hub.store.begin(point) as tx:
            tx.outbox.enter(self.file.id, state, self.fence, evidence=evidence.kind, note=evidence.note)
            self.file = tx.files.put_state(self.file, state)

    def _settle(self, seen: Evidence | None) -> None:
        """Sent, on what was seen now or on the publish that the partner answered."""
        with self.hub.store.begin("dispatch.settle") as tx:
            last = tx.outbox.last(self.file.id)
            kind = seen.kind if seen else (last.evidence if last else "")
            tx.outbox.enter(self.file.id, "sent", self.fence, evidence=kind, note=seen.note if seen else "")
            self.file = tx.files.put_state(self.file, "sent")
            settle(tx, self.hub, self.file)


def _since_staged(phases: list[str]) -> list[str]:
    """What was tried with the bytes that are staged now: a person may have sent the file again since."""
    last = max((at for at, phase in enumerate(phases) if phase == "staged"), default=-1)
    return phases[last + 1 :]


def settle(tx: Tx, hub: Hub, file: File) -> None:
    """What a sent file leads to: its claims are sent, and answers are expected, each with a time.

    The claims of a test file are `tested`: nobody will pay them, and they wait for a person's word (`hub replay
    tested`) to go out for real.
    """
    tx.event("file.sent", "file", file.id, practice=file.practice, bytes=file.size)
    if file.kind in {"statements", "manifest"}:
        _settle_statements(tx, file)
        return
    submissions = [s for s in tx.submissions.of_file(file.id) if s.state == "frozen"]
    tx.submissions.put_states([submission.id for submission in submissions], "sent")
    rows = tx.claims.heads_of([submission.claim_id for submission in submissions])
    on_their_way = [row for row in rows.values() if row.state == "frozen"]
    state = "sent" if file.usage == "P" else "tested"
    move_claims(tx, [Change(row, state=state) for row in on_their_way], cause=file.id)
    hours = hub.settings.mailboxes[file.mailbox].answer_hours
    tx.expect("acknowledgement", file.id, tx.now + timedelta(hours=hours), practice=file.practice)
    payers = hub.settings.payers
    wanted = []
    for submission in submissions:
        payer = payers[submission.payer]
        if payer.claim_ack:
            wanted.append(("claim_ack", submission.id, tx.now + timedelta(days=payer.ack_days)))
        if file.usage == "P":
            due = tx.now + timedelta(days=payer.era_days)
            wanted.append(("adjudication", f"{submission.id}:{submission.rank}", due))
    tx.expectations.expect_many(wanted, practice=file.practice)


def _settle_statements(tx: Tx, file: File) -> None:
    rows = tx.statements.find(file_id=file.id, state="frozen", limit=10_000)
    tx.statements.put_many([Change(row, state="sent") for row in rows])
    if file.kind == "statements":
        tx.expect("print_result", file.id, tx.now + timedelta(days=PRINT_DAYS), practice=file.practice)


def retry_in_doubt(tx: Tx, file: File, by: str) -> None:
    """A person's word that a file in doubt did not arrive: the same bytes go out again, under the same numbers."""
    tx.files.put_state(file, "frozen")
    tx.work.resolve_for(file.id, "dispatch.", "send the same bytes again", by)
    tx.event("file.resend", "file", file.id, practice=file.practice, actor=by)
    tx.then(Nudge("dispatch.send", file.mailbox))


def _set_aside(hub: Hub, file: File, state: str, reason: str, error: HubError) -> None:
    with hub.store.begin("dispatch.settle") as tx:
        current = tx.files.get(file.id)
        if current is not None and current.state in UNSENT:
            tx.files.put_state(current, state)
            tx.work.open(_item(file, reason, error), practice=file.practice)
            tx.event(f"file.{state}", "file", file.id, practice=file.practice)


def _item(file: File, reason: str, error: HubError) -> WorkItem:
    return WorkItem(
        reason=reason,
        aggregate="file",
        aggregate_id=file.id,
        why=str(error),
        fix=error.fix or "look at the connection with: hub connector test",
        owner="it",
    )
