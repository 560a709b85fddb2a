"""HL7 messages as hospitals and offices send them, in a few words, and what a practice made of them."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import msgspec
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings

from flowlab.house import SOURCE, House
from hub.clock import TurnedClock
from hub.model.claim import Claim
from hub.store import Store
from hub.store.documents import Row

BILL, SEND = "BILL", "SEND"
"""Steps between messages: make claims of what is there; send what is ready."""
DOCTOR = "1999999034^Larkspur^Maren^^^^^^NPI^^^^NPI"
HERE = "@"
"""Stands in a story for what keeps its numbers apart from those of other stories in one store."""
WITHDRAWN = ("void", "cancelled", "history", "test")


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Messages and steps in their order, the sender's profile, and what is wanted of `told`."""

    title: str
    messages: tuple[str, ...]
    wanted: dict[str, Any]
    profile: dict[str, Any] = {}


def story(title: str, *messages: str, profile: dict[str, Any] | None = None, **wanted: Any) -> Story:
    """A story; messages that name no time of their own are a minute apart."""
    timed = tuple(text.replace("|AT|", f"|2026021009{n:02}00|") for n, text in enumerate(messages))
    named = tuple(text.replace("|ID|", f"|{HERE}{n}|") for n, text in enumerate(timed))
    return Story(title=title, messages=named, wanted=wanted, profile=profile or {})


def say(kind: str, *segments: str, at: str = "AT", control: str = "ID", mode: str = "P", number: str = "") -> str:
    """A message of MSH, EVN and these segments."""
    header = f"MSH|^~\\&|EHR|EAST|HUB|SITE|{at}||{kind}|{control}|{mode}|2.5|{number}"
    event = [] if kind.startswith("SIU") else [f"EVN|{kind[4:7]}"]
    return "\r".join([header, *event, *segments])


def segment(name: str, told: dict[int, str], more: dict[str, str]) -> str:
    """A segment of its fields by position; `more` are given as `_13="..."`."""
    fields = told | {int(key[1:]): value for key, value in more.items()}
    return "|".join([name, *(fields.get(n, "") for n in range(1, max(fields) + 1))])


def pid(key: str = "P1", account: str = "", **more: str) -> str:
    """A patient."""
    fields = {3: f"{key}{HERE}^^^EAST^MR", 5: "Bittern^Orla", 7: "19500203", 8: "F", 13: "2165550100"}
    fields[11] = "5 Reed Street^^Exampleton^OH^44099"
    return segment("PID", fields | ({18: f"{account}{HERE}"} if account else {}), more)


def pv1(key: str = "V1", **more: str) -> str:
    """A visit; without a key the account of PID stands for it."""
    fields = {2: "O", 3: "FAMMED", 7: DOCTOR, 44: "20260205090000"}
    return segment("PV1", fields | ({19: f"{key}{HERE}"} if key else {}), more)


def ft1(key: str = "T1", code: str = "T1015", amount: str = "165.00", kind: str = "CG", **more: str) -> str:
    """A line: a charge, or (without a code) money."""
    coded = {7: f"{code}^^HCPCS", 25: f"{code}^^HCPCS"} if code else {7: "PAID^^L"}
    fields = {2: f"{key}{HERE}", 4: "20260205", 6: kind, 10: "1", 11: amount}
    return segment("FT1", fields | coded, more)


def in1(plan: str = "BLUEHERON", member: str = "BHP990000011", rank: str = "1", **more: str) -> str:
    """A policy of the patient's own."""
    return segment("IN1", {1: rank, 2: plan, 3: plan, 17: "SEL", 22: rank, 36: member}, more)


def dg1(code: str = "I10", rank: str = "1", **more: str) -> str:
    """A final diagnosis."""
    return segment("DG1", {1: rank, 3: f"{code}^^I10", 6: "F", 15: rank}, more)


def mrg(key: str = "P1", account: str = "", visit: str = "") -> str:
    """What was before."""
    fields = {1: f"{key}{HERE}^^^EAST^MR", 3: account and f"{account}{HERE}", 5: visit and f"{visit}{HERE}"}
    return segment("MRG", fields, {})


class StoryHouse(House):
    """A practice that hears stories, one after the other."""

    def __init__(self, store: Store, clock: TurnedClock) -> None:
        super().__init__(store, clock)
        self.profile = Hl7Settings()
        reads = SimpleNamespace(read_many=lambda some: [read(body, self.profile) for body, _ in some])
        self.host.source = lambda name: reads  # type: ignore[method-assign]
        self.stories = 0

    def hear(self, one: Story) -> dict[str, Any]:
        """What came of a story."""
        self.stories += 1
        mark = f"-{self.stories}x"
        self.profile = Hl7Settings(time_zone="America/Chicago", **one.profile)
        with self.store.view() as view:
            seen = {item.id for item in view.work.list(limit=10_000)}
            arrived = {item.id for item in view.inbox.find(source=SOURCE, limit=10_000)}
        for text in one.messages:
            if text in (BILL, SEND):
                self.take_in()
                if text == SEND:
                    self.send()
                continue
            self.messages += 1
            self._put(SOURCE, "message", text.replace(HERE, mark).encode(), f"m{self.messages}")
        self.take_in()
        return self._told(mark, seen, arrived)

    def _told(self, mark: str, seen: set[str], arrived: set[str]) -> dict[str, Any]:
        with self.store.view() as view:
            people = sorted({row.record.key for row in view.facts.each(kind="patient") if mark in row.record.key})
            names = {our: key for key, our in view.lookup.first("patient", SOURCE, people).items()}
            now = view.resolve_many("patient", names)
            every = [row for row in view.encounters.each() if mark in row.record.key + row.record.account]
            at = {row.id: row.record.key.replace(mark, "") for row in every}
            visits = [row for row in every if row.state != "merged"]
            lines = [row for row in view.charges.each() if mark in row.record.key and row.state not in WITHDRAWN]
            claims = [row for row in view.claims.each() if at.keys() & set(row.record.encounter_ids)]
            items = [item for item in view.inbox.find(source=SOURCE, limit=10_000) if item.id not in arrived]
            work = [item.reason for item in view.work.list(limit=10_000) if item.id not in seen]

        def who(row: Row[Any]) -> str:
            return names.get(now.get(row.col("patient_id"), ""), "").rpartition("|")[2].replace(mark, "")

        billed, cash, on = Counter[str](), Counter[str](), Counter[str]()
        for row in lines:
            cents = (row.col("cents") or 0) * (-1 if row.record.kind == "credit" else 1)
            if row.record.kind in ("charge", "credit"):
                billed[who(row)] += cents
                on[at[row.col("encounter_id")]] += cents
            else:
                cash[who(row)] += cents
        return {
            "billed": {key: cents for key, cents in billed.items() if cents},
            "on": {key: cents for key, cents in on.items() if cents},
            "cash": {key: cents for key, cents in cash.items() if cents},
            "visits": {at[row.id]: row.state for row in visits},
            "owners": {at[row.id]: who(row) for row in visits},
            "codes": {at[row.id]: " ".join(d.coding.code for d in row.record.diagnoses) for row in visits},
            "payers": {at[row.id]: " ".join(c.payer for c in row.record.coverages) for row in visits},
            "claims": sorted(f"{who(row)} {row.record.payer} {row.record.total} {row.state}" for row in claims),
            "members": sorted(row.record.coverage.member_id for row in claims),
            "seconds": sorted(one.payer for row in claims for one in row.record.other_coverages),
            "billed_codes": sorted(_codes(row.record) for row in claims),
            "states": dict(Counter(item.state for item in items)),
            "work": sorted(set(work) - {"encounter.unfinished"}),
        }


def _codes(claim: Claim) -> str:
    """The diagnoses of a claim, and to which of them each line points."""
    return f"{' '.join(claim.diagnoses)} > {' '.join(','.join(map(str, line.pointers)) for line in claim.lines)}"


__all__ = ["BILL", "SEND", "Story", "StoryHouse", "dg1", "ft1", "in1", "mrg", "pid", "pv1", "say", "story"]
