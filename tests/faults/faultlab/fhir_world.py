"""A practice as its EHR knows it, made up from a seed, and everything that happens to its records over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

Resource = dict[str, Any]
NAME, STREET, MEMBER, RECORD = "Quorbleton", "Wendlemere", "QWX", "MRNQUILL"
CANARIES = (NAME, STREET, MEMBER, RECORD)
"""Every patient's name, street, policy and record number holds one of these."""
_TERMS = "http://terminology.hl7.org/CodeSystem/"
_ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
_HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_NPI = "http://hl7.org/fhir/sid/us-npi"
_DIAGNOSES = ("I10", "E11.9", "E11.65", "Z00.00", "J02.9", "J06.9", "M25.50")
_CHARGES = ("G0438", "G0439", "T1015", "G0008", "G0009", "S9083", "H0004")
_WORK = ("G0010", "A7034", "A4253")
_CLINICIANS = {
    "d1": ("1999999034", "Larkspur"),
    "d2": ("1999999042", "Quillon"),
    "d3": ("1999999059", "Fennimore"),
}
_PAYERS = {"o1": "BLUEHERON", "o2": "HARBOR"}


class Ehr(Protocol):
    """Where the records lie."""

    held: dict[str, Resource]

    def put(self, *resources: Resource, at: datetime | None = None) -> None: ...
    def delete(self, key: str) -> None: ...


class World:
    """`step` does one thing to the records in `ehr`, by lot; `done` counts what. `touched` hears of each change:
    the visit's id and the keys that were changed.
    """

    def __init__(
        self, ehr: Ehr, seed: int, now: Callable[[], datetime], touched: Callable[[str, list[str]], object] = bool
    ) -> None:
        self.random, self.done = Random(seed), Counter[str]()  # noqa: S311 - what happens, not a secret
        self._ehr, self._now, self._touched = ehr, now, touched
        self.patients = 0
        self.visits = 0
        self._gone: dict[str, Resource] = {}
        self._number = 0
        self._deeds = (
            (26, self.new_visit), (10, self.finish), (9, self.late_charge), (7, self.late_condition),
            (8, self.change_charge), (7, self.change_condition), (5, self.change_visit), (4, self.void_charge),
            (4, self.void_condition), (3, self.cancel_visit), (4, self.delete_charge), (3, self.delete_condition),
            (2, self.delete_visit), (5, self.make_again), (4, self.change_patient), (4, self.change_coverage),
            (3, self.second_coverage), (2, self.turn_account), (2, self.void_coverage), (2, self.delete_coverage),
            (3, self.procedure), (2, self.void_procedure),
        )  # fmt: skip
        self._office()

    def step(self) -> None:
        """One deed; one that finds nothing to do is another."""
        weights = [weight for weight, _ in self._deeds]
        while True:
            ((_, deed),) = self.random.choices(self._deeds, weights)
            if deed() is not False:
                self.done[deed.__name__] += 1
                return

    # ------------------------------------------------------------------------------------------ what there is
    def _some(self, kind: str, fits: Callable[[Resource], bool] = lambda _one: True) -> Resource | None:
        """One of the newer records of a type, by lot."""
        numbers = range(max(1, self.visits - 400), self.visits + 1)
        for _ in range(30):
            n = self.random.choice(numbers) if self.visits else 0
            found = [one for one in self._of(kind, n) if fits(one)]
            if found:
                return self.random.choice(found)
        return None

    def _of(self, kind: str, n: int) -> list[Resource]:
        """Those of the n-th visit, or of its patient."""
        visit = self._ehr.held.get(f"Encounter/e{n}")
        if kind == "Encounter":
            return [visit] if visit else []
        if kind in ("Coverage", "Account", "Patient"):
            whose = visit["subject"]["reference"].partition("/")[2] if visit else "none"
            names = {"Patient": [whose], "Account": [f"{whose}a"], "Coverage": [f"{whose}v1", f"{whose}v2"]}[kind]
        else:
            letter = {"Condition": "c", "ChargeItem": "x", "Procedure": "r"}[kind]
            names = [f"e{n}{letter}{k}" for k in range(1, 9)]
        return [one for name in names if (one := self._ehr.held.get(f"{kind}/{name}"))]

    def _put(self, *some: Resource, visit: str = "") -> None:
        self._ehr.put(*({name: value for name, value in one.items() if name != "meta"} for one in some))
        self._touched(visit, [_key(one) for one in some])

    def _delete(self, one: Resource) -> None:
        self._gone[_key(one)] = one
        self._ehr.delete(_key(one))
        self._touched("", [_key(one)])

    def _free(self, kind: str, visit: str) -> str:
        letter = {"Condition": "c", "ChargeItem": "x", "Procedure": "r"}[kind]
        names = [f"{visit}{letter}{k}" for k in range(1, 9)]
        free = (
            one for one in names if f"{kind}/{one}" not in self._ehr.held and f"{kind}/{one}" not in self._gone
        )
        return next(free, "")

    # ------------------------------------------------------------------------------------------ who is there
    def _office(self) -> None:
        for name, (npi, last) in _CLINICIANS.items():
            known = {"identifier": [{"system": _NPI, "value": npi}], "name": [{"family": last}]}
            self._put({"resourceType": "Practitioner", "id": name, **known})
        for name, title in _PAYERS.items():
            self._put({"resourceType": "Organization", "id": name, "name": title})
        self._put({"resourceType": "Location", "id": "l1", "name": "MAIN"})
        self._put({"resourceType": "Location", "id": "l2", "name": "SHORE"})
        role = {"resourceType": "PractitionerRole", "id": "r1", "practitioner": _to("Practitioner/d3")}
        self._put(role)

    def _patient(self, name: str) -> Resource:
        n = self.random.randrange(1000, 9999)
        return {
            "resourceType": "Patient",
            "id": name,
            "identifier": [{"system": "urn:records", "value": f"{RECORD}{name}"}],
            "name": [{"family": f"{NAME}{n}", "given": [f"{NAME[:4]}a{n}"]}],
            "gender": self.random.choice(("female", "male")),
            "birthDate": f"19{n % 60 + 30}-0{n % 9 + 1}-1{n % 10}",
            "address": [
                {"line": [f"{n} {STREET} Street"], "city": "Exampleton", "state": "OH", "postalCode": "44099"}
            ],
        }

    def _coverage(self, whose: str, rank: int) -> Resource:
        return {
            "resourceType": "Coverage",
            "id": f"{whose}v{rank}",
            "status": "active",
            "subscriberId": f"{MEMBER}{self.random.randrange(10**8, 10**9)}",
            "beneficiary": _to(f"Patient/{whose}"),
            "relationship": {"coding": [{"system": _TERMS + "subscriber-relationship", "code": "self"}]},
            "payor": [_to(f"Organization/{self.random.choice(list(_PAYERS))}")],
            "order": rank,
        }

    # ------------------------------------------------------------------------------------------ what happens
    def new_visit(self) -> None:
        """Somebody comes: perhaps for the first time, perhaps with all that is charged at once."""
        self.visits += 1
        visit = f"e{self.visits}"
        told: list[Resource] = []
        if not self.patients or self.random.random() < 0.45:
            self.patients += 1
            whose = f"p{self.patients}"
            account = {"resourceType": "Account", "id": f"{whose}a", "status": "active"}
            account |= {"subject": [_to(f"Patient/{whose}")], "coverage": [_policy(f"{whose}v1", 1)]}
            told += [self._patient(whose), self._coverage(whose, 1), account]
        else:
            whose = f"p{self.random.randint(max(1, self.patients - 200), self.patients)}"
        told += self._visit(visit, whose)
        if self.random.random() < 0.2:
            self.random.shuffle(told)
        for one in told:
            self._put(one, visit=visit)

    def _visit(self, name: str, whose: str) -> list[Resource]:
        conditions = [self._condition(f"{name}c{k}", name, whose) for k in range(1, self.random.randint(2, 4))]
        charges = [self._charge(f"{name}x{k}", name, whose) for k in range(1, self.random.randint(1, 4))]
        started = self._now() - timedelta(days=self.random.randint(1, 40), minutes=self.random.randint(0, 600))
        clinician = self.random.choice(["Practitioner/d1", "Practitioner/d2", "PractitionerRole/r1"])
        visit: Resource = {
            "resourceType": "Encounter",
            "id": name,
            "status": "finished" if self.random.random() < 0.7 else "in-progress",
            "class": {"system": _TERMS + "v3-ActCode", "code": "AMB"},
            "subject": _to(f"Patient/{whose}"),
            "participant": [{"individual": _to(clinician)}],
            "period": {
                "start": started.isoformat(timespec="seconds"),
                "end": (started + timedelta(minutes=25)).isoformat(timespec="seconds"),
            },
            "location": [{"location": _to(self.random.choice(["Location/l1", "Location/l2"]))}],
            "account": [_to(f"Account/{whose}a")],
        }
        if conditions and self.random.random() < 0.7:
            visit["diagnosis"] = [
                {"condition": _to(_key(one)), "rank": rank} for rank, one in enumerate(conditions, 1)
            ]
        if charges and self.random.random() < 0.25:
            done = self._procedure(f"{name}r1", name, whose)
            charges[0]["service"] = [_to(_key(done))]
            charges.append(done)
        return [*conditions, *charges, visit]

    def _condition(self, name: str, visit: str, whose: str) -> Resource:
        return {
            "resourceType": "Condition",
            "id": name,
            "category": [{"coding": [{"system": _TERMS + "condition-category", "code": "encounter-diagnosis"}]}],
            "code": {"coding": [{"system": _ICD10, "code": self.random.choice(_DIAGNOSES)}]},
            "subject": _to(f"Patient/{whose}"),
            "encounter": _to(f"Encounter/{visit}"),
        }

    def _charge(self, name: str, visit: str, whose: str) -> Resource:
        return {
            "resourceType": "ChargeItem",
            "id": name,
            "status": "billable",
            "code": {"coding": [{"system": _HCPCS, "code": self.random.choice(_CHARGES)}]},
            "subject": _to(f"Patient/{whose}"),
            "context": _to(f"Encounter/{visit}"),
            "occurrenceDateTime": (self._now() - timedelta(days=1)).date().isoformat(),
            "quantity": {"value": self.random.choice((1, 1, 1, 2, 3))},
        }

    def _procedure(self, name: str, visit: str, whose: str) -> Resource:
        return {
            "resourceType": "Procedure",
            "id": name,
            "status": "completed",
            "code": {"coding": [{"system": _HCPCS, "code": self.random.choice(_WORK)}]},
            "subject": _to(f"Patient/{whose}"),
            "encounter": _to(f"Encounter/{visit}"),
            "performedDateTime": (self._now() - timedelta(days=1)).date().isoformat(),
        }

    def finish(self) -> bool:
        """A visit that was going on is over."""
        one = self._some("Encounter", lambda one: one["status"] == "in-progress")
        return one is not None and self._change(one, status="finished")

    def _change(self, one: Resource, **changes: Any) -> bool:
        self._put({**one, **changes}, visit=_visit_of(one))
        return True

    def late_charge(self) -> bool:
        """Something is charged for a visit later."""
        return self._late("ChargeItem", self._charge)

    def late_condition(self) -> bool:
        """A diagnosis is coded later; the visit may name it, before or after it is there to be read."""
        visit = self._some("Encounter", _stands)
        name = self._free("Condition", visit["id"]) if visit else ""
        if visit is None or not name:
            return False
        one = self._condition(name, visit["id"], _whose(visit))
        ranked = visit.get("diagnosis", [])
        told = [one]
        if self.random.random() < 0.6:
            more = {"condition": _to(_key(one)), "rank": len(ranked) + 1}
            told.append({**visit, "diagnosis": [*ranked, more]})
        if self.random.random() < 0.3:
            told.reverse()
        for each in told:
            self._put(each, visit=visit["id"])
        return True

    def procedure(self) -> bool:
        """Something was done, and counts as a charge of its own."""
        return self._late("Procedure", self._procedure)

    def _late(self, kind: str, make: Callable[[str, str, str], Resource]) -> bool:
        visit = self._some("Encounter", _stands)
        name = self._free(kind, visit["id"]) if visit else ""
        if visit is None or not name:
            return False
        self._put(make(name, visit["id"], _whose(visit)), visit=visit["id"])
        return True

    def change_charge(self) -> bool:
        """A charge is corrected: another code, another quantity."""
        one = self._some("ChargeItem", lambda one: one["status"] == "billable")
        if one is None:
            return False
        made = self._charge(one["id"], _visit_of(one), _whose(one))
        return self._change(one, code=made["code"], quantity=made["quantity"])

    def change_condition(self) -> bool:
        """A diagnosis is coded anew."""
        one = self._some("Condition", lambda one: "verificationStatus" not in one)
        made = self._condition("x", "x", "x")["code"]
        return one is not None and self._change(one, code=made)

    def change_visit(self) -> bool:
        """Another clinician, or the visit is open again."""
        one = self._some("Encounter", _stands)
        if one is None:
            return False
        if self.random.random() < 0.3:
            return self._change(one, status="in-progress")
        who = self.random.choice(["Practitioner/d1", "Practitioner/d2", "PractitionerRole/r1"])
        return self._change(one, participant=[{"individual": _to(who)}])

    def void_charge(self) -> bool:
        """A charge was an error, or is not billed."""
        one = self._some("ChargeItem", lambda one: one["status"] == "billable" and "service" not in one)
        status = self.random.choice(("entered-in-error", "not-billable", "aborted"))
        return one is not None and self._change(one, status=status)

    def void_procedure(self) -> bool:
        """What was said to be done was not."""
        one = self._some("Procedure", lambda one: one["status"] == "completed")
        return one is not None and self._change(one, status="entered-in-error")

    def void_condition(self) -> bool:
        """A diagnosis was an error."""
        one = self._some("Condition", lambda one: "verificationStatus" not in one)
        coding = {"system": _TERMS + "condition-ver-status", "code": "entered-in-error"}
        return one is not None and self._change(one, verificationStatus={"coding": [coding]})

    def cancel_visit(self) -> bool:
        """A visit did not take place, or was never meant."""
        one = self._some("Encounter", _stands)
        return one is not None and self._change(one, status=self.random.choice(("cancelled", "entered-in-error")))

    def delete_charge(self) -> bool:
        """A charge is gone."""
        one = self._some("ChargeItem", lambda one: "service" not in one)
        if one is not None:
            self._delete(one)
        return one is not None

    def delete_condition(self) -> bool:
        """A diagnosis is gone; a visit that named it does so no more."""
        one = self._some("Condition")
        if one is None:
            return False
        visit = self._ehr.held.get(f"Encounter/{_visit_of(one)}")
        if visit is not None and any(_names(each, one) for each in visit.get("diagnosis", [])):
            left = [each for each in visit["diagnosis"] if not _names(each, one)]
            bare = {name: value for name, value in visit.items() if name != "diagnosis"}
            self._put({**bare, "diagnosis": left} if left else bare)
        self._delete(one)
        return True

    def delete_visit(self) -> bool:
        """A visit is gone, with all that hangs on it."""
        visit = self._some("Encounter")
        if visit is None:
            return False
        n = int(visit["id"][1:])
        for kind in ("Encounter", "ChargeItem", "Procedure", "Condition"):
            for one in self._of(kind, n):
                self._delete(one)
        return True

    def make_again(self) -> bool:
        """What was deleted is there again, under its old name: of a visit everything."""
        if not self._gone:
            return False
        key = self.random.choice(list(self._gone)[-60:])
        one = self._gone.pop(key)
        visit = f"Encounter/{_visit_of(one)}"
        # a visit alone would name diagnoses of which only hubs that met them know that they are gone
        if visit in (key, *self._gone):
            found = [
                each for each in self._gone if f"{each}x".partition("/")[2].startswith(visit.partition("/")[2])
            ]
            mine = [each for each in found if _visit_of(self._gone[each]) == visit.partition("/")[2]]
            for each in mine:
                self._put(self._gone.pop(each))
        self._put(one, visit=_visit_of(one))
        return True

    def change_patient(self) -> bool:
        """A patient moved, or married."""
        one = self._some("Patient")
        if one is None:
            return False
        made = self._patient(one["id"])
        part = self.random.choice(("name", "address"))
        return self._change(one, **{part: made[part]})

    def change_coverage(self) -> bool:
        """A policy's number was wrong, or its payer."""
        one = self._some("Coverage", lambda one: one["status"] == "active")
        if one is None:
            return False
        made = self._coverage(_whose(one), 1)
        part = self.random.choice(("subscriberId", "payor"))
        return self._change(one, **{part: made[part]})

    def second_coverage(self) -> bool:
        """A patient has a second policy."""
        account = self._some("Account", lambda one: len(one["coverage"]) == 1)
        if account is None or f"Coverage/{_whose(account)}v2" in self._ehr.held:
            return False
        whose = _whose(account)
        self._put(self._coverage(whose, 2))
        return self._change(account, coverage=[_policy(f"{whose}v1", 1), _policy(f"{whose}v2", 2)])

    def turn_account(self) -> bool:
        """The second policy is asked first."""
        account = self._some("Account", lambda one: len(one["coverage"]) == 2)
        if account is None:
            return False
        turned = [{**one, "priority": 3 - one["priority"]} for one in account["coverage"]]
        return self._change(account, coverage=turned)

    def void_coverage(self) -> bool:
        """A policy is cancelled."""
        one = self._some("Coverage", lambda one: one["status"] == "active" and one["id"].endswith("v2"))
        return one is not None and self._change(one, status="cancelled")

    def delete_coverage(self) -> bool:
        """A policy is gone; the account names it no more."""
        one = self._some("Coverage", lambda one: one["id"].endswith("v2"))
        account = self._ehr.held.get(f"Account/{_whose(one)}a") if one else None
        if one is None or account is None:
            return False
        self._change(account, coverage=[_policy(f"{_whose(one)}v1", 1)])
        self._delete(one)
        self._gone.pop(_key(one))
        return True


def _to(key: str) -> dict[str, str]:
    return {"reference": key}


def _key(one: Resource) -> str:
    return f"{one['resourceType']}/{one['id']}"


def _policy(name: str, priority: int) -> Resource:
    return {"coverage": _to(f"Coverage/{name}"), "priority": priority}


def _stands(visit: Resource) -> bool:
    return visit["status"] in ("finished", "in-progress")


def _names(diagnosis: Resource, condition: Resource) -> bool:
    return bool(diagnosis["condition"]["reference"] == _key(condition))


def _visit_of(one: Resource) -> str:
    if one["resourceType"] == "Encounter":
        return str(one["id"])
    return str(one.get("encounter", one.get("context", {})).get("reference", "/").partition("/")[2])


def _whose(one: Resource) -> str:
    told = one.get("subject") or one.get("beneficiary") or {}
    told = told[0] if isinstance(told, list) else told
    return str(told["reference"].partition("/")[2])
