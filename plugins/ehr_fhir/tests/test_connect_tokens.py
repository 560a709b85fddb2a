"""Signing in at a FHIR server: with keys, secrets and tokens, and what is said where that fails."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from connectlab.ehr import SECRET, Ehr, document, pem, refusal
from connectlab.serving import Client, Reply, Seen, asking, each, serving
from hub_ehr_fhir.connect import keys
from hub_ehr_fhir.connect.grants import NEEDED
from hub_ehr_fhir.connect.token import Granted

from hub.errors import HubError, Misconfigured, RetryLater

SMART = {"auth": "smart", "client_id": "hub-1", "private_key": "env:KEY"}
BY_SECRET = {"auth": "secret", "client_id": "hub-1", "client_secret": "env:SECRET"}
KNOWN = {"env:SECRET": SECRET, "env:T": "canary-token-0"}


@contextlib.contextmanager
def signing(ehr: Ehr, key: str = "", **settings: Any) -> Iterator[Client]:
    """A client of `ehr` with a key, unless the settings choose another way."""
    key = key or pem("ES384")
    if ehr.jwks == b'{"keys":[]}':
        ehr.jwks = keys.public(keys.read(key))
    with (
        serving(ehr) as house,
        asking(
            ehr.at(house), secrets={**KNOWN, "env:KEY": key}, clock=house.clock, **{**SMART, **settings}
        ) as client,
    ):
        yield client


@pytest.mark.parametrize("kind", ["ES384", "RS384"])
def test_backend_services(kind: str) -> None:
    """A signed assertion as SMART has it (kid, one use, under five minutes, for the token address) gets a token,
    which then signs the calls."""
    ehr = Ehr()
    with signing(ehr, pem(kind)) as client:
        assert client.server.get("Patient").status == 200
        assert client.server.get("Encounter").status == 200
    assert ehr.given == 1
    told = ehr.claims[0]
    assert (told["alg"], told["kid"], told["typ"]) == (kind, keys.read(pem(kind))[0].kid, "JWT")
    assert (told["iss"], told["sub"], told["aud"]) == ("hub-1", "hub-1", ehr.token_url)
    assert 0 < told["exp"] - told["iat"] <= 300
    assert ehr.forms[0]["scope"] == "system/*.read"


def test_kid_audience_and_jku_of_the_settings() -> None:
    """Where the server gave a kid, wants another audience or the address of the keys, that is what it is told."""
    ehr = Ehr()
    more = {"key_id": "epic-7", "jwks_url": "https://hub.example.org/connectors/ehr/jwks.json"}
    key = pem("ES384")
    ehr.jwks = keys.public(keys.read(key, "epic-7"))
    with signing(ehr, key, **more) as client:
        client.server.get("Patient")
    assert (ehr.claims[0]["kid"], ehr.claims[0]["jku"]) == ("epic-7", more["jwks_url"])
    with signing(ehr, key, audience="urn:ehr") as client, pytest.raises(Misconfigured):
        client.server.get("Patient")


@pytest.mark.parametrize(
    ("methods", "where"),
    [
        ([], "header"),
        (["client_secret_basic", "client_secret_post"], "header"),
        (["private_key_jwt", "client_secret_post"], "form"),
    ],
)
def test_a_client_secret_goes_as_the_server_says(methods: list[str], where: str) -> None:
    """The secret stands in the header, or in the form where the server takes it only there."""
    ehr = Ehr()
    ehr.smart = {"token_endpoint_auth_methods_supported": methods}
    with signing(ehr, **BY_SECRET) as client:
        assert client.server.get("Patient").status == 200
    assert ("client_secret" in ehr.forms[0]) == (where == "form")


def test_a_fixed_token_is_read_each_time() -> None:
    """A bearer token is sent as it is in the secret; after a 401 the secret is looked at again, and not hammered."""
    ehr = Ehr()
    ehr.good = {"canary-token-0"}
    with signing(ehr, auth="bearer", token="env:T") as client:
        assert client.server.get("Patient").status == 200
        ehr.good = {"canary-token-9"}
        with pytest.raises(Misconfigured, match="HTTP 401") as caught:
            client.server.get("Patient")
        assert len(ehr.house.seen) == 2
    assert ehr.forms == []
    assert caught.value.fix


@pytest.mark.parametrize(
    ("expires_in", "good_seconds"),
    [(300, 240), ("300", 240), (None, 240), (40, 20), (0, 240), ("soon", 240), (1e9, 86_340)],
)
def test_a_token_is_renewed_before_it_ends(expires_in: Any, good_seconds: float) -> None:
    """A token serves until a margin before its end, whatever `expires_in` says; then a new one is got."""
    ehr = Ehr()
    ehr.expires_in = expires_in
    with signing(ehr) as client:
        client.server.get("Patient")
        client.clock.turn(timedelta(seconds=good_seconds - 1))
        client.server.get("Patient")
        assert ehr.given == 1
        client.clock.turn(timedelta(seconds=2))
        client.server.get("Patient")
        assert ehr.given == 2


def test_a_token_that_ends_early_is_renewed_once() -> None:
    """After a 401 a new token is got and the call made again; a second 401 is the answer."""
    ehr = Ehr()
    with signing(ehr) as client:
        client.server.get("Patient")
        ehr.good.clear()
        assert client.server.get("Patient").status == 200
        assert ehr.given == 2
        ehr.moods["/r4/Encounter"] = lambda _seen: Reply(status=401)
        with pytest.raises(Misconfigured, match="HTTP 401") as caught:
            client.server.get("Encounter")
        assert ehr.given == 3
        assert client.server.get("Encounter", expect=(200, 401)).status == 401
    assert "same environment" in caught.value.fix


def test_a_token_that_ends_within_a_stream_is_renewed_for_the_next() -> None:
    """Who goes on with a file after its token ended gets a new one."""
    ehr = Ehr()
    with signing(ehr) as client:
        with client.server.stream("files/1") as stream:
            whole = b"".join(stream.chunks())
        ehr.good.clear()
        with client.server.stream("files/1", offset=5) as stream:
            assert b"".join(stream.chunks()) == whole[5:]
    assert ehr.given == 2


def test_one_token_for_many_threads() -> None:
    """However many calls begin at once, or find their token refused at once, one token is asked for."""
    ehr = Ehr()
    with signing(ehr, requests_at_once=4) as client:
        for given in (1, 2):
            threads = [threading.Thread(target=client.server.get, args=("Encounter",)) for _ in range(4)]
            for one in threads:
                one.start()
            for one in threads:
                one.join(60)
            assert ehr.given == given
            ehr.good.clear()


def test_a_token_address_that_is_away_stops_nobody_while_the_token_is_good() -> None:
    """Within the margin a failed renewal leaves the old token in use; after its end the failure is told."""
    ehr = Ehr()
    with signing(ehr, tries=1) as client:
        client.server.get("Patient")
        ehr.moods["/oauth/token"] = lambda _seen: Reply(status=503)
        client.clock.turn(timedelta(seconds=250))
        assert client.server.get("Patient").status == 200
        client.clock.turn(timedelta(seconds=100))
        with pytest.raises(RetryLater, match="token address: HTTP 503"):
            client.server.get("Patient")


def test_each_try_is_signed_anew() -> None:
    """A token address that fails for a moment is tried again with another assertion, since each is good once."""
    ehr = Ehr()
    ehr.refusals = [Reply(status=503), Reply(status=429, headers={"Retry-After": "2"})]
    with signing(ehr) as client:
        client.server.get("Patient")
    assertions = {one["client_assertion"] for one in ehr.forms}
    assert len(assertions) == len(ehr.forms) == 3


@pytest.mark.parametrize("hours", [-5, 5])
@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_clock_is_allowed_for(hours: int, *, known: bool) -> None:
    """Assertions are made in the server's time, learned from its answers, at the latest from its refusal."""
    ehr = Ehr()
    with serving(ehr) as house:
        ehr.jwks = keys.public(keys.read(pem("ES384")))
        house.skew = timedelta(hours=hours)
        url = ehr.at(house)
        more = {} if known else {"token_url": ehr.token_url}
        if not known:
            ehr.moods["/r4/.well-known/smart-configuration"] = lambda _seen: Reply(
                status=404, headers={"Age": "9"}
            )
        with asking(url, secrets={"env:KEY": pem("ES384")}, clock=house.clock, **SMART, **more) as client:
            assert client.server.get("Patient").status == 200
            assert client.server.skew_seconds == hours * 3600
    assert len(ehr.forms) == (1 if known else 2)


@pytest.mark.parametrize(
    ("offered", "capabilities", "first"),
    [
        ([], [], "system/*.read"),
        ([], ["permission-v2"], "system/*.rs"),
        (["system/*.read", "openid"], [], "system/*.read"),
        (["system/*.rs", "system/Patient.rs"], [], "system/*.rs"),
        (
            ["system/Patient.read", "system/Encounter.read", "user/Coverage.read"],
            [],
            "system/Patient.read system/Encounter.read",
        ),
        (
            ["system/Patient.rs", "system/Patient.read", "system/Coverage.rs"],
            [],
            "system/Patient.read system/Coverage.rs",
        ),
    ],
)
def test_scopes_are_chosen_from_what_is_offered(offered: list[str], capabilities: list[str], first: str) -> None:
    """Without `scopes` the widest reading scope is asked for that the server names, in its own version."""
    ehr = Ehr()
    ehr.smart = {"scopes_supported": offered, "capabilities": capabilities}
    with signing(ehr) as client:
        client.server.get("Patient")
    assert ehr.forms[0]["scope"] == first


def test_scopes_that_are_not_known_are_asked_for_otherwise() -> None:
    """A server that knows no wildcard is asked for single types, and that is remembered, until it takes it back;
    those of the settings are asked for alone."""
    ehr = Ehr()
    ehr.scopes_known = {f"system/{name}.read" for name in NEEDED}
    with signing(ehr) as client:
        client.server.get("Patient")
        ehr.good.clear()
        client.server.get("Patient")
        ehr.scopes_known = {"system/*.read"}
        ehr.good.clear()
        assert client.server.get("Patient").status == 200
    scopes = [one["scope"] for one in ehr.forms]
    assert (scopes[0], scopes[1]) == ("system/*.read", scopes[2])
    assert scopes[3:] == [scopes[1], "system/*.read"]
    with (
        signing(ehr, scopes=("system/*.cruds",)) as client,
        pytest.raises(Misconfigured, match="invalid_scope") as caught,
    ):
        client.server.get("Patient")
    assert "system/*.cruds" in caught.value.fix


def test_a_key_before_the_last_one_still_signs() -> None:
    """While the server does not know the new key, the one before it signs; once it does, the new one."""
    old, new = pem("ES384"), pem("ES384", 1)
    ehr = Ehr(keys.public(keys.read(old)))
    with signing(ehr, new + old) as client:
        client.server.get("Patient")
        assert ehr.claims[-1]["kid"] == keys.read(old)[0].kid
        ehr.jwks = keys.public(keys.read(new + old))
        ehr.good.clear()
        client.server.get("Patient")
    assert ehr.claims[-1]["kid"] == keys.read(new)[0].kid


@pytest.mark.parametrize(
    ("reply", "words", "fix"),
    [
        (refusal("invalid_client", 401), "invalid_client", "does not know this key"),
        (refusal("invalid_scope"), "invalid_scope", "`scopes`"),
        (refusal("unauthorized_client"), "unauthorized_client", "approve it"),
        (refusal("invalid_grant"), "invalid_grant", "clock"),
        (refusal("invalid_request"), "invalid_request", "audience"),
        (refusal("unsupported_grant_type"), "unsupported_grant_type", "token_url"),
        (refusal("access_denied", 403), "access_denied", "approve"),
        (refusal("canary", 400), "says no", "ask who runs"),
        (Reply(status=401, body=b"canary"), "HTTP 401", "does not know this key"),
        (Reply(status=404, body=b"canary"), "HTTP 404", "token_url"),
        (Reply(status=403, body=b"canary"), "HTTP 403", "let this machine"),
        (Reply(body=b"<html>canary", headers={"content-type": "text/html"}), "a web page", "token_url"),
        (document({"token": "canary"}), "no access_token", "token_url"),
        (document({"access_token": "canary\n"}), "no access_token", "token_url"),
        (document({"access_token": "canary", "token_type": "mac"}), "not bearer", "ask who runs"),
    ],
)
def test_each_refusal_says_what_to_change(reply: Reply, words: str, fix: str) -> None:
    """What the token address says no with is named by its code, with what a person can do; never in its own words."""
    ehr = Ehr()
    ehr.moods["/oauth/token"] = each(reply)
    with signing(ehr) as client, pytest.raises(Misconfigured, match=words) as caught:
        client.server.get("Patient")
    assert fix in caught.value.fix
    told = str(caught.value) + caught.value.fix + repr(client.context.log.lines)
    assert "canary" not in told


def test_a_wrong_secret_says_so() -> None:
    """With auth = secret, invalid_client speaks of the secret."""
    ehr = Ehr(client="another")
    with signing(ehr, **BY_SECRET) as client, pytest.raises(Misconfigured) as caught:
        client.server.get("Patient")
    assert "check client_id and the secret" in caught.value.fix


def test_a_key_the_server_does_not_take_says_so() -> None:
    """Where the server names its algorithms and ours is none of them, the kind to make is named, nothing is sent."""
    ehr = Ehr()
    ehr.smart = {"token_endpoint_auth_signing_alg_values_supported": ["RS384"]}
    with (
        signing(ehr, pem("ES384")) as client,
        pytest.raises(Misconfigured, match="does not take ES384") as caught,
    ):
        client.server.get("Patient")
    assert "--kind RS384" in caught.value.fix
    assert ehr.forms == []


@pytest.mark.parametrize("known_as", ["epic-6", "the name of its content"])
def test_a_key_before_the_last_one_has_its_own_name(known_as: str) -> None:
    """With `key_id` the key before the newest signs under the name that the server has for it, be that still `key_id`
    or its own: never is it refused for the newest one's name."""
    old, new = pem("ES384"), pem("ES384", 1)
    ehr = Ehr(keys.public(keys.read(old, "epic-6" if known_as == "epic-6" else "")))
    key_id = "epic-6" if known_as == "epic-6" else "epic-7"
    with signing(ehr, new + old, key_id=key_id) as client:
        assert client.server.get("Patient").status == 200
    assert ehr.claims[-1]["kid"] == (known_as if known_as == "epic-6" else keys.read(old)[0].kid)


def test_without_a_client_id_nothing_is_sent() -> None:
    """Before the server has given an id, signing in says where it comes from."""
    ehr = Ehr()
    with signing(ehr, client_id="") as client, pytest.raises(Misconfigured, match="client_id is empty"):
        client.server.get("Patient")
    assert ehr.forms == []


OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


@pytest.mark.parametrize("smart", [None, {"token_endpoint": ""}])
def test_the_token_address_is_found_in_the_metadata(smart: dict[str, str] | None) -> None:
    """Without a smart-configuration that names it, the security extension of the metadata does."""
    ehr = Ehr()
    ehr.smart = smart
    with signing(ehr) as client:
        uris = {
            "url": OAUTH,
            "extension": [{"url": "authorize", "valueUri": "x"}, {"url": "token", "valueUri": ehr.token_url}],
        }
        ehr.metadata["rest"] = [
            {"mode": "server"},
            {"mode": "server", "security": {"extension": [{"url": "other"}, uris]}},
        ]
        assert client.server.get("Patient").status == 200
        assert client.server.discovery().source == "metadata"


def test_the_token_address_of_the_settings_comes_first() -> None:
    """`token_url` wins, and what else the server tells of signing in still counts."""
    ehr = Ehr()
    ehr.smart = {"token_endpoint": "https://wrong.example.org/token", "scopes_supported": ["system/*.rs"]}
    with serving(ehr) as house:
        ehr.jwks = keys.public(keys.read(pem("ES384")))
        url = ehr.at(house)
        settings = {**SMART, "token_url": ehr.token_url}
        with asking(url, secrets={"env:KEY": pem("ES384")}, clock=house.clock, **settings) as client:
            client.server.get("Patient")
            assert client.server.discovery().source == "settings"
    assert ehr.forms[0]["scope"] == "system/*.rs"


@pytest.mark.parametrize(
    "bad", [Reply(body=b"<html>"), Reply(body=b"[]"), Reply(status=403), Reply(body=b'{"rest":7}')]
)
def test_no_token_address_is_told(bad: Reply) -> None:
    """Where neither names one, that is said with what was tried, whatever stands there."""
    ehr = Ehr()
    for one in (".well-known/smart-configuration", "metadata"):
        ehr.moods[f"/r4/{one}"] = each(bad)
    with (
        signing(ehr) as client,
        pytest.raises(Misconfigured, match=r"does not say.*smart-configuration.*metadata") as caught,
    ):
        client.server.get("Patient")
    assert "token_url" in caught.value.fix


def test_a_token_address_without_tls_elsewhere_gets_no_secret() -> None:
    """A server that names an http address on another machine is not told our secret there."""
    ehr = Ehr()
    ehr.smart = {"token_endpoint": "http://login.example.org/token"}
    with signing(ehr, **BY_SECRET) as client, pytest.raises(Misconfigured, match="not https"):
        client.server.get("Patient")


def test_the_metadata_are_asked_once_and_signed_where_needed() -> None:
    """The CapabilityStatement is got without a token, or with one where the server insists; then it is remembered."""
    ehr = Ehr()
    open_to_all = ehr.__call__

    def closed(seen: Seen) -> Reply:
        del ehr.moods["/r4/metadata"]
        reply = open_to_all(seen) if "authorization" in seen.headers else Reply(status=401)
        ehr.moods["/r4/metadata"] = closed
        return reply

    with signing(ehr) as client:
        first = client.server.metadata()
        assert json.loads(first)["resourceType"] == "CapabilityStatement"
        assert client.server.metadata() is first
        assert ehr.given == 0
        ehr.moods["/r4/metadata"] = closed
        assert client.server.metadata(anew=True) == first
        assert ehr.given == 1


def test_nothing_of_a_sign_in_is_shown() -> None:
    """Tokens, secrets and assertions are in no log line, no record's looks and no error."""
    ehr = Ehr()
    shown: list[str] = []
    for settings in ({}, BY_SECRET, {"auth": "bearer", "token": "env:T"}):
        with signing(ehr, **settings) as client:
            with contextlib.suppress(HubError):
                client.server.get("Patient")
            signed = client.server.sign_in
            shown += [
                repr(client.server),
                repr(signed),
                repr(vars(signed) if hasattr(signed, "__dict__") else ""),
            ]
            shown.append(repr(client.context.log.lines))
            if isinstance(signed, Granted):
                shown.append(repr(signed.token()))
            shown.append(repr(ehr.house.seen[-1].path))
    text = "\n".join(shown)
    assert "fhir.token" in text
    for hidden in ("canary", SECRET, ehr.forms[0]["client_assertion"]):
        assert hidden not in text
