"""Where a token goes, and where it never goes, whoever points there."""

from __future__ import annotations

import pytest
from connectlab.serving import EMPTY, Client, Reply, Seen, asking, each, serving
from hub_ehr_fhir.settings_server import ServerSettings
from pydantic import ValidationError

from hub.errors import HubError, Misconfigured, RetryLater

SIGNED = {"auth": "bearer", "token": "env:T", "secrets": {"env:T": "canary-token", "env:KEY": "canary-key"}}


def to(url: str, status: int = 307) -> Reply:
    """A redirect."""
    return Reply(status=status, body=b"", headers={"Location": url})


def test_the_token_goes_to_the_server_itself() -> None:
    """Calls to the server's own origin are signed, unless the caller says otherwise; headers of the settings too."""
    with (
        serving(each(Reply())) as house,
        asking(house.url, **SIGNED, headers={"X-Api-Key": "env:KEY", "x-plain": "1"}) as client,
    ):
        client.server.get("Patient")
        client.server.get("Patient", authorized=False)
    signed, bare = house.seen
    assert signed.headers["authorization"] == "Bearer canary-token"
    assert (signed.headers["x-api-key"], signed.headers["x-plain"]) == ("canary-key", "1")
    assert "authorization" not in bare.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_takes_no_token_along(status: int) -> None:
    """A file address that redirects to another origin is followed without the token and the settings' headers."""
    with (
        serving(each(Reply(body=b"{}"))) as other,
        serving(each(to(f"{other.url}/file?sig=1", status))) as house,
        asking(house.url, **SIGNED, headers={"X-Api-Key": "env:KEY"}) as client,
    ):
        with client.server.stream(f"{house.url}/files/1") as stream:
            assert b"".join(stream.chunks()) == b"{}"
        assert client.server.get("Patient").body == b"{}"
    assert [one.headers.get("authorization") for one in house.seen] == ["Bearer canary-token"] * 2
    for one in other.seen:
        assert "canary" not in repr(one.headers)
        assert one.path == "/r4/file?sig=1"


def test_a_server_that_moved_is_told_with_its_new_address() -> None:
    """What fails behind a redirect says where it led, of the address no more than its host, and what to change."""
    with (
        serving(each(Reply(status=401))) as other,
        serving(each(to(f"{other.url}/Patient/canary", 301))) as house,
        asking(house.url, **SIGNED) as client,
        pytest.raises(Misconfigured) as refused,
    ):
        client.server.get("Patient")
    with (
        serving(each(to(f"{other.url}/Patient/canary", 301))) as house,
        asking(house.url, **SIGNED) as client,
        pytest.raises(RetryLater) as unfound,
    ):
        client.server.get("Patient")
    for one in (refused, unfound):
        assert f"we were sent on to {other.url.removesuffix('/r4')}" in str(one.value)
        assert "write its new address in `url`" in one.value.fix
        assert "canary" not in str(one.value)


def test_a_certificate_file_that_is_not_there_is_told_as_that() -> None:
    """What is set up wrong on this side is no doubt about what the server says of itself."""
    with asking("https://localhost:9/r4", **SIGNED, ca="env:GONE") as client, pytest.raises(HubError) as caught:
        client.server.discovery()
    assert "GONE" in str(caught.value)
    assert "tokens are given" not in str(caught.value)


def test_a_redirect_and_back_is_signed_again() -> None:
    """The token depends on where a request goes, not on where it has been."""
    with (
        serving(lambda _seen: to(f"{house.url}/Patient/1")) as other,
        serving(lambda seen: Reply() if seen.path == "/r4/Patient/1" else to(other.url)) as house,
        asking(house.url, **SIGNED) as client,
    ):
        client.server.get("Patient")
    assert "authorization" not in other.seen[0].headers
    assert house.seen[-1].headers["authorization"] == "Bearer canary-token"


def test_an_address_elsewhere_gets_none_unless_it_is_trusted() -> None:
    """An absolute address of another origin is asked without the token; with `trusted_origins` it is shown it, and
    only if the caller wants that."""
    with serving(each(Reply())) as other, serving(each(Reply())) as house:
        origin = other.url.removesuffix("/r4")
        with asking(house.url, **SIGNED) as client:
            client.server.get(f"{other.url}/f")
        with asking(house.url, **SIGNED, trusted_origins=(origin,)) as client:
            client.server.get(f"{other.url}/f")
            client.server.get(f"{other.url}/f", authorized=False)
    assert [one.headers.get("authorization") for one in other.seen] == [None, "Bearer canary-token", None]


def test_another_port_or_host_is_another_origin() -> None:
    """The same host at another port, or another name of it, gets no token."""
    with serving(each(Reply())) as house, asking(house.url, **SIGNED) as client:
        client.server.get(house.url.replace("localhost", "127.0.0.1") + "/Patient")
    assert "authorization" not in house.seen[0].headers


def test_circles_end() -> None:
    """A server that points to itself for ever is given up, and said to."""
    with (
        serving(lambda _seen: to(f"{house.url}/again")) as house,
        asking(house.url) as client,
        pytest.raises(Misconfigured, match="in circles"),
    ):
        client.server.get("Patient")
    assert len(house.seen) <= 8


@pytest.mark.parametrize(
    ("location", "words"),
    [("ftp://example.org/x", "an address that is none"), ("http://[bad", "an address that is none")],
)
def test_other_schemes_are_not_followed(location: str, words: str) -> None:
    """Only addresses of the web are followed."""
    with (
        serving(each(to(location))) as house,
        asking(house.url) as client,
        pytest.raises(Misconfigured, match=words),
    ):
        client.server.get("Patient")


def test_http_outside_this_machine_is_not_asked() -> None:
    """An address without TLS on another machine is refused, before anything is sent there."""
    with (
        serving(each(to("http://files.example.org/f"))) as house,
        asking(house.url, **SIGNED) as client,
        pytest.raises(Misconfigured) as caught,
    ):
        client.server.get("Patient")
    caught.match(r"files\.example\.org is not https")
    assert "allow_http" in caught.value.fix


def test_a_server_elsewhere_does_not_lead_to_this_machine() -> None:
    """Without TLS this machine itself is asked only where the settings name it: not because a server elsewhere lists
    a file or a next page there."""
    with serving(each(Reply())) as house:
        with (
            asking("https://fhir.example.org/r4", **SIGNED) as client,
            pytest.raises(Misconfigured, match="localhost is not https"),
        ):
            client.server.get(f"{house.url}/metrics")
        assert house.seen == []
        with asking("https://fhir.example.org/r4", **SIGNED, trusted_origins=(house.url[:-3],)) as client:
            client.server.get(f"{house.url}/f")
    assert house.paths == ["GET /r4/f"]


def test_a_body_is_not_carried_elsewhere() -> None:
    """What was sent with POST is repeated at the server itself if it asks so (307), and at no other origin."""
    replies = [to("/r4/there"), Reply()]
    with (
        serving(each(Reply())) as other,
        serving(lambda _seen: replies.pop(0)) as house,
        asking(house.url) as client,
    ):
        client.server.post("Patient/_search", body=b"name=canary", content_type="text/plain")
        assert [one.body for one in house.seen] == [b"name=canary"] * 2
        replies += [to(f"{other.url}/there")]
        with pytest.raises(Misconfigured, match="HTTP 307"):
            client.server.post("Patient/_search", body=b"name=canary", content_type="text/plain")
    assert other.seen == []


def test_a_see_other_is_asked_without_the_body() -> None:
    """After 303 the other address is asked by GET."""
    replies = [to("/r4/there", 303), Reply()]
    with serving(lambda _seen: replies.pop(0)) as house, asking(house.url) as client:
        client.server.post("Patient/_search", body=b"name=canary", content_type="text/plain")
    assert house.paths == ["POST /r4/Patient/_search", "GET /r4/there"]
    assert (house.seen[1].body, house.seen[1].headers.get("content-type")) == (b"", None)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://ehr.example.org/r4"},
        {"url": "ehr.example.org/r4"},
        {"url": "ftp://ehr.example.org"},
        {"url": "https://user:canary@ehr.example.org"},
        {"url": "https://ehr.example.org/r4?x=1"},
        {"url": "https://ehr.example.org", "token_url": "http://ehr.example.org/token"},
        {"url": "https://ehr.example.org", "trusted_origins": ["http://files.example.org"]},
        {"url": "https://ehr.example.org", "trusted_origins": ["https://files.example.org/path"]},
        {"url": "https://ehr.example.org", "proxy": "socks5://proxy"},
        {"url": "https://ehr.example.org", "proxy_login": "env:P"},
        {"url": "https://ehr.example.org", "headers": {"Authorization": "canary"}},
        {"url": "https://ehr.example.org", "headers": {"X-Api-Key": "canary"}},
        {"url": "https://ehr.example.org", "headers": {"Ocp-Apim-Subscription-Key": "canary"}},
        {"url": "https://ehr.example.org", "search_parameters": {"access_token": "canary"}},
        {"url": "https://ehr.example.org", "client_key": "key.pem"},
        {"url": "https://ehr.example.org", "auth": "secret", "client_id": "x"},
        {"url": "https://ehr.example.org", "auth": "secret", "client_id": "x", "client_secret": "canary"},
        {"url": "https://ehr.example.org", "auth": "bearer", "token": "canary"},
        {"url": "https://ehr.example.org", "auth": "smart"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, object]) -> None:
    """What would send tokens readably, is no address, or holds a secret itself, is told before the hub runs, and the
    message repeats no value."""
    with pytest.raises(ValidationError) as caught:
        ServerSettings.model_validate({"auth": "none", **settings})
    assert "canary" not in str(caught.value)


def streamed(client: Client) -> list[str]:
    """What is said where a stream fails, if it does."""
    try:
        with client.server.stream("Patient/canary?x=canary") as stream:
            list(stream.chunks())
    except HubError as error:
        return [str(error), error.fix]
    return [repr(stream)]


def test_no_message_log_or_record_shows_what_a_call_holds(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever fails, neither token, key, id, query nor the server's words are in what is raised, logged or shown."""
    page = Reply(body=b"<html>canary</html>", headers={"content-type": "text/html"})
    bad: list[Reply] = [
        Reply(status=400, body=b'{"resourceType":"OperationOutcome","issue":[{"code":"canary"}]}'),
        Reply(status=401, body=b"canary"), Reply(status=403, body=b"canary"), Reply(status=418, body=b"canary"),
        Reply(status=500, body=b"canary"), Reply(status=429, headers={"Retry-After": "canary"}), page,
        Reply(body=b"canary"), Reply(body=EMPTY[:-1] + b',"canary":{'), Reply(hang_up=True), Reply(length=999),
        to("canary://canary"), to("http://canary.example.org:99999/canary"), Reply(status=302),
        Reply(body=b"canary", headers={"content-encoding": "canary"}),
    ]  # fmt: skip
    told: list[str] = []

    def answer(seen: Seen) -> Reply:
        return bad[int(seen.headers["x-nth"])]

    caplog.set_level(0)
    with serving(answer) as house:
        for nth in range(len(bad)):
            with asking(house.url, **SIGNED, tries=2, headers={"X-Nth": str(nth), "X-Key": "env:KEY"}) as client:
                with pytest.raises(HubError) as caught:
                    client.server.get("Patient/canary", {"name": "canary"})
                told += [str(caught.value), caught.value.fix, repr(client.server), repr(client.context.log.lines)]
                told += streamed(client)
    shown = "\n".join(told) + caplog.text
    assert "GET Patient" in shown
    assert "canary" not in shown.replace("canary.example.org", "")
