"""Whose the claim is, who pays it, and who treated the patient."""

from __future__ import annotations

from collections.abc import Iterator

from hub.model.facts import CoverageFact
from hub.model.people import Provider
from hub_ehr_fhir.previewing.elements import (
    MISSING,
    NONE,
    SETTINGS,
    UNUSED,
    Maker,
    Row,
    billed,
    day_of,
    holding,
    is_held,
    named,
)


class People(Maker):
    """Patient, policies, clinicians."""

    def patient(self) -> Iterator[Row]:
        at, fact = "Patient", self.told.patient
        holder = next((one for one in holding(self.told, self.known)), None)
        loop = "2010CA" if holder is not None and holder.relationship != "self" else "2010BA"
        if fact is None:
            yield self.missing(at, "patient", f"{loop} NM1", "let the source send the Patient, with a name")
            return
        person, key = fact.patient, fact.key
        yield self.row(at, "name", f"{loop} NM103", self.trace.of("patient", key, "patient.name"), person.name)
        for element, place, field, value in (
            ("birth date", "DMG02", "birth_date", person.birth_date),
            ("address", "N301 N4", "address", person.address),
        ):
            sources = self.trace.of("patient", key, f"patient.{field}")
            if value:
                yield self.row(at, element, f"{loop} {place}", sources, value)
            else:
                yield self.missing(at, element, f"{loop} {place}", f"let the source send the patient's {element}")
        sex = self.trace.of("patient", key, "patient.sex")
        if person.sex == "U":
            todo = "nothing, if it is so; few payers take U"
            yield Row(
                section=at, element="sex", place=f"{loop} DMG03", sources=sex, note="unknown (U)", todo=todo
            )
        else:
            yield self.row(at, "sex", f"{loop} DMG03", sex, person.sex)

    def policies(self) -> Iterator[Row]:
        held = holding(self.told, self.known)
        if not held:
            todo = "let the source send its Coverage, or one that says that the patient pays"
            yield self.missing("Policy", "coverage", "2000B SBR", todo)
        for rank, one in enumerate(held, 1):
            yield from self._policy(rank, one)
        for one in self.told.coverages:
            if one not in held:
                why = self._why_unused(one)
                fields = ("valid_from", "valid_to") if one.active else ("active",)
                sources = self.trace.of("coverage", one.key, *fields)
                sources = sources or self.trace.of("coverage", one.key, "payer_token")
                yield Row(section="Policy", element="coverage", stands=UNUSED, note=why, sources=sources)

    def _why_unused(self, one: CoverageFact) -> str:
        if not one.active:
            return "its status is not active"
        if not is_held(one, day_of(self.told, self.known.zone)):
            return "it does not hold on that day"
        return "the account of the visit names others" if self.visit.policies else "the visit has its own"

    def _policy(self, rank: int, one: CoverageFact) -> Iterator[Row]:
        at = f"Policy {rank}"
        payer_loop, person_loop = ("2010BB", "2010BA") if rank == 1 else ("2330B", "2330A")
        top = "2000B" if rank == 1 else "2320"
        yield self._payer(at, f"{payer_loop} NM109", one)
        member = self.trace.of("coverage", one.key, "member_id")
        if one.member_id:
            yield self.row(at, "member id", f"{person_loop} NM109", member, one.member_id)
        else:
            todo = "let the source fill Coverage.subscriberId"
            yield self.missing(at, "member id", f"{person_loop} NM109", todo)
        ranked = self.trace.of("coverage", one.key, "rank")
        note = "" if one.rank else "no order told: by its key"
        if len(holding(self.told, self.known)) > 1:
            yield self.row(at, "rank", f"{top} SBR01", ranked, str(rank), note=note)
        group = self.trace.of("coverage", one.key, "group_number", "group_name")
        if one.group_number or one.group_name:
            yield self.row(at, "group", f"{top} SBR03", group, one.group_number or one.group_name)
        else:
            yield self.none(at, "group", f"{top} SBR03")
        yield from self._subscriber(at, top, person_loop, one)

    def _payer(self, at: str, place: str, one: CoverageFact) -> Row:
        sources = self.trace.of("coverage", one.key, "payer_token", "payer_name")
        seen = self.known.foreseen
        if seen is None:
            note = "which payer it is, settings say"
            return self.row(at, "payer", place, sources, one.payer_name or one.payer_token, note=note)
        mapped = next((each.payer for each in seen.encounter.coverages if each.key == one.key), "")
        if mapped:
            note = f"payer {mapped} of payers.toml"
            return self.row(at, "payer", place, sources, one.payer_name or one.payer_token, note=note)
        todo = f"add its line to [{self.table}.payers] of practices.toml (hub fhir codes writes it)"
        return Row(
            section=at,
            element="payer",
            place=place,
            sources=sources,
            stands=MISSING,
            todo=todo,
            note="no payer is mapped to it",
            value=one.payer_name or one.payer_token,
        )

    def _subscriber(self, at: str, top: str, loop: str, one: CoverageFact) -> Iterator[Row]:
        sources = self.trace.of("coverage", one.key, "relationship")
        place = f"{top} SBR02" if top == "2320" or one.relationship == "self" else "2000C PAT01"
        yield self.row(at, "relationship", place, sources, one.relationship)
        if one.relationship == "self":
            return
        named = self.trace.of("coverage", one.key, "subscriber")
        if one.subscriber is None:
            todo = "let the source send who holds the policy (Coverage.subscriber, with name and birth date)"
            yield self.missing(at, "subscriber", f"{loop} NM103", todo)
        else:
            yield self.row(at, "subscriber", f"{loop} NM103", named, one.subscriber)

    def clinicians(self) -> Iterator[Row]:
        at, visit = "Clinicians", self.visit
        named, charged = visit.rendering, None
        if named is None:
            charged = next((one for one in billed(self.told) if one.rendering), None)
        if named is not None:
            yield from self._clinician(at, "rendering", "2310B", self.of_visit("rendering"), named)
        elif charged is not None and charged.rendering is not None:
            sources = self.trace.of("charge", charged.key, "rendering")
            yield from self._clinician(at, "rendering", "2310B", sources, charged.rendering)
        else:
            todo = "let the source name who treated the patient (Encounter.participant, with an NPI)"
            yield self.missing(at, "rendering", "2310B NM1", todo)
        for role, loop, who in (
            ("referring", "2310A", visit.referring),
            ("supervising", "2310D", visit.supervising),
        ):
            if who is None:
                yield self.none(at, role, f"{loop} NM1")
            else:
                yield from self._clinician(at, role, loop, self.of_visit(role), who)

    def _clinician(self, at: str, role: str, loop: str, sources: tuple[str, ...], who: Provider) -> Iterator[Row]:
        names = tuple(one for one in sources if ".identifier" not in one and not one.startswith("Encounter["))
        numbers = tuple(one for one in sources if ".identifier" in one)
        if who.last:
            yield self.row(at, role, f"{loop} NM103", names or sources, named(who))
        settled = self.known.npi_of(who.id) if who.id and not who.npi else ""
        if who.npi:
            yield self.row(at, f"{role} NPI", f"{loop} NM109", numbers or sources, who.npi)
        elif settled:
            yield Row(
                section=at, element=f"{role} NPI", place=f"{loop} NM109", stands=SETTINGS, note="providers.toml",
                sources=numbers or sources, value=settled,
            )  # fmt: skip
        else:
            todo = "let the source send the NPI, or list the clinician in providers.toml"
            yield Row(
                section=at, element=f"{role} NPI", place=f"{loop} NM109", sources=numbers, todo=todo,
                stands=MISSING if role == "rendering" else NONE, note="no NPI with a good check digit",
            )  # fmt: skip
