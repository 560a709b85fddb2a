"""Why the patient came, and what was done: diagnoses and service lines."""

from __future__ import annotations

from collections.abc import Iterator

from hub.model.encounter import Charge, Diagnosis
from hub.model.facts import ChargeFact
from hub_ehr_fhir.previewing.elements import (
    MISSING,
    SETTINGS,
    THERE,
    UNUSED,
    Maker,
    Row,
    billed,
    named,
    ordered_diagnoses,
    said,
    system_of,
)

_MOST_DIAGNOSES = 12


class Services(Maker):
    """Diagnoses, lines."""

    def diagnoses(self) -> Iterator[Row]:
        at, found = "Diagnoses", ordered_diagnoses(self.told, self.known)
        if not found:
            yield self.missing(at, "diagnosis", "2300 HI01", "let the source send a Condition of this encounter")
        for number, one in enumerate(found, 1):
            yield self._diagnosis(at, number, one)

    def _diagnosis(self, at: str, number: int, one: Diagnosis) -> Row:
        sources = self._of_diagnosis(one)
        element, place = f"diagnosis {number}", f"2300 HI{number:02d}-2"
        value = f"{one.coding.code} ({one.coding.system})"
        if number > _MOST_DIAGNOSES:
            note = "a claim has room for twelve"
            return Row(section=at, element=element, stands=UNUSED, note=note, sources=sources, value=value)
        if one.coding.system == "ICD10":
            return self.row(at, element, place, sources, one.coding.code)
        if not self.known.configured:
            note = f"{system_of(one.coding)}: needs a row in charge_map.toml"
            return self.row(at, element, place, sources, value, note=note)
        if self._is_coded(one):
            note = f"charge_map.toml, row of {system_of(one.coding)}"
            return Row(
                section=at, element=element, place=place, sources=sources, stands=SETTINGS, note=note, value=value
            )
        todo = "add its row to diagnoses in charge_map.toml (hub fhir codes writes it)"
        note = f"a code of {system_of(one.coding)} without a row"
        return Row(
            section=at,
            element=element,
            place=place,
            sources=sources,
            stands=MISSING,
            note=note,
            todo=todo,
            value=value,
        )

    def _is_coded(self, one: Diagnosis) -> bool:
        """Whether coding found a row for it: it has no problem of that number."""
        seen = self.known.foreseen
        if seen is None:
            return False
        number = seen.encounter.diagnoses.index(one) + 1
        return not any(each.where == f"diagnosis[{number}]" for each in seen.problems)

    def _of_diagnosis(self, one: Diagnosis) -> tuple[str, ...]:
        """Where it is taken from: the Condition alone, the visit's list, or a charge's reasons."""
        for index, each in enumerate(self.visit.diagnoses):
            if each.coding == one.coding and (found := self.of_visit(f"diagnoses.{index}.coding")):
                return found
        for fact in self.told.diagnoses:
            if fact.diagnosis.coding == one.coding:
                return self.trace.of("diagnosis", fact.key, "diagnosis.coding")
        for charge in billed(self.told):
            for index, coding in enumerate(charge.diagnoses):
                if coding == one.coding:
                    return self.trace.of("charge", charge.key, f"diagnoses.{index}")
        return ()

    def lines(self) -> Iterator[Row]:
        found = billed(self.told)
        coded = {one.key: one for one in self.known.foreseen.charges} if self.known.foreseen else {}
        if not found:
            todo = "let the source send ChargeItems (or Procedures) of this encounter; see the settings *_are_charges"
            yield self.missing("Line 1", "charge", "2400 SV1", todo)
        for number, one in enumerate(found, 1):
            yield from self._line(f"Line {number}", one, coded.get(one.key))

    def _line(self, at: str, one: ChargeFact, coded: Charge | None) -> Iterator[Row]:
        yield self._code(at, one, coded)
        modifiers = coded.modifiers if coded is not None else one.modifiers
        sources = self.trace.of("charge", one.key, "modifiers")
        if one.modifiers:
            yield self.row(at, "modifiers", "2400 SV101-3", sources, " ".join(modifiers))
        elif modifiers:
            yield Row(
                section=at,
                element="modifiers",
                place="2400 SV101-3",
                stands=SETTINGS,
                note="charge_map.toml",
                value=" ".join(modifiers),
            )
        yield self._amount(at, one, coded)
        units = self.trace.of("charge", one.key, "units", "unit_basis")
        yield self.row(
            at, "units", "2400 SV104", units, f"{one.units} {one.unit_basis}", note=_units(one, coded, units)
        )
        yield self._pointers(at, one, coded)
        days = self.trace.of("charge", one.key, "service_from", "service_to")
        yield self.row(at, "date", "2400 DTP*472", days, one.service_from)
        if one.drug is not None:
            drug = self.trace.of("charge", one.key, "drug")
            yield self.row(at, "NDC", "2410 LIN03", drug, one.drug.ndc)
        elif coded is not None and coded.drug is not None:
            yield Row(
                section=at,
                element="NDC",
                place="2410 LIN03",
                stands=SETTINGS,
                note="charge_map.toml",
                value=coded.drug.ndc,
            )
        if one.place_of_service:
            told = self.trace.of("charge", one.key, "place_of_service")
            yield self.row(at, "place of service", "2400 SV105", told, one.place_of_service)
        if one.rendering is not None and self.visit.rendering not in (None, one.rendering):
            who = self.trace.of("charge", one.key, "rendering")
            yield self.row(at, "rendering", "2420A NM1", who, named(one.rendering))
        if one.ordering is not None:
            who = self.trace.of("charge", one.key, "ordering")
            yield self.row(at, "ordering", "2420E NM1", who, named(one.ordering))

    def _code(self, at: str, one: ChargeFact, coded: Charge | None) -> Row:
        sources = self.trace.of("charge", one.key, "codings")
        place, systems = "2400 SV101-2", ", ".join(dict.fromkeys(system_of(each) for each in one.codings))
        value = " ".join(f"{each.code} ({each.system})" for each in one.codings)
        is_hcpcs = any(each.system == "HCPCS" for each in one.codings)
        if coded is None:
            note = "" if is_hcpcs else f"{systems or 'no code'}: needs a row in charge_map.toml"
            return self.row(at, "code", place, sources, value, note=note)
        if not coded.hcpcs:
            todo = "add its row to charges in charge_map.toml (hub fhir codes writes it)"
            return Row(
                section=at,
                element="code",
                place=place,
                sources=sources,
                stands=MISSING,
                todo=todo,
                value=value,
                note=f"a code of {systems or 'no system'} without a row",
            )
        if any(each.system == "HCPCS" and each.code == coded.hcpcs for each in one.codings):
            return self.row(at, "code", place, sources, coded.hcpcs)
        note = f"charge_map.toml, row of {systems}" + ("; a coder confirms it" if coded.proposal else "")
        return Row(
            section=at,
            element="code",
            place=place,
            sources=sources,
            stands=SETTINGS,
            note=note,
            value=coded.hcpcs,
        )

    def _amount(self, at: str, one: ChargeFact, coded: Charge | None) -> Row:
        sources, place = self.trace.of("charge", one.key, "amount"), "2400 SV102"
        if one.amount is not None:
            return self.row(at, "amount", place, sources, one.amount)
        if coded is None or not coded.hcpcs:
            note = "fee_schedule.toml" + (", once the code is known" if coded is not None else "")
            return Row(section=at, element="amount", place=place, stands=SETTINGS, note=note)
        if coded.amount is None:
            todo = "add the price of the code to fee_schedule.toml, or let the source send amounts"
            return self.missing(at, "amount", place, todo, "no price for the code on that day")
        return Row(
            section=at,
            element="amount",
            place=place,
            stands=SETTINGS,
            note="fee_schedule.toml",
            value=said(coded.amount),
        )

    def _pointers(self, at: str, one: ChargeFact, coded: Charge | None) -> Row:
        sources = self.trace.of("charge", one.key, "diagnoses")
        value = ", ".join(map(str, coded.pointers)) if coded is not None else ""
        if one.diagnoses:
            return self.row(at, "diagnosis pointers", "2400 SV107", sources, value)
        note = "the first of the visit, as none is named"
        return Row(
            section=at, element="diagnosis pointers", place="2400 SV107", stands=THERE, note=note, value=value
        )


def _units(one: ChargeFact, coded: Charge | None, sources: tuple[str, ...]) -> str:
    if coded is not None and coded.hcpcs and (coded.units, "UN") != (one.units, one.unit_basis):
        return "counted as settings say"
    return "" if sources else "one, or what settings say"
