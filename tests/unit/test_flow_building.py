"""Building: charges become claims, a bill to the patient, or everything that is missing, said at once."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flowlab.made import (
    FENNIMORE,
    HOME,
    LARKSPUR,
    NOW,
    D,
    charge_fact,
    coverage,
    encounter,
    encounter_fact,
    patient,
    priced,
    route,
    settings,
)
from msgspec.structs import replace

from hub.flow.building import MAX_LINES, Built, Priced, build, doubled
from hub.flow.claim_837 import Sending, claims_837
from hub.flow.visits.assemble import placed
from hub.flow.visits.assembly import charge_of, encounter_of
from hub.model.encounter import Encounter
from hub.model.people import Facility, Provider, Reference
from hub.model.services import Attachment, Dated, Note
from hub.x12.guides.claim_837p import CLAIM_837P
from hub.x12.write import check_texts


def built(*charges: Priced, visit: Encounter | None = None) -> Built:
    """What these charges of one coded visit come to."""
    visit = visit or encounter(icd10=("E119",))
    return build([("enc1", visit)], charges, patient(), settings(), "lakeside")


def reasons(of: Built) -> list[str]:
    """The codes of the problems."""
    return [one.code for one in of.problems]


def test_a_claim_carries_what_its_encounter_says() -> None:
    """One claim to the first coverage, the others beside it, with the practice's own name and every charge a line."""
    covers = (coverage("medicare"), coverage("medigap", 2))
    found = built(
        priced("C2"), priced("C1", "G0008", "30.00"), visit=encounter(icd10=("E119",), coverages=covers)
    )
    (one,) = found.claims
    assert (one.payer, one.coverage, one.other_coverages) == ("medicare", covers[0], covers[1:])
    assert (one.billing.npi, one.billing.tax_id, one.rendering) == ("1999999018", "123456789", LARKSPUR)
    assert [(each.number, each.charge_ids, each.hcpcs, each.amount) for each in one.lines] == [
        (1, ("chg-C1",), "G0008", D("30.00")),
        (2, ("chg-C2",), "T1015", D("165.00")),
    ]
    assert (one.total, reasons(found)) == (D("195.00"), [])


def test_more_than_fifty_lines_are_split() -> None:
    """A claim carries fifty lines at most; every charge stands on exactly one claim, numbered from 1 in each."""
    found = built(*[priced(f"C{number:03}") for number in range(MAX_LINES + 3)])
    assert [len(one.lines) for one in found.claims] == [50, 3]
    assert len({id_ for one in found.claims for each in one.lines for id_ in each.charge_ids}) == 53
    assert [each.number for each in found.claims[1].lines] == [1, 2, 3]


def test_a_credit_undoes_its_charge() -> None:
    """A credit takes one charge of its code, day and amount with it; both are settled, and neither is billed."""
    found = built(priced("C1"), priced("C2"), priced("C3", kind="credit"))
    assert [id_ for each in found.claims[0].lines for id_ in each.charge_ids] == ["chg-C2"]
    assert found.settled == ("chg-C3", "chg-C1")
    assert built(priced("C1"), priced("C2", kind="credit")) == Built(settled=("chg-C2", "chg-C1"))


@pytest.mark.parametrize("changes", [{"amount": D(1)}, {"hcpcs": "G0008"}])
def test_a_credit_without_its_charge_is_held(changes: dict[str, object]) -> None:
    """A credit that fits no charge to the cent is work, and nothing is billed meanwhile."""
    found = built(priced("C1"), priced("C2", kind="credit", **changes))
    assert (found.claims, reasons(found)) == ((), ["claim.credit_alone"])


def test_self_pay_makes_no_claim() -> None:
    """Where the first coverage says that the patient pays, there is no claim and nothing is missing."""
    found = built(
        priced(), visit=encounter(icd10=(), diagnoses=(), coverages=(coverage("self_pay"),), rendering=None)
    )
    assert found == Built(self_pay=True, kept=(priced(),))


def test_everything_missing_is_said_at_once() -> None:
    """Coverage, provider, place and diagnosis: none is filled in, and all are named together."""
    bare = encounter(coverages=(), rendering=None, place_of_service="", diagnoses=())
    assert reasons(built(priced(), visit=bare)) == [
        "claim.no_coverage",
        "claim.no_provider",
        "claim.no_place",
        "claim.no_diagnosis",
    ]
    unknown = encounter(icd10=("E119",), coverages=(coverage(), coverage("", 2)))
    assert [(one.code, one.where) for one in built(priced(), visit=unknown).problems] == [
        ("claim.payer_unmapped", "coverage[2]")
    ]


def test_a_provider_is_known_or_has_a_good_npi() -> None:
    """A source's own id is looked up in providers.toml; an unknown provider needs an NPI with a good check digit."""
    by_name = built(priced(), visit=encounter(icd10=("E119",), rendering=Provider(npi="DR-LARKSPUR", last="L")))
    assert by_name.claims[0].rendering == LARKSPUR
    bad = encounter(icd10=("E119",), rendering=Provider(npi="1999999990", last="Wigeon"))
    assert reasons(built(priced(), visit=bad)) == ["claim.npi"]
    good = Provider(npi="1999999067", last="Wigeon", first="Perry")
    assert built(priced(), visit=encounter(icd10=("E119",), rendering=good)).claims[0].rendering == good


def test_who_rendered_may_stand_on_the_charges() -> None:
    """Where the visit names nobody, the one whom all charges name; a line keeps another's name beside it."""
    visit = encounter(icd10=("E119",), rendering=None)
    (one,) = built(priced("C1", rendering=FENNIMORE), priced("C2"), visit=visit).claims
    assert (one.rendering, [each.rendering for each in one.lines]) == (FENNIMORE, [None, None])
    two = built(priced("C1", rendering=FENNIMORE), priced("C2", rendering=LARKSPUR), visit=visit)
    assert reasons(two) == ["claim.no_provider"]
    (beside,) = built(priced("C1", rendering=FENNIMORE), priced("C2")).claims
    assert (beside.rendering, [each.rendering for each in beside.lines]) == (LARKSPUR, [FENNIMORE, None])


def test_the_facility_stands_where_it_is_elsewhere() -> None:
    """2310C is left out for the practice's own address, and written for another."""
    here = Facility(name="Here", address=replace(HOME, line1="120 HARBOR STREET", zip="440991204"))
    there = Facility(name="There", address=replace(HOME, line1="8 Shore Road", zip="440992208"))
    told = [
        built(priced(), visit=encounter(icd10=("E119",), facility=one)).claims[0].facility
        for one in (here, there)
    ]
    assert told == [None, there]


def test_the_place_may_stand_on_the_charges() -> None:
    """Where the visit has no place, the one that all charges name; two different ones are not chosen between."""
    visit = encounter(icd10=("E119",), place_of_service="")
    same = built(priced("C1", place_of_service="12"), priced("C2", place_of_service="12"), visit=visit)
    assert (same.claims[0].place_of_service, same.claims[0].lines[0].place_of_service) == ("12", "")
    two = built(priced("C1", place_of_service="12"), priced("C2", place_of_service="11"), visit=visit)
    assert reasons(two) == ["claim.no_place"]


@pytest.mark.parametrize(
    ("kind", "own", "named", "places", "where"),
    [
        ("virtual", "", "", {}, ""),
        ("virtual", "11", "", {}, ""),
        ("virtual", "", "Here", {"Here": "11"}, ""),
        ("virtual", "", "Here", {"Here": "02"}, "02"),
        ("virtual", "11", "Here", {"Here": "11", "virtual": "10"}, "10"),
        ("virtual", "02", "", {"virtual": "10"}, "02"),
        ("virtual", "", "", {"virtual": "11"}, "11"),
        ("home", "", "", {}, ""),
        ("home", "13", "", {"home": "12"}, "13"),
        ("home", "22", "", {"home": "12"}, "12"),
        ("ambulatory", "", "", {}, "house"),
        ("ambulatory", "22", "Here", {"Here": "19"}, "22"),
        ("", "", "Here", {"Here": "19"}, "19"),
    ],
)
def test_who_was_elsewhere_was_in_no_office(
    kind: str, own: str, named: str, places: dict[str, str], where: str
) -> None:
    """A virtual visit, or one at a home, has no place of the practice's, whatever the facility, its location or its
    department says: it has a place of its own kind, or what is set for the kind."""
    known = settings()
    source, about = next((key, one) for key, one in known.sources.items() if one.facility)
    about = about.model_copy(update={"places": places})
    known = known.model_copy(update={"sources": {**known.sources, source: about}})
    visit = encounter(kind=kind, place_of_service=own, facility=Facility(name=named) if named else None)
    house = known.facilities[about.facility].place_of_service
    assert placed(visit, known, source).place_of_service == (house if where == "house" else where)


@pytest.mark.parametrize(("kind", "place"), [("virtual", "10"), ("home", "12")])
def test_a_visit_elsewhere_waits_for_its_place(kind: str, place: str) -> None:
    """Without a place it is held, and told which setting is missing; what its department's place is does not count,
    unless its lines tell different places."""
    visit = encounter(icd10=("E119",), kind=kind, place_of_service="")
    office = [priced(f"C{n}", place_of_service="11") for n in (1, 2)]
    assert reasons(built(*office, visit=visit)) == [f"claim.no_place_{kind}"]
    assert f'set {kind} = "{place}"' in built(*office, visit=visit).problems[0].fix
    told = built(*(replace_place(one, place) for one in office), visit=visit).claims[0]
    known = built(*office, visit=replace(visit, place_of_service=place)).claims[0]
    for claim in (told, known):
        assert (claim.place_of_service, [one.place_of_service for one in claim.lines]) == (place, ["", ""])
    mixed = built(office[0], replace_place(office[1], place), visit=replace(visit, place_of_service=place))
    assert [one.place_of_service for one in mixed.claims[0].lines] == ["11", ""]


def replace_place(one: Priced, place: str) -> Priced:
    """The charge, with this place of service."""
    return one[0], replace(one[1], place_of_service=place)


def test_visits_of_one_claim_keep_their_places() -> None:
    """Where several visits stand on one claim, the lines of another visit than the first have its place."""
    office, call = (encounter(icd10=("E119",), place_of_service="11"), encounter(kind="virtual"))
    both = [priced("C1", encounter_id="enc1"), priced("C2", encounter_id="enc2")]

    def of(call: Encounter) -> Built:
        return build([("enc1", office), ("enc2", call)], both, patient(), settings(), "lakeside")

    (claim,) = of(replace(call, place_of_service="10")).claims
    assert (claim.place_of_service, [one.place_of_service for one in claim.lines]) == ("11", ["", "10"])
    assert reasons(of(replace(call, place_of_service=""))) == ["claim.no_place_virtual"]


def test_doubled_lines_are_told() -> None:
    """A line repeats another when code, modifiers and day are the same."""
    found = built(priced("C1"), priced("C2"), priced("C3", modifiers=("76",)))
    assert doubled(found.claims[0].lines) == (2,)


def test_a_claim_carries_what_else_its_source_told() -> None:
    """Supervising and ordering providers, dates, numbers, notes, reports and words go from the facts to the 837P."""
    note = Note(kind="additional", text="Seen at home, 2 hours")
    fact = encounter_fact(
        supervising=FENNIMORE,
        dates=(Dated(kind="onset", on=date(2026, 2, 20)),),
        references=(Reference(kind="referral", value="R-1"),),
        notes=(note,),
        attachments=(Attachment(report="OZ", way="EL", control_number="REP1"),),
    )
    visit = encounter_of(
        fact, patient_id="pat1", source_key="E1", diagnoses=(), coverages=(coverage(),), source="ehr"
    )
    done = charge_of(
        charge_fact(ordering=FENNIMORE, description="A thing", notes=(Note(kind="goals", text="Walk"),)),
        patient_id="pat1",
        encounter_id="enc1",
        source="ehr",
    )
    assert (done.ordering, done.description, done.notes[0].text) == (FENNIMORE, "A thing", "Walk")
    made = built(
        ("chg1", replace(priced()[1], ordering=done.ordering, description=done.description, notes=done.notes)),
        visit=replace(visit, icd10=("E119",), place_of_service="11"),
    )
    texts = claims_837([Sending(pcn="LF1", claim=made.claims[0])], route(), reference="R", at=NOW)
    assert [found.where for found in check_texts(CLAIM_837P, texts) if found.severity == "error"] == []
    for expected in (
        "DTP*431*D8*20260220",
        "PWK*OZ*EL***AC*REP1",
        "REF*9F*R-1",
        "NTE*ADD*SEEN AT HOME, 2 HOURS",
        f"NM1*DQ*1*FENNIMORE*ODETTE****XX*{FENNIMORE.npi}",
        "SV1*HC:T1015:::::A THING*165*UN*1***1",
        "NTE*DCP*WALK",
        f"NM1*DK*1*FENNIMORE*ODETTE****XX*{FENNIMORE.npi}",
    ):
        assert expected in texts


def test_an_inpatient_who_went_home_has_a_day_of_discharge() -> None:
    """An admission that is over gives DTP*096, the local day; one that goes on, or ends before it began, does not."""
    visit = encounter(
        icd10=("E119",), admitted_on=date(2026, 2, 20), ended_at=datetime(2026, 2, 26, 3, tzinfo=UTC)
    )
    (made,) = built(priced(), visit=visit).claims
    assert made.dates == (Dated(kind="discharge", on=date(2026, 2, 25)),)
    texts = claims_837([Sending(pcn="LF1", claim=made)], route(), reference="R", at=NOW)
    assert texts.index("DTP*435*D8*20260220") + 1 == texts.index("DTP*096*D8*20260225")
    for other in (
        replace(visit, status="open"),
        replace(visit, admitted_on=None),
        replace(visit, ended_at=datetime(2026, 2, 1, tzinfo=UTC)),
        replace(visit, ended_at=None),
    ):
        assert built(priced(), visit=other).claims[0].dates == ()


def test_people_by_the_sources_own_ids() -> None:
    """Whom a source calls by its own id is whom providers.toml says; an id that nobody knows stands on no claim."""
    ours = Provider(npi="", last="", id="DR-LARKSPUR")
    unknown = Provider(npi="", last="", id="D55")
    visit = encounter(icd10=("E119",), rendering=ours, referring=unknown, supervising=replace(ours, last="LARK"))
    found = built(priced(ordering=ours, rendering=unknown), visit=visit)
    (one,) = found.claims
    assert one.rendering
    assert one.supervising
    assert (one.rendering.npi, one.supervising.npi, one.referring) == (LARKSPUR.npi, LARKSPUR.npi, None)
    assert one.lines[0].ordering
    assert (one.lines[0].ordering.npi, one.lines[0].rendering) == (LARKSPUR.npi, None)
    assert reasons(built(priced(), visit=encounter(icd10=("E119",), rendering=unknown))) == ["claim.npi"]
