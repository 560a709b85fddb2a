"""The visits of a page as they are to be stored: gathered, then written at once, with the work that they leave."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.base import move_claims, work_for
from hub.flow.ingest.reopening import UNSENT
from hub.flow.payments import MONEY, restated
from hub.flow.visits import asking
from hub.flow.visits.assembly import charge_of
from hub.flow.visits.differing import differs
from hub.flow.visits.payer_changes import BILLED, Repaid, concerns
from hub.flow.visits.payer_changes import follow as follow_payers
from hub.flow.visits.rediagnosing import Rediagnosed
from hub.flow.visits.rediagnosing import concerns as concerns_diagnoses
from hub.flow.visits.rediagnosing import follow as follow_diagnoses
from hub.flow.visits.refreshing import refresh
from hub.flow.visits.renumbered import told_twice
from hub.flow.visits.retold import concerns as concerns_people
from hub.flow.visits.retold import follow as follow_people
from hub.model.claim import Claim
from hub.model.coverage import PatientFile
from hub.model.encounter import Charge, Encounter
from hub.model.facts import ChargeFact
from hub.model.people import Record
from hub.model.work import WorkItem
from hub.money import to_cents
from hub.store import Tx
from hub.store.documents import Change, New, Row

WITHDRAWN = frozenset({"void", "cancelled", "test", "history"})
"""What a charge is when it may not be billed after all."""
OPEN_CHARGE = frozenset({"new", "held", "proposal", "priced", "waiting"})
OVER = frozenset({"cancelled", "test", "history", "merged"})
"""What a visit is of which nothing is due: what it waited for, nobody has to see to any more."""
WAITED_FOR = ("claim.", "coding.", "encounter.")
"""Work of a visit that was to be billed."""
OPEN_VISIT = "waiting"
"""What a visit is that is not over, and of which no claim leaves."""
UNFINISHED_DAYS = 14
"""After so many days a visit that still waits for its source is in front of a person."""


Known = dict[str, Row[Charge]]
"""Charges that are stored already, by the digests of their keys."""


class Put(Record, frozen=True, kw_only=True):
    """One encounter put together: what to store for it. `merged`: its patient was ever merged or parted; `revived`:
    charges were told after it was called off. `one_with`: our ids of the visits that it is, where these are several.
    """

    row: Row[Encounter]
    state: str
    encounter: Encounter
    charges: tuple[tuple[str, ChargeFact], ...] = ()
    on: date | None = None
    file: PatientFile | None = None
    merged: bool = False
    revived: bool = False
    one_with: tuple[str, ...] = ()


class Page:
    """What a chunk of encounters is put together to, gathered and then written at once."""

    def __init__(self, tx: Tx, settings: Settings, known: Known, practice: str) -> None:
        self.tx, self.settings, self.known, self.practice = tx, settings, known, practice
        self.encounters: list[Change[Encounter]] = []
        self.fresh: list[New[Charge]] = []
        self.changed: list[Change[Charge]] = []
        self.work: list[WorkItem] = []
        self.whole: list[str] = []
        self.over: list[str] = []
        self.withdrawn: list[str] = []
        self.moved: list[tuple[str, str, str]] = []
        self.follow: list[Put] = []
        self.repaid: list[Repaid] = []
        self.rediagnosed: list[Rediagnosed] = []
        self.retold: list[Repaid] = []

    def add(self, put: Put) -> None:
        """Plan one encounter and its charges."""
        encounter = put.encounter
        self.encounters.append(
            Change(
                put.row,
                record=encounter,
                state=put.state,
                patient_id=encounter.patient_id,
                service_date=put.on,
                payer=encounter.coverages[0].payer if encounter.coverages else None,
            )
        )
        if put.state in OVER:
            self.over.append(put.row.id)
        if put.state == "merged":
            self.whole.append(put.row.id)
            return
        if put.state == "incomplete":
            self.work += asking.unasked(self.tx, [(put.row.id, put.row.created_at)])
            self._taken(put)
            return
        self.whole.append(put.row.id)
        if put.revived:
            self.work += work_for([_revived()], "encounter", put.row.id)
        self._remind(put)
        state = "new" if put.state in {"ready", "waiting"} else put.state
        again = told_twice(put.charges, self.known, OPEN_CHARGE | WITHDRAWN)
        for key, fact in put.charges:
            self._charge(put, key, fact, state if fact.active and key not in again else "void")
        if put.merged:
            self.follow.append(put)
        self._billed_otherwise(put)
        self._mixed_late(put)

    def _taken(self, put: Put) -> None:
        """Charges that were told of another visit before are not billed with that one while this one is unknown."""
        for key, _ in put.charges:
            row = self.known.get(key)
            if row is not None and row.state in OPEN_CHARGE and row.col("encounter_id") != put.row.id:
                moved = msgspec.structs.replace(row.record, encounter_id=put.row.id)
                self.changed.append(Change(row, record=moved, state="waiting", encounter_id=put.row.id))

    def _billed_otherwise(self, put: Put) -> None:
        """Note what else the source says now of a visit that was billed: policies, diagnoses, who treated."""
        known = ((self.known[key], fact) for key, fact in put.charges if fact.active and key in self.known)
        billed = [(row, f) for row, f in known if row.state in BILLED and row.record.kind == "charge"]
        rows, encounter = tuple(row for row, _ in billed), put.encounter
        if concerns(put.row, encounter):
            self.repaid.append(Repaid(row=put.row, encounter=encounter, file=put.file, billed=rows))
        if rows and concerns_people(put.row, encounter):
            self.retold.append(Repaid(row=put.row, encounter=encounter, file=put.file, billed=rows))
        told = [msgspec.structs.replace(row.record, diagnoses=fact.diagnoses) for row, fact in billed]
        if concerns_diagnoses(put.row, encounter, [row.record for row in rows], told):
            charges = tuple((row.id, charge) for row, charge in zip(rows, told, strict=True))
            self.rediagnosed.append(Rediagnosed(row=put.row, encounter=encounter, billed=charges))

    def _mixed_late(self, put: Put) -> None:
        """Where a visit was billed before something of it was told of another patient, nothing else says it."""
        if not put.encounter.of_another or put.row.record.of_another:
            return
        rows = [self.known.get(key) for key, fact in put.charges if fact.active and fact.kind == "charge"]
        billed = [row for row in rows if row is not None and row.state in BILLED]
        if billed and len(billed) == len(rows):
            self.work += work_for([_mixed()], "charge", billed[0].id)

    def _charge(self, put: Put, key: str, fact: ChargeFact, state: str) -> None:
        encounter, source = put.encounter, put.encounter.source
        charge = charge_of(fact, patient_id=encounter.patient_id, encounter_id=put.row.id, source=source)
        row = self.known.get(key)
        if row is not None and not fact.active and row.record.kind in MONEY:  # a withdrawal need not say of what
            about = {"patient_id": charge.patient_id, "encounter_id": charge.encounter_id}
            charge = msgspec.structs.replace(row.record, **about)
        columns: dict[str, Any] = {
            "patient_id": charge.patient_id,
            "encounter_id": put.row.id,
            "kind": charge.kind,
            "cents": None if charge.amount is None else to_cents(charge.amount),
            "service_date": charge.service_from,
        }
        is_money = charge.kind in MONEY and (row is None or row.record.kind in MONEY)
        if is_money:
            told = restated(row, charge, state)
            if told is None:
                return
            charge, state = told
            columns["cents"] = None if charge.amount is None else to_cents(charge.amount)
        if row is None:
            where = {"practice": self.practice, "state": state, "source": source, "key": key}
            self.fresh.append(New(self.tx.new_id("chg"), charge, **where, **columns))
        elif is_money or row.state in OPEN_CHARGE | WITHDRAWN:
            self.changed.append(Change(row, record=charge, state=state, **columns))
        else:
            self._billed(row, encounter, charge, state)

    def _billed(self, row: Row[Charge], encounter: Encounter, charge: Charge, state: str) -> None:
        """What a charge that was billed is found to be now: nothing of it changes but the visit that it stands on."""
        if state in WITHDRAWN:
            self.work += work_for([_changed_late()], "charge", row.id)
            self.withdrawn.append(row.id)
        elif differs(row.record, encounter, charge, self.settings, self.practice):
            self.work += work_for([_changed_late()], "charge", row.id)
        if row.col("patient_id") != charge.patient_id:
            self.moved.append((row.id, row.col("patient_id"), charge.patient_id))
        if row.col("encounter_id") != charge.encounter_id:
            billed = msgspec.structs.replace(row.record, encounter_id=charge.encounter_id)
            self.changed.append(Change(row, record=billed, encounter_id=charge.encounter_id))

    def _remind(self, put: Put) -> None:
        """A visit that never ends is work, once; a person's word on it holds as long again."""
        since = put.on or put.row.created_at.date()
        if put.state != "waiting" or (self.tx.now.date() - since).days <= UNFINISHED_DAYS:
            return
        known = self.tx.work.list(aggregate_id=put.row.id, reason="encounter.unfinished", open_only=False)
        if not any(one.resolved_at and (self.tx.now - one.resolved_at).days <= UNFINISHED_DAYS for one in known):
            self.work += work_for([_unfinished()], "encounter", put.row.id, owner="front-desk")

    def _hold_unsent(self) -> None:
        """A claim that has not left yet does not leave with a charge that was withdrawn, or for another patient."""
        moved = self._moved()
        self.work += [item for one in moved for item in work_for([_moved_late()], "charge", one)]
        for charges, problem in ((self.withdrawn, _withdrawn()), (moved, _of_another())):
            held = self._unsent(charges)
            move_claims(self.tx, [Change(row, state="held") for row in held])
            for row in held:
                self.tx.work.open_many(work_for([problem], "claim", row.id), practice=self.practice)

    def _moved(self) -> list[str]:
        """The billed charges that are now of somebody who is not one with whom they were billed for."""
        now = self.tx.resolve_many("patient", {one for _, *two in self.moved for one in two})
        return [charge for charge, was, comes in self.moved if now[was] != now[comes]]

    def _unsent(self, charges: list[str]) -> list[Row[Claim]]:
        if not charges:
            return []
        links = self.tx.claim_charges.of_charges(charges)
        rows = self.tx.claims.get_many({link.claim_id for link in links}).values()
        return [row for row in rows if row.state in UNSENT]

    def _follow(self) -> None:
        """Claims that have not left yet are told of the patient as merged, or parted, now."""
        for put in self.follow:
            billed = [self.known[key].id for key, _ in put.charges if key in self.known]
            if put.file is not None:
                for row in self._unsent(billed):
                    refresh(self.tx, self.settings, row, put.encounter, put.file)

    def write(self) -> int:
        """Write the page; returns how many charges are new or changed."""
        self.tx.encounters.put_many(self.encounters)
        self.tx.charges.add_many(self.fresh)
        self.tx.charges.put_many(self.changed)
        self.tx.work.resolve_many(self.whole, "ingest.", "put together")
        for reason in WAITED_FOR:
            self.tx.work.resolve_many(self.over, reason, "nothing of it is due any more")
        self._hold_unsent()
        self.tx.work.open_many(self.work, practice=self.practice)
        self._follow()
        follow_payers(self.tx, self.settings, self.repaid)
        follow_diagnoses(self.tx, self.settings, self.rediagnosed)
        follow_people(self.tx, self.settings, self.retold)
        return len(self.fresh) + len(self.changed)


def _revived() -> Problem:
    return Problem(
        code="ingest.charged_after_cancel",
        where="encounter",
        why="the source called the visit off, and told charges of it after that, which are not billed",
        fix="ask whether it took place: if so, have the source open it again; if not, have it take the charges back",
    )


def _unfinished() -> Problem:
    return Problem(
        code="encounter.unfinished",
        where="encounter",
        why="the visit was begun long ago, and its source has not yet said that it is over and whole",
        fix="close it at the source, or mend what was set aside of it; if nothing is due, resolve this item as such",
    )


def _withdrawn() -> Problem:
    return Problem(
        code="claim.withdrawn",
        where="charges",
        why="the source cancelled the visit, or withdrew a charge of this claim, before it was sent",
        fix="correct the source if that is wrong; then, either way: hub replay CLAIM takes the claim back, and bills "
        "what the source then says",
    )


def _changed_late() -> Problem:
    return Problem(
        code="ingest.changed_after_billing",
        where="charge",
        why="the source changed or withdrew a charge that is already on a claim",
        fix="if the payer must know, correct the claim there: the hub changes no line of a claim that left; then "
        "resolve this item",
    )


def _moved_late() -> Problem:
    return Problem(
        code="ingest.moved_after_billing",
        where="charge",
        why="the source moved the visit to another patient, and this charge was billed for the one it had before",
        fix="have the payer void the claim of the wrong patient, and bill the right one there: the hub takes back no "
        "claim that left; then resolve this item",
    )


def _mixed() -> Problem:
    return Problem(
        code="ingest.mixed_after_billing",
        where="charges, diagnoses",
        why="a charge, a diagnosis or the policies that the visit names are of another patient, the source says now; "
        "the visit was billed before",
        fix="find out whose they are; correct or void the claim where it is wrong, then resolve this item",
    )


def _of_another() -> Problem:
    return Problem(
        code="claim.of_another",
        where="patient",
        why="the source moved the visit to another patient before this claim was sent",
        fix="correct the source if that is wrong; then, either way: hub replay CLAIM takes the claim back, and bills "
        "for whom the source then says",
    )
