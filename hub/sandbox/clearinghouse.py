"""The simulated clearinghouse and its payers: bytes of an 837 in, bytes of the answers out, by the clock."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from io import BytesIO

import msgspec

from hub.sandbox.amounts import amount
from hub.sandbox.claim_ack import CLEARINGHOUSE_FAULTS, PAYER_FAULTS, Judged, Source, write_claim_ack
from hub.sandbox.claims import Claim, TransactionSet, fingerprint
from hub.sandbox.envelope import Envelope, answer_envelope, write_interchange
from hub.sandbox.file_ack import READS, Fault, write_file_ack, write_ta1
from hub.sandbox.options import SandboxOptions
from hub.sandbox.paymaster import Bucket, Paymaster
from hub.sandbox.reader import Group, Interchange, read_interchanges
from hub.sandbox.remittance import Remittance, check_balance, write_remittance
from hub.sandbox.report import Paid, ReceivedFile, Report

FILE_ACK_AFTER = timedelta(minutes=2)
CLEARINGHOUSE_ACK_AFTER = timedelta(minutes=10)
PAYER_ACK_AFTER = timedelta(hours=18)
_REMITTANCES_FROM = 500_000_000
_CLEARINGHOUSE = Source(entity="AY", name="SANDBOX CLEARINGHOUSE", id="SANDBOX")


class Answer(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One file for the practice: when it is due, name, kind (`TA1`, `999`, `277CA`, `835`, `text`), bytes."""

    due: datetime
    name: str
    kind: str
    body: bytes


class Clearinghouse:
    """Knows nothing of the hub but what `receive` is given. The same seed, options, files and instants give the
    same answers byte for byte, whenever `release` is called.
    """

    def __init__(self, seed: int, options: SandboxOptions) -> None:
        self.options = options
        self.report = Report()
        self._seed = seed
        self._payers = Paymaster(seed, options)
        self._waiting: list[Answer] = []
        self._controls: set[tuple[str, str]] = set()
        self._truncated: set[str] = set()
        self._refused: set[int] = set()
        self._arrivals = self._claims = self._remittances = 0
        self._unbalanced = False

    def receive(self, name: str, data: bytes, at: datetime) -> None:
        """Takes one file that appeared at `at`; its answers wait until they are due."""
        self._arrivals += 1
        found = read_interchanges(data)
        sets = refused = claims = 0
        for order, interchange in enumerate(found):
            stem = f"{at:%Y%m%d%H%M%S}-{self._arrivals:06d}{order or ''}"
            taken, bad = self._interchange(interchange, data, at, stem)
            sets, refused = sets + len(taken), refused + bad
            claims += sum(len(one.claims) for one in taken)
        controls = tuple(interchange.control for interchange in found)
        self.report.files.append(
            ReceivedFile(
                name=name, size=len(data), controls=controls, sets=sets, refused_sets=refused, claims=claims
            )
        )

    def release(self, now: datetime) -> list[Answer]:
        """The answers that are due by `now`, oldest first."""
        for bucket, remittances in self._payers.due(now.date()):
            self._pay(bucket, remittances)
        out: list[Answer] = []
        while self._waiting and self._waiting[0].due <= now:
            out.extend(self._spoilt(heapq.heappop(self._waiting)))
        return out

    def next_due(self) -> datetime | None:
        """When the next answer is due; None when nothing waits."""
        dues = [self._waiting[0].due] if self._waiting else []
        day = self._payers.next_day()
        if day is not None:
            dues.append(datetime.combine(day, time(), UTC))
        return min(dues, default=None)

    def change(self, options: SandboxOptions) -> None:
        """Behave otherwise from now on."""
        self.options = self._payers.options = options

    def _interchange(
        self, interchange: Interchange, data: bytes, at: datetime, stem: str
    ) -> tuple[list[TransactionSet], int]:
        key = (interchange.header[6], interchange.control)
        if interchange.note == "000" and key in self._controls:
            interchange.note = "025"
        self._controls.add(key)
        envelope = answer_envelope(interchange, interchange.groups[0] if interchange.groups else None)
        ta1 = write_ta1(interchange)
        if interchange.note != "000" or not interchange.groups:
            body = write_interchange(envelope, "", (), at=at, control=self._arrivals * 8, ta1=ta1)
            self._answer(at + FILE_ACK_AFTER, f"{stem}.ta1", "TA1", body)
            return [], 0
        every = self.options.ta1_every
        shown = ta1 if every and not self._arrivals % every else ""
        return self._groups(interchange, envelope, data, at, stem, shown)

    def _groups(
        self, interchange: Interchange, envelope: Envelope, data: bytes, at: datetime, stem: str, ta1: str
    ) -> tuple[list[TransactionSet], int]:
        faults = _faults(data, interchange.control) if self.options.check else {}
        taken: list[TransactionSet] = []
        answers: list[list[str]] = []
        total = 0
        for group in interchange.groups:
            refused = {st: found for (gs, st), found in faults.items() if gs == group.control}
            self._refuse_asked(group, refused)
            answers.append(write_file_ack(group, refused))
            total += len(group.sets)
            if group.version in READS:
                taken += [one for one in group.sets if not one.broken and one.control not in refused]
        control = self._arrivals * 8
        body = write_interchange(envelope, "999", answers, at=at, control=control, ta1=ta1)
        self._answer(at + FILE_ACK_AFTER, f"{stem}.999", "999", body)
        if self.options.text_reports:
            lines = f"FILE {stem} RECEIVED\r\nCLAIMS {sum(len(one.claims) for one in taken)}\r\n"
            self._answer(at + FILE_ACK_AFTER, f"{stem}_EDI_STATUS.txt", "text", lines.encode())
        if taken:
            self._acknowledge(taken, envelope, at, stem, control)
        return taken, total - len(taken)

    def _refuse_asked(self, group: Group, refused: dict[str, Sequence[Fault]]) -> None:
        wanted = self.options.reject_set
        if wanted and len(group.sets) >= max(wanted, 2):
            fault = Fault(segment="NM1", position=4, loop="1000A", element=9, element_code="7")
            refused.setdefault(group.sets[wanted - 1].control, (fault,))

    def _acknowledge(
        self, taken: Sequence[TransactionSet], envelope: Envelope, at: datetime, stem: str, control: int
    ) -> None:
        first: list[list[str]] = []
        later: list[list[str]] = []
        for index, one in enumerate(taken, 1):
            judged = [self._judge_here(claim) for claim in one.claims]
            reference = f"{self._arrivals:06d}{index:03d}"
            first.append(write_claim_ack(_CLEARINGHOUSE, one, judged, at=at, reference=reference))
            passed = [found.claim for found in judged if not found.fault]
            later += self._to_payers(one, passed, envelope, at, reference)
        body = write_interchange(envelope, "277", first, at=at, control=control + 1)
        self._answer(at + CLEARINGHOUSE_ACK_AFTER, f"{stem}.277", "277CA", body)
        if later:
            due = at + PAYER_ACK_AFTER
            body = write_interchange(envelope, "277", later, at=due, control=control + 2)
            self._answer(due, f"{stem}-payers.277", "277CA", body)

    def _judge_here(self, claim: Claim) -> Judged:
        """The clearinghouse's own look at a claim."""
        self._claims += 1
        report = self.report
        report.received[claim.pcn] = report.received.get(claim.pcn, 0) + 1
        report.charged[claim.pcn] = claim.charge
        fault = self._fault_here(claim)
        if fault:
            report.refused[claim.pcn] = "clearinghouse"
        return Judged(claim=claim, fault=fault, number=f"SBX{self._claims:09d}")

    def _fault_here(self, claim: Claim) -> str:
        if not claim.lines:
            return "A7:454"
        if claim.charge != sum(line.charge for line in claim.lines) or not claim.begins:
            return "A8:178"
        return self._drawn(claim, "reject", CLEARINGHOUSE_FAULTS, every=self.options.reject_every)

    def _drawn(self, claim: Claim, stage: str, faults: Sequence[str], *, every: int = 0) -> str:
        """A refusal by the seed and the claim's content, once; or because the options ask for it."""
        roll = fingerprint(self._seed, f"{stage}|{claim.frequency}|{claim.content()}")
        steered = self.options.steered(claim.pcn, claim.subscriber.id)
        if steered or self.options.plain or every:
            refused = steered == stage or bool(every and not self._claims % every)
        else:
            refused = (roll >> 8) % 1000 < self.options.reject_per_mille and roll not in self._refused
        if not refused:
            return ""
        self._refused.add(roll)
        return faults[roll % len(faults)]

    def _to_payers(
        self, one: TransactionSet, claims: Sequence[Claim], envelope: Envelope, at: datetime, reference: str
    ) -> list[list[str]]:
        """Each payer's own 277CA, and what it accepted to its back office. Test files are never paid."""
        by_payer: dict[str, list[Judged]] = {}
        for claim in claims:
            fault = self._drawn(claim, "reject-payer", PAYER_FAULTS)
            number = "" if fault else self._payers.next_number(at.date())
            by_payer.setdefault(claim.payer_id, []).append(Judged(claim=claim, fault=fault, number=number))
            if fault:
                self.report.refused[claim.pcn] = "payer"
            elif envelope.usage == "P":
                self._payers.take(claim, number, envelope, at.date())
        out = []
        for index, (payer_id, judged) in enumerate(sorted(by_payer.items()), 1):
            source = Source(entity="PR", name=judged[0].claim.payer_name or "PAYER", id=payer_id)
            due = at + PAYER_ACK_AFTER
            out.append(write_claim_ack(source, one, judged, at=due, reference=f"{reference}{index:02d}"))
        return out

    def _pay(self, bucket: Bucket, remittances: Sequence[Remittance]) -> None:
        due = datetime.combine(bucket.day, time(), UTC)
        for remittance in remittances:
            self._remittances += 1
            receiver = bucket.envelope.receiver[1].strip()
            segments = write_remittance(remittance, receiver=receiver, account="1234567")
            check_balance(segments)
            self._book(bucket, remittance)
            if self.options.unbalance and remittance.total and not self._unbalanced:
                self._unbalanced = True
                segments[0] = segments[0].replace(
                    f"*{amount(remittance.total)}*", f"*{amount(remittance.total + 100)}*", 1
                )
            control = _REMITTANCES_FROM + self._remittances
            body = write_interchange(
                bucket.envelope, "835", [segments], at=due, control=control, line_breaks=bucket.terms.line_breaks
            )
            name = f"{bucket.day:%Y%m%d}-{bucket.payer.id}-{self._remittances:06d}.835"
            self._answer(due, name, "835", body)
            if self.options.twice:
                self._answer(due, f"resent-{name}", "835", body)

    def _book(self, bucket: Bucket, remittance: Remittance) -> None:
        self.report.payments.append(
            Paid(
                payer_id=remittance.payer.id,
                payee=bucket.books[1],
                trace=remittance.trace,
                method=remittance.method,
                day=remittance.day,
                cents=remittance.total,
                claims=tuple((p.pcn, p.status, p.paid) for p in remittance.payments),
                adjustments=tuple((a.reason, a.reference, a.cents) for a in remittance.adjustments),
            )
        )

    def _answer(self, due: datetime, name: str, kind: str, body: bytes) -> None:
        if kind not in self.options.silent:
            heapq.heappush(self._waiting, Answer(due=due, name=name, kind=kind, body=body))

    def _spoilt(self, answer: Answer) -> list[Answer]:
        """The answer as it leaves: the first of a kind cut short if the options ask for it."""
        self.report.delivered.append(answer.name)
        if answer.kind in self.options.truncate and answer.kind not in self._truncated:
            self._truncated.add(answer.kind)
            return [msgspec.structs.replace(answer, body=answer.body[: len(answer.body) * 3 // 5])]
        return [answer]


def _faults(data: bytes, control: str) -> dict[tuple[str, str], Sequence[Fault]]:
    """The 5010 faults of every set that has any, by GS06 and ST02."""
    from hub.x12.envelope import X12Reader

    found: dict[tuple[str, str], Sequence[Fault]] = {}
    for transaction in X12Reader(BytesIO(data)):
        group = transaction.group
        if group.interchange.control_number != control:
            continue
        errors = [finding for finding in transaction.check() if finding.severity == "error" and finding.snip <= 2]
        if errors:
            found[group.control_number, transaction.control_number] = [
                Fault(
                    segment=finding.segment or "ST",
                    position=max(finding.position, 1),
                    loop=finding.loop,
                    code=finding.ik3 or "8",
                    element=finding.element if finding.ik4 else 0,
                    element_code=finding.ik4,
                )
                for finding in errors[:20]
            ]
    return found
