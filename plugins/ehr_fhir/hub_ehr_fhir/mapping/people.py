"""Patient with its links, and who pays what the patient owes."""

from __future__ import annotations

from hub.model.facts import AnyFact, MergeFact, PatientFact
from hub.model.people import Guarantor, Identifier, Name, Patient
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.links import version_of
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.scene import Scene

# Identifier types of table 0203 that the hub has no business with.
_PRIVATE = frozenset(("SS", "SB", "DL", "PPN", "CC", "BC"))
_PRIVATE_SYSTEMS = frozenset(("http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"))


def patient_facts(scene: Scene) -> list[AnyFact]:
    """A fact for each patient, and one for each link that says two patients are one."""
    facts: list[AnyFact] = []
    for part, patient in scene.resources.of(shapes.Patient):
        name, (guarantor, by) = codes.person(patient.name), _guarantor(scene, part.key)
        if name is None:
            why = "the patient has no family name, so nothing can be billed for them"
            scene.notes.error("fhir.patient.name", part.at("name"), why)
        else:
            told = _patient(scene, part, patient, name, guarantor)
            facts.append(PatientFact(key=part.key, version=version_of(scene.resources, part, by), patient=told))
        if patient.link:
            facts += _merges(scene, part, patient)
    return facts


def _patient(
    scene: Scene, part: Part, patient: shapes.Patient, name: Name, guarantor: Guarantor | None
) -> Patient:
    return Patient(
        name=name,
        birth_date=scene.day(patient.birth_date, part, "birthDate"),
        sex=codes.sex(patient.gender),
        address=codes.postal(patient.address),
        phone=codes.phone(patient.telecom),
        identifiers=_identifiers(patient),
        guarantor=guarantor,
        death_date=scene.day(patient.deceased_date_time, part, "deceasedDateTime"),
        is_test=codes.is_test(patient.meta),
    )


def _identifiers(patient: shapes.Patient) -> tuple[Identifier, ...]:
    """Identifiers as (`MR:system`, value); private ones are not kept."""
    found = []
    for identifier in patient.identifier:
        system, coded = identifier.system, identifier.type.coding
        kinds = [coding.code for coding in coded if coding.code] if coded else []
        private = system in _PRIVATE_SYSTEMS or not _PRIVATE.isdisjoint(kinds)
        if identifier.value and not private:
            kind = kinds[0] if kinds else "ID"
            authority = f"{kind}:{system}" if system else kind
            found.append(Identifier(authority=authority, value=identifier.value))
    return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)


def _merges(scene: Scene, part: Part, patient: shapes.Patient) -> list[MergeFact]:
    """Patient.link: replaced-by and replaces are a merge; seealso and refer are not."""
    found = []
    for link in patient.link:
        other = scene.resources.key(link.other, "Patient")
        pairs = {"replaced-by": (part.key, other), "replaces": (other, part.key)}
        old, new = pairs.get(link.type, ("", ""))
        if old and new and old != new:
            key = f"patient/{old}"
            found.append(MergeFact(key=key, version=part.version, kind="patient", from_key=old, into_key=new))
    return found


def _guarantor(scene: Scene, patient_key: str) -> tuple[Guarantor | None, Part | None]:
    """The guarantor whom the newest of the patient's accounts names, and that account."""
    if shapes.Account not in scene.resources.kinds:
        return None, None
    for part, account in reversed(scene.resources.accounts_of(patient_key)):
        for guarantor in account.guarantor:
            if found := _party(scene, guarantor.party, patient_key):
                return found, part
    return None, None


def _party(scene: Scene, party: shapes.Reference, patient_key: str) -> Guarantor | None:
    resources = scene.resources
    if firm := resources.get(party, shapes.Organization):
        address = codes.postal(firm.address)
        return Guarantor(name=Name(last=firm.name), address=address, relationship="other")
    person = resources.get(party, shapes.RelatedPerson) or resources.get(party, shapes.Patient)
    name = codes.person(person.name) if person else None
    if person is None or name is None:
        return None
    related = _relation(person) if isinstance(person, shapes.RelatedPerson) else "other"
    return Guarantor(
        name=name,
        address=codes.postal(person.address),
        relationship="self" if resources.key(party, "Patient") == patient_key else related,
        phone=codes.phone(person.telecom),
    )


def _relation(person: shapes.RelatedPerson) -> str:
    """RelatedPerson.relationship (v3-RoleCode): what the person is to the patient."""
    if codes.has_code(person.relationship, "SPS", "HUSB", "WIFE"):
        return "spouse"
    if codes.has_code(person.relationship, "PRN", "MTH", "FTH", "NMTH", "NFTH", "STPMTH", "STPFTH"):
        return "parent"
    if codes.has_code(person.relationship, "CHILD", "CHLDADOPT", "SONC", "DAUC", "DAU", "SON", "NCHILD"):
        return "child"
    return "other"
