"""What is found when a server is tried: what works, what is refused, and what is ignored without a word."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fhirlab.counterpart import counterpart
from fhirlab.offering import Habits, Offering, practice, served, statement
from fhirlab.proxy import FaultProxy
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.discover.asking import MOST_REQUESTS, at_home
from hub_ehr_fhir.discover.offered import Ability, Offered, broken, decode, due, encode
from hub_ehr_fhir.discover.probe import hints, learn
from hub_ehr_fhir.discover.wanted import WANTED
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.settings_server import ServerSettings

from hub.clock import TurnedClock
from hub.errors import Misconfigured, RetryLater
from hub.testing.fakes import FakeContext

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
EVERYTHING = {type_: {"patient", "_id"} for type_ in WANTED}


def hash_of(text: str) -> int:
    """The same number for the same text in every process."""
    return zlib.crc32(text.encode())


def _learned(server: Any, patient: str = "", so_far: Offered | None = None, **more: Any) -> Offered:
    clock = more.pop("clock", TurnedClock(NOW))
    return learn(server, so_far, clock=clock, stop=threading.Event(), patient=patient, **more)


@contextmanager
def _client(url: str) -> Iterator[Server]:
    """The connector's own HTTP client."""
    context = FakeContext(clock=TurnedClock(NOW))
    settings = ServerSettings(url=url, auth="none", requests_per_second=0, read_seconds=3)
    given = {
        "wait": lambda _seconds: False,
        "secrets": context.secrets,
        "clock": context.clock,
        "log": context.log,
        "stop": context.stop,
    }
    server = Server(settings, instance="lab", **given)
    try:
        yield server
    finally:
        server.close()


def _tried(habits: Habits | None = None, **more: Any) -> Offered:
    return _learned(Offering(practice(), habits), **more)


def test_a_server_that_keeps_to_fhir_can_do_everything() -> None:
    """Every search that the hub knows to use is found to work, and is tried with GET alone."""
    server = Offering(practice())
    found = _learned(server)
    encounter = found.of("Encounter")
    works = {feature for feature, verdict in encounter.found.items() if verdict == "works"}
    assert works >= {"any", "_lastUpdated", "patient", "_id", "identifier", "account", "date", "read", "etag"}
    assert works >= {"_count", "next", "_sort", "_total", "_history", "_id,"}
    assert works >= {
        "_include=Encounter:patient",
        "_revinclude=Condition:encounter",
        "_revinclude=ChargeItem:context",
    }
    assert found.of("ChargeItem").verdict("context") == found.of("ChargeItem").verdict("account") == "works"
    assert found.of("Coverage").verdict("_include=Coverage:payor") == "works"
    assert found.complete
    assert all(call.startswith("GET ") for call in server.calls)
    assert not any("$" in call for call in server.calls), "an export is never begun by trying"
    assert len(server.calls) < MOST_REQUESTS


@pytest.mark.parametrize("self_link", ["true", "echo", "none"])
def test_an_ignored_time_is_found_out(self_link: str) -> None:
    """A server that ignores `_lastUpdated` shows older resources for a time that is still to come: whatever its self
    link says, that is `ignored`.
    """
    found = _tried(Habits(ignores={"*": {"_lastUpdated"}}, self_link=self_link))
    assert found.of("Encounter").verdict("_lastUpdated") == "ignored"
    assert not found.of("Encounter").can("_lastUpdated")


@pytest.mark.parametrize("parameter", ["patient", "account", "identifier", "_id"])
@pytest.mark.parametrize("self_link", ["true", "echo", "none"])
def test_an_ignored_parameter_is_found_out(parameter: str, self_link: str) -> None:
    """What comes for a value that nothing has was not searched for."""
    found = _tried(Habits(ignores={"Encounter": {parameter}}, self_link=self_link))
    assert found.of("Encounter").verdict(parameter) == "ignored"


def test_a_warning_that_a_parameter_is_unknown_is_heard() -> None:
    """Where nothing is there to show it, a server's own warning says that it ignored a parameter."""
    nothing = [one for one in practice() if one["resourceType"] == "Patient"]
    silent = Habits(ignores={"Encounter": {"_lastUpdated"}}, says=True, self_link="none")
    assert _learned(Offering(nothing, silent)).of("Encounter").verdict("_lastUpdated") == "ignored"


def test_the_self_link_tells_where_nothing_is_there() -> None:
    """On an empty server the self link is all there is: a parameter that it leaves out was ignored, one that it names
    works by its word, and without a self link nothing is known and what is declared counts.
    """
    nothing = [one for one in practice() if one["resourceType"] == "Patient"]
    verdicts = {}
    for self_link in ("true", "echo", "none"):
        habits = Habits(ignores={"Encounter": {"_lastUpdated"}}, self_link=self_link)
        habits.metadata = statement(WANTED)
        verdicts[self_link] = _learned(Offering(nothing, habits)).of("Encounter")
    assert verdicts["true"].verdict("_lastUpdated") == "ignored"
    assert verdicts["echo"].verdict("_lastUpdated") == "works"
    assert verdicts["none"].verdict("_lastUpdated") == "unknown"
    assert verdicts["none"].can("_lastUpdated")


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422, 500, 501])
def test_a_refused_parameter_is_refused(status: int) -> None:
    """Every way to say no is a refusal, and is remembered with the status and the standard's code, never with the
    server's own text.
    """
    habits = Habits(fails=lambda path, params: status if path == "Encounter" and "_lastUpdated" in params else 0)
    encounter = _tried(habits).of("Encounter")
    assert encounter.verdict("_lastUpdated") == "refused"
    assert encounter.said["_lastUpdated"] == f"HTTP {status} (exception)"
    assert encounter.verdict("patient") == "works"


def test_one_error_that_passes_refuses_nothing() -> None:
    """HTTP 500 counts when it comes twice: for a week a search would be lost to a moment."""
    came: set[str] = set()

    def once(path: str, params: dict[str, str]) -> int:
        key = f"{path}?{params}"
        first = key not in came
        came.add(key)
        return 500 if first and path != "metadata" else 0

    found, well = _tried(Habits(fails=once)), _tried()
    assert {type_: dict(one.found) for type_, one in found.abilities.items()} == {
        type_: dict(one.found) for type_, one in well.abilities.items()
    }


@pytest.mark.parametrize("kind", ["away", "portal", "error"])
def test_what_passes_takes_nothing_away(kind: str) -> None:
    """Answers that do not come, pages of a portal and errors that pass, spread over the whole trial: nothing is taken
    for refused, and in the end everything is known as it is.
    """
    came: dict[str, int] = {}

    class Shaky(Offering):
        def get(self, path_or_url: str, params: Any = None, *, etag: str = "", expect: Any = (200,)) -> Any:
            key = f"{path_or_url}?{params}"
            came[key] = came.get(key, 0) + 1
            answer = super().get(path_or_url, params, etag=etag, expect=expect)
            if path_or_url == "metadata" or came[key] > 1 or hash_of(key) % 4:
                return answer
            if kind == "away":
                raise RetryLater("the server did not answer")
            answer.status, answer.body = (200, b"<html/>") if kind == "portal" else (500, b"{}")
            return answer

    found, well = None, _tried()
    while found is None or not found.complete:
        found = _learned(Shaky(practice()), so_far=found)
    assert {type_: dict(one.found) for type_, one in found.abilities.items()} == {
        type_: dict(one.found) for type_, one in well.abilities.items()
    }


def test_a_type_at_which_a_server_falls_silent_ends_nothing() -> None:
    """A search that never answers is left after a few rounds, unknown; everything else is learned."""

    class Silent(Offering):
        def get(self, path_or_url: str, params: Any = None, *, etag: str = "", expect: Any = (200,)) -> Any:
            if path_or_url.startswith("Coverage"):
                raise RetryLater("the server did not answer")
            return super().get(path_or_url, params, etag=etag, expect=expect)

    found, rounds = None, 0
    while found is None or not found.complete:
        found = _learned(Silent(practice(), Habits(metadata=statement(WANTED))), so_far=found)
        rounds += 1
        assert rounds < 9
    assert found.of("Coverage").can("patient"), "it is declared, and nothing says otherwise"
    assert found.of("Encounter").verdict("_lastUpdated") == "works"


def test_an_error_in_a_bundle_that_is_well_otherwise_is_a_refusal() -> None:
    """HTTP 200 with nothing but an error inside is no success."""

    class Erring(Offering):
        def answer(
            self, path: str, told: list[tuple[str, str]], etag: str = ""
        ) -> tuple[int, dict[str, str], bytes]:
            if path == "Coverage" and told:
                issue = {"severity": "error", "code": "not-supported"}
                outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
                entry = {"resource": outcome, "search": {"mode": "outcome"}}
                return 200, {}, msgspec.json.encode({"resourceType": "Bundle", "entry": [entry]})
            return super().answer(path, told, etag)

    coverage = _learned(Erring(practice())).of("Coverage")
    assert coverage.verdict("patient") == "refused"
    assert coverage.said["patient"] == "an error in the Bundle (not-supported)"


def test_searches_that_need_a_patient_are_tried_with_one() -> None:
    """A server that lists nobody is tried with the patient that is known; `_lastUpdated` beside a patient is told
    apart from `_lastUpdated` alone.
    """
    found = _tried(Habits(needs=EVERYTHING), patient="p1")
    encounter = found.of("Encounter")
    assert encounter.verdict("any") == encounter.verdict("_lastUpdated") == "refused"
    assert encounter.verdict("patient") == encounter.verdict("patient+_lastUpdated") == "works"
    assert encounter.verdict("_include=Encounter:patient") == "works"
    assert found.of("Practitioner").verdict("read") == "works", "its id was seen in the encounter"
    assert found.of("Condition").verdict("encounter") == "refused"
    assert not found.warnings


def test_without_any_patient_what_is_declared_is_believed_and_said() -> None:
    """A server that lists nobody, and no patient known: what could not be tried counts as declared; it warns."""
    habits = Habits(needs=EVERYTHING, metadata=statement(WANTED, Encounter=("patient", "_id")))
    found = _tried(habits)
    assert found.of("Encounter").verdict("patient") == "unknown"
    assert found.of("Encounter").can("patient")
    assert not found.of("Encounter").can("_lastUpdated")
    assert any("--patient" in each for each in found.warnings)


def test_a_member_of_the_group_serves_as_patient() -> None:
    """Where a Group is set up, its first member is the patient to try with."""
    group = {"resourceType": "Group", "id": "g1", "member": [{"entity": {"reference": "Patient/p1"}}]}
    found = _learned(Offering([*practice(), group], Habits(needs=EVERYTHING)), group="g1")
    assert found.of("Encounter").verdict("patient") == "works"


def test_a_patient_without_visits_is_not_tried_with() -> None:
    """The first patient that is listed may have no encounter: one who has is looked for among the next."""
    nobody = [{**practice()[0], "id": f"p0{number}"} for number in range(3)]
    needs = {type_: names for type_, names in EVERYTHING.items() if type_ != "Patient"}
    encounter = _learned(Offering([*nobody, *practice()], Habits(needs=needs, self_link="none"))).of("Encounter")
    assert encounter.verdict("patient") == encounter.verdict("patient+_lastUpdated") == "works"


def test_a_reference_that_leads_nowhere_refuses_nothing() -> None:
    """A practitioner whom an encounter names and who is not there says nothing of reading practitioners."""
    rest = [one for one in practice() if one["resourceType"] != "Practitioner"]
    habits = Habits(needs={"Practitioner": {"identifier"}}, includes=False, metadata=statement(WANTED))
    practitioner = _learned(Offering(rest, habits)).of("Practitioner")
    assert practitioner.verdict("read") == "unknown"
    assert practitioner.can("read")


def test_an_unknown_patient_refuses_no_type() -> None:
    """Servers that answer 404 or 403 for a patient whom they do not know refuse that one, not the search."""

    def strict(path: str, params: dict[str, str]) -> int:
        if path == "Coverage" and not params.get("patient"):
            return 400
        return 404 if params.get("patient", "").endswith("nobody") else 0

    rest = [one for one in practice() if one["resourceType"] != "Coverage"]
    coverage = _learned(Offering(rest, Habits(fails=strict, metadata=statement(WANTED)))).of("Coverage")
    assert coverage.can("patient")
    assert coverage.readable


def test_nothing_for_a_time_in_which_something_changed_is_no_success() -> None:
    """A search by `_lastUpdated` that finds nothing although something is there would lose everything: refused."""
    encounter = _tried(Habits(empty_by_time=True)).of("Encounter")
    assert encounter.verdict("_lastUpdated") == "refused"
    assert encounter.said["_lastUpdated"] == "nothing came although there is something"


def test_a_time_that_must_be_met_exactly_is_no_search_for_changes() -> None:
    """A server that passes over the prefix `ge` finds what changed in that very second: refused."""
    assert _tried(Habits(exactly=True)).of("Encounter").verdict("_lastUpdated") == "refused"


def test_resources_without_a_time_can_still_be_searched_by_it() -> None:
    """Servers that leave out meta.lastUpdated are tried with a day long ago."""
    assert _tried(Habits(times=False)).of("Encounter").verdict("_lastUpdated") == "works"


def test_references_are_tried_with_and_without_their_type() -> None:
    """A server that finds `patient=Patient/1` and not `patient=1` is remembered as such."""
    encounter = _tried(Habits(whole=True)).of("Encounter")
    assert encounter.verdict("patient") == encounter.verdict("patient:whole") == "works"
    assert "patient:whole" not in _tried().of("Encounter").found


def test_a_server_that_answers_nothing_to_count_is_asked_without() -> None:
    """Where `_count` makes an answer empty, it is left away from then on."""
    server = Offering(practice(), Habits(count="empty"))
    found = _learned(server)
    assert found.of("Patient").verdict("_count") == "refused"
    assert found.of("Encounter").verdict("patient") == "works"
    assert sum("_count" in call for call in server.calls) == 1


@pytest.mark.parametrize(("count", "verdict"), [("honoured", "works"), ("ignored", "ignored")])
def test_whether_count_is_honoured_is_seen(count: str, verdict: str) -> None:
    """One was asked for: whoever shows more ignores `_count`."""
    assert _tried(Habits(count=count)).of("Encounter").verdict("_count") == verdict


@pytest.mark.parametrize(
    ("habit", "verdict"), [("works", "works"), ("none", "refused"), ("same", "ignored"), ("broken", "refused")]
)
def test_a_next_link_is_followed_once(habit: str, verdict: str) -> None:
    """A next link counts when it brings another page: not one that is missing, leads nowhere or to the same page."""
    assert _tried(Habits(next=habit)).of("Encounter").verdict("next") == verdict


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("https://fhir.example.org/r4/Encounter?page=2", "https://fhir.example.org/r4/Encounter?page=2"),
        ("http://inner:8080/r4?getpages=7", "https://fhir.example.org/r4?getpages=7"),
        ("http://inner:8080/fhir/Encounter?page=2", "https://fhir.example.org/r4/Encounter?page=2"),
        ("Encounter?page=2", "https://fhir.example.org/r4/Encounter?page=2"),
        ("?page=2", "https://fhir.example.org/r4/Encounter?page=2"),
        ("/r4/Encounter?page=2", "https://fhir.example.org/r4/Encounter?page=2"),
        ("http://[bad", "http://[bad"),
    ],
)
def test_next_links_are_asked_of_the_server_itself(link: str, address: str) -> None:
    """Relative links, and those with the inner name of a server behind a proxy, lead to the host that is asked."""
    assert at_home("https://fhir.example.org/r4", "Encounter", link) == address


@pytest.mark.parametrize(
    ("habits", "feature", "verdict"),
    [
        (Habits(etag=False), "etag", "refused"),
        (Habits(history=False), "_history", "refused"),
        (Habits(sorts=False), "_sort", "ignored"),
        (Habits(totals=False), "_total", "ignored"),
        (Habits(includes=False), "_include=Encounter:patient", "ignored"),
        (Habits(includes=False), "_revinclude=Condition:encounter", "ignored"),
        (Habits(refuses={"Encounter": {"_sort", "_total"}}), "_sort", "refused"),
        (Habits(refuses={"Encounter": {"_include"}}), "_include=Encounter:patient", "refused"),
    ],
)
def test_each_habit_is_found_out(habits: Habits, feature: str, verdict: str) -> None:
    """What only saves requests is known to work, to be ignored or to be refused."""
    encounter = _tried(habits).of("Encounter")
    assert encounter.verdict(feature) == verdict
    assert not encounter.can(feature)


@pytest.mark.parametrize("missing", [403, 404, 501])
def test_a_type_that_is_not_there_costs_few_requests(missing: int) -> None:
    """A type of which everything is refused is left after a few tries, and is not readable."""
    server = Offering(practice(), Habits(types={"Patient", "Encounter"}, missing=missing))
    found = _learned(server)
    assert not found.of("ChargeItem").readable
    assert set(found.of("ChargeItem").found.values()) <= {"refused", "unknown"}
    assert sum("ChargeItem" in call for call in server.calls) <= 5
    assert found.of("Encounter").readable


def test_one_type_that_fails_spoils_no_other() -> None:
    """A server that breaks at one type, or at one parameter, is tried to the end."""

    class Breaking(Offering):
        def get(self, path_or_url: str, params: Any = None, *, etag: str = "", expect: Any = (200,)) -> Any:
            if path_or_url.startswith("Coverage"):
                raise Misconfigured("the token may not read this", fix="ask for the scope")
            if path_or_url.startswith("Condition") and params and "_lastUpdated" in dict(params):
                raise RetryLater("the server did not answer")
            return super().get(path_or_url, params, etag=etag, expect=expect)

    found = _learned(Breaking(practice()))
    assert found.complete
    assert found.learned == (NOW - timedelta(days=6)).date(), "what never came is tried again tomorrow"
    assert not found.of("Coverage").readable
    assert found.of("Condition").verdict("_lastUpdated") == "unknown", "a server that is away refuses nothing"
    assert found.of("Condition").said["_lastUpdated"] == "no answer"
    assert found.of("Encounter").verdict("_lastUpdated") == "works"


@pytest.mark.parametrize("error", [Misconfigured("the token was refused"), RetryLater("the server is away")])
def test_where_nothing_is_answered_the_failure_itself_is_told(error: Exception) -> None:
    """A wrong sign-in or a server that is away is no finding about searches: it is raised after a few tries."""

    class Away(Offering):
        def get(self, path_or_url: str, params: Any = None, *, etag: str = "", expect: Any = (200,)) -> Any:
            if path_or_url == "metadata":
                return super().get(path_or_url, params, etag=etag, expect=expect)
            self.calls.append(path_or_url)
            raise error

    server = Away(practice())
    with pytest.raises(type(error)):
        _learned(server)
    assert len(server.calls) <= 4


@pytest.mark.parametrize(("version", "name"), [("1.0.2", "DSTU2"), ("3.0.1", "STU3"), ("5.0.0", "R5")])
def test_another_release_is_said_plainly(version: str, name: str) -> None:
    """A server of another FHIR release is not tried at all; what it speaks is named, and what to ask for."""
    server = Offering(practice(), Habits(metadata=statement(WANTED, version)))
    with pytest.raises(Misconfigured, match=name) as told:
        _learned(server)
    assert "R4" in told.value.fix
    assert server.calls == ["GET metadata"]


@pytest.mark.parametrize("status", [404, 403, 500])
def test_without_metadata_trying_goes_on(status: int) -> None:
    """A server that hides its CapabilityStatement is judged by what it does."""
    found = _tried(Habits(fails=lambda path, _params: status if path == "metadata" else 0))
    assert found.of("Encounter").verdict("_lastUpdated") == "works"
    assert any(f"HTTP {status}" in each for each in found.warnings)


def test_learning_goes_on_where_its_time_ended() -> None:
    """Each call ends in its time and begins where the last one ended: the end is what one long call would give, and
    nothing that was found is tried again.
    """
    clock = TurnedClock(NOW)

    class Slow(Offering):
        def get(self, path_or_url: str, params: Any = None, *, etag: str = "", expect: Any = (200,)) -> Any:
            clock.turn(timedelta(seconds=1))
            return super().get(path_or_url, params, etag=etag, expect=expect)

    server, found, calls = Slow(practice(), Habits(needs=EVERYTHING)), None, 0
    while found is None or not found.complete:
        found = _learned(server, "p1", decode(encode(found)) if found else None, clock=clock, seconds=9.0)
        calls += 1
        assert calls < 60
    whole = _tried(Habits(needs=EVERYTHING), patient="p1")
    assert {type_: dict(one.found) for type_, one in found.abilities.items()} == {
        type_: dict(one.found) for type_, one in whole.abilities.items()
    }
    assert calls > 10


def test_a_stop_ends_learning_at_once() -> None:
    """When the hub stops, nothing more is asked; what is known stays."""
    server, stop = Offering(practice()), threading.Event()
    stop.set()
    found = learn(server, None, clock=TurnedClock(NOW), stop=stop)
    assert server.calls == ["GET metadata"]
    assert not found.complete


def test_learning_is_bounded() -> None:
    """After some hundreds of requests it is enough: what was not tried counts as declared, and that is said."""
    so_far = Offered(learned=NOW.date(), waiting=("Patient", "Encounter"), requests=MOST_REQUESTS - 20)
    found = _learned(Offering(practice()), so_far=so_far)
    assert found.complete
    assert any("requests are enough" in each for each in found.warnings)


def test_progress_is_told_by_type() -> None:
    """Who waits sees which type is tried, and how many there are."""
    told: list[tuple[str, int, int]] = []
    _tried(progress=lambda *step: told.append(step))
    assert [step[0] for step in told[:2]] == ["Patient", "Encounter"]
    assert told[-1][1] == told[-1][2]


def test_what_was_learned_is_kept_for_a_week() -> None:
    """It goes through the state unharmed, is anew after seven days, and at once when another version wrote it."""
    found = _tried()
    again = decode(encode(found))
    assert again == found
    assert "p1" not in repr(found)
    assert not due(again, NOW.date())
    assert not due(again, (NOW + timedelta(days=6)).date())
    assert due(again, (NOW + timedelta(days=7)).date())
    assert due(again, (NOW - timedelta(days=1)).date()), "a clock that went back"
    assert due(None, NOW.date())
    assert decode(b'{"shape":0}') is None
    assert decode(b"\x00") is None
    assert decode(None) is None


def test_after_a_week_everything_is_learned_anew() -> None:
    """What changed at the server since is seen."""
    old = _tried(Habits(ignores={"*": {"_lastUpdated"}}))
    found = _learned(Offering(practice()), so_far=old, clock=TurnedClock(NOW + timedelta(days=8)))
    assert found.learned == (NOW + timedelta(days=8)).date()
    assert found.of("Encounter").verdict("_lastUpdated") == "works"


def test_the_patient_of_last_week_serves_again() -> None:
    """A server that lists nobody is tried with the patient that served before, unless that one is gone: a patient who
    is not there any more refuses nothing.
    """
    later, habits = TurnedClock(NOW + timedelta(days=8)), Habits(needs=EVERYTHING, metadata=statement(WANTED))
    old = _learned(Offering(practice(), habits), "p1")
    again = _learned(Offering(practice(), habits), so_far=old, clock=later)
    assert again.of("Encounter").verdict("patient") == "works"

    def gone(path: str, params: dict[str, str]) -> int:
        return 404 if path == "Patient/p1" or params.get("patient") == "p1" else 0

    without = Habits(needs=EVERYTHING, metadata=statement(WANTED), fails=gone)
    found = _learned(Offering(practice(), without), so_far=old, clock=later)
    assert found.of("Encounter").can("patient")
    assert found.of("Coverage").can("patient")


def test_the_settings_name_a_patient_to_try_with(tmp_path: Path) -> None:
    """The first id of a file, or the Group of the patients or of the export; a file that is not there gives none."""
    ids = tmp_path / "ids"
    ids.write_text("\nPatient/p7\np8\n")
    known = [
        hints(FhirSettings.model_validate(given))
        for given in (
            {"pull": {"patients": f"file:{ids}"}},
            {"pull": {"patients": "file:/nowhere/ids"}},
            {"pull": {"patients": "Group/g2"}, "bulk": {"group": "g1"}},
            {"bulk": {"group": "g1"}},
            {},
        )
    ]
    assert [(each["patient"], each["group"]) for each in known] == [
        ("p7", ""),
        ("", ""),
        ("", "g2"),
        ("", "g1"),
        ("", ""),
    ]


def test_a_promise_that_was_broken_is_believed_no_more() -> None:
    """A search that is refused in use does not work until all is learned anew, though the trial says it does; the
    rest of its type is tried again.
    """
    found = broken(_tried(), "Condition", "encounter")
    assert due(found, NOW.date())
    again = _learned(Offering(practice()), so_far=found)
    assert again.of("Condition").verdict("encounter") == "refused"
    assert again.of("Condition").verdict("patient") == "works"
    assert again.complete


def test_includes_that_were_refused_in_use_stay_away() -> None:
    """The same holds for `_include` and `_revinclude` as a whole."""
    found = broken(broken(_tried(), "Encounter", "_include"), "Encounter", "_revinclude")
    encounter = _learned(Offering(practice()), so_far=msgspec.structs.replace(found, waiting=("Encounter",))).of(
        "Encounter"
    )
    assert not any(each.startswith("_include=") for each in encounter.found)


def test_what_was_tried_beats_what_is_declared() -> None:
    """Declared and refused: no. Not declared and works: yes. Declared and not tried: yes, unless it only saves."""
    ability = Ability(
        type="Encounter",
        declared=True,
        interactions=("read", "search-type", "history-type"),
        parameters=("patient", "_lastUpdated"),
        found={"patient": "refused", "account": "works"},
    )
    can: Mapping[str, bool] = {
        each: ability.can(each) for each in ("patient", "account", "_lastUpdated", "read", "_history", "_id")
    }
    assert can == {
        "patient": False,
        "account": True,
        "_lastUpdated": True,
        "read": True,
        "_history": False,
        "_id": False,
    }
    assert ability.first(("patient", "account")) == "account"


def test_over_http_the_real_client_finds_the_same() -> None:
    """Through the connector's own HTTP client the findings are those of the server itself."""
    offering = Offering(practice(), Habits(refuses={"Encounter": {"account"}}))
    with served(offering) as url, _client(url) as server:
        found = _learned(server)
    expected = _tried(Habits(refuses={"Encounter": {"account"}}))
    assert {type_: dict(one.found) for type_, one in found.abilities.items()} == {
        type_: dict(one.found) for type_, one in expected.abilities.items()
    }


@pytest.mark.campaign
@pytest.mark.parametrize("seed", [1, 2, 5])
def test_faults_on_the_way_change_nothing(seed: int) -> None:
    """Storms, errors, half bodies, resets, pages of a portal, refused tokens, doubled pages and redirects at every
    fourth call: what is found is what would be found without them.
    """
    offering, found = Offering(practice()), None
    with served(offering) as url, FaultProxy(url, seed=seed, rate=0.25) as proxy:
        offering.base = proxy.url
        with _client(proxy.url) as server:
            for _ in range(10):
                with suppress(RetryLater, Misconfigured):
                    found = _learned(server, so_far=found)
                if found and found.complete:
                    break
    assert found is not None
    assert sum(proxy.hurt.values()) > 20
    well = _tried()
    assert {type_: dict(one.found) for type_, one in found.abilities.items()} == {
        type_: dict(one.found) for type_, one in well.abilities.items()
    }


@pytest.mark.campaign
def test_a_server_that_nobody_here_wrote_is_found_out() -> None:
    """@medplum/fhir-router (in memory): what it can do is found, and so is what it cannot: next links, includes,
    history of a type.
    """
    with counterpart() as peer, _client(peer.url) as server:
        peer.load(practice())
        encounter = _learned(server).of("Encounter")
    works = {feature for feature, verdict in encounter.found.items() if verdict == "works"}
    assert works >= {"_lastUpdated", "patient", "_id", "identifier", "read", "etag", "_count"}
    assert encounter.verdict("next") == "refused"
    assert encounter.verdict("_history") == "refused"
    assert encounter.verdict("_include=Encounter:patient") == "ignored"
