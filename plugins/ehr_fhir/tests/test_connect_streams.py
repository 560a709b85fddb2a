"""Files of any size from a FHIR server: as they come, from where they were left, and only files."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from connectlab.serving import Answerer, Client, Reply, Seen, asking, each, serving

from hub.errors import HubError, Misconfigured, Refused, RetryLater

FILE = b"".join(b'{"resourceType":"Patient","id":"%d"}\n' % number for number in range(200))
NDJSON = {"content-type": "application/fhir+ndjson"}


def taken(client: Client, url: str, **how: Any) -> bytes:
    """The whole rest of a file."""
    with client.server.stream(url, **how) as stream:
        return b"".join(stream.chunks())


def ranged(seen: Seen) -> Reply:
    """A server that can begin anywhere."""
    asked = seen.headers.get("range")
    if asked is None:
        return Reply(body=FILE, headers=NDJSON)
    begin = int(asked.removeprefix("bytes=").removesuffix("-"))
    if begin >= len(FILE):
        return Reply(status=416, body=b"", headers={"content-range": f"bytes */{len(FILE)}"})
    headers = {**NDJSON, "content-range": f"bytes {begin}-{len(FILE) - 1}/{len(FILE)}"}
    return Reply(status=206, body=FILE[begin:], headers=headers)


def packed_part(seen: Seen) -> Reply:
    """A server that packs even a part, which nobody can put to what came before."""
    headers = {**NDJSON, "content-encoding": "gzip"}
    if "range" in seen.headers:
        return Reply(
            status=206, body=gzip.compress(FILE)[7:], headers={**headers, "content-range": "bytes 7-9/99"}
        )
    return Reply(body=gzip.compress(FILE), headers=headers)


def wrong_part(seen: Seen) -> Reply:
    """A server that gives another part than was asked for."""
    if "range" in seen.headers:
        return Reply(status=206, body=FILE[:9], headers={"content-range": "bytes 0-8/9"})
    return Reply(body=FILE, headers=NDJSON)


@pytest.mark.parametrize("offset", [0, 1, 777, len(FILE)])
@pytest.mark.parametrize(
    "answer",
    [ranged, each(Reply(body=FILE, headers=NDJSON)), packed_part, wrong_part],
    ids=["ranges", "no ranges", "packed part", "wrong part"],
)
def test_a_file_goes_on_where_it_was_left(answer: Answerer, offset: int) -> None:
    """From any byte on the rest of the file comes, whether or not the server can begin there."""
    with serving(answer) as house, asking(house.url) as client:
        assert taken(client, f"{house.url}/files/1", offset=offset, etag='"7"') == FILE[offset:]
    if offset:
        assert house.seen[0].headers["range"] == f"bytes={offset}-"
        assert house.seen[0].headers["if-range"] == '"7"'
        assert house.seen[0].headers["accept-encoding"] == "identity"


def test_a_file_that_breaks_off_is_told_after_what_came() -> None:
    """The pieces that came are given, then `RetryLater`; going on from there gives the rest, and nothing twice."""
    replies = [Reply(chunks=(FILE[:1000], FILE[1000:3000]), torn=True, headers=NDJSON)]
    got: list[bytes] = []
    with serving(lambda seen: replies.pop() if replies else ranged(seen)) as house, asking(house.url) as client:
        with client.server.stream("files/1") as stream, pytest.raises(RetryLater):
            got.extend(stream.chunks())
        first = b"".join(got)
        assert 0 < len(first) <= 3000
        assert first + taken(client, "files/1", offset=len(first)) == FILE


def test_a_file_that_became_shorter_is_told() -> None:
    """Where less is there than was read before, nothing is taken for the rest."""
    with (
        serving(each(Reply(body=FILE[:10]))) as house,
        asking(house.url) as client,
        pytest.raises(RetryLater, match="shorter"),
    ):
        taken(client, "f", offset=20)


def test_a_big_file_comes_in_bounded_pieces() -> None:
    """However well it is packed, no piece is larger than a MiB."""
    big = b"\n" * (5 << 20)
    reply = Reply(body=gzip.compress(big), headers={"content-encoding": "gzip"})
    with (
        serving(each(reply)) as house,
        asking(house.url, max_body_bytes=1024) as client,
        client.server.stream("f") as stream,
    ):
        sizes = [len(piece) for piece in stream.chunks()]
    assert sum(sizes) == len(big)
    assert max(sizes) <= 1 << 20


def test_opening_is_tried_again() -> None:
    """What fails before the file begins is repeated as with any call."""
    with (
        serving(each(Reply(status=500), Reply(hang_up=True), Reply(body=FILE))) as house,
        asking(house.url) as client,
    ):
        assert taken(client, "f") == FILE


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(status=404), Refused, "the file is gone"),
        (Reply(status=410), Refused, "the file is gone"),
        (Reply(status=403), Misconfigured, "HTTP 403"),
        (Reply(body=b"<html>log in", headers={"content-type": "text/html"}), RetryLater, "web page"),
        (Reply(body=b"\n <!DOCTYPE html>"), RetryLater, "web page"),
    ],
)
def test_what_is_no_file_is_told(reply: Reply, kind: type[HubError], words: str) -> None:
    """A file that is gone, one that may not be read, and a page in its place are told apart."""
    with serving(each(reply)) as house, asking(house.url) as client, pytest.raises(kind, match=words):
        taken(client, f"{house.url}/f")


def test_a_status_that_is_expected_is_given_with_its_body() -> None:
    """Who wants to read what came instead of a file names the status."""
    with (
        serving(each(Reply(status=403, body=b"why"))) as house,
        asking(house.url) as client,
        client.server.stream("f", expect=(200, 206, 403)) as stream,
    ):
        assert (stream.status, stream.whole()) == (403, b"why")


def test_a_stream_does_not_stand_in_its_own_way() -> None:
    """With a budget of one request, who reads a stream can still ask."""
    with (
        serving(each(Reply(body=FILE), Reply())) as house,
        asking(house.url, requests_at_once=1) as client,
        client.server.stream("f") as stream,
    ):
        assert client.server.get("Patient").status == 200
        assert b"".join(stream.chunks()) == FILE


def test_a_stream_has_an_end_where_one_is_set() -> None:
    """`seconds` bounds a stream as a whole."""
    reply = Reply(chunks=tuple(bytes([one]) for one in FILE[:300]))
    with serving(each(reply)) as house, asking(house.url, call_seconds=110) as client:
        client.step = 1.0
        with pytest.raises(RetryLater, match="too slowly"):
            taken(client, "f", seconds=50)
