"""Pages as servers really give them: links of all kinds or none, repeated, empty, shuffled, forgotten, in circles."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fhirlab.fake import BASE, START, Direct, FakeFhir
from fhirlab.proxy import Reply
from fhirlab.pulls import Pull, keys, office, visit, whole
from hub_ehr_fhir.connect.addresses import leads_to
from hub_ehr_fhir.pull.pages import page_of
from hub_ehr_fhir.pull.walking import Place, Query, Searched, Walker

from hub.clock import TurnedClock
from hub.errors import RetryLater

ALL = Query(path="Encounter", params={}, kind="Encounter")
Page = dict[str, Any]


def server(paging: str, count: int = 25, **more: Any) -> FakeFhir:
    """A server with so many encounters."""
    fake = FakeFhir(TurnedClock(START), paging=paging, **more)
    fake.put(*(visit(n)[0] for n in range(count)))
    return fake


def spoilt(fake: FakeFhir, change: Callable[[Page, str], Page]) -> FakeFhir:
    """The server, each page of which is changed."""
    plain = fake.answer

    def answer(method: str, path: str, headers: Any, body: bytes = b"") -> Reply:
        reply = plain(method, path, headers, body)
        page = json.loads(reply.body) if reply.body else {}
        return reply._replace(body=json.dumps(change(page, path)).encode()) if "entry" in page else reply

    fake.answer = answer  # type: ignore[method-assign]
    return fake


def walked(fake: FakeFhir, query: Query = ALL, size: int = 4) -> list[str]:
    """Everything that a walk through all pages brings."""
    return sorted(one.key for one in Walker(Direct(fake), page_size=size).whole(query).matches)  # type: ignore[arg-type]


def test_what_is_odd_on_a_page_spoils_nothing_else() -> None:
    """Half a character in one resource keeps no page from being read. One without an id has the one that its address
    tells; without that, it is counted, and the log says so."""
    half = {"resourceType": "Encounter", "id": "e1", "text": {"div": "\ud83d"}}
    entries = [
        {"resource": half},
        {"fullUrl": f"{BASE}/Encounter/e2", "resource": {"resourceType": "Encounter", "status": "finished"}},
        {"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Encounter", "status": "finished"}},
    ]
    page = page_of(json.dumps({"resourceType": "Bundle", "entry": entries}).encode(), {}, "Encounter")
    assert ([one.key for one in page.matches], page.nameless) == (["Encounter/e1", "Encounter/e2"], 1)
    assert [one.tree()["id"] for one in page.matches] == ["e1", "e2"]


EVERY = sorted(f"Encounter/e{n}" for n in range(25))


@pytest.mark.parametrize("paging", ["links", "live", "total", "none"])
def test_every_way_of_paging(paging: str) -> None:
    """All come, once, with links of a search that stands still or moves, with `_offset`, or on one page."""
    assert walked(server(paging)) == EVERY


def test_sorted_needs_no_links() -> None:
    """A sorted search goes on from the last time seen: links that the server forgets are not needed."""
    fake = server("links", 0)
    for n in range(25):
        fake.clock.turn_to(START.replace(minute=n))
        fake.put(visit(n)[0])
    query = Query(
        path="Encounter", kind="Encounter", ordered=True,
        params={"_lastUpdated": "ge2026-01-01T00:00:00Z", "_sort": "_lastUpdated"},
    )  # fmt: skip
    assert walked(fake, query) == EVERY
    assert not any("_page" in path for path in fake.asked)


def test_a_large_page_where_offset_fails() -> None:
    """Without links and `_offset` one page that is large enough is asked for; where there is none, that is said."""
    fake = server("stuck")
    with pytest.raises(RetryLater, match=r"more of Encounter than it gives|do not fit"):
        walked(fake)
    assert walked(server("stuck", 3)) == ["Encounter/e0", "Encounter/e1", "Encounter/e2"]


def test_repeated_entries() -> None:
    """Entries that come twice on a page, or on two pages, count once."""
    for paging in ("links", "total"):
        twice = spoilt(server(paging), lambda page, _: {**page, "entry": [*page["entry"], *page["entry"][:2]]})
        assert walked(twice) == EVERY


def test_empty_pages() -> None:
    """A page without entries that has a next link is not the end."""
    fake = server("links")
    plain = fake.answer

    def answer(method: str, path: str, headers: Any, body: bytes = b"") -> Reply:
        if path.endswith("&again=1"):
            return plain(method, path.removesuffix("&again=1"), headers, body)
        link = [{"relation": "next", "url": f"http://ehr.test{path}&again=1"}]
        return Reply(200, {}, json.dumps({"resourceType": "Bundle", "link": link}).encode())

    fake.answer = answer  # type: ignore[method-assign]
    assert walked(fake) == EVERY


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_circles(length: int) -> None:
    """Next links that lead in a circle end with an error that says so, however long the circle is."""
    number = iter(range(10**6))

    def circle(page: Page, _path: str) -> Page:
        link = [{"relation": "next", "url": f"{BASE}/Encounter?n={next(number) % length}"}]
        return {**page, "total": 99, "link": link}

    with pytest.raises(RetryLater, match="circles"):
        walked(spoilt(server("none"), circle))


def test_last_page_that_points_to_itself() -> None:
    """Where all that was announced has come, a last page that names itself as the next is the end."""

    def loop(page: Page, path: str) -> Page:
        own = [{"relation": "next", "url": f"http://ehr.test{path}"}]
        return {**page, "link": page.get("link", own)}

    assert walked(spoilt(server("links"), loop)) == EVERY


def test_a_search_that_was_forgotten() -> None:
    """A next page that is gone (410) begins the search again; a server that always forgets is told of."""
    fake = server("links")
    times = iter((True, *[False] * 99))

    def forget(path: str) -> None:
        if "_page" in path and json.loads('"' + "" + '"') == "" and next(times):
            fake.forget_searches()

    fake.before = forget  # type: ignore[assignment]
    assert walked(fake) == EVERY
    always = server("links")
    always.before = lambda path: always.forget_searches() if "_page" in path else None  # type: ignore[func-returns-value]
    with pytest.raises(RetryLater, match="forgets"):
        walked(always)


def test_refused_at_once() -> None:
    """A search that the server does not take at all is told apart from one that it forgot."""
    fake = server("links")
    fake.before = lambda _path: Reply(400, {}, b"")
    with pytest.raises(Searched):
        walked(fake)


def test_offsets_that_shift() -> None:
    """Where something moves between two pages of an offset, the search begins again: nothing falls between them."""
    fake = server("total", 1100)
    moved = []

    def move(path: str) -> None:
        if "_offset" in path and not moved:
            moved.append(fake.held.pop("Encounter/e0"))

    fake.before = move  # type: ignore[assignment]
    assert walked(fake, size=500) == sorted(f"Encounter/e{n}" for n in range(1, 1100))


def test_moving_while_it_is_read() -> None:
    """Unsorted pages of what is there now are read twice: a change that pushes a resource over a page's edge in
    between hides nothing.
    """
    pull = Pull(FakeFhir(TurnedClock(START), paging="live", sorts=False), page_size=2)
    pull.fake.put(*office(), *(one for n in range(6) for one in visit(n)))
    moved: list[str] = []

    def move(path: str) -> None:
        if "_page" in path and not moved:
            moved.append("Encounter/e0")
            pull.fake.held.pop("Encounter/e0")

    pull.fake.before = move  # type: ignore[assignment]
    pull.run()
    assert sorted(one[3] for one in keys(pull.said)) == [f"Encounter/e{n}" for n in range(1, 6)]


@pytest.mark.parametrize(
    ("link", "given", "leads"),
    [
        ("http://ehr.test/fhir?_page=2", False, "http://ehr.test/fhir?_page=2"),
        ("Encounter?_page=2", False, "http://ehr.test/fhir/Encounter?_page=2"),
        ("?_page=2", False, "http://ehr.test/fhir/Encounter?_page=2"),
        ("/fhir/Encounter?_page=2", False, "http://ehr.test/fhir/Encounter?_page=2"),
        ("http://inner:8080/fhir/Encounter?_page=2", False, "http://ehr.test/fhir/Encounter?_page=2"),
        ("http://inner:8080/base/r4/Encounter?_page=2", False, "http://ehr.test/fhir/Encounter?_page=2"),
        ("http://inner:8080/base/r4?_page=2", False, "http://ehr.test/fhir?_page=2"),
        ("http://inner:8080/fhir/x/9f3", False, "http://ehr.test/fhir/x/9f3"),
        ("http://inner:8080/base/r4?_page=2", True, "http://inner:8080/base/r4?_page=2"),
    ],
)
def test_next_links(link: str, given: bool, leads: str) -> None:
    """Relative, opaque and foreign next links lead to the configured server, unless the settings say otherwise."""
    assert leads_to(link, "http://ehr.test/fhir/Encounter?x=1", BASE, given=given) == leads


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"resourceType":"Patient"}', b'{"resourceType":"Bundle","entry":[1]}', b"\xff"]
)
def test_no_page(body: bytes) -> None:
    """What is no Bundle is an error that passes, and never an empty page."""
    with pytest.raises(RetryLater):
        page_of(body, {}, "Encounter")


def test_outcome_with_error() -> None:
    """An error within a searchset makes it incomplete; what only informs does not."""
    entry = {
        "resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}
    }
    body = json.dumps({"resourceType": "Bundle", "entry": [entry]}).encode()
    with pytest.raises(RetryLater, match="processing"):
        page_of(body, {}, "Encounter")
    assert page_of(body.replace(b"error", b"information"), {}, "Encounter").matches == ()


def test_a_place_is_small() -> None:
    """A place in a search is a handful of words, whatever was read so far."""
    walker, place = Walker(Direct(server("links", 200)), page_size=2), Place()  # type: ignore[arg-type]
    while not place.done:
        _, place = walker.step(ALL, place)
        assert len(place.link) < 400
    assert (place.pages, place.matches) == (100, 200)


def test_counts_ignored() -> None:
    """A server that ignores `_count`, or must not be sent it, is read whole all the same."""
    assert walked(server("none"), size=1) == EVERY
    fake = server("links")
    assert walked(fake, Query(path="Encounter", params={}, kind="Encounter", counted=False)) == EVERY
    assert not any("_count" in path for path in fake.asked)


def test_whole_pull_of_each_paging() -> None:
    """The same messages come whatever way the server pages."""
    said = []
    for paging in ("links", "live", "total", "none"):
        pull = Pull(FakeFhir(TurnedClock(START), paging=paging), page_size=2)
        pull.fake.put(*office(), *(one for n in range(7) for one in visit(n)))
        said.append(keys(pull.run()))
    assert said == [[whole(n) for n in range(7)]] * 4
