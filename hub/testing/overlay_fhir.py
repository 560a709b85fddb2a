"""An overlay over FHIR R4 JSON: moves, completes and maps what its rules name, resource by resource."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from hub.codes import is_npi
from hub.testing.overlay_rules import Rules

Resource = dict[str, Any]
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
_NPI = "http://hl7.org/fhir/sid/us-npi"
_CHARGES = {"Procedure": "code", "Immunization": "vaccineCode", "ChargeItem": "code"}
_WHEN = ("occurrenceDateTime", "performedDateTime", "recordedDate", "onsetDateTime")


def altered(rules: Rules, raw: bytes, count: Counter[str]) -> bytes:
    """The altered JSON; what is no JSON object of FHIR comes back as it was."""
    try:
        body = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw
    entries = body.get("entry", []) if isinstance(body, dict) else []
    found = [
        one["resource"] for one in entries if isinstance(one, dict) and isinstance(one.get("resource"), dict)
    ]
    if not found:
        found = [body] if isinstance(body, dict) and "resourceType" in body else []
    scene = _Scene(rules, count, entries, found)
    scene.alter()
    return _ENCODER.encode(body) if count else raw


class _Scene:
    """One message as it is being altered."""

    def __init__(self, rules: Rules, count: Counter[str], entries: list[Any], found: list[Resource]) -> None:
        self.rules, self.count, self.entries, self.found = rules, count, entries, found
        self.encounters = [one for one in found if one.get("resourceType") == "Encounter"]

    def alter(self) -> None:
        """Everything that the rules name; visits last, for they look at what is there."""
        self._dates()
        alter = {
            "Patient": self._patient,
            "Practitioner": self._practitioner,
            "Coverage": self._coverage,
            "ExplanationOfBenefit": self._benefit,
            "Condition": self._diagnosis,
            "Encounter": self._place,
            **dict.fromkeys(_CHARGES, self._charge),
        }
        for one in list(self.found):
            if one.get("resourceType") in alter:
                alter[one["resourceType"]](one)
        self._cover_all()
        for encounter in self.encounters:
            self._visit(encounter)

    def _dates(self) -> None:
        """Each encounter with all that belongs to it moves as a whole."""
        if self.rules.dates is None:
            return
        for nth, encounter in enumerate(self.encounters):
            start = _day(encounter.get("period", {}).get("start", ""))
            if start is None:
                continue
            patient = str(encounter.get("subject", {}).get("reference", ""))
            by = self.rules.dates.moved(patient, nth) - start
            for holder in (encounter, *self._of(encounter)):
                self._move(holder, by)

    def _of(self, encounter: Resource) -> Iterator[Resource]:
        names = self._names(encounter)
        for one in self.found:
            told = one.get("encounter") or one.get("context")
            if isinstance(told, dict) and told.get("reference") in names and one["resourceType"] != "Encounter":
                yield one

    def _names(self, one: Resource) -> set[str]:
        names = {f"{one['resourceType']}/{one.get('id', '')}", f"urn:uuid:{one.get('id', '')}"}
        return names | {e["fullUrl"] for e in self.entries if e.get("resource") is one and "fullUrl" in e}

    def _move(self, one: Resource, by: timedelta) -> None:
        for name in ("period", "performedPeriod", "occurrencePeriod"):
            for end in ("start", "end"):
                self._move_text(one.get(name), end, by)
        for name in _WHEN:
            self._move_text(one, name, by)

    def _move_text(self, holder: Any, name: str, by: timedelta) -> None:
        if isinstance(holder, dict) and (on := _day(holder.get(name, ""))) is not None:
            holder[name] = (on + by).isoformat() + holder[name][10:]
            self.count["date"] += 1

    def _patient(self, one: Resource) -> None:
        told = self.rules.address
        if told is None:
            return
        address = one.setdefault("address", [{}])[0]
        wanted: list[tuple[str, Any, bool]] = [
            ("line", [told.line1], bool(address.get("line"))),
            ("city", told.city, bool(address.get("city"))),
            ("state", told.state, bool(address.get("state"))),
            ("postalCode", told.zip, bool(re.fullmatch(r"\d{5}(-?\d{4})?", address.get("postalCode", "")))),
        ]
        for name, value, good in wanted:
            if not good:
                address[name] = value
                self.count["address"] += 1

    def _practitioner(self, one: Resource) -> None:
        """Of a message with visits alone: a directory of providers bills nothing."""
        told = self.rules.provider if self.encounters else None
        for identifier in one.get("identifier", []) if told else []:
            if told and identifier.get("system") == _NPI and not is_npi(identifier.get("value", "")):
                identifier["value"] = told.npi
                one["name"] = [{"family": told.last, "given": [told.first]}]
                self.count["npi"] += 1

    def _coverage(self, one: Resource) -> None:
        payor = (one.get("payor") or [{}])[0]
        names = (payor.get("identifier", {}).get("value", ""), payor.get("display", ""))
        row = self.rules.coverage(*names)
        if row is None:
            return
        payor["identifier"] = {"value": row.token}
        one["payor"] = [payor]
        self.count["coverage"] += 1
        if row.member:
            one["subscriberId"] = row.member_for(str(one.get("beneficiary", {}).get("reference", "")))
            self.count["member id"] += 1

    def _cover_all(self) -> None:
        """A policy for each patient with visits for whom the message names none."""
        row = self.rules.coverage("")
        covered = {
            str(one.get("beneficiary", {}).get("reference", ""))
            for outer in self.found
            for one in (outer, *outer.get("contained", []))
            if one.get("resourceType") == "Coverage"
        }
        whose = {str(one.get("subject", {}).get("reference", "")): one for one in self.encounters}
        for reference in sorted(whose.keys() - covered - {""}) if row else []:
            blank: Resource = {
                "resourceType": "Coverage",
                "id": f"{whose[reference].get('id', '')}-cover",
                "status": "active",
                "beneficiary": {"reference": reference},
            }
            self._coverage(blank)
            self.entries.append({"fullUrl": f"urn:uuid:{blank['id']}", "resource": blank})

    def _diagnosis(self, one: Resource) -> None:
        for coding in one.get("code", {}).get("coding", []):
            if code := self.rules.diagnosis(coding.get("system", ""), coding.get("code", "")):
                one["code"] = {"coding": [{"system": _ICD10, "code": code}]}
                self.count["diagnosis code"] += 1
                return

    def _benefit(self, one: Resource) -> None:
        for inner in one.get("contained", []):
            if inner.get("resourceType") == "Coverage":
                self._coverage(inner)

    def _charge(self, one: Resource) -> None:
        element = _CHARGES[one["resourceType"]]
        for coding in one.get(element, {}).get("coding", []):
            if code := self.rules.charge(coding.get("system", ""), coding.get("code", "")):
                one[element] = {"coding": [{"system": _HCPCS, "code": code}]}
                self.count["charge code"] += 1
                return

    def _place(self, one: Resource) -> None:
        if self.rules.place:
            one["location"] = [{"location": {"display": self.rules.place}}]
            self.count["place"] += 1

    def _visit(self, encounter: Resource) -> None:
        """Adds the charge for the visit, and its diagnosis where none came."""
        codings = [c for t in encounter.get("type", []) for c in t.get("coding", [])]
        told = {(c.get("system", "").casefold(), c.get("code", "")) for c in codings}
        for row in self.rules.visits:
            if any((system.casefold(), row.code) in told for system in row.systems):
                self._add_visit(encounter, row.hcpcs, row.icd10)
                return

    def _add_visit(self, encounter: Resource, hcpcs: str, icd10: str) -> None:
        reference = next(iter(sorted(self._names(encounter), reverse=True)))
        mine = list(self._of(encounter))
        subject = encounter.get("subject", {})
        if hcpcs:
            charge = {
                "resourceType": "ChargeItem",
                "id": f"{encounter.get('id', '')}-visit",
                "status": "billable",
                "code": {"coding": [{"system": _HCPCS, "code": hcpcs}]},
                "subject": subject,
                "context": {"reference": reference},
                "occurrenceDateTime": str(encounter.get("period", {}).get("start", ""))[:10],
                "quantity": {"value": 1},
            }
            self._add(charge, "visit charge")
        if icd10 and not any(one["resourceType"] == "Condition" for one in mine):
            condition = {
                "resourceType": "Condition",
                "id": f"{encounter.get('id', '')}-reason",
                "code": {"coding": [{"system": _ICD10, "code": icd10}]},
                "subject": subject,
                "encounter": {"reference": reference},
            }
            self._add(condition, "visit diagnosis")

    def _add(self, one: Resource, what: str) -> None:
        self.entries.append({"fullUrl": f"urn:uuid:{one['id']}", "resource": one})
        self.count[what] += 1


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if isinstance(text, str) and len(text) >= 10 else None
    except ValueError:
        return None
