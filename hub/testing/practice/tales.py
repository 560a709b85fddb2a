"""Makes the files of each story, by the story's key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import msgspec

from hub.testing.practice import fhir, hl7
from hub.testing.practice.calendar import months, working_day
from hub.testing.practice.people import QUILLON, cover, single
from hub.testing.practice.records import Cover, Item, Patient, Provider, Visit
from hub.testing.practice.services import B12, KETOROLAC, hcpcs, local
from hub.testing.practice.stories import STORIES, Story

Made = tuple[date, str, bytes]
"""The day on which a file comes, its folder, its bytes."""
Tale = Callable[["Desk"], list[Made]]

_NUMBERS = {key: 9000 + n for n, key in enumerate(STORIES)}
BEFORE_GO_LIVE = date(2025, 12, 29)
VISIT = (hcpcs("T1015"), hcpcs("J3420", drug=B12))


class Desk:
    """What the tale of one story is told with: its day, its patient, and a way to write files."""

    def __init__(self, story: Story, start: date) -> None:
        self.story, self.start = story, start
        self.number = _NUMBERS[story.key]
        self.sent = 0

    def day(self, later: int = 0) -> date:
        """The working day of the story, or one some working days later."""
        return working_day(self.start, self.story.day + later)

    def patient(self, payer: str = "ppo", **changes: object) -> Patient:
        """The story's patient, who has no other visits; with the member id that the story names."""
        found = single(self.number, self.story.source, payer, (cover(payer, self.number),), 1961)
        found = msgspec.structs.replace(found, key=f"S-{self.story.key}")
        if self.story.member:
            found = msgspec.structs.replace(found, covers=(_with_member(found.covers[0], self.story.member),))
        return msgspec.structs.replace(found, **changes)

    def visit(self, patient: Patient | None = None, **changes: object) -> Visit:
        """The story's visit."""
        found = Visit(
            key=f"S-{self.story.key}",
            patient=patient or self.patient(),
            on=self.day(),
            items=VISIT,
            diagnoses=("E53.8",),
            provider=QUILLON,
            at=14,
        )
        return msgspec.structs.replace(found, **changes)

    def bundle(self, *resources: fhir.Resource, later: int = 0, kept: date | None = None) -> Made:
        """A bundle that comes some working days after the story's."""
        on = kept or self.day(later)
        return on, "fhir", fhir.bundle(resources, self._moment(on))

    def of(self, visit: Visit, later: int = 0) -> Made:
        """A visit as its source writes it."""
        if self.story.source == "fhir":
            return self.bundle(*fhir.visit_resources(visit), later=later)
        return self.message(hl7.dft, visit, later=later)

    def message(self, write: Callable[[Visit, str, datetime], bytes], visit: Visit, later: int = 0) -> Made:
        """An HL7 message about a visit."""
        on = self.day(later)
        return on, "hl7", write(visit, self.control(), self._moment(on))

    def control(self) -> str:
        """The next message control id."""
        self.sent += 1
        return f"S{self.number}{self.sent:02d}"

    def moment(self, later: int = 0) -> datetime:
        """When the next message is sent."""
        return self._moment(self.day(later))

    def _moment(self, on: date) -> datetime:
        self.sent += 1
        return datetime.combine(on, time(17, self.sent))


def _with_member(one: Cover, member: str) -> Cover:
    return msgspec.structs.replace(one, member=member)


def _plain(desk: Desk) -> list[Made]:
    """A visit like any other; what makes the story happens elsewhere."""
    return [desk.of(desk.visit())]


def _with_items(*items: Item) -> Tale:
    """A visit with these charges."""
    return lambda desk: [desk.of(desk.visit(items=items))]


def _qmb(desk: Desk) -> list[Made]:
    return [desk.of(desk.visit(desk.patient("medicare")))]


def _no_diagnosis(desk: Desk) -> list[Made]:
    return [desk.of(desk.visit(diagnoses=()))]


def _bad_resource(desk: Desk) -> list[Made]:
    visit = desk.visit()
    resources = list(fhir.visit_resources(visit))
    resources[-1] = resources[-1] | {"quantity": {"value": "two"}}
    return [desk.bundle(*resources)]


def _condition_first(desk: Desk) -> list[Made]:
    visit = desk.visit()
    rest = [one for one in fhir.visit_resources(visit) if one["resourceType"] != "Condition"]
    return [desk.bundle(*fhir.conditions(visit)), desk.bundle(*rest, later=1)]


def _same_file(desk: Desk) -> list[Made]:
    first = desk.of(desk.visit())
    return [first, first]


def _late_charge(desk: Desk) -> list[Made]:
    first, second = desk.visit().items
    visit = desk.visit(items=(first,))
    return [desk.of(visit), desk.bundle(fhir.charge(visit, second, 2), kept=desk.day() + timedelta(days=2))]


def _before_go_live(desk: Desk) -> list[Made]:
    on = min(BEFORE_GO_LIVE, desk.start - timedelta(days=7))
    return [desk.of(desk.visit(on=on))]


def _cancelled(desk: Desk) -> list[Made]:
    return [desk.of(desk.visit(status="cancelled"))]


def _test_patient(desk: Desk) -> list[Made]:
    one = msgspec.structs.replace(desk.patient().person, last="ZZTEST")
    return [desk.of(desk.visit(desk.patient(person=one)))]


def _rental(*modifiers: str) -> Tale:
    """A charge each month, on a day of its own, with no visit."""

    def tale(desk: Desk) -> list[Made]:
        patient = desk.patient("medicare")
        made = []
        for modifier, on in zip(modifiers, months(desk.start), strict=True):
            item = hcpcs("E0601", modifiers=("RR", modifier))
            charge = fhir.rental(f"{patient.key}-{on:%Y%m}", patient, on, item, QUILLON, "G47.33")
            people = [*fhir.people(patient), fhir.practitioner(QUILLON)]
            made.append(desk.bundle(*people, charge, kept=on))
        return made

    return tale


def _unmapped_plan(desk: Desk) -> list[Made]:
    name = "OSPREY-HMO"
    plan = Cover(token=name, name="Osprey HMO", member="OS0009001")
    return [desk.of(desk.visit(desk.patient(covers=(plan,))))]


def _unknown_provider(desk: Desk) -> list[Made]:
    return [desk.of(desk.visit(provider=Provider(npi="1999999990", last="Wigeon", first="Perry")))]


def _no_coverage(desk: Desk) -> list[Made]:
    return [desk.of(desk.visit(desk.patient(covers=())))]


def _test_message(desk: Desk) -> list[Made]:
    return [(desk.day(), "hl7", hl7.dft(desk.visit(), desk.control(), desk.moment(), "T"))]


def _result(desk: Desk) -> list[Made]:
    return [desk.message(hl7.oru, desk.visit())]


def _merge(desk: Desk) -> list[Made]:
    kept = desk.patient("medicare")
    old = msgspec.structs.replace(kept, key=f"{kept.key}-old")
    second = desk.visit(old, key="S-merge-2", on=desk.day(1), items=(local("FLU-ADMIN"),), diagnoses=("Z23",))
    merged = hl7.merge(kept, old.key, desk.control(), desk.moment(2))
    return [desk.of(desk.visit(kept)), desk.of(second, later=1), (desk.day(2), "hl7", merged)]


def _bad_message(desk: Desk) -> list[Made]:
    other = single(desk.number + 500, "hl7", "medicaid", (cover("medicaid", desk.number + 500),))
    visits = (desk.visit(), desk.visit(other, key="S-bad-message-2"))
    first, second = (hl7.dft(visit, desk.control(), desk.moment()) for visit in visits)
    nameless = msgspec.structs.replace(desk.patient(), key="")
    bad = hl7.dft(desk.visit(nameless, key="S-bad-message-3"), desk.control(), desk.moment())
    return [(desk.day(), "hl7", hl7.batch((first, bad, second), desk.moment()))]


def _late_charge_hl7(desk: Desk) -> list[Made]:
    visit = desk.visit(items=(hcpcs("T1015", key="1"),))
    late = desk.visit(items=(hcpcs("J1885", 2, drug=KETOROLAC, key="2"),))
    return [desk.of(visit), desk.of(late, later=2)]


def _credit(desk: Desk) -> list[Made]:
    wrong = hcpcs("J3420", drug=B12, key="2")
    undo = hcpcs("J3420", drug=B12, key="3", kind="CD")
    return _with_items(hcpcs("T1015", key="1"), wrong, undo)(desk)


def _injury(desk: Desk) -> list[Made]:
    injured = desk.day() - timedelta(days=1)
    return [desk.of(desk.visit(desk.patient("comp"), injured=injured, diagnoses=("S13.4XXA",)))]


def _no_injury_date(desk: Desk) -> list[Made]:
    return [desk.of(desk.visit(desk.patient("comp"), diagnoses=("S13.4XXA",)))]


def _duplicate(desk: Desk) -> list[Made]:
    patient = desk.patient("medicare")
    second = desk.visit(patient, key="S-duplicate-2")
    return [desk.of(desk.visit(patient)), desk.of(second, later=1)]


def _copay(desk: Desk) -> list[Made]:
    paid = Item(kind="CO", amount=Decimal("25.00"), key="CO1")
    later = Item(kind="PY", amount=Decimal("10.00"), key="PY1")
    visit = desk.visit(items=(*VISIT, paid))
    return [desk.of(visit), desk.of(desk.visit(items=(later,)), later=10)]


def _cancelled_hl7(desk: Desk) -> list[Made]:
    visit = desk.visit(status="planned")
    return [
        desk.message(lambda v, control, sent: hl7.adt("A04", v, control, sent), visit),
        desk.message(lambda v, control, sent: hl7.adt("A11", v, control, sent), visit),
    ]


def _self_pay(desk: Desk) -> list[Made]:
    return [desk.of(desk.visit(desk.patient("self_pay")))]


TALES: dict[str, Tale] = {
    "qmb": _qmb,
    "unmapped-code": _with_items(hcpcs("T1015"), local("FOOT-SOAK")),
    "no-diagnosis": _no_diagnosis,
    "visit-level": _with_items(Item(code="185345009", system="SNOMED")),
    "bad-resource": _bad_resource,
    "condition-first": _condition_first,
    "same-file": _same_file,
    "late-charge": _late_charge,
    "before-go-live": _before_go_live,
    "cancelled": _cancelled,
    "test-patient": _test_patient,
    "rental": _rental("KH", "KI"),
    "old-rental": _rental("KJ", "KJ"),
    **dict.fromkeys(("co16", "co197", "co29", "pr27", "reversed", "rejected", "rejected-by-payer"), _plain),
    "unmapped-plan": _unmapped_plan,
    "unknown-provider": _unknown_provider,
    "no-coverage": _no_coverage,
    "test-message": _test_message,
    "result": _result,
    "merge": _merge,
    "bad-message": _bad_message,
    "late-charge-hl7": _late_charge_hl7,
    "credit": _credit,
    "injury": _injury,
    "no-injury-date": _no_injury_date,
    "duplicate": _duplicate,
    "copay": _copay,
    "cancelled-hl7": _cancelled_hl7,
    "test-patient-hl7": _test_patient,
    "before-go-live-hl7": _before_go_live,
    "self-pay": _self_pay,
}


def tell(start: date) -> list[Made]:
    """The files of every story, for a practice that begins on `start`."""
    return [made for key, story in STORIES.items() for made in TALES[key](Desk(story, start))]
