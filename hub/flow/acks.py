"""TA1, 999 and 277CA -> submissions and claims: what was accepted goes on waiting, what was rejected is work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from hub.flow.aside import each
from hub.flow.base import Hub, Outcome, move_claims
from hub.flow.codes_seen import code
from hub.flow.dispatch import settle
from hub.model.ack import ClaimAck, GroupAck, InterchangeAck, SetAck
from hub.model.work import WorkItem
from hub.store import Tx
from hub.store.documents import Change
from hub.store.inbox import InboxItem
from hub.store.outbox import File
from hub.store.submissions import Submission
from hub.x12.envelope import TransactionSet, X12Reader
from hub.x12.tree import Node, Segment

KINDS = ("999", "TA1", "277CA")
VERDICTS = {"A": "accepted", "E": "accepted_with_errors", "P": "accepted_in_part"}
REPEATED = "025"
ARRIVED_AFTER_ALL = ("in_doubt", "published", "staged", "refused")
CLAIM_STATES_OPEN = ("sent", "accepted", "frozen")


def apply(hub: Hub, mailbox: str) -> Outcome:
    """Apply the acknowledgements that wait for one mailbox, in the order of arrival."""
    with hub.store.view() as view:
        waiting = view.inbox.waiting("received", 50, source=mailbox, kind=KINDS)
    each(hub, "acks.apply", waiting, lambda item: _apply_file(hub, mailbox, item))
    return Outcome(done=len(waiting), more=len(waiting) == 50)


def _apply_file(hub: Hub, mailbox: str, item: InboxItem) -> None:
    """One file in one transaction: all of its answers, or none."""
    with hub.store.view() as view:
        answers = _Answers(view.blobs.read(item.blob_id))
    with hub.store.begin("acks.apply") as tx:
        desk = _Desk(tx, hub, mailbox, item)
        for ta1 in answers.interchanges:
            desk.interchange(ta1)
        for group in answers.groups:
            desk.group(group)
        desk.claims(answers.claims)
        if answers.broken:
            tx.work.open(_broken(item, answers.broken), practice=item.practice)
        desk.write()
        tx.inbox.put_state(item, "read_in_part" if answers.broken else "read")


class _Answers:
    """What an acknowledgement file says, as records."""

    def __init__(self, source: Iterable[bytes]) -> None:
        self.groups: list[GroupAck] = []
        self.claims: list[ClaimAck] = []
        reader = X12Reader(source)
        for transaction in reader:
            if transaction.kind == "999":
                self.groups.append(_group(transaction.tree()))
            elif transaction.kind == "277CA":
                self.claims += _claim_acks(transaction)
        self.interchanges = [_interchange(ta1) for one in reader.interchanges for ta1 in one.ta1s]
        errors = [finding for finding in reader.findings if finding.severity == "error"]
        self.broken = errors[0].where if errors else ""


def _interchange(ta1: Segment) -> InterchangeAck:
    return InterchangeAck(control_number=ta1[1], verdict=VERDICTS.get(ta1[4], "rejected"), code=code(ta1[5]))


def _group(root: Node) -> GroupAck:
    ak9 = root.value("AK9", 1)
    sets = tuple(
        SetAck(
            control_number=answer.value("AK2", 2),
            verdict=VERDICTS.get(answer.value("IK5", 1), "rejected"),
            notes=tuple(
                " at ".join(code(ik3.value("IK3", n)) for n in (1, 2)) for ik3 in answer.children("2100")
            ),
        )
        for answer in root.children("2000")
    )
    return GroupAck(control_number=root.value("AK1", 2), verdict=VERDICTS.get(ak9, "rejected"), sets=sets)


def _claim_acks(transaction: TransactionSet) -> Iterator[ClaimAck]:
    for unit in transaction.units("2000D"):
        source = unit.find("2100A")
        level = "payer" if source is not None and source.value("NM1", 1) == "PR" else "clearinghouse"
        for told in unit.children("2200D"):
            stc = told.segment("STC")
            if stc is None:
                continue
            status = stc.parts(1)
            yield ClaimAck(
                patient_control_number=told.value("TRN", 2),
                accepted=stc[3] != "U",
                level=level,
                category=code(status[1]),
                status=code(status[2]),
                entity=code(status[3]),
                payer_control_number=told.value("REF", 2, "1K"),
            )


class _Desk:
    """Applies answers to what was sent; claims and work are gathered and written at the end."""

    def __init__(self, tx: Tx, hub: Hub, mailbox: str, item: InboxItem) -> None:
        self.tx, self.hub, self.mailbox, self.item = tx, hub, mailbox, item
        self.states: dict[str, str] = {}
        self.work: list[WorkItem] = []
        self.accepted: set[str] = set()
        self.answered: set[str] = set()
        self.closed: dict[str, tuple[str, str]] = {}

    def interchange(self, ta1: InterchangeAck) -> None:
        """A TA1 speaks of a whole file, by its ISA13."""
        file = self.tx.files.by_isa13(self.mailbox, _number(ta1.control_number))
        if file is None:
            self._unknown("TA1", "TA101")
            return
        self._arrived(file)
        if ta1.verdict == "rejected" and not self._is_second_copy(file, ta1.code):
            self._reject(file, self.tx.submissions.of_file(file.id), "ta1", f"TA105 {ta1.code}")

    def group(self, ack: GroupAck) -> None:
        """A 999 speaks of transaction sets, by GS06 and ST02; a rejected group rejects every set."""
        files = self.tx.files.find(mailbox=self.mailbox, gs06=_number(ack.control_number))
        if not files:
            self._unknown("999", "AK102")
            return
        file = files[0]
        self._arrived(file)
        if ack.verdict == "rejected" and not ack.sets:
            self._reject(file, self.tx.submissions.of_file(file.id), "999", "AK9")
        for told in ack.sets:
            submissions = self.tx.submissions.of_file(file.id, told.control_number)
            if told.verdict == "rejected":
                self._reject(file, submissions, "999", ", ".join(told.notes[:5]) or "IK5")
            else:
                self._accept(submissions)

    def claims(self, acks: Sequence[ClaimAck]) -> None:
        """277CAs speak of claims, by patient control number; several for one claim are normal."""
        known = self.tx.submissions.by_pcns({ack.patient_control_number for ack in acks})
        for file in map(self.tx.files.get, {one.file_id for one in known.values() if one.file_id}):
            if file is not None:
                self._proven(file)
        for ack in acks:
            submission = known.get(ack.patient_control_number)
            if submission is None:
                self._unknown("277CA", "2200D TRN02")
                continue
            self.answered.add(submission.id)
            if ack.accepted:
                self._accept([submission])
            else:
                why = f"{ack.level} rejected the claim: category {ack.category}, status {ack.status}"
                self._close(submission, "277ca", f"the {why}", "2200D STC")

    def write(self) -> None:
        """Write submissions, claim states, expectations and work."""
        tx, by = self.tx, self.item.id
        tx.submissions.put_states(sorted(self.accepted), "accepted")
        for reason in sorted({reason for reason, _ in self.closed.values()}):
            ids = [id_ for id_, (why, _) in self.closed.items() if why == reason]
            tx.submissions.close_many(ids, reason, state="rejected")
        tx.met_many("claim_ack", self.answered, by)
        tx.met_many("adjudication", {about for _, about in self.closed.values()}, by)
        rows = self.tx.claims.heads_of(self.states)
        move_claims(
            self.tx,
            [
                Change(row, state=self.states[row.id])
                for row in rows.values()
                if row.state in CLAIM_STATES_OPEN and row.state != self.states[row.id]
            ],
            cause=self.item.id,
        )
        worth = {row.id: row.col("cents") for row in rows.values()}
        for item in self.work:
            of = rows[item.aggregate_id].practice if item.aggregate_id in rows else self.item.practice
            tx.work.open(replace(item, amount_cents=worth.get(item.aggregate_id, 0)), practice=of)
        self.tx.event(
            "answer.read",
            "message",
            self.item.id,
            practice=self.item.practice,
            actor=self.mailbox,
            claims=len(rows),
        )

    def _arrived(self, file: File) -> None:
        """An answer about the file itself: it is acknowledged, and it arrived."""
        self._proven(file)
        self.tx.met("acknowledgement", file.id, self.item.id)

    def _proven(self, file: File) -> None:
        """Any answer proves that the file arrived, a 277CA that comes before the 999 too: one in doubt is in doubt
        no more, one that is to go out again stays here, and what a sent file expects is expected before the answer
        is applied."""
        if file.state in ARRIVED_AFTER_ALL or (file.state == "frozen" and self._was_out(file)):
            self.tx.work.resolve_for(file.id, "dispatch.", "the partner answered it")
            settle(self.tx, self.hub, self.tx.files.put_state(file, "sent"))
            self._rebatched(file)

    def _was_out(self, file: File) -> bool:
        """Whether a publish of this file was begun: a person sends it again, and its first copy is answered."""
        return any(line.phase == "publishing" for line in self.tx.outbox.journal(file.id))

    def _rebatched(self, file: File) -> None:
        """A refused file that is answered after all, when its claims went out in another: they are there twice."""
        again = [one for one in self.tx.submissions.of_file(file.id) if one.state == "given_up"]
        if file.state == "refused" and again:
            self.work.append(
                WorkItem(
                    reason="acks.arrived_after_all",
                    aggregate="file",
                    aggregate_id=file.id,
                    why=f"the partner answered a file that it had refused; {len(again)} of its claims went out again",
                    fix="ask the clearinghouse to stop this file, so that no claim is paid twice",
                )
            )

    def _is_second_copy(self, file: File, code: str) -> bool:
        """A repeated control number (025) on a file that went out twice says that the first copy arrived."""
        published = [line for line in self.tx.outbox.journal(file.id) if line.phase == "publishing"]
        return code == REPEATED and len(published) > 1

    def _accept(self, submissions: Iterable[Submission]) -> None:
        """One that is closed was given up or decided since: its claim stands where a later one brought it."""
        for submission in submissions:
            if submission.closed_at is not None:
                continue
            if submission.state in {"frozen", "sent"} and submission.id not in self.closed:
                self.accepted.add(submission.id)
            self.states.setdefault(submission.claim_id, "accepted")

    def _reject(self, file: File, submissions: Sequence[Submission], kind: str, told: str) -> None:
        for submission in submissions:
            why = f"the clearinghouse rejected the file or set that carried the claim ({kind.upper()}: {told})"
            self._close(submission, kind, why, told)
            self.answered.add(submission.id)
        self.tx.event("file.rejected", "file", file.id, practice=file.practice, claims=len(submissions), by=kind)

    def _close(self, submission: Submission, kind: str, why: str, where: str) -> None:
        """A rejection closes the submission: the claim may be corrected and go out again."""
        if submission.closed_at is not None or submission.id in self.closed:
            return
        self.closed[submission.id] = (f"rejected_{kind}", f"{submission.id}:{submission.rank}")
        self.accepted.discard(submission.id)
        self.states[submission.claim_id] = "rejected"
        self.work.append(
            WorkItem(
                reason=f"rejected.{kind}",
                aggregate="claim",
                aggregate_id=submission.claim_id,
                why=why,
                fix="correct what is named, then send the claim again: hub work resolve ID --resend",
                where=where,
            )
        )

    def _unknown(self, kind: str, where: str) -> None:
        self.work.append(
            WorkItem(
                reason="acks.unknown",
                aggregate="message",
                aggregate_id=self.item.id,
                why=f"a {kind} answers something that this hub did not send through this mailbox",
                fix="look whether another system shares the mailbox; after a restore it went out since the backup",
                where=where,
                owner="it",
            )
        )


def _number(told: str) -> str:
    """A control number as the registry writes it; empty for what is none."""
    return str(int(told)) if told.isascii() and told.isdigit() else ""


def _broken(item: InboxItem, where: str) -> WorkItem:
    return WorkItem(
        reason="acks.broken",
        aggregate="message",
        aggregate_id=item.id,
        why="the acknowledgement is not whole or not well-formed; what could be read of it was applied",
        fix="ask the clearinghouse to send it again",
        where=where,
        owner="it",
    )
