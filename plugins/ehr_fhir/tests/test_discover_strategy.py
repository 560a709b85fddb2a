"""How a server is asked, why, and what billing will not get from it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from fhirlab.offering import Habits, Offering, practice, statement
from hub_ehr_fhir.discover.offered import Ability, Offered, Verdict
from hub_ehr_fhir.discover.probe import learn
from hub_ehr_fhir.discover.strategy import Strategy, choose
from hub_ehr_fhir.discover.wanted import WANTED
from hub_ehr_fhir.settings import FhirSettings

from hub.clock import TurnedClock

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
NOT_LISTED = {type_: {"patient", "_id", "identifier", "account", "context"} for type_ in WANTED}


def _found(habits: Habits | None = None, patient: str = "") -> Offered:
    server = Offering(practice(), habits)
    return learn(server, None, clock=TurnedClock(NOW), stop=threading.Event(), patient=patient)


def _chosen(
    habits: Habits | None = None, *, patient: str = "", follows: tuple[str, ...] = (), **settings: Any
) -> Strategy:
    return choose(_found(habits, patient), FhirSettings.model_validate(settings), follows=follows)


def _gaps(strategy: Strategy) -> dict[str, str]:
    return {each.code.removeprefix("fhir.offer."): each.severity for each in strategy.gaps}


def test_what_changed_is_asked_for_where_that_works() -> None:
    """A server that finds encounters by `_lastUpdated` is asked what changed; what belongs to an encounter is asked
    for by the encounter, not by the patient.
    """
    strategy = _chosen()
    assert strategy.kind == "incremental"
    assert strategy.searches["Encounter"].changed == "_lastUpdated"
    assert strategy.searches["Condition"].joined[0] == "encounter"
    assert strategy.searches["ChargeItem"].joined[:2] == ("context", "account")
    assert strategy.searches["Coverage"].joined[0] == "patient"
    assert strategy.searches["Encounter"].included == (
        "Encounter:patient",
        "Encounter:practitioner",
        "Encounter:location",
    )
    assert strategy.searches["Encounter"].revincluded == (
        "Condition:encounter",
        "Procedure:encounter",
        "ChargeItem:context",
    )
    assert "_id" in strategy.searches["Practitioner"].listed
    encounter = strategy.searches["Encounter"]
    assert (encounter.sorted, encounter.paged, encounter.etag, encounter.totals, encounter.history) == (True,) * 5


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        (Habits(ignores={"Encounter": {"_lastUpdated"}}, history=False, self_link="echo"), "silently ignored"),
        (Habits(refuses={"Encounter": {"_lastUpdated"}}, history=False), "is refused"),
        (Habits(empty_by_time=True, history=False), "is refused"),
    ],
)
def test_an_unusable_time_leads_to_patients(habits: Habits, words: str) -> None:
    """Where `_lastUpdated` is ignored or refused nothing is pulled by it, and the reason is said."""
    strategy = _chosen(habits)
    assert strategy.kind == "patients"
    assert words in strategy.why[0]
    assert strategy.searches["Encounter"].changed == ""


def test_history_of_a_type_serves_where_searches_by_time_do_not() -> None:
    """`Encounter/_history` tells what changed, too."""
    strategy = _chosen(Habits(refuses={"*": {"_lastUpdated"}}))
    assert strategy.kind == "incremental"
    assert strategy.searches["Encounter"].changed == "_history"
    assert "_history" in strategy.why[1]


def test_who_is_followed_goes_before_patients() -> None:
    """Where another connector tells of visits and the server finds them by a number, it is asked for those alone."""
    habits = Habits(needs=NOT_LISTED, history=False)
    strategy = _chosen(habits, patient="p1", follows=("hl7_east",))
    assert strategy.kind == "follow"
    assert "hl7_east" in strategy.why[1]
    assert "patient" in strategy.searches["Encounter"].narrowed


def test_who_follows_a_server_that_can_be_asked_for_changes_still_asks_it() -> None:
    """Following is for servers that cannot say what changed."""
    assert _chosen(follows=("hl7_east",)).kind == "incremental"


def test_export_is_taken_where_it_is_set_up_and_nothing_else_leads_there() -> None:
    """Bulk Data comes before a walk through all patients, at the level that is set up."""
    metadata = statement(WANTED)
    metadata["rest"][0]["resource"].append({"type": "Group", "operation": [{"name": "export"}]})
    strategy = _chosen(
        Habits(needs=NOT_LISTED, history=False, metadata=metadata), patient="p1", bulk={"group": "g1"}
    )
    assert (strategy.kind, strategy.export) == ("bulk", "group")
    assert "export" not in _gaps(strategy)


def test_export_that_is_not_declared_is_tried_and_said() -> None:
    """Some servers export without declaring it: a warning, not a refusal."""
    strategy = _chosen(Habits(needs=NOT_LISTED, history=False), patient="p1", bulk={"group": "g1"})
    assert _gaps(strategy)["export"] == "warning"


def test_without_any_list_of_patients_that_is_the_gap() -> None:
    """Patient by patient needs patients: a server that lists none, with no Group and no file, gets no further."""
    habits = Habits(needs=NOT_LISTED, history=False, refuses={"Patient": {"_lastUpdated"}})
    strategy = _chosen(habits, patient="p1")
    assert strategy.kind == "patients"
    assert _gaps(strategy)["patients"] == "error"
    assert "something is missing" in strategy.why[1]
    named = _chosen(habits, patient="p1", pull={"patients": "Group/g1"})
    assert "patients" not in _gaps(named)


@pytest.mark.parametrize(
    ("kind", "habits", "gap"),
    [
        ("incremental", Habits(ignores={"*": {"_lastUpdated"}}, history=False), "change"),
        ("follow", Habits(), "follows"),
        ("bulk", Habits(), "bulk"),
        ("patients", Habits(refuses={"Encounter": {"patient"}}), "encounter"),
    ],
)
def test_a_forced_strategy_is_taken_and_what_will_not_work_is_said(kind: str, habits: Habits, gap: str) -> None:
    """The settings have the last word; the gap says what comes of it."""
    strategy = _chosen(habits, pull={"strategy": kind})
    assert strategy.kind == kind
    assert _gaps(strategy)[gap] == "error"
    assert any("pull.strategy" in each for each in strategy.why)


def test_following_needs_a_number_that_finds_something() -> None:
    """Who follows, at a server that finds neither visits nor patients by a number, is told so."""
    habits = Habits(refuses={"Encounter": {"identifier"}, "Patient": {"identifier"}})
    strategy = _chosen(habits, follows=("hl7_east",), pull={"strategy": "follow"})
    assert _gaps(strategy)["mention"] == "error"


@pytest.mark.parametrize(
    ("types", "settings", "severity", "words"),
    [
        (set(), {}, "notice", "billable codes in Procedure"),
        (
            {"Claim"},
            {"procedures_are_charges": False, "claims_are_charges": True},
            "notice",
            "billable codes in Claim",
        ),
        (set(), {"procedures_are_charges": False}, "notice", "no charge comes"),
        ({"ChargeItem"}, {}, "warning", "procedures_are_charges = false"),
    ],
)
def test_charges_are_looked_at_first(
    types: set[str], settings: dict[str, Any], severity: str, words: str
) -> None:
    """Whether ChargeItem is there decides where charges come from, and that none is billed twice."""
    strategy = _chosen(Habits(types={"Patient", "Encounter", "Coverage", "Procedure", *types}), **settings)
    gap = next(each for each in strategy.gaps if each.code == "fhir.offer.charges")
    assert gap.severity == severity
    assert words in f"{gap.why} {gap.fix}"


def test_nothing_is_said_of_charges_where_all_is_well() -> None:
    """ChargeItem is there and Procedures do not count: no gap."""
    assert "charges" not in _gaps(_chosen(procedures_are_charges=False))


def test_what_a_claim_lacks_is_named_with_what_to_do() -> None:
    """A server of Patient and Encounter alone: each missing type is a gap with a sentence what to do."""
    strategy = _chosen(Habits(types={"Patient", "Encounter"}))
    assert _gaps(strategy).items() >= {
        ("coverage", "error"),
        ("condition", "notice"),
        ("practitioner", "warning"),
        ("account", "warning"),
        ("charges", "notice"),
    }
    assert set(strategy.searches) == {"Patient", "Encounter"}
    assert all(each.fix and each.why for each in strategy.gaps)


def test_deletions_that_nobody_tells_are_a_gap() -> None:
    """Without a history of the type what is deleted stays until it is asked for again."""
    assert _gaps(_chosen(Habits(history=False)))["deletes"] == "warning"
    assert "deletes" not in _gaps(_chosen())


def test_what_comes_late_is_a_gap() -> None:
    """A type that cannot be searched by its change is only seen with its visit."""
    strategy = _chosen(Habits(refuses={"Condition": {"_lastUpdated"}}, history=False))
    gap = next(each for each in strategy.gaps if each.code == "fhir.offer.late")
    assert gap.where == "Condition"
    assert "Procedure" not in gap.why


@pytest.mark.parametrize("habit", ["none", "same", "broken"])
def test_pages_that_cannot_be_turned_are_a_gap(habit: str) -> None:
    """No way to the next page: said, and the searches know it."""
    strategy = _chosen(Habits(next=habit))
    assert _gaps(strategy)["pages"] == "warning"
    assert strategy.searches["Encounter"].paged == (habit == "same")


def test_what_one_type_shows_of_paging_counts_for_all() -> None:
    """`_count` that makes answers empty is sent nowhere; ETags that work for patients are believed for coverages."""
    assert not any(each.counted for each in _chosen(Habits(count="empty")).searches.values())
    assert all(each.counted for each in _chosen().searches.values())
    assert _chosen().searches["Coverage"].etag
    assert not _chosen(Habits(etag=False)).searches["Coverage"].etag


def test_a_reference_is_written_as_the_server_finds_it() -> None:
    """Parameters that find nothing by the bare id are named, so that `Patient/1` is written."""
    assert "patient" in _chosen(Habits(whole=True)).searches["Coverage"].whole
    assert _chosen().searches["Coverage"].whole == frozenset()


def test_references_to_a_type_that_was_empty_are_written_as_the_others() -> None:
    """A server with no ChargeItem yet, that finds Conditions by `Encounter/1` alone, is asked for charges by
    `Encounter/1` too when they come: by the bare id none would ever be found, and nobody would be told.
    """
    found = {"_lastUpdated": "works", "encounter": "works", "encounter:whole": "works"}
    told = Ability(type="Condition", declared=True, seen=True, found=found)
    empty = Ability(type="ChargeItem", declared=True, parameters=("context", "account"))
    by_id = Ability(type="Procedure", declared=True, seen=True, found={"encounter": "works"})
    offered = Offered(learned=NOW.date(), abilities={one.type: one for one in (told, empty, by_id)})
    searches = choose(offered, FhirSettings()).searches
    assert searches["ChargeItem"].whole == {"context", "account"}
    assert searches["Procedure"].whole == frozenset()


def test_an_empty_find_is_no_strategy_but_tells_why() -> None:
    """Where no encounter can be had at all, the errors say so."""
    strategy = choose(Offered(learned=NOW.date()), FhirSettings())
    assert strategy.searches == {}
    assert strategy.why[0] == "This server shows no Encounter at all, by nothing that was tried."
    assert _gaps(strategy)["encounter"] == "error"
    assert _gaps(strategy)["patient"] == "error"


def test_what_only_is_declared_makes_a_strategy_too() -> None:
    """Before anything could be tried, what is declared is enough to begin with."""
    read = ("read", "search-type")
    encounter = Ability(
        type="Encounter", declared=True, interactions=read, parameters=("patient", "_lastUpdated")
    )
    strategy = choose(Offered(learned=NOW.date(), abilities={"Encounter": encounter}), FhirSettings())
    assert strategy.kind == "incremental"
    assert strategy.searches["Encounter"].joined == ("read", "patient")


def test_no_sentence_shows_a_value() -> None:
    """Ids of patients and visits, and the server's texts, stand in no sentence."""
    strategy = _chosen(Habits(needs=NOT_LISTED), patient="p1")
    told = " ".join((*strategy.why, *(f"{each.where} {each.why} {each.fix}" for each in strategy.gaps)))
    assert "p1" not in told
    assert "nobody shall see" not in told


def _with(found: Offered, type_: str, feature: str, verdict: Verdict) -> Offered:
    ability = found.of(type_)
    tried: dict[str, Verdict] = {**ability.found, feature: verdict}
    changed = msgspec.structs.replace(ability, found=tried)
    return msgspec.structs.replace(found, abilities={**found.abilities, type_: changed})


def test_lists_that_were_not_tried() -> None:
    """A list that could not be tried is not counted on where it could hide a charge; of ids, and of what comes beside
    a claim, it is where it works with other types.
    """
    found = _found()
    for type_, feature in (("ChargeItem", "context,"), ("Claim", "encounter,"), ("Location", "_id,")):
        found = _with(found, type_, feature, "unknown")
    searches = choose(found, FhirSettings()).searches
    assert "context" not in searches["ChargeItem"].listed
    assert "encounter" in searches["Claim"].listed
    assert "_id" in searches["Location"].listed
    charged = FhirSettings(claims_are_charges=True)
    assert "encounter" not in choose(found, charged).searches["Claim"].listed
    refused = choose(_with(found, "ChargeItem", "context,", "refused"), FhirSettings()).searches
    assert "context" not in refused["ChargeItem"].listed
