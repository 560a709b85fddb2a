"""Files of an export: whole, once, in order, from whatever servers do to them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import pytest
from bulklab import BulkServer, outcome, resource
from bulkruns import Run
from hub_ehr_fhir.bulk import ahead, lines, loading
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.source import FhirSource

from hub.errors import Misconfigured, RetryLater
from hub.model.facts import Reading
from hub.plugin.api import Changes
from hub.testing.fakes import FakeContext


@pytest.fixture(name="server")
def _server() -> Iterator[BulkServer]:
    with BulkServer() as made:
        yield made


@pytest.fixture(name="_small")
def _small_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of a few lines, so that a small export has many places to break at."""
    monkeypatch.setattr(lines, "LEAST", 2_000)
    monkeypatch.setattr(lines, "MOST", 8_000)


def filled(server: BulkServer, count: int = 60, seed: int = 3) -> Counter[bytes]:
    """A few files of several types, and every line that is in them."""
    some = Random(seed)  # noqa: S311 - a test
    for kind in ("Encounter", "Patient", "Condition", "Encounter"):
        names = [f"{len(server.files)}-{n}" for n in range(count)]
        server.put(kind, *names, pad=some.randbytes(some.randrange(60)).hex())
    return Counter(line for _, _, body in server.files for line in body.splitlines())


def read(run: Run) -> list[Reading]:
    """What the source makes of the messages that are no resources."""
    source = FhirSource(FhirSettings(), FakeContext("ehr"))
    return [
        source.read(one.body, one.content_type) for one in run.inbox.values() if one.content_type == "fhir+json"
    ]


def kinds(run: Run) -> list[str]:
    """The types in the order in which they came."""
    found = [json.loads(line)["resourceType"] for line in run.lines]
    return list(dict.fromkeys(found))


def test_encounters_come_last(server: BulkServer) -> None:
    """What others refer to comes first, whatever the manifest's order; types that nobody reads are not fetched."""
    for kind in (
        "Encounter",
        "Observation",
        "Patient",
        "ExplanationOfBenefit",
        "Condition",
        "Practitioner",
        "Coverage",
    ):
        server.put(kind, 1)
    run = Run(server)
    run.export()
    assert kinds(run) == ["Practitioner", "Patient", "Coverage", "Condition", "Encounter", "ExplanationOfBenefit"]
    assert server.fetched[1] == 0


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("packed", [False, True])
def test_a_death_after_every_call(server: BulkServer, ranges: bool, packed: bool) -> None:
    """A process that dies after each call: every line comes, once; by Range where the server has it."""
    expected = filled(server)
    server.ranges, server.packed = ranges, packed
    run = Run(server, batch=4_000)
    run.export(after=run.dies)
    assert run.lines == expected
    assert run.known == 0
    if ranges and not packed:
        whole = sum(len(body) for _, _, body in server.files)
        assert sum(server.sent.values()) < 3 * whole


@pytest.mark.campaign
@pytest.mark.usefixtures("_small")
def test_a_death_at_every_call(server: BulkServer) -> None:
    """Exhaustively: whichever call is not saved, the lines come once, and the messages are those of a quiet run."""
    expected = filled(server, 55)
    quiet = Run(server, batch=4_000)
    calls = [0]
    quiet.export(after=lambda _found: calls.__setitem__(0, calls[0] + 1))
    assert calls[0] > 8
    for fatal in range(3, calls[0] + 1):
        run = Run(server, batch=4_000)
        for _ in range(fatal):
            found = run.call()
            if found is not None and not found.more:
                run.turn(timedelta(seconds=60))
        run.call(save=False)
        run.die()
        if run.stand.stage != "idle":
            run.export()
        assert run.lines == expected
        assert set(run.inbox) == set(quiet.inbox)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("lengths", [True, False])
def test_a_cut_at_every_place(server: BulkServer, ranges: bool, lengths: bool) -> None:
    """Answers that break off, at any byte, with a length or without: the rest is fetched, nothing comes twice, and
    what broke off is not taken for whole.
    """
    expected = filled(server, 40)
    server.ranges, server.lengths, server.counts, server.block = ranges, lengths, True, 701
    for seed in range(6):
        some = Random(seed)  # noqa: S311 - a test
        sizes = [len(body) for _, _, body in server.files]
        server.cuts = {n: [some.randrange(size) for _ in range(2)] for n, size in enumerate(sizes)}
        run = Run(server)
        run.export()
        assert run.lines == expected
        assert run.stand.since
        server.time = "2026-03-01T06:00:00Z"


@pytest.mark.usefixtures("_small")
def test_gzip_that_breaks_off(server: BulkServer) -> None:
    """Packed answers go on at the decoded place."""
    expected = filled(server)
    server.packed, server.ranges = True, False
    server.cuts = {0: [300, 600], 1: [100]}
    run = Run(server)
    run.export()
    assert run.lines == expected


def test_half_a_line_at_the_end_is_fetched_again(server: BulkServer) -> None:
    """Without a length only the JSON tells; a file that stays so goes on as it is, a person is told, and the next
    export asks for the same time.
    """
    server.files = [("output", "Patient", resource("Patient", 1) + b"\n" + resource("Patient", 2)[:-4])]
    run = Run(server)
    stand = run.export()
    assert server.fetched[0] == 3
    assert stand.faults == {"short": 1}
    assert not stand.since
    assert set(run.lines) >= {resource("Patient", 1), resource("Patient", 2)[:-4]}
    assert [one["issue"][0]["code"] for one in run.outcomes] == ["incomplete"]
    server.files = [("output", "Patient", resource("Patient", 1) + b"\n" + resource("Patient", 2))]
    run.next_day()
    assert run.export().since
    assert "_since" not in server.asked[1]
    assert resource("Patient", 2) in run.lines


def test_fewer_lines_than_counted(server: BulkServer) -> None:
    """A manifest that counts lines shows a file that was cut at a line's end."""
    server.put("Patient", 1, 2, 3)
    server.extra = {"output": [{"type": "Patient", "count": 4, "url": "/r4/files/0?v=1"}]}
    server.pages = -1
    run = Run(server)
    stand = run.export()
    assert stand.faults == {"short": 1}
    assert sum(run.lines.values()) == 3
    assert [one["issue"][0]["code"] for one in run.outcomes] == ["incomplete"]


def test_endings_of_all_kinds(server: BulkServer) -> None:
    """CRLF, blank lines, a byte order mark, no last newline, a line that is no JSON: each line comes as it is."""
    one, two, three = (resource("Patient", n) for n in (1, 2, 3))
    server.files = [
        ("output", "Patient", b"\xef\xbb\xbf" + one + b"\r\n\r\n  \n" + b"oops\n" + two),
        ("output", "Condition", b""),
        ("output", "Encounter", b"\n" + three + b"\n\n"),
    ]
    run = Run(server)
    assert run.export().faults == {}
    assert run.lines == Counter([one, b"oops", two, three])


def test_a_line_without_end_is_bounded(server: BulkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line above the bound does not go on whole, those around it do."""
    monkeypatch.setattr(loading.Download.__init__, "__defaults__", (50_000,))
    one, two = resource("Patient", 1), resource("Patient", 2)
    server.files = [("output", "Patient", one + b"\n" + resource("Patient", "x" * 200_000) + b"\n" + two + b"\n")]
    run = Run(server)
    run.export()
    assert {one, two} < set(run.lines)
    assert max(len(line) for line in run.lines) < 50_000


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("in_storage", ["direct", "redirect"])
def test_storage_is_not_shown_the_token(server: BulkServer, in_storage: str) -> None:
    """Files at another address, named or by 307: the token goes to the server alone, over resumptions too."""
    expected = filled(server)
    server.in_storage, server.token, server.secure = in_storage, "t-1", in_storage == "redirect"
    server.cuts = {0: [400], 1: [700, 0]}
    run = Run(server, group="g1")
    signed_in(run)
    run.export()
    assert run.lines == expected
    assert len(server.stored) >= 7
    assert all("authorization" not in headers for _, headers in server.stored)
    assert all(headers.get("authorization") == "Bearer t-1" for _, _, headers in server.calls)


def test_files_that_need_no_token_are_not_shown_it(server: BulkServer) -> None:
    """`requiresAccessToken` false: not even the server itself is shown the token with a file."""
    server.put("Patient", 1)
    server.token, server.secure = "t-1", False
    run = Run(server)
    signed_in(run)
    run.export()
    shown = {"authorization" in headers for _, path, headers in server.calls if "/files/" in path}
    assert shown == {False}


def signed_in(run: Run) -> None:
    """Give the connector the token that the server wants."""
    told = run.settings.model_dump(by_alias=True)
    told["server"] |= {"auth": "bearer", "token": "env:T"}
    run.secrets = {"env:T": "t-1"}
    run.settings = type(run.settings).model_validate(told)
    run.born()


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("in_storage", ["", "redirect"])
def test_tokens_that_end_in_the_middle(server: BulkServer, in_storage: str) -> None:
    """The server refuses a token that it gave, between two files or in the midst of one: a new one is asked for, and
    it goes on at the same place.
    """
    expected = filled(server)
    server.token, server.token_uses, server.in_storage = "none yet", 3, in_storage
    server.cuts = {0: [900], 1: [1500, 200], 3: [50]}
    run = Run(server, batch=4_000)
    told = run.settings.model_dump(by_alias=True)
    told["server"] |= {
        "auth": "secret",
        "client_id": "c",
        "client_secret": "env:S",
        "token_url": server.url + "/token",
    }
    run.secrets = {"env:S": "s"}
    run.settings = type(run.settings).model_validate(told)
    run.born()
    run.export()
    assert run.lines == expected
    assert server.tokens >= 4
    assert len(server.asked) == 1
    assert all("authorization" not in headers for _, headers in server.stored)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("in_storage", ["", "direct"])
def test_addresses_that_end_are_renewed(server: BulkServer, in_storage: str) -> None:
    """A file's address that ended (404, or 403 of a signed one): the manifest gives new ones, and it goes on."""
    expected = filled(server)
    server.in_storage, server.secure, server.uses_left = in_storage, not in_storage, 2
    run = Run(server, batch=4_000)

    def old(found: Changes) -> None:
        run.dies(found)
        server.version += run.stand.stage == "loading"

    run.export(after=old)
    assert run.lines == expected
    assert len(server.asked) == 1


def test_addresses_that_never_work_end_the_export(server: BulkServer) -> None:
    """Renewed in vain: the export is asked for anew a few times, then a person is told."""
    server.put("Patient", 1)
    server.extra = {"output": [{"type": "Patient", "url": "/r4/files/0?v=none"}]}
    server.pages = -1
    run = Run(server, every_hours=24 * 7)
    run.export()
    assert len(server.asked) == 4
    assert [one["issue"][0]["code"] for one in run.outcomes] == ["expired"]


def test_what_is_forbidden_is_told(server: BulkServer) -> None:
    """403 of a file that takes our token: no address helps; what to ask for is said."""
    server.put("Patient", 1)
    server.in_storage, server.secure = "direct", True
    server.extra = {"output": [{"type": "Patient", "url": server.storage + "/r4/files/0?v=none"}]}
    server.pages = -1
    run = Run(server)
    with pytest.raises(Misconfigured, match="403"):
        run.export()


def test_a_job_that_ends_in_the_middle(server: BulkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status address is gone while files are fetched: another export brings all; what came before is known."""
    monkeypatch.setattr(lines, "LEAST", 2_000)
    monkeypatch.setattr(lines, "MOST", 8_000)
    expected = filled(server)
    run = Run(server, batch=4_000)

    def gone(_found: Changes) -> None:
        if run.stand.place.file >= 1 and not server.lost_jobs:
            server.lost_jobs = {1}
            run.die()

    run.export(after=gone)
    assert len(server.asked) == 2
    assert set(run.lines) == set(expected)
    assert run.known > 0


@pytest.mark.usefixtures("_small")
def test_a_file_that_changed_is_read_from_its_start(server: BulkServer) -> None:
    """What stands before the place where it broke off is not what was read: that file comes anew, no line is lost."""
    filled(server)
    run = Run(server, batch=4_000)

    def changed(_found: Changes) -> None:
        place = run.stand.place
        if run.stand.stage == "loading" and place.file == 1 and place.offset:
            run.die()
            part, kind, body = server.files[2]
            if not body.startswith(b'{"resourceType": "Condition", "id": "new'):
                server.files[2] = (part, kind, resource("Condition", "new") + b"\n" + body)

    run.export(after=changed)
    assert set(run.lines) >= {line for _, _, body in server.files for line in body.splitlines()}


def test_pages_of_a_manifest(server: BulkServer) -> None:
    """A manifest in pages is read whole, so that encounters of its first page still come last."""
    for kind in ("Encounter", "Patient", "Condition", "Encounter", "Coverage"):
        server.put(kind, len(server.files))
    server.pages = 2
    run = Run(server)
    run.export()
    assert kinds(run) == ["Patient", "Coverage", "Condition", "Encounter"]
    assert sum(run.lines.values()) == 5


def test_other_files_in_the_manifest_start_it_anew(server: BulkServer) -> None:
    """A manifest that lists other files than before: places in it mean nothing any more."""
    server.put("Patient", 1, 2)
    server.put("Encounter", 1)
    run = Run(server, batch=1)
    while run.stand.stage != "loading" or not run.stand.shape:
        found = run.call()
        if found is not None and not found.more:
            run.turn(timedelta(seconds=60))
        run.dies()
    server.put("Coverage", 1)
    run.export()
    assert resource("Coverage", 1) in run.lines


def test_many_tiny_files_make_few_messages(server: BulkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a line or two are gathered, and fetched several at once, with or without counts."""
    at_once: list[int] = []
    fetch = ahead.Ahead._fetch

    def counted(self: ahead.Ahead, first: int) -> None:
        fetch(self, first)
        at_once.append(len(self._bodies))

    monkeypatch.setattr(ahead.Ahead, "_fetch", counted)
    for number in range(40):
        server.put("Condition", f"{number}-a", f"{number}-b")
    for counts in (True, False):
        server.counts = counts
        run = Run(server)
        run.export()
        assert sum(run.lines.values()) == 80
        assert len(run.inbox) == 1
    assert max(at_once) > 8


@pytest.mark.campaign
def test_twenty_thousand_files(server: BulkServer) -> None:
    """20,000 files of one line, and processes that die: each file is fetched once but for the few then on their way,
    the manifest once a life, messages are few, and the cursor holds a place, not a list.
    """
    server.files = [("output", "Patient", resource("Patient", n, pad="x" * 200) + b"\n") for n in range(20_000)]
    run, sizes, lives = Run(server, batch=1 << 20), list[int](), [1]

    def after(found: Changes) -> None:
        sizes.append(len(found.cursor))
        if found.messages and len(sizes) % 2:
            run.dies()
            lives[0] += 1

    run.export(after=after)
    assert sum(run.lines.values()) == 20_000
    assert lives[0] > 2
    assert server.version <= lives[0]
    assert sum(server.fetched.values()) <= 20_000 + 64 * lives[0]
    assert len(run.inbox) < 20
    assert max(sizes) < 1_000


def test_a_file_that_is_not_small_is_not_kept(server: BulkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file among small ones is streamed in its turn, however few lines it is said to have."""
    monkeypatch.setattr(ahead, "SMALL", 5_000)
    for number in range(12):
        server.put("Condition", *(f"{number}-{n}" for n in range(200 if number == 6 else 2)), pad="y" * 50)
    server.counts = True
    run = Run(server)
    run.export()
    assert sum(run.lines.values()) == 200 + 22


def test_what_went_wrong_is_told_and_asked_for_again(server: BulkServer) -> None:
    """`error` of the manifest: the outcomes go on as messages, counted by code; one that is grave keeps the next
    export from asking only for what is later.
    """
    server.put("Patient", 1)
    bad = (
        outcome("exception", text="secret name")
        + b"\n"
        + outcome("informational", severity="information")
        + b"\n"
    )
    server.files.append(("error", "OperationOutcome", bad))
    run = Run(server)
    stand = run.export()
    assert stand.faults == {"exception": 1}
    assert not stand.since
    assert json.loads(outcome("exception", text="secret name")) in run.outcomes
    assert [one.code for reading in read(run) for one in reading.problems] == ["fhir.outcome"]
    (step,) = run.part.check()
    assert not step.ok
    assert "exception (1)" in step.said
    assert "secret" not in step.said
    server.files[1] = ("error", "OperationOutcome", outcome("informational", severity="warning") + b"\n")
    run.next_day()
    assert run.export().since


def test_an_outcome_in_place_of_a_file(server: BulkServer) -> None:
    """A server that answers 200 with an OperationOutcome where a file should be: the export is not whole."""
    server.files = [
        ("output", "Patient", outcome("exception")),
        ("output", "Encounter", resource("Encounter", 1)),
    ]
    run = Run(server)
    stand = run.export()
    assert stand.faults == {"exception": 1}
    assert run.outcomes == [json.loads(outcome("exception"))]
    assert set(run.lines) == {resource("Encounter", 1)}
    assert not stand.since


def test_deletions(server: BulkServer) -> None:
    """`deleted` of the manifest becomes messages of deletions, as of when they say it was, else as of the export; a
    deletion that names nothing for sure goes on as it is.
    """
    entries = [
        {"request": {"method": "DELETE", "url": "Patient/1"}},
        {"request": {"method": "DELETE", "url": "https://x.example.org/r4/Encounter/2"}},
    ]
    told = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    dated = {**told, "meta": {"lastUpdated": "2026-02-02T00:00:00Z"}, "entry": entries[:1]}
    unsure = {**told, "entry": [{"request": {"method": "DELETE", "url": "Patient?active=false"}}]}
    body = b"".join(json.dumps(one).encode() + b"\n" for one in (told, dated, unsure))
    server.put("Patient", 5)
    server.files.append(("deleted", "Bundle", body))
    run = Run(server)
    assert run.export().since
    assert sorted(run.deletions) == ["Encounter/2", "Patient/1", "Patient/1"]
    (bundle,) = (json.loads(one.body) for one in run.inbox.values() if one.content_type == "fhir+json")
    times = {entry["response"]["lastModified"][:10] for entry in bundle["entry"]}
    assert times == {"2026-02-02", "2026-03-01"}
    assert json.dumps(unsure).encode() in run.lines


def test_a_server_that_is_away_is_waited_for(server: BulkServer) -> None:
    """What was taken before stays taken; the error says nothing of addresses."""
    filled(server, 20)
    server.cuts = {1: [10] * 6}
    run = Run(server)
    run.export()
    assert run.errors
    assert all(isinstance(one, RetryLater) and "files/" not in str(one) for one in run.errors)
    assert sum(run.lines.values()) == 80


def test_an_export_of_nothing(server: BulkServer) -> None:
    """No files: the export is whole, and the next one asks for what is later."""
    run = Run(server)
    assert run.export().since == "2026-03-01T06:00:00+00:00"
    assert not run.inbox


def test_a_manifest_that_is_none(server: BulkServer) -> None:
    """What is no manifest, and one that goes round in circles, is refused in plain words."""
    server.extra = {"output": "files"}
    server.pages = -1
    with pytest.raises(Exception, match="list of the export's files") as caught:
        Run(server).export()
    assert caught.value.fix  # type: ignore[attr-defined]
    server.extra = {"output": [], "link": [{"relation": "next", "url": "?page=0"}]}
    with pytest.raises(Exception, match="does not end"):
        Run(server).export()
