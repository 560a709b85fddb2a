"""Calls of a FHIR server that does what servers do: busy, broken, slow, pointing elsewhere."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
import zlib
from datetime import timedelta
from email.utils import format_datetime

import pytest
from connectlab.serving import EMPTY, Reply, Seen, asking, each, serving
from hub_ehr_fhir.connect.addresses import joined, said, with_params
from hub_ehr_fhir.connect.http import Call, TooLarge
from hub_ehr_fhir.connect.patience import retry_after

from hub.errors import HubError, Misconfigured, Refused, RetryLater
from hub.testing.fakes import START

OK = Reply()


def test_an_answer_is_given_whole() -> None:
    """A call gives status, headers by small letters, and the body as it came."""
    with serving(each(Reply(headers={"ETag": 'W/"7"'}))) as house, asking(house.url) as client:
        answer = client.server.get("Encounter", {"_id": ["a", "b"], "_count": "5"})
    assert (answer.status, answer.headers["etag"], answer.body) == (200, 'W/"7"', EMPTY)
    assert house.paths == ["GET /r4/Encounter?_id=a&_id=b&_count=5"]
    assert house.seen[0].headers["accept"] == "application/fhir+json"
    assert "authorization" not in house.seen[0].headers


@pytest.mark.parametrize("status", [429, 503])
def test_a_short_wait_that_is_asked_for_is_waited(status: int) -> None:
    """After 429 or 503 with a short Retry-After the call waits so long and is made again."""
    busy = Reply(status=status, headers={"Retry-After": "7"})
    with serving(each(busy, OK)) as house, asking(house.url) as client:
        assert client.server.get("Patient").status == 200
    assert client.waits == [7.0]


def test_too_often_holds_every_call_for_a_moment() -> None:
    """After 429 without Retry-After not only that call waits: all do, and a while, since all are too many."""
    with serving(each(Reply(status=429), OK)) as house, asking(house.url) as client:
        assert client.server.get("Patient").status == 200
    assert sum(client.waits) == pytest.approx(2.0)


def test_a_wait_until_a_date_is_by_the_servers_clock() -> None:
    """A date in Retry-After counts from the server's Date, however wrong our clock is."""
    with serving(lambda _seen: replies.pop(0)) as house, asking(house.url) as client:
        house.skew = timedelta(hours=-3)
        until = format_datetime(START + house.skew + timedelta(seconds=4), usegmt=True)
        replies = [Reply(status=503, headers={"Retry-After": until}), OK]
        assert client.server.get("Patient").status == 200
    assert client.waits == [4.0]


def test_a_long_wait_is_left_for_later_and_holds_every_call() -> None:
    """A long Retry-After ends the call with that wait, and no other call is made before it is over."""
    busy = Reply(status=429, headers={"Retry-After": "600"})
    with serving(each(busy, OK)) as house, asking(house.url) as client:
        with pytest.raises(RetryLater) as caught:
            client.server.get("Patient")
        with pytest.raises(RetryLater) as again:
            client.server.get("Encounter")
        assert (caught.value.after_seconds, again.value.after_seconds, len(house.seen)) == (600, 600, 1)
        client.gone += 600
        assert client.server.get("Encounter").status == 200
    assert client.waits == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12.0),
        (" 1.5 ", 1.5),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("999999", 86_400.0),
        (format_datetime(START + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(START - timedelta(hours=1), usegmt=True), 0.0),
        (str(int(START.timestamp()) + 30), 30.0),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    """Seconds, dates and epochs are understood, bounded to a day; what is none of them asks for nothing."""
    assert retry_after(text, START) == seconds


@pytest.mark.parametrize(
    "broken",
    [
        Reply(status=500),
        Reply(status=502, body=b"<html>bad gateway</html>", headers={"content-type": "text/html"}),
        Reply(hang_up=True),
        Reply(length=9_000),
        Reply(chunks=(EMPTY[:20],), torn=True),
        Reply(body=EMPTY[:20]),
        Reply(body=b'{"entry":[{"resource":{}}'),
        Reply(body=b""),
        Reply(body=gzip.compress(EMPTY)[:-9], headers={"content-encoding": "gzip"}),
        Reply(body=b"no gzip at all", headers={"content-encoding": "gzip"}),
    ],
    ids=[
        "500",
        "502",
        "hang up",
        "short",
        "torn chunk",
        "cut JSON",
        "cut at a brace",
        "empty",
        "cut gzip",
        "bad gzip",
    ],
)
def test_what_breaks_is_tried_again(broken: Reply) -> None:
    """A failure of the moment is repeated, later and later, and the call succeeds as if nothing had been."""
    with serving(each(broken, broken, OK)) as house, asking(house.url) as client:
        assert client.server.get("Patient").body == EMPTY
    assert len(house.seen) == 3
    assert len(client.waits) == 2
    assert 0.25 <= client.waits[0] <= 0.5 < client.waits[1] <= 1.0


def test_what_stays_broken_is_left_for_later() -> None:
    """After `tries` the call raises `RetryLater`."""
    with (
        serving(each(Reply(status=500))) as house,
        asking(house.url, tries=3) as client,
        pytest.raises(RetryLater, match="GET Patient: HTTP 500"),
    ):
        client.server.get("Patient")
    assert len(house.seen) == 3


def test_a_post_is_not_repeated_unless_that_is_harmless() -> None:
    """What may have had its effect is sent once; a search by POST as often as a GET."""
    with serving(each(Reply(status=500))) as house, asking(house.url, tries=2) as client:
        for again, count in ((False, 1), (True, 3)):
            with pytest.raises(RetryLater):
                client.server.post("Patient/_search", body=b"_id=1", content_type="text/plain", again=again)
            assert len(house.seen) == count


def test_packed_answers() -> None:
    """Packed by gzip or deflate, whole, in members and in tiny chunks, are unpacked."""
    two = gzip.compress(EMPTY[:10]) + gzip.compress(EMPTY[10:])
    tiny = tuple(bytes([one]) for one in gzip.compress(EMPTY))
    replies = (
        Reply(body=gzip.compress(EMPTY), headers={"content-encoding": "gzip"}),
        Reply(body=two, headers={"content-encoding": "gzip"}),
        Reply(chunks=tiny, headers={"content-encoding": "gzip"}),
        Reply(body=zlib.compress(EMPTY), headers={"content-encoding": "deflate"}),
    )
    with serving(each(*replies)) as house, asking(house.url) as client:
        assert [client.server.get("Patient").body for _ in replies] == [EMPTY] * 4
    assert client.waits == []


def test_an_answer_has_a_largest_size() -> None:
    """Neither a long body nor a packed one that unpacks to much more is taken beyond the bound."""
    bomb = gzip.compress(b" " * 4_000_000)
    replies = each(
        Reply(body=b" " * 5000), Reply(body=bomb, headers={"content-encoding": "gzip"}), Reply(body=EMPTY * 40)
    )
    with serving(replies) as house, asking(house.url, max_body_bytes=4096) as client:
        for _ in range(2):
            with pytest.raises(TooLarge, match="larger than 4,096 bytes"):
                client.server.get("Patient")
        told = list(client.server.many([Call(url="Patient", max_body_bytes=100)]))
    assert isinstance(told[0], TooLarge)
    assert len(house.seen) == 3


def test_a_slow_drip_has_an_end() -> None:
    """An answer that comes byte by byte is given up when the call's time is over, though each byte is in time."""
    drip = Reply(chunks=tuple(bytes([one]) for one in EMPTY * 4))
    with serving(each(drip)) as house, asking(house.url, call_seconds=30) as client:
        client.step = 0.5
        with pytest.raises(RetryLater, match="too slowly"):
            client.server.get("Patient")
    assert len(house.seen) == 1


def test_a_head_that_drips_has_an_end() -> None:
    """An answer whose head comes letter by letter, each in time, is given up when the call's time is over."""
    with (
        socket.create_server(("127.0.0.1", 0)) as door,
        asking(f"http://127.0.0.1:{door.getsockname()[1]}/r4") as client,
    ):
        client.step = 0.5
        dripping = threading.Thread(target=drip, args=(door,), daemon=True)
        dripping.start()
        with pytest.raises(RetryLater, match="no answer in time"):
            client.server.get("Patient")
        door.shutdown(socket.SHUT_RDWR)
        dripping.join(60)
        assert not dripping.is_alive()


def drip(door: socket.socket) -> None:
    """One connection after the other, with a head that never ends, as long as somebody listens."""
    with contextlib.suppress(OSError):
        while True:
            there, _ = door.accept()
            with contextlib.suppress(OSError), there:
                there.recv(4096)
                there.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                while True:
                    there.sendall(b"y")
                    time.sleep(0.0005)


def test_a_silent_server_is_not_waited_for_for_ever() -> None:
    """A server that says nothing for `read_seconds` is given up with words that say so."""
    release = threading.Event()

    def silent(_seen: Seen) -> Reply:
        release.wait(60)
        return OK

    with serving(silent) as house, asking(house.url, read_seconds=0.05, tries=1) as client:
        with pytest.raises(RetryLater, match="no answer in time"):
            client.server.get("Patient")
        release.set()


def test_a_stop_ends_a_wait() -> None:
    """When the hub stops, a call that waits ends at once."""
    with serving(each(Reply(status=503, headers={"Retry-After": "5"}))) as house, asking(house.url) as client:
        client.stops_after = 1
        with pytest.raises(RetryLater, match="the hub stops"):
            client.server.get("Patient")
    assert len(house.seen) == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            Reply(body=b"<!DOCTYPE html><title>Log in</title>", headers={"content-type": "text/html"}),
            "a web page",
        ),
        (
            Reply(
                body=b'<Bundle xmlns="http://hl7.org/fhir"/>', headers={"content-type": "application/fhir+xml"}
            ),
            "XML",
        ),
        (Reply(body=b"OK", headers={"content-type": "text/plain"}), "no JSON"),
    ],
)
def test_a_page_instead_of_data_is_said(reply: Reply, words: str) -> None:
    """A login page, a proxy's page or XML is named as what it is and not read as data; it may pass, so it is tried
    again as often as other failures."""
    with (
        serving(each(reply)) as house,
        asking(house.url) as client,
        pytest.raises(RetryLater, match=words) as caught,
    ):
        client.server.get("Patient")
    assert caught.value.fix
    assert len(house.seen) == 4


@pytest.mark.parametrize("body", [b'{"a":"\x01"}', b"\xef\xbb\xbf" + EMPTY, b" " + EMPTY + b"\n"])
def test_what_is_wrong_within_is_for_the_reader(body: bytes) -> None:
    """A whole answer is given as it came, also with a damaged value, a byte order mark or white space around it."""
    with serving(each(Reply(body=body))) as house, asking(house.url) as client:
        assert client.server.get("Patient").body == body


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_an_answer(status: int) -> None:
    """404 and 410 are returned: a deletion is news, not a failure."""
    with serving(each(Reply(status=status))) as house, asking(house.url) as client:
        assert client.server.get("Patient/1").status == status


def test_unchanged_is_an_answer_to_who_asks_so() -> None:
    """304 is returned where an ETag was sent with If-None-Match."""
    with serving(each(Reply(status=304))) as house, asking(house.url) as client:
        assert client.server.get("Patient/1", etag='W/"3"').status == 304
    assert house.seen[0].headers["if-none-match"] == 'W/"3"'


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (422, Refused),
        (501, Refused),
        (401, Misconfigured),
        (403, Misconfigured),
        (511, Misconfigured),
    ],
)
def test_other_statuses_raise_with_the_codes_of_the_outcome(status: int, kind: type[HubError]) -> None:
    """A refusal names the call's type, the status and the codes of fixed lists; never a text of the server."""
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [
            {"code": "processing", "diagnostics": "CANARY Smith", "details": {"text": "CANARY"}},
            {"code": "CANARY", "details": {"coding": [{"code": "MSG_PARAM_UNKNOWN"}, {"code": "CANARY"}]}},
            {"code": "required", "details": {"coding": [{"code": "4115", "system": "urn:oid:1.2.840.114350.1"}]}},
        ],
    }
    reply = Reply(status=status, body=json.dumps(outcome).encode())
    with serving(each(reply)) as house, asking(house.url) as client:
        with pytest.raises(kind) as caught:
            client.server.get("Patient/CANARY", {"name": "CANARY"})
        assert client.server.get("Patient", expect=(200, status)).status == status
    told = str(caught.value)
    assert told == f"GET Patient: HTTP {status} (processing, MSG_PARAM_UNKNOWN, required, 4115)"
    assert caught.value.fix
    assert "CANARY" not in told + caught.value.fix


def test_many_calls_keep_their_order_and_the_budget() -> None:
    """Many calls run at the same time, never more than the budget; answers come in the order of the calls, and a
    failure is the value of its own call alone."""
    gate = threading.Barrier(3, timeout=60)

    def answer(seen: Seen) -> Reply:
        if seen.path < "/r4/Patient/3":
            gate.wait()
        return Reply(
            body=json.dumps({"path": seen.path}).encode(), status=400 if seen.path.endswith("/5") else 200
        )

    with serving(answer) as house, asking(house.url, requests_at_once=3) as client:
        calls = (Call(url=f"Patient/{number}") for number in range(9))
        told = list(client.server.many(calls))
    assert isinstance(told[5], Refused)
    paths = [json.loads(one.body)["path"] for one in told if not isinstance(one, HubError)]
    assert paths == [f"/r4/Patient/{number}" for number in range(9) if number != 5]
    assert house.most_together == 3


def test_no_more_requests_a_second_than_allowed() -> None:
    """`requests_per_second` spaces calls evenly, those of many threads together."""
    with serving(each(OK)) as house, asking(house.url, requests_per_second=4) as client:
        for _ in range(5):
            client.server.get("Patient")
    assert client.waits == [0.25] * 4


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("Patient/1", "https://ehr.example.org/r4/Patient/1"),
        ("/metadata", "https://ehr.example.org/r4/metadata"),
        ("https://ehr.example.org/r4?page=2", "https://ehr.example.org/r4?page=2"),
        ("http://ehr.example.org/r4?page=2", "https://ehr.example.org/r4?page=2"),
        ("http://ehr.example.org:80/r4?page=2", "https://ehr.example.org/r4?page=2"),
        ("http://ehr.example.org:8080/r4", "http://ehr.example.org:8080/r4"),
        ("http://other.example.org/r4", "http://other.example.org/r4"),
    ],
)
def test_addresses_are_joined(given: str, whole: str) -> None:
    """A path belongs under the base; a server behind a proxy that calls itself http is meant by its https address."""
    assert joined("https://ehr.example.org/r4/", given) == whole


def test_what_a_server_wants_in_every_search_is_in_every_search() -> None:
    """`search_parameters` go with each search of a type, and neither with reads nor with the server's own links."""
    with (
        serving(each(OK)) as house,
        asking(
            house.url,
            search_parameters={"ah-practice": "Organization/a-1.Practice-9", "k": "env:KEY"},
            secrets={"env:KEY": "canary-key"},
        ) as client,
    ):
        for one in ("Patient", "/Patient?_id=1", "Patient/1", "metadata", f"{house.url}/Patient?page=2"):
            client.server.get(one)
    also = "ah-practice=Organization/a-1.Practice-9&k=canary-key"
    assert [one.path for one in house.seen] == [
        f"/r4/Patient?{also}",
        f"/r4/Patient?_id=1&{also}",
        "/r4/Patient/1",
        "/r4/metadata",
        "/r4/Patient?page=2",
    ]


def test_parameters_are_added_to_what_a_link_has() -> None:
    """Parameters follow those of the address, several values of one name each by itself, the text escaped."""
    assert with_params("https://e.org/P?a=1", {"b": ["x", "y z"]}) == "https://e.org/P?a=1&b=x&b=y+z"
    assert with_params("https://e.org/P", [("_lastUpdated", "ge2026-01-01T00:00:00+01:00")]) == (
        "https://e.org/P?_lastUpdated=ge2026-01-01T00:00:00%2B01:00"
    )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://e.org/r4/Patient/Smith", "GET Patient"),
        ("https://e.org/r4/Patient?name=Smith", "GET Patient"),
        ("https://e.org/r4/Group/17/$export?_since=1", "GET Group/$export"),
        ("https://e.org/r4/Smith/17", "GET of e.org"),
        ("https://e.org/r4/.well-known/smart-configuration", "GET .well-known"),
        ("https://files.example.org/Smith.ndjson?token=abc", "GET of files.example.org"),
        ("https://e.org/r4x/Patient", "GET of e.org"),
    ],
)
def test_calls_are_spoken_of_without_values(url: str, words: str) -> None:
    """A call is named by the type or operation it is of; ids, queries and file names are left out."""
    assert said("GET", url, "https://e.org/r4") == words
