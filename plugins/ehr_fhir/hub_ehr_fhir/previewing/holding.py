"""What would hold the claim of an encounter, each with what to do; and the verdict in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hub.errors import Problem
from hub.plugin.api import Foreseen
from hub_ehr_fhir.previewing.around import Told
from hub_ehr_fhir.previewing.elements import MISSING, Known, Row, billed

# problems of the hub that a row of the preview tells already, as missing
_TOLD_BY = {
    "claim.no_coverage": "coverage",
    "claim.payer_unmapped": "payer",
    "claim.no_provider": "rendering",
    "claim.npi": "rendering NPI",
    "claim.no_place": "place of service",
    "claim.no_diagnosis": "diagnosis",
    "coding.diagnosis_unmapped": "diagnosis",
    "coding.charge_unmapped": "code",
    "coding.charge_without_code": "code",
    "coding.unpriced": "amount",
}
# what the hub numbers, as the sections of a preview are called
_CALLED = {"coverage": "Policy", "charge": "Line", "diagnosis": "Diagnosis"}
_NUMBERED = re.compile(r"^(coverage|charge|diagnosis)\[(\d+)\]")


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would hold the claim: `where` an element or a place of the resources, why, and what to do."""

    code: str
    where: str
    why: str
    fix: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`holds` in the order in which they should be mended; `remarks` hold nothing; `line` says it all in one."""

    line: str
    holds: tuple[Hold, ...] = ()
    remarks: tuple[Hold, ...] = ()

    @property
    def well(self) -> bool:
        """Whether a claim (or a bill to the patient) would come of it."""
        return not self.holds


def judge(told: Told, made: Sequence[Row], known: Known, problems: Iterable[Problem]) -> Verdict:
    """The verdict on an encounter by its rows, what the hub foresees, and what could not be read."""
    problems = tuple(problems)
    errors = [one for one in problems if one.severity == "error"]
    holds = [_hold(one) for one in errors]
    holds += _of_state(told, known, short=bool(errors), problems=problems)
    holds += _of_claim(made, known)
    if known.foreseen is not None and not billed(told) and not any(one.where.startswith("Line") for one in holds):
        holds.append(Hold(code="encounter.no_charges", where="charges", why="nothing was charged for the visit"))
    holds = list(dict.fromkeys(holds))
    remarks = [_hold(one) for one in problems if one.severity != "error" and one.code != "fhir.missing"]
    if known.foreseen is not None:
        remarks += [_hold(one) for one in known.foreseen.warnings]
    return Verdict(line=_line(holds, known), holds=tuple(holds), remarks=tuple(dict.fromkeys(remarks)))


def _hold(one: Problem) -> Hold:
    return Hold(code=one.code, where=_NUMBERED.sub(_named, one.where), why=one.why, fix=one.fix)


def _named(found: re.Match[str]) -> str:
    return f"{_CALLED[found[1]]} {found[2]}"


def _of_state(told: Told, known: Known, *, short: bool, problems: Sequence[Problem]) -> Iterator[Hold]:
    """What the visit itself waits for."""
    seen, visit = known.foreseen, told.visit
    missing = [one for one in problems if one.code == "fhir.missing"]
    if visit.status == "cancelled":
        yield Hold(
            code="visit.cancelled", where="Encounter.status", why="the visit was cancelled: nothing is billed"
        )
    elif visit.status != "finished":
        why, fix = f"the visit is {visit.status}, not finished", "nothing: it is billed once it is finished"
        yield Hold(code="visit.unfinished", where="Encounter.status", why=why, fix=fix)
    elif not visit.ready and missing:
        yield from (_hold(one) for one in missing)
    elif not visit.ready and not short:
        why = "something that the visit names could not be read or did not come"
        yield Hold(code="visit.waiting", where="Encounter", why=why, fix="see what was read, with hub messages")
    if seen is not None:
        yield from _of_settings(seen, known)


def _of_settings(seen: Foreseen, known: Known) -> Iterator[Hold]:
    """What settings say of the visit as a whole."""
    table = f"[sources.{known.instance}]"
    if seen.state == "test":
        why, fix = "the patient is marked as a test patient", "nothing; see test_patients in practices.toml"
        yield Hold(code="visit.test", where="patient", why=why, fix=fix)
    elif seen.bill_from is None:
        why = "no bill_from is set, so nothing of this connector is billed"
        yield Hold(
            code="settings.bill_from", where="bill_from", why=why,
            fix=f"write bill_from = YYYY-MM-DD under {table} of practices.toml",
        )  # fmt: skip
    elif seen.state == "history":
        why = f"the visit is before bill_from ({seen.bill_from}): it is history and never billed"
        fix = f"nothing; or an earlier bill_from under {table} of practices.toml, if it shall be billed"
        yield Hold(code="visit.history", where="bill_from", why=why, fix=fix)
    if not seen.practice:
        why, fix = "no practice is named for this connector", "name one in its table in hub.toml"
        yield Hold(code="settings.practice", where="practice", why=why, fix=fix)


def _of_claim(made: Sequence[Row], known: Known) -> Iterator[Hold]:
    """What the claim lacks. Once there is one, what the hub's own rules find on it; before that, all that is
    missing, so that it can be mended at once.
    """
    seen = known.foreseen
    if seen is not None and (seen.claims or seen.self_pay):
        yield from (_hold(one) for one in seen.problems)
        return
    lacking = [row for row in made if row.stands == MISSING]
    for row in lacking:
        why = f"missing: {row.note}" if row.note else "missing"
        yield Hold(code="missing", where=f"{row.section}, {row.element}", why=why, fix=row.todo)
    for one in seen.problems if seen is not None else ():
        element = _TOLD_BY.get(one.code)
        if element is None or not any(row.element.startswith(element) for row in lacking):
            yield _hold(one)


def _line(holds: Sequence[Hold], known: Known) -> str:
    if holds:
        return f"would be held: {len(holds)} thing{'s' if len(holds) > 1 else ''}"
    seen = known.foreseen
    if seen is not None and seen.billed and not seen.charges:
        return "is billed already: nothing of it is new"
    if seen is None:
        return "would become a claim, once settings map its payer and codes (they were not looked at)"
    if seen.self_pay:
        return "would be billed to the patient: the first policy is self pay"
    wait = f" {seen.hold_days} days after the visit" if seen.hold_days and seen.state == "waiting" else ""
    if any(one.code == "coding.proposal" for one in seen.warnings):
        wait += ", once a coder has confirmed its codes"
    count, more = len(seen.claims), "another" if seen.billed else "a"
    return f"would become {f'{more} claim' if count == 1 else f'{count} claims'}{wait}"
