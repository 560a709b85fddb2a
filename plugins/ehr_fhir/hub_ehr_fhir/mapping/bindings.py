"""What R4's own rules leave open and billing does not: codes of required bindings, NPIs, other versions of FHIR."""

from __future__ import annotations

import re
from operator import attrgetter

import msgspec
from msgspec import Raw

from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.scene import Scene

_FIX_VERSION = "ask for R4: the server's R4 base address, or fhirVersion=4.0 in what it is asked"
_NUMBERED = (shapes.Practitioner, shapes.PractitionerRole, shapes.Organization, shapes.Location)
_TOLD = frozenset((shapes.Patient, shapes.Coverage, *_NUMBERED))
_TOP = msgspec.json.Decoder(dict[str, msgspec.Raw])
_GENDERS = frozenset(("", "male", "female", "other", "unknown"))
_COVERAGE = frozenset(("active", "cancelled", "draft", "entered-in-error"))


def _written(name: str, value: bytes = b"") -> tuple[bytes, re.Pattern[bytes]]:
    """An element's name as it stands in JSON, which is quickly not found, and what makes it sure."""
    quoted = b'"' + name.encode() + b'"'
    return quoted, re.compile(quoted + rb"(?<!\\" + quoted + rb")\s*:\s*" + value)


# Elements that R5, or STU3, has and R4 has not, or that have another shape there.
_OTHERS: dict[str, tuple[tuple[str, str, bytes], ...]] = {
    "Encounter": (
        ("R5", "actualPeriod", b""),
        ("R5", "plannedStartDate", b""),
        ("R5", "virtualService", b""),
        ("R5", "admission", b""),
        ("R5", "class", rb"\["),
        ("STU3 or R5", "reason", rb"\["),
    ),
    "Condition": (("STU3", "clinicalStatus", b'"'), ("STU3", "verificationStatus", b'"')),
    "Coverage": (("R5", "insurer", b""), ("R5", "paymentBy", b""), ("R5", "insurancePlan", b"")),
    "ChargeItem": (("R5", "totalPriceComponent", b""), ("R5", "unitPriceComponent", b"")),
    "Procedure": (
        ("R5", "occurrenceDateTime", b""),
        ("R5", "occurrencePeriod", b""),
        ("STU3", "context", b""),
        ("STU3", "notDone", b""),
    ),
}
SIGNS = {
    kind: tuple((release, name, *_written(name, value)) for release, name, value in rows)
    for kind, rows in _OTHERS.items()
}


def _elements(kind: str) -> dict[str, str]:
    """Those of these elements of which its record tells whether they are there, with their attributes."""
    fields = msgspec.structs.fields(shapes.SHAPES[kind])
    names = {name for _, name, _ in _OTHERS[kind]}
    return {field.encode_name: field.name for field in fields if field.encode_name in names and field.type is Raw}


# Of a resource that was decoded: what of this its record has, and what its bytes alone would show. The rest its types
# exclude (an array as class, a text as verificationStatus).
_HAS = {kind: attrgetter(*_elements(kind).values()) for kind in SIGNS if len(_elements(kind)) > 1}
_SHOWN = {"Condition": tuple(row for row in SIGNS["Condition"] if row[1] == "clinicalStatus")}


def other_version(part: Part, raw: bytes, notes: Notes) -> bool:
    """Whether a resource has an element of another version of FHIR: it would be read as if it said nothing."""
    rows = SIGNS.get(part.kind, ())
    if part.record is not None and rows:
        if part.kind not in _HAS:
            rows = _SHOWN.get(part.kind, rows)
        elif not any(_HAS[part.kind](part.record)):
            return False
    for release, name, quoted, sure in rows:
        if quoted in raw and _stands(raw, quoted, sure) and _on_top(raw, quoted, sure):
            why = f"this element is written as in FHIR {release}, and this connector reads R4 (4B)"
            notes.error("fhir.version", part.at(name), why, _FIX_VERSION)
            return True
    return False


def _stands(raw: bytes, quoted: bytes, sure: re.Pattern[bytes]) -> bool:
    """Whether `sure`, which begins with `quoted`, is found: as a search, which would look for it byte by byte."""
    at = raw.find(quoted)
    while at >= 0:
        if sure.match(raw, at):
            return True
        at = raw.find(quoted, at + 1)
    return False


def _on_top(raw: bytes, quoted: bytes, sure: re.Pattern[bytes]) -> bool:
    """Whether it is the resource's own element: what it contains may be of a type that has it so."""
    try:
        value = _TOP.decode(raw).get(quoted.strip(b'"').decode())
    except msgspec.DecodeError:
        return True
    return value is not None and sure.match(quoted + b":" + bytes(value)) is not None


def tell(scene: Scene) -> None:
    """Tell of codes that no list of R4 has, and of numbers that are no NPI: the rest of the resource is read."""
    for part in scene.resources.parts:
        record = part.record
        if type(record) not in _TOLD:
            continue
        if isinstance(record, shapes.Patient):
            if record.gender not in _GENDERS:
                _not_listed(scene, part, "gender")
        elif isinstance(record, shapes.Coverage):
            if record.status not in _COVERAGE:
                _not_listed(scene, part, "status")
        elif isinstance(record, _NUMBERED) and codes.bad_npi(record.identifier):
            why = "this is not an NPI (ten digits, the last of which checks the others) and was not used"
            scene.notes.warn("fhir.npi", part.at("identifier"), why, "correct the NPI at the source")


def _not_listed(scene: Scene, part: Part, element: str) -> None:
    scene.notes.warn(
        "fhir.value", part.at(element), "R4's list for this element has no such code; it was not used"
    )
