"""A claim as its source tells it today: the same lines and amounts, of a patient and policies that were corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from hub.config.settings import Settings
from hub.flow.base import move_claims
from hub.flow.building import billing_provider, rendering_of
from hub.flow.line_numbers import numbered
from hub.model.claim import Claim
from hub.model.coverage import Coverage, PatientFile
from hub.model.encounter import Encounter
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, New, Row


def refresh(tx: Tx, settings: Settings, row: Row[Claim], encounter: Encounter, file: PatientFile) -> bool:
    """A claim that has not left yet is made anew where its patient was merged or parted; whether that was needed."""
    claim = refreshed(row.record, encounter, file, settings, row.practice)
    if claim == row.record:
        return False
    made = versioned(tx, row, claim)
    change: Change[Claim] = Change(
        row, record=made, state="new", version=made.version, cents=to_cents(made.total)
    )
    move_claims(tx, [change], cause="merge")
    tx.event("claim.refreshed", "claim", row.id, practice=row.practice, version=made.version, was=row.state)
    tx.then(Nudge("scrub.check", row.practice))
    return True


def versioned(tx: Tx, row: Row[Claim], claim: Claim) -> Claim:
    """The next version of the claim, stored for good, with line control numbers of its own."""
    (version,) = numbered(tx, [replace(claim, version=row.col("version") + 1)])
    about = {"claim_id": row.id, "version": version.version}
    tx.claim_versions.add_many([New(tx.new_id("clv"), version, practice=row.practice, state="made", **about)])
    return version


def refreshed(claim: Claim, encounter: Encounter, file: PatientFile, settings: Settings, practice: str) -> Claim:
    """The claim with the patient, coverages, providers, place and authorization of today; codes, amounts stay. Pure.

    A coverage is taken over where the payer of that rank is still the same; another payer is another claim. While
    nobody has answered, the payers behind the first are those of today.
    """
    house = settings.practices.get(practice)
    rendering, problems = rendering_of(encounter, (), settings)
    place = encounter.place_of_service if len(claim.encounter_ids) == 1 else ""
    return replace(
        claim,
        patient=file.patient,
        coverage=_same_payer(claim.coverage, encounter.coverages),
        other_coverages=_others(claim, encounter.coverages),
        billing=billing_provider(house) if house else claim.billing,
        rendering=claim.rendering if problems else rendering,
        place_of_service=place or claim.place_of_service,
        authorization=encounter.authorization or claim.authorization,
    )


def rediagnosed(claim: Claim, icd10: tuple[str, ...], pointers: Mapping[str, tuple[int, ...]]) -> Claim:
    """The claim with other diagnoses, where every line can be told which of them it points to. Pure.

    `pointers` are those of the charges, by their ids.
    """
    told = [pointers.get(line.charge_ids[0], ()) if line.charge_ids else () for line in claim.lines]
    if not icd10 or not all(told):
        return claim
    lines = tuple(replace(line, pointers=own) for line, own in zip(claim.lines, told, strict=True))
    return replace(claim, diagnoses=icd10, lines=lines)


def _others(claim: Claim, told: Sequence[Coverage]) -> tuple[Coverage, ...]:
    if claim.rank == 1 and told and told[0].payer == claim.coverage.payer:
        return tuple(told[1:])
    return tuple(_same_payer(one, told) for one in claim.other_coverages)


def _same_payer(held: Coverage, told: Sequence[Coverage]) -> Coverage:
    return next((one for one in told if (one.rank, one.payer) == (held.rank, held.payer)), held)


__all__ = ["rediagnosed", "refresh", "refreshed", "versioned"]
