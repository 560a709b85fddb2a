"""What the visit is: its state, who bills, where and when it was, and its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from hub.codes import ELSEWHERE, place_suits
from hub.model.people import Facility
from hub_ehr_fhir.previewing.elements import (
    NONE,
    SETTINGS,
    UNUSED,
    Maker,
    Row,
)


class Visits(Maker):
    """State, billing provider, place, dates, numbers."""

    def state(self) -> Iterator[Row]:
        visit, at = self.visit, "Visit"
        fix = "" if visit.ready or visit.status != "finished" else "see what is missing below"
        if visit.status in ("planned", "open"):
            fix = "nothing: it is billed once its status is finished"
        yield self.row(at, "state", "", self.of_visit("status"), visit.status, todo=fix, note=visit.status)
        kinds = self.of_visit("kind")
        if visit.kind:
            yield self.row(at, "kind of visit", "", kinds, visit.kind)
        else:
            todo = "only its place of service depends on it; say in encounter_classes what the code means"
            yield Row(section=at, element="kind of visit", stands=NONE, sources=kinds, todo=todo)

    def billing(self) -> Iterator[Row]:
        at, seen = "Billing provider", self.known.foreseen
        element, place = "name, NPI, tax id, address", "2010AA NM1 N3 REF"
        if seen is None:
            yield Row(section=at, element=element, place=place, stands=SETTINGS, note="practices.toml")
        elif seen.practice:
            note = f"practices.toml [practices.{seen.practice}]"
            yield Row(section=at, element=element, place=place, stands=SETTINGS, note=note)
        else:
            todo = f'write practice = "..." under [connectors.{self.known.instance}] of hub.toml'
            yield self.missing(at, element, place, todo)
        if self.visit.billing_npi:
            yield Row(
                section=at,
                element="organization of the visit",
                sources=self.of_visit("billing_npi"),
                stands=UNUSED,
                note="the practice bills",
                value=self.visit.billing_npi,
            )

    def places(self) -> Iterator[Row]:
        at, visit, seen = "Place", self.visit, self.known.foreseen
        settled = seen.encounter if seen is not None else None
        told = self.of_visit("place_of_service")
        if visit.place_of_service and place_suits(visit.kind, visit.place_of_service):
            yield self.row(at, "place of service", "2300 CLM05-1", told, visit.place_of_service)
        elif settled is not None and settled.place_of_service:
            note = f"practices.toml [{self.table}]"
            yield Row(
                section=at,
                element="place of service",
                place="2300 CLM05-1",
                stands=SETTINGS,
                note=note,
                value=settled.place_of_service,
                sources=self.of_visit("kind"),
            )
        elif settled is None:
            yield Row(
                section=at,
                element="place of service",
                place="2300 CLM05-1",
                stands=SETTINGS,
                note="practices.toml, by the kind of visit or its place",
            )
        else:
            todo = f"map the kind of visit or the place under [{self.table}.places], or name a facility there"
            if visit.kind in ELSEWHERE:
                todo = f"set {visit.kind} under [{self.table}.places]: such a visit is at no facility"
            yield self.missing(at, "place of service", "2300 CLM05-1", todo)
        yield self._facility(at, settled.facility if settled is not None else None)

    def _facility(self, at: str, settled: Facility | None) -> Row:
        told, sources = self.visit.facility, self.of_visit("facility")
        place = "2310C NM1 N3"
        if settled is not None and settled != told:
            note = f"practices.toml [{self.table}]"
            return Row(
                section=at,
                element="facility",
                place=place,
                stands=SETTINGS,
                note=note,
                sources=sources,
                value=settled.name,
            )
        if told is None:
            return self.none(at, "facility", place)
        if told.address is None:
            note, todo = (
                "no address: it is left out",
                "name the facility in practices.toml if it is not the practice",
            )
            return Row(
                section=at,
                element="facility",
                place=place,
                stands=UNUSED,
                note=note,
                todo=todo,
                sources=sources,
                value=told.name,
            )
        note = "left out where it is the practice's own address"
        return self.row(at, "facility", place, sources, told.name, note=note)

    def dates(self) -> Iterator[Row]:
        at, visit = "Dates", self.visit
        if visit.started_at:
            yield self.row(at, "begin", "2400 DTP*472", self.of_visit("started_at"), visit.started_at)
        else:
            yield self.missing(at, "begin", "2400 DTP*472", "let the source fill Encounter.period.start")
        if visit.ended_at:
            place = "2300 DTP*096" if visit.admitted_on else ""
            yield self.row(at, "end", place, self.of_visit("ended_at"), visit.ended_at)
        if visit.admitted_on:
            sources = self.of_visit("admitted_on")
            yield self.row(at, "admission", "2300 DTP*435", sources, visit.admitted_on)

    def numbers(self) -> Iterator[Row]:
        at, visit = "Numbers", self.visit
        if visit.authorization:
            sources = self.of_visit("authorization")
            yield self.row(at, "authorization", "2300 REF*G1", sources, visit.authorization)
        else:
            yield self.none(at, "authorization", "2300 REF*G1")
        for index, one in enumerate(visit.references):
            yield self.row(at, one.kind, "2300 REF", self.of_visit(f"references.{index}"), one.value)
        if not visit.references:
            yield self.none(at, "referral", "2300 REF*9F")
        if visit.accident is not None:
            yield self.row(at, "accident", "2300 CLM11", self.of_visit("accident"), visit.accident.kind)
