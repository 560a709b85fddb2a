"""A plausible HL7 v2 feed: registrations, visits, charges, corrections, cancellations, merges, moves, appointments.

The same seed gives the same messages. Each has an instant and a control id of its own, and says what its sender knew
then; nothing in it depends on what came before but the truth that it tells of. So a test may repeat and reorder the
messages as it likes: the end must be the same. Synthetic people only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from hub.testing.practice.hl7 import message, segment

BEGIN = datetime(2026, 2, 2, 8, tzinfo=UTC)
DOCTOR = "1999999034^Larkspur^Maren^^^^^^NPI^^^^NPI"
LAST = ("Bittern", "Heron", "Curlew", "Plover", "Dunlin", "Avocet")
FIRST = ("Orla", "Hugh", "Ines", "Per", "Suri", "Tomas")
PLANS = ("BLUEHERON", "HARBOR", "MEDICARE-B", "SELFPAY")
CODES = (("T1015", "165.00"), ("G0008", "30.00"), ("G0438", "180.00"))
DIAGNOSES = ("E11.9", "I10", "J06.9")


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the feed. `poison`: it cannot be applied whole; `again`: its bytes came before."""

    control: str
    event: str
    body: bytes
    poison: bool = False
    again: bool = False


class Item(msgspec.Struct, kw_only=True):
    """One line that was charged; `key` is its sender's number of it."""

    key: str
    code: str
    amount: str
    units: int = 1
    kind: str = "CG"


class Visit(msgspec.Struct, kw_only=True):
    """A visit as the sender knows it now."""

    key: str
    account: str
    owner: Patient
    at: datetime
    kind: str = "O"
    ended: datetime | None = None
    diagnoses: tuple[str, ...] = ()
    items: list[Item] = msgspec.field(default_factory=list)


class Patient(msgspec.Struct, kw_only=True):
    """A patient as the sender knows them now."""

    key: str
    last: str
    first: str
    born: str
    phone: str = ""
    plan: str = ""
    member: str = ""


class Feed:
    """One sender. `prefix` stands in every number that it gives, so that feeds of one store stay apart; `patients`
    is about how many are known at once, and `poison` and `repeated` how many in a thousand messages cannot be
    applied, or come twice. At most `most_seconds` lie between two messages.
    """

    def __init__(
        self,
        seed: int,
        *,
        prefix: str = "",
        patients: int = 4,
        poison: int = 0,
        repeated: int = 0,
        merges: int = 6,
        begin: datetime = BEGIN,
        most_seconds: int = 600,
    ) -> None:
        self.random, self.prefix, self.now = Random(seed), prefix, begin
        self.most_seconds = most_seconds
        self.patients, self.poison, self.repeated = patients, poison, repeated
        self.known: list[Patient] = []
        self.visits: list[Visit] = []
        self.booked: list[tuple[str, Patient, datetime]] = []
        self.parts: list[tuple[Patient, Patient]] = []
        self.count = self.numbers = 0
        steps: list[tuple[int, Callable[[], Sent]]] = [
            (8, self._registered),
            (14, self._updated),
            (20, self._admitted),
            (12, self._revised),
            (30, self._charged),
            (6, self._corrected),
            (10, self._discharged),
            (3, self._cancelled),
            (2, self._discharge_cancelled),
            (8, self._appointment),
            (merges, self._merged),
            (merges // 2, self._parted),
            (merges // 2, self._visit_moved),
            (merges // 2, self._account_moved),
            (merges // 2, self._visits_joined),
        ]
        self._steps = [step for _, step in steps]
        self._weights = [weight for weight, _ in steps]

    def messages(self, count: int) -> Iterator[Sent]:
        """The next messages."""
        last: Sent | None = None
        for _ in range(count):
            if last is not None and self.random.randrange(1000) < self.repeated:
                yield msgspec.structs.replace(last, again=True)
                continue
            self.now += timedelta(seconds=self.random.randint(1, self.most_seconds))
            last = self._next()
            yield last

    def _next(self) -> Sent:
        if len(self.known) < 2 or (len(self.known) < self.patients and self.random.random() < 0.2):
            return self._registered()
        if self.random.randrange(1000) < self.poison:
            return self._poisoned()
        (step,) = self.random.choices(self._steps, self._weights)
        return step()

    # -------------------------------------------------------------------------------------------- people
    def _registered(self) -> Sent:
        if len(self.known) >= self.patients:
            self.known.pop(0)
        one = Patient(
            key=self._number("P"),
            last=self.random.choice(LAST),
            first=self.random.choice(FIRST),
            born=f"{self.random.randint(1935, 2015)}{self.random.randint(1, 12):02d}15",
            plan=self.random.choice((*PLANS, "")),
            member=f"BHP{self.random.randint(10**8, 10**9 - 1)}",
        )
        self.known.append(one)
        return self._sent("ADT", "A28", "ADT_A05", self._pid(one), "PV1||N", *self._policy(one))

    def _updated(self) -> Sent:
        one = self._someone()
        one.phone = f"216555{self.random.randint(1000, 9999)}"
        if self.random.random() < 0.3:
            one.plan = self.random.choice(PLANS)
        return self._sent("ADT", "A31", "ADT_A05", self._pid(one), "PV1||N", *self._policy(one))

    def _merged(self) -> Sent:
        one = self._someone()
        others = [each for each in self.known if each is not one]
        if not others or len(self.known) < 3:
            return self._registered()
        into = self.random.choice(others)
        self.known.remove(one)
        self.parts.append((one, into))
        for visit in self.visits:
            visit.owner = into if visit.owner is one else visit.owner
        return self._sent("ADT", "A40", "ADT_A39", self._pid(into), f"MRG|{_cx(one.key)}")

    def _parted(self) -> Sent:
        if not self.parts:
            return self._merged()
        one, into = self.parts.pop()
        self.known.append(one)
        return self._sent("ADT", "A37", "ADT_A37", self._pid(one), self._pid(into))

    # -------------------------------------------------------------------------------------------- visits
    def _admitted(self) -> Sent:
        visit = Visit(
            key=self._number("V"),
            account=self._number("A"),
            owner=self._someone(),
            at=self.now,
            kind=self.random.choice("OOOEI"),
            diagnoses=tuple(self.random.sample(DIAGNOSES, self.random.randint(0, 2))),
        )
        self.visits.append(visit)
        del self.visits[: -4 * self.patients]
        return self._of_visit("A01" if visit.kind == "I" else "A04", "ADT_A01", visit)

    def _revised(self) -> Sent:
        visit = self._some_visit()
        if visit is None:
            return self._admitted()
        visit.diagnoses = tuple(self.random.sample(DIAGNOSES, self.random.randint(1, 3)))
        return self._of_visit("A08", "ADT_A01", visit)

    def _discharged(self) -> Sent:
        visit = self._some_visit()
        if visit is None:
            return self._admitted()
        visit.ended = self.now
        return self._of_visit("A03", "ADT_A03", visit)

    def _discharge_cancelled(self) -> Sent:
        visit = self._some_visit()
        if visit is None:
            return self._admitted()
        visit.ended = None
        return self._of_visit("A13", "ADT_A01", visit)

    def _cancelled(self) -> Sent:
        visit = self._some_visit()
        if visit is None:
            return self._admitted()
        return self._of_visit("A11", "ADT_A09", visit)

    def _visit_moved(self) -> Sent:
        visit = self._some_visit()
        if visit is None:
            return self._admitted()
        was, visit.owner = visit.owner, self._someone()
        mrg = segment("MRG", {1: _cx(was.key), 5: visit.key})
        return self._sent("ADT", "A45", "ADT_A45", self._pid(visit.owner), mrg, self._pv1(visit))

    def _account_moved(self) -> Sent:
        visit = self._some_visit()
        if visit is None:
            return self._admitted()
        was, visit.owner = visit.owner, self._someone()
        mrg = segment("MRG", {1: _cx(was.key), 3: visit.account})
        return self._sent("ADT", "A44", "ADT_A43", self._pid(visit.owner, visit.account), mrg)

    def _visits_joined(self) -> Sent:
        visit = self._some_visit()
        others = [
            one for one in self.visits if visit is not None and one is not visit and one.owner is visit.owner
        ]
        if visit is None or not others:
            return self._admitted()
        into = self.random.choice(others)
        self.visits.remove(visit)
        mrg = segment("MRG", {1: _cx(visit.owner.key), 5: visit.key})
        return self._sent("ADT", "A50", "ADT_A50", self._pid(into.owner), mrg, self._pv1(into))

    # -------------------------------------------------------------------------------------------- money
    def _charged(self) -> Sent:
        visit = self._some_visit()
        if visit is None:
            return self._admitted()
        for _ in range(self.random.randint(1, 3)):
            code, amount = self.random.choice(CODES)
            visit.items.append(Item(key=self._number("T"), code=code, amount=amount))
        if self.random.random() < 0.15:
            visit.items.append(Item(key=self._number("T"), code="", amount="20.00", kind="CO"))
        return self._billing(visit, visit.items[-3:])

    def _corrected(self) -> Sent:
        charged = [one for one in self.visits if one.items]
        if not charged:
            return self._charged()
        visit = self.random.choice(charged)
        item = self.random.choice(visit.items)
        if item.kind == "CG":
            item.units = self.random.randint(1, 3)
        return self._billing(visit, [item])

    def _billing(self, visit: Visit, items: list[Item]) -> Sent:
        lines = [self._ft1(visit, item, n) for n, item in enumerate(items, 1)]
        parts = [self._pid(visit.owner, visit.account), self._pv1(visit), *lines, *_dg1(visit)]
        return self._sent("DFT", "P03", "DFT_P03", *parts)

    def _ft1(self, visit: Visit, item: Item, number: int) -> str:
        code = f"{item.code}^^HCPCS" if item.code else "PAID^^L"
        fields = {
            1: str(number),
            2: item.key,
            4: f"{visit.at:%Y%m%d}",
            6: item.kind,
            7: code,
            10: str(item.units),
        }
        fields[11] = item.amount
        if visit.diagnoses:
            number = int(item.key.removeprefix(f"T{self.prefix}"))  # the same, whatever the prefix is
            fields[19] = f"{visit.diagnoses[number % len(visit.diagnoses)]}^^I10"
        return segment("FT1", fields | ({25: code} if item.code else {}))

    # -------------------------------------------------------------------------------------------- plans
    def _appointment(self) -> Sent:
        if self.booked and self.random.random() < 0.5:
            number, one, at = self.random.choice(self.booked)
            event = self.random.choice(("S13", "S14", "S15", "S26"))
            return self._schedule(event, number, one, at + timedelta(hours=self.random.randint(0, 5)))
        made = (self._number("S"), self._someone(), self.now + timedelta(days=self.random.randint(1, 9)))
        self.booked.append(made)
        del self.booked[:-50]
        return self._schedule("S12", *made)

    def _schedule(self, event: str, number: str, one: Patient, at: datetime) -> Sent:
        when = f"{at:%Y%m%d%H%M%S}+0000"
        sch = segment("SCH", {1: number, 2: number, 7: "CHECKUP^^L", 11: f"^^^{when}"})
        return self._sent("SIU", event, "SIU_S12", sch, self._pid(one), "RGS|1", "AIL|1||ROOM1^^^MAIN")

    # -------------------------------------------------------------------------------------------- wire
    def _poisoned(self) -> Sent:
        """A charge of no known type, or a merge that lacks a side."""
        visit = self._some_visit()
        if visit is None or self.random.random() < 0.3:
            found = self._sent("ADT", "A40", "ADT_A39", self._pid(self._someone()), "MRG|")
        else:
            line = segment("FT1", {1: "1", 4: f"{visit.at:%Y%m%d}", 6: "??", 7: "T1015^^HCPCS", 10: "1"})
            found = self._sent(
                "DFT", "P03", "DFT_P03", self._pid(visit.owner, visit.account), self._pv1(visit), line
            )
        return msgspec.structs.replace(found, poison=True)

    def _of_visit(self, event: str, structure: str, visit: Visit) -> Sent:
        parts = [self._pid(visit.owner, visit.account), self._pv1(visit), *_dg1(visit)]
        if self.random.random() < 0.4:
            parts += self._policy(visit.owner)
        return self._sent("ADT", event, structure, *parts)

    def _sent(self, kind: str, event: str, structure: str, *parts: str) -> Sent:
        self.count += 1
        control = f"{self.prefix}{self.count:08d}"
        body = message(f"{kind}^{event}^{structure}", control, self.now, f"EVN|{event}", *parts)
        return Sent(control=control, event=event, body=body)

    def _pid(self, one: Patient, account: str = "") -> str:
        fields = {1: "1", 3: _cx(one.key), 5: f"{one.last}^{one.first}", 7: one.born, 13: one.phone}
        fields[11] = "5 Reed Street^^Exampleton^OH^44099"
        return segment("PID", fields | ({18: account} if account else {}))

    def _pv1(self, visit: Visit) -> str:
        fields = {
            1: "1",
            2: visit.kind,
            3: "FAMMED",
            7: DOCTOR,
            19: visit.key,
            44: f"{visit.at:%Y%m%d%H%M%S}+0000",
        }
        return segment("PV1", fields | ({45: f"{visit.ended:%Y%m%d%H%M%S}+0000"} if visit.ended else {}))

    def _policy(self, one: Patient) -> list[str]:
        if not one.plan:
            return []
        fields = {1: "1", 2: one.plan, 3: one.plan, 4: "A plan", 17: "SEL", 22: "1", 36: one.member}
        return [segment("IN1", fields)]

    def _number(self, letter: str) -> str:
        self.numbers += 1
        return f"{letter}{self.prefix}{self.numbers}"

    def _someone(self) -> Patient:
        return self.random.choice(self.known)

    def _some_visit(self) -> Visit | None:
        return self.random.choice(self.visits) if self.visits else None


def _cx(key: str) -> str:
    return f"{key}^^^LAKESIDE^MR"


def _dg1(visit: Visit) -> list[str]:
    return [
        segment("DG1", {1: str(n), 3: f"{code}^^I10", 6: "F", 15: str(n)})
        for n, code in enumerate(visit.diagnoses, 1)
    ]


__all__ = ["BEGIN", "Feed", "Sent"]
