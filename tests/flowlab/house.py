"""A practice in a store, whose steps a test runs one by one: facts in, answers in, and no plugin and no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec

from flowlab.made import D, patient_fact, settings
from hub.clock import TurnedClock
from hub.config import Settings
from hub.flow import acks, batch, claims, coding, ingest, payments, posting, remits, scrub, secondary
from hub.flow import statements as statements_step
from hub.flow.base import Hub, Outcome
from hub.flow.visits import assemble
from hub.model.claim import Claim
from hub.model.facts import AnyFact, Reading
from hub.model.remit import ClaimPayment, ProviderAdjustment
from hub.store import Store
from hub.store.documents import Row
from hub.store.submissions import Submission
from hub.x12.write import money

Step = Callable[[Hub, str], Outcome]
PRACTICE, MAILBOX, SOURCE = "lakeside", "clearinghouse", "adt"
PAYER_IDS = {"medicare": "DM001", "medigap": "DM002", "ppo": "DM003", "ppo_second": "DM004", "medicaid": "DM005"}


def productive(known: Settings) -> Settings:
    """The example practice, with production files and no hold days."""
    sources = {name: one.model_copy(update={"hold_days": 0}) for name, one in known.sources.items()}
    update = {"hub": known.hub.model_copy(update={"usage": "P"}), "sources": sources}
    return known.model_copy(update=update)


class StubHost:
    """Stands for the plugin host: a source whose messages are facts as JSON, and no opinion on anything else."""

    def __init__(self) -> None:
        self.rules: dict[str, Any] = {}

    def source(self, name: str) -> Any:
        """Reads what `House.tell` put into the inbox."""
        return SimpleNamespace(
            read_many=lambda some: [msgspec.json.decode(body, type=Reading) for body, _content_type in some]
        )

    def instances(self) -> tuple[Any, ...]:
        """No connector was made."""
        return ()

    def scrub_rules(self) -> dict[str, Any]:
        """The rules of plugins."""
        return self.rules

    def route_claim(self, claim: Claim) -> str | None:
        """No plugin routes claims."""
        return None


class House:
    """The practice of one test."""

    def __init__(self, store: Store, clock: TurnedClock) -> None:
        self.store, self.clock, self.host = store, clock, StubHost()
        self.settings = productive(settings())
        self.messages = 0

    @property
    def hub(self) -> Hub:
        """What steps are given."""
        return Hub(settings=self.settings, store=self.store, host=self.host, clock=self.clock)  # type: ignore[arg-type]

    def tell(self, *facts: AnyFact, external: str = "", not_billable: str = "") -> None:
        """A message with these facts arrives."""
        self.messages += 1
        body = msgspec.json.encode(Reading(facts=facts, not_billable=not_billable))
        self._put(SOURCE, "message", body, external or f"m{self.messages}")

    def arrive(self, kind: str, text: str) -> None:
        """An X12 file of that kind arrives from the clearinghouse."""
        self.messages += 1
        self._put(MAILBOX, kind, text.encode(), f"f{self.messages}")

    def _put(self, source: str, kind: str, body: bytes, external: str) -> None:
        with self.store.begin("ingest.receive") as tx:
            tx.inbox.put(
                practice=PRACTICE, source=source, kind=kind, content_type="x", external=external, body=body
            )

    def run(self, step: Step, lane: str = PRACTICE) -> int:
        """Run a step until it has no more; returns what it did."""
        done = 0
        while True:
            told = step(self.hub, lane)
            done += told.done
            if not told.more:
                return done

    def take_in(self) -> None:
        """From the inbox to scrubbed claims."""
        self.run(ingest.read, SOURCE)
        self.run(assemble.assemble, SOURCE)
        for step in (coding.code, payments.post, claims.make, scrub.check):
            self.run(step)

    def send(self) -> None:
        """Freeze what is ready."""
        self.run(batch.freeze, MAILBOX)

    def answer(self) -> None:
        """Read what the clearinghouse brought, post it, and ask the next payers."""
        self.run(acks.apply, MAILBOX)
        self.run(remits.read, MAILBOX)
        for step in (posting.post, secondary.make, scrub.check):
            self.run(step)

    def state_people(self) -> None:
        """Statements to whom owes something."""
        self.run(statements_step.make)

    def bill(self, *facts: AnyFact) -> None:
        """The patient P1 with these facts, taken in and sent."""
        self.tell(patient_fact(), *facts)
        self.take_in()
        self.send()

    def rows(self, name: str, **equals: Any) -> list[Row[Any]]:
        """Every document of one collection."""
        with self.store.view() as view:
            return list(getattr(view, name).each(**equals))

    def states(self, name: str) -> dict[str, int]:
        """How many documents of a collection stand in each state."""
        with self.store.view() as view:
            return dict(getattr(view, name).tally())

    def work(self, **equals: Any) -> Counter[str]:
        """Open work items by reason."""
        with self.store.view() as view:
            return Counter(item.reason for item in view.work.list(limit=1_000, **equals))

    def accounts(self, **equals: Any) -> dict[str, int]:
        """Cents by account."""
        with self.store.view() as view:
            return {name: cents for name, cents in view.book.accounts(**equals).items() if cents}

    def sent(self) -> list[Submission]:
        """Every submission, in the order in which they were opened."""
        with self.store.view() as view:
            return sorted(view.submissions.find(), key=lambda one: one.id)

    def bytes_sent(self) -> list[str]:
        """The text of every frozen file."""
        with self.store.view() as view:
            return [view.blobs.content(file.blob_id).decode() for file in view.files.find(limit=100)]


def remittance(
    *paid: ClaimPayment,
    payer: str = "ppo",
    trace: str = "T1",
    plbs: tuple[ProviderAdjustment, ...] = (),
    on: date = date(2026, 3, 3),
    off: str = "0.00",
) -> str:
    """An 835 with these claim payments; `off` dollars are added to BPR02."""
    cents = sum((one.paid for one in paid), D(0)) - sum((one.amount for one in plbs), D(0)) + D(off)
    method = "ACH" if cents else "NON"
    body = [
        "ST*835*0001",
        f"BPR*I*{money(cents)}*C*{method}*CCP*01*999999999*DA*1*1999999999**01*999999999*DA*2*{on:%Y%m%d}",
        f"TRN*1*{trace}*1999999999",
        f"N1*PR*A PAYER*XV*{PAYER_IDS[payer]}",
        "N1*PE*LAKESIDE FAMILY MEDICINE*XX*1999999018",
        "REF*TJ*123456789",
        "LX*1",
        *(text for one in paid for text in _claim(one)),
        *(f"PLB*1999999018*20261231*{one.reason}:{one.reference}*{money(one.amount)}" for one in plbs),
    ]
    return interchange("HP", "005010X221A1", [*body, f"SE*{len(body) + 1}*0001"], at=on)


def _claim(one: ClaimPayment) -> list[str]:
    share = one.patient_responsibility or Decimal(0)
    sums = f"{money(one.charge)}*{money(one.paid)}*{money(share)}"
    text = [
        f"CLP*{one.patient_control_number}*{one.status}*{sums}*12*{one.payer_control_number}*11*1",
        *(f"CAS*{a.group}*{a.reason}*{money(a.amount)}" for a in one.adjustments),
        *([f"MOA***{'*'.join(one.remarks)}"] if one.remarks else []),
    ]
    for line in one.lines:
        text.append(f"SVC*HC:{line.hcpcs}*{money(line.charge)}*{money(line.paid)}")
        text += [f"CAS*{a.group}*{a.reason}*{money(a.amount)}" for a in line.adjustments]
        text += [f"REF*6R*{line.control_number}"] if line.control_number else []
    return text


def interchange(kind: str, guide: str, body: list[str], *, at: date = date(2026, 3, 3)) -> str:
    """An inbound interchange with one group."""
    text = [
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{'DEMOHOUSE':15}*ZZ*{'LAKESIDE':15}*{at:%y%m%d}*0930*^*00501*000000001*0*P*:",
        f"GS*{kind}*DEMOHOUSE*LAKESIDE*{at:%Y%m%d}*0930*1*X*{guide}",
        *body,
        f"GE*{sum(one.startswith('ST*') for one in body)}*1",
        "IEA*1*000000001",
    ]
    return "~\n".join(text) + "~\n"


__all__ = ["House", "interchange", "remittance"]
