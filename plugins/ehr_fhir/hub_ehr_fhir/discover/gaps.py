"""What billing will not get from a server, and what a person can do about each."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hub.errors import Problem
from hub_ehr_fhir.discover.offered import Ability, Offered


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a server offers, beside the settings that decide how it is asked: the connectors that are followed, where
    the patients' ids come from, whether and at which level export is set up, whether Procedures count as charges,
    (`procedures`), the types that do beside ChargeItem (`charging`), and the strategy that is forced (empty: none).
    """

    offered: Offered
    follows: tuple[str, ...] = ()
    patients: str = ""
    bulk: bool = False
    export: str = ""
    procedures: bool = True
    charging: tuple[str, ...] = ("Procedure",)
    forced: str = ""

    @property
    def by_change(self) -> bool:
        """Whether encounters can be found by when they changed."""
        encounter = self.offered.of("Encounter")
        return encounter.can("_lastUpdated") or encounter.can("_history")

    @property
    def by_mention(self) -> bool:
        """Whether a visit or a patient that another system named can be found."""
        encounter = self.offered.of("Encounter")
        person = self.offered.of("Patient").can("identifier") and encounter.can("patient")
        return person or encounter.can("identifier")

    @property
    def listed(self) -> bool:
        """Whether it is known whose encounters to ask for."""
        patient = self.offered.of("Patient")
        return bool(self.patients) or patient.can("_lastUpdated") or patient.verdict("any") == "works"

    @property
    def by_patient(self) -> bool:
        """Whether encounters can be asked for patient by patient."""
        return self.offered.of("Encounter").can("patient") and self.listed


def gaps(asked: Asked, kind: str) -> tuple[Problem, ...]:
    """What is missing under this strategy, what weighs most first."""
    return tuple(sorted(_gaps(asked, kind), key=lambda each: _WEIGHT.index(each.severity)))


_WEIGHT = ("error", "notice", "warning")


def _gaps(asked: Asked, kind: str) -> Iterator[Problem]:
    yield from _ways(asked, kind)
    if kind != "bulk":
        yield from _types(asked)
    yield from _charges(asked)
    if kind == "incremental":
        yield from _late(asked.offered)
    if kind != "bulk":
        yield from _deletes(asked.offered)
        yield from _pages(asked.offered)


def _ways(asked: Asked, kind: str) -> Iterator[Problem]:
    """Whether the strategy can work at all."""
    if kind == "incremental" and not asked.by_change:
        yield _problem(
            "change",
            "Encounter",
            "encounters cannot be asked for by when they changed: nothing would come, or everything each time",
            "set pull.strategy to auto, or to one of patients, follow and bulk",
        )
    if kind == "follow":
        yield from _followed(asked)
    if kind == "patients":
        yield from _one_by_one(asked)
    if kind == "bulk":
        yield from _exported(asked)


def _followed(asked: Asked) -> Iterator[Problem]:
    if asked.charging:
        yield _problem(
            "twice",
            "ChargeItem",
            "a connector that is followed may tell charges of the same visits (HL7 DFT): both would be billed",
            "let charges come from one of the two: set procedures_are_charges, claims_are_charges and "
            "visit_types_are_charges to false here, or take no charges there",
            "notice",
        )
    if not asked.follows:
        yield _problem(
            "follows",
            "Encounter",
            "the strategy is follow, and no connector is followed",
            'name one: follows = ["..."] in the connector\'s own table',
        )
    elif not asked.by_mention:
        yield _problem(
            "mention",
            "Encounter",
            "neither a visit's nor a patient's number finds anything at this server",
            "ask who runs it to allow searches for Patient and Encounter by identifier",
        )


def _one_by_one(asked: Asked) -> Iterator[Problem]:
    if not asked.offered.of("Encounter").can("patient"):
        yield _problem(
            "encounter",
            "Encounter",
            "encounters cannot be asked for by patient either",
            "check the scopes that were granted (Encounter: read and search), then run hub fhir probe again",
        )
    elif not asked.listed:
        yield _problem(
            "patients",
            "Patient",
            "the server lists no patients, and the settings name none",
            'follow a connector that knows the visits (follows = ["..."]), name a Group or a file (pull.patients), '
            "or set up bulk",
        )


def _exported(asked: Asked) -> Iterator[Problem]:
    level = asked.export or "patient"
    if not asked.bulk:
        yield _problem(
            "bulk", "$export", "the strategy is bulk, and bulk is not set up", "add a table bulk to the settings"
        )
    elif level not in asked.offered.exports:
        told = ", ".join(asked.offered.exports) or "none"
        yield _problem(
            "export",
            "$export",
            f"the server does not declare export at {level} level (declared: {told})",
            "ask who runs it whether it is switched on; some offer it without declaring it, so it is tried",
            "warning",
        )


_NEEDED = {
    "Patient": ("no names, birth dates and addresses: no claim can be made", "error"),
    "Coverage": ("no payer, no member number: every visit would be the patient's to pay", "error"),
    "Condition": ("only the diagnoses that Encounter itself names as codes would be known", "notice"),
    "Practitioner": ("the NPI is known only where the reference itself carries it", "warning"),
    "Organization": ("payers and facilities are known only by the display text of references", "warning"),
    "Location": ("the place of service comes from the settings alone", "warning"),
    "RelatedPerson": ("a subscriber who is not the patient stays unknown", "warning"),
    "ServiceRequest": ("no referrals", "warning"),
    "Account": ("the rank of coverages comes from Coverage.order alone, and no guarantor is known", "warning"),
}
_INSTEAD = {
    "Coverage": "ask for the scope, or let coverage come by HL7 (IN1) from a connector of the same patients",
    "Condition": "ask for the scope, or let diagnoses come by HL7 (DG1)",
    "Practitioner": "ask for the scope, or list the clinicians in providers.toml by the numbers that the server uses",
    "Organization": "map the payers by the names that hub fhir codes lists",
    "Location": "map the places in [sources.NAME.places]",
    "Account": "where the order is not told: correct it at the visit, or let insurance come by HL7 (IN1-1)",
    "ServiceRequest": "where a payer asks for a referral, it has to be added at the claim",
}
_ASK = "ask who runs the server for the scope to read and search it"


def _types(asked: Asked) -> Iterator[Problem]:
    for type_, (why, severity) in _NEEDED.items():
        if not asked.offered.of(type_).readable:
            words = f"{type_} is not offered: {why}"
            yield _problem(type_.lower(), type_, words, _INSTEAD.get(type_, _ASK), severity)


def _charges(asked: Asked) -> Iterator[Problem]:
    if asked.offered.of("ChargeItem").readable:
        if asked.procedures:
            yield _problem(
                "charges",
                "ChargeItem",
                "ChargeItem is offered, and completed Procedures count as charges too",
                "set procedures_are_charges = false where everything that is billed comes as a ChargeItem",
                "warning",
            )
        return
    instead = [type_ for type_ in asked.charging if asked.offered.of(type_).readable]
    if instead:
        yield _problem(
            "charges",
            "ChargeItem",
            f"ChargeItem is not offered: only billable codes in {' and '.join(instead)} would be charges",
            "where charges come by HL7 (DFT), connect hl7_adt and set procedures_are_charges = false; "
            "else check with a week of visits that all that is billed is there",
            "notice",
        )
    else:
        yield _problem(
            "charges",
            "ChargeItem",
            "ChargeItem is not offered, and nothing else counts: no charge comes from this server",
            "charges must come by HL7 (DFT): connect hl7_adt too; or set procedures_are_charges or "
            "claims_are_charges where Procedures or Claims are offered and carry what is billed",
            "notice",
        )


def _late(offered: Offered) -> Iterator[Problem]:
    late = [each for each in ("Condition", "Procedure", "ChargeItem") if _unseen(offered.of(each))]
    if late:
        yield _problem(
            "late",
            late[0],
            f"{', '.join(late)}: what is added after its visit last changed is not found by when it changed",
            "each visit is asked for again, ever more rarely, for pull.look_again_days: set how late charges come",
            "warning",
        )


def _unseen(ability: Ability) -> bool:
    return ability.readable and not (ability.can("_lastUpdated") or ability.can("_history"))


def _deletes(offered: Offered) -> Iterator[Problem]:
    if not offered.of("Encounter").can("_history"):
        yield _problem(
            "deletes",
            "Encounter",
            "the server tells no deletions (no history of a type): what is deleted there stays here until it is "
            "asked for again (visits and charges: every `reconcile_days`, if it answers 410 then)",
            "have visits cancelled (status cancelled or entered-in-error) instead of deleted",
            "warning",
        )


def _pages(offered: Offered) -> Iterator[Problem]:
    broken = [
        type_ for type_, each in offered.abilities.items() if each.verdict("next") in ("refused", "ignored")
    ]
    if broken:
        yield _problem(
            "pages",
            broken[0],
            "there is more than one page, and the next one cannot be had as FHIR says",
            "the hub asks for smaller windows of time; tell who runs the server",
            "warning",
        )


def _problem(code: str, where: str, why: str, fix: str, severity: str = "error") -> Problem:
    return Problem(code=f"fhir.offer.{code}", where=where, why=why, fix=fix, severity=severity)
