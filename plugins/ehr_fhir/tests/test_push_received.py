"""What servers send by themselves: who may, what is stored before the yes, and what is only named."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hub_ehr_fhir.push.errands import Wanted
from hub_ehr_fhir.settings_push import PushSettings
from hub_ehr_fhir.source import FhirSource
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from test_fhir_source import CHARGE, PERSON, VISIT, bundle

from hub.plugin.api import Misconfigured, RetryLater, WebAnswer, WebRequest
from hub.plugin.host import answers
from hub.testing.fakes import START, FakeContext
from hub.testing.kits import Sample, WebSourceKit
from hub.testing.kits.listening import HeldInbox

CORPUS = Path(os.environ.get("HUB_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data") / "fhir"
SECRETS = {"env:TOKEN": "letmein", "env:LOGIN": "ehr:pass:word", "env:SIGN": "signing secret"}
BEARER = {"authorization": "Bearer letmein"}
SERVER = {"url": "https://fhir.example.org/r4", "auth": "none"}
STATUS = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"


def source(context: FakeContext | None = None, *, server: bool = True, **push: Any) -> FhirSource:
    """A source that is pushed to."""
    told = {"push": push or {"token": "env:TOKEN"}, "folder": None, **({"server": SERVER} if server else {})}
    told = {name: value for name, value in told.items() if value is not None}
    return FhirSource(FhirSource.Settings(**told), context or FakeContext("ehr", secrets=SECRETS))  # type: ignore[arg-type]


def request(
    body: bytes | dict[str, Any] = b"", path: str = "fhir", method: str = "POST", **headers: str
) -> WebRequest:
    """A request of the sender who may."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/fhir+json", **BEARER} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    return WebRequest(method=method, path=path, headers=named, body=raw, peer="10.0.0.9")


def asked(of: FhirSource, one: WebRequest, inbox: HeldInbox | None = None) -> WebAnswer:
    """What is answered."""
    found: WebAnswer = answers.web(asyncio.run(of.answer(one, inbox or HeldInbox())))
    return found


def outcome(answer: WebAnswer) -> str:
    """The code of an OperationOutcome."""
    told = json.loads(answer.body)
    assert told["resourceType"] == "OperationOutcome"
    return str(told["issue"][0]["code"])


class TestPush(WebSourceKit):
    """The FHIR source keeps the contract of those that answer requests."""

    @pytest.fixture
    def make_port(self) -> Callable[[], Any]:
        return source

    @pytest.fixture
    def sent(self) -> Callable[[bytes], WebRequest]:
        return request

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        return (Sample(name="bundle", content_type="fhir+json", raw=bundle(PERSON, VISIT, CHARGE)),)


def test_a_transaction_is_answered_entry_by_entry() -> None:
    """A transaction is stored as it came, under one id, and each of its entries has its status."""
    told = {"resourceType": "Bundle", "type": "transaction", "timestamp": "2026-03-02T10:00:00Z"}
    entries = [
        {"resource": PERSON, "request": {"method": "PUT", "url": "Patient/p1"}},
        {"resource": VISIT, "request": {"method": "POST", "url": "Encounter"}},
        {"request": {"method": "DELETE", "url": "ChargeItem/c9"}},
        {"request": {"method": "GET", "url": "Patient/p1"}},
    ]
    inbox, raw = HeldInbox(), json.dumps({**told, "entry": entries}, indent=1).encode()
    answer = asked(source(), request(raw), inbox)
    found = json.loads(answer.body)
    assert (answer.status, found["type"]) == (200, "transaction-response")
    assert [one["response"]["status"][:3] for one in found["entry"]] == ["200", "201", "204", "405"]
    assert [one.body for one in inbox.put_so_far] == [raw]


def test_single_resources_and_deletions() -> None:
    """POST and PUT of one resource, DELETE of one; what the address names is what the body is."""
    of, inbox = source(), HeldInbox()
    for method, path, body, status in (
        ("POST", "fhir", VISIT, 201),
        ("POST", "fhir/Encounter", VISIT, 200),
        ("PUT", "fhir/Encounter/e1", VISIT, 200),
        ("POST", "fhir/Patient", VISIT, 400),
        ("PUT", "fhir/Encounter/e2", VISIT, 400),
        ("DELETE", "fhir/Encounter/e1", b"", 204),
        ("DELETE", "fhir/Encounter", b"", 405),
        ("GET", "fhir/Encounter/e1", b"", 405),
        ("PUT", "fhir", VISIT, 405),
        ("POST", "fhir/Encounter/e1/x", VISIT, 404),
        ("POST", "else", VISIT, 404),
        ("POST", "fhir/../x", VISIT, 404),
    ):
        assert (method, path, asked(of, request(body, path, method), inbox).status) == (method, path, status)
    assert len(inbox.put_so_far) == 4
    facts = of.read(inbox.put_so_far[-1].body, "fhir+json").facts
    assert {(fact.key, str(fact.__struct_config__.tag)) for fact in facts} >= {("Encounter/e1", "withdrawal")}


def test_what_a_transaction_deletes_without_a_time_is_deleted_now() -> None:
    """A deletion that tells no time is one of the moment in which it came, and nobody need look after it; one that
    names no single resource is put before a person.
    """
    urls = ("Encounter/e1", "Encounter?identifier=1")
    told = {"resourceType": "Bundle", "type": "batch"}
    told["entry"] = [{"request": {"method": "DELETE", "url": url}} for url in urls]  # type: ignore[assignment]
    of, inbox = source(), HeldInbox()
    assert asked(of, request(told), inbox).status == 200
    readings = [of.read(one.body, one.content_type) for one in inbox.put_so_far]
    assert "Encounter/e1" in {fact.key for one in readings for fact in one.facts}
    assert [(one.code, one.where) for each in readings for one in each.problems] == [
        ("fhir.delete", "Bundle.entry[1]")
    ]


def test_a_deletion_is_not_older_than_what_it_deletes() -> None:
    """A sender whose clock is ahead of ours deletes what it changed a moment before by that clock."""
    of, inbox = source(), HeldInbox()
    of._server.skew_seconds = 300.0  # type: ignore[union-attr]
    assert asked(of, request(path="fhir/Encounter/e1", method="DELETE"), inbox).status == 204
    (told,) = json.loads(inbox.put_so_far[0].body)["entry"]
    assert told["response"]["lastModified"] > (START + timedelta(seconds=299)).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[1]", 400),
        (b'{"a": 1}', 400),
        (b'{"resourceType": 7}', 400),
        (b'{"resourceType": "a b"}', 400),
        (b"[" * 200_000, 400),
        (b'{"resourceType":"Patient","x":' + b"[" * 100_000, 400),
        (b'\xff\xfe{"resourceType":"Patient"}', 400),
        (b'\xef\xbb\xbf{"resourceType":"Patient","id":"1"}', 201),
        (b'{"resourceType":"Patient","id":"1","resourceType":"Patient"}', 201),
        (b'{"resourceType":"Patient","id":"1","n":' + b"9" * 5000 + b"}", 201),
        (b'{"resourceType":"Patient","id":"1","n":"\xff"}', 201),
        (b'{"resourceType":"Bundle","type":"transaction","entry":{"a":1}}', 200),
        (b'{"resourceType":"Bundle","type":"transaction","entry":[1,null,{"request":7}]}', 200),
    ],
)
def test_odd_bodies_are_stored_or_refused(raw: bytes, status: int) -> None:
    """What names itself a FHIR resource is stored as it came, however odd; what does not is 400, and no fault."""
    inbox = HeldInbox()
    answer = asked(source(), request(raw), inbox)
    assert answer.status == status
    assert [one.body for one in inbox.put_so_far] == ([] if status == 400 else [raw])
    assert status != 400 or outcome(answer) == "structure"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "application/json; charset=UTF-8"}, 201),
        ({"content_type": "application/fhir+json;fhirVersion=4.0"}, 201),
        ({"content_type": "application/fhir+xml"}, 415),
        ({"content_type": "application/json; charset=latin-1"}, 415),
        ({"content_type": ""}, 415),
        ({"content_encoding": "gzip"}, 415),
    ],
)
def test_types_of_content(headers: dict[str, str], status: int) -> None:
    """JSON in UTF-8 is taken, and nothing else; the refusal says what to send."""
    answer = asked(source(), request(PERSON, **headers))
    assert answer.status == status
    assert status == 201 or outcome(answer) == "not-supported"


def signed(body: bytes, form: str = "sha256={hex}") -> str:
    """The signature of a body."""
    digest = hmac.new(SECRETS["env:SIGN"].encode(), body, hashlib.sha256).digest()
    return form.format(hex=digest.hex(), base64=base64.b64encode(digest).decode())


LOGIN = "Basic " + base64.b64encode(b"ehr:pass:word").decode()


@pytest.mark.parametrize(
    ("push", "headers", "status"),
    [
        ({"token": "env:TOKEN"}, {}, 201),
        ({"token": "env:TOKEN"}, {"authorization": "bearer letmein"}, 201),
        ({"token": "env:TOKEN"}, {"authorization": "Bearer letmeim"}, 401),
        ({"token": "env:TOKEN"}, {"authorization": "letmein"}, 401),
        ({"token": "env:TOKEN"}, {"authorization": ""}, 401),
        ({"token": "env:TOKEN", "token_header": "X-Api-Key"}, {"authorization": "", "x_api_key": "letmein"}, 201),
        ({"token": "env:TOKEN", "token_header": "X-Api-Key"}, {}, 401),
        ({"basic": "env:LOGIN"}, {"authorization": LOGIN}, 201),
        ({"basic": "env:LOGIN"}, {"authorization": "Basic !!"}, 401),
        ({"basic": "env:LOGIN"}, {}, 401),
        ({"basic": "env:LOGIN", "token": "env:TOKEN"}, {}, 201),
        ({"hmac_secret": "env:SIGN"}, {"x_hub_signature_256": "sha256={hex}"}, 201),
        ({"hmac_secret": "env:SIGN"}, {"x_hub_signature_256": "{base64}"}, 201),
        ({"hmac_secret": "env:SIGN", "hmac_header": "X-Signature"}, {"x_signature": "{hex}"}, 201),
        ({"hmac_secret": "env:SIGN"}, {"x_hub_signature_256": "sha256=" + "0" * 64}, 401),
        ({"hmac_secret": "env:SIGN"}, {"x_hub_signature_256": ""}, 401),
        ({"hmac_secret": "env:SIGN", "token": "env:TOKEN"}, {}, 401),
        ({"token": "env:TOKEN", "allow": ("10.0.0.0/8",)}, {}, 201),
        ({"token": "env:TOKEN", "allow": ("192.168.0.0/16", "::1")}, {}, 403),
        ({"token": "env:TOKEN", "allow": ("10.0.0.9",)}, {"x_forwarded_for": "1.2.3.4"}, 201),
        (
            {"token": "env:TOKEN", "allow": ("198.51.100.7",), "proxies": ("10.0.0.0/8",)},
            {"x_forwarded_for": "1.2.3.4, 198.51.100.7, 10.0.0.3"},
            201,
        ),
        (
            {"token": "env:TOKEN", "allow": ("1.2.3.4",), "proxies": ("10.0.0.0/8",)},
            {"x_forwarded_for": "1.2.3.4, 198.51.100.7"},
            403,
        ),
        (
            {"token": "env:TOKEN", "allow": ("1.2.3.4",), "proxies": ("10.0.0.0/8",)},
            {"x_forwarded_for": "x"},
            403,
        ),
    ],
)
def test_who_may_send(push: dict[str, Any], headers: dict[str, str], status: int) -> None:
    """A token, a login or a signature, from where the settings allow; a proxy is believed only where it is ours."""
    body = json.dumps(VISIT).encode()
    told = {name: signed(body, value) if "{" in value else value for name, value in headers.items()}
    inbox = HeldInbox()
    answer = asked(source(**push), request(body, **told), inbox)
    assert answer.status == status
    assert bool(inbox.put_so_far) is (status == 201)
    assert status == 201 or outcome(answer) == {401: "login", 403: "forbidden"}[status]
    assert status == 201 or inbox.told == {}


def test_settings_ask_for_something() -> None:
    """An endpoint that anybody could use is refused, and so are secrets in the open and an address without TLS."""
    for push in (
        {},
        {"allow": ("10.0.0.0/8",)},
        {"token": "letmein"},
        {"token": "env:TOKEN", "public_url": "http://hub.example.org"},
        {"token": "env:TOKEN", "allow": ("everywhere",)},
    ):
        with pytest.raises(ValidationError) as told:
            PushSettings(**push)
        assert "letmein" not in str(told.value)


def test_a_secret_that_is_missing_is_ours_to_mend() -> None:
    """Without our own secret nobody can be let in: the hub is told what to mend, and so is who tests it."""
    of = source(FakeContext("ehr"))
    with pytest.raises(Misconfigured, match="env:TOKEN"):
        asked(of, request(PERSON))
    (step,) = [one for one in of._push.check() if one.name == "push"]
    assert (step.ok, "env:TOKEN" in step.said) == (False, True)
    (step,) = [one for one in source()._push.check() if one.name == "push"]
    assert step.ok


def test_a_busy_store_is_told_with_a_time() -> None:
    """What cannot be stored is answered 503 with a time, as an OperationOutcome; nobody is told yes."""
    inbox = HeldInbox()
    inbox.busy = True
    answer = asked(source(), request(PERSON), inbox)
    assert (answer.status, outcome(answer), answer.headers["retry-after"]) == (503, "transient", "5")
    assert inbox.told == {"10.0.0.9": {"503": 1}}


# --- notifications


def r4(kind: str = "event-notification", *, so_far: str = "1", entries: tuple[dict[str, Any], ...] = (),
       **events: str) -> dict[str, Any]:  # fmt: skip
    """A notification of the backport in R4; `events`: n1="Encounter/e1" is event 1 with that focus."""
    parameters: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": {"reference": "Subscription/s1"}},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": so_far},
    ]
    for name, focus in events.items():
        part = [{"name": "event-number", "valueString": name[1:]}]
        part += [{"name": "focus", "valueReference": {"reference": focus}}] if focus else []
        parameters.append({"name": "notification-event", "part": part})
    first = {"resource": {"resourceType": "Parameters", "meta": {"profile": [STATUS]}, "parameter": parameters}}
    return {"resourceType": "Bundle", "type": "history", "entry": [first, *entries]}


def r5(kind: str = "event-notification", so_far: int | str = 1, **events: str) -> dict[str, Any]:
    """The same in R5 (and R4B, where the Bundle is a history)."""
    told = [
        {"eventNumber": name[1:], **({"focus": {"reference": focus}} if focus else {})}
        for name, focus in events.items()
    ]
    status = {
        "resourceType": "SubscriptionStatus",
        "status": "active",
        "type": kind,
        "eventsSinceSubscriptionStart": so_far,
        "notificationEvent": told,
        "subscription": {"reference": "https://fhir.example.org/r4/Subscription/s1"},
    }
    return {"resourceType": "Bundle", "type": "subscription-notification", "entry": [{"resource": status}]}


def left(inbox: HeldInbox) -> list[Wanted]:
    """What was left for the pull."""
    return [Wanted.decode(one) for one in inbox.errands]


def test_a_rest_hook_with_its_resource_is_stored() -> None:
    """R4: the resource, by POST at the endpoint or PUT below it, as a message; a deletion as one too."""
    of, inbox = source(), HeldInbox()
    assert asked(of, request(VISIT, "subscription"), inbox).status == 201
    assert asked(of, request(VISIT, "subscription/Encounter/e1", "PUT"), inbox).status == 200
    assert asked(of, request(b"", "subscription/Encounter/e1", "DELETE"), inbox).status == 204
    assert (
        asked(of, request(b"{}", "subscription", x_medplum_deleted_resource="Encounter/e7"), inbox).status == 204
    )
    assert len(inbox.put_so_far) == 4
    assert inbox.errands == []


def test_what_is_only_named_is_left_for_the_pull() -> None:
    """Empty and id-only notifications: the resources, or a look at everything, durable before the answer."""
    of, inbox = source(), HeldInbox()
    for body, path in (
        (b"", "subscription"),
        (b"", "subscription/Encounter/e1"),
        (r4(n1="Encounter/e2"), "subscription"),
        (r5(n1="https://fhir.example.org/r4/Encounter/e3/_history/2"), "subscription"),
        (r5(n2="", so_far="2"), "subscription"),
    ):
        assert asked(of, request(body, path), inbox).status == 200
    assert [(one.refs, one.anew) for one in left(inbox)] == [
        ((), True),
        ((("Encounter", "e1"),), False),
        ((("Encounter", "e2"),), False),
        ((("Encounter", "e3"),), False),
        ((), True),
    ]
    assert inbox.put_so_far == []
    inbox.busy = True
    assert asked(of, request(b"", "subscription"), inbox).status == 503


def test_a_notification_that_carries_is_stored_and_not_fetched() -> None:
    """Full-resource: the Bundle is the message, nothing of it is asked for again; what else it names is."""
    entries = (
        {
            "fullUrl": "https://x/fhir/Encounter/e1",
            "resource": VISIT,
            "request": {"method": "PUT", "url": "Encounter/e1"},
        },
        {"fullUrl": "https://x/fhir/Patient/p9", "request": {"method": "GET", "url": "Patient/p9"}},
        {"fullUrl": "https://x/fhir/Task/t1", "request": {"method": "GET", "url": "Task/t1"}},
    )
    inbox = HeldInbox()
    told = r4(entries=entries, n1="https://x/fhir/Encounter/e1")
    assert asked(source(), request(told, "subscription"), inbox).status == 200
    assert [json.loads(one.body) for one in inbox.put_so_far] == [told]
    assert [one.refs for one in left(inbox)] == [(("Patient", "p9"),)]


def test_handshakes_and_heartbeats_are_answered() -> None:
    """They carry nothing: 200, and nothing is stored or looked for."""
    of, inbox = source(), HeldInbox()
    for told in (r4("handshake", so_far="0"), r5("heartbeat", so_far=0), r5("handshake", so_far="0")):
        assert asked(of, request(told, "subscription"), inbox).status == 200
    assert (inbox.put_so_far, inbox.errands) == ([], [])


def test_a_missing_number_is_looked_for_once() -> None:
    """An event that did not arrive is seen by the numbers, and everything that changed is looked for; repeats and a
    subscription that begins anew are none. While a storm of gaps lasts it is looked for every quarter of an hour.
    """
    context = FakeContext("ehr", secrets=SECRETS)
    of, inbox = source(context), HeldInbox()

    def tell(*told: dict[str, Any]) -> list[bool]:
        for one in told:
            assert asked(of, request(one, "subscription"), inbox).status == 200
        found = [one.anew for one in left(inbox)]
        inbox.errands.clear()
        return found

    assert tell(r4("handshake", so_far="0"), r4(n1="Encounter/e1", so_far="1")) == [False]
    assert tell(r4(n1="Encounter/e1", so_far="1"), r4(n2="Encounter/e2", so_far="2")) == [False, False]
    assert tell(r4(n4="Encounter/e4", so_far="4")) == [True]
    assert tell(r4(n3="Encounter/e3", so_far="4"), r4("heartbeat", so_far="4")) == [False]
    assert tell(r4("heartbeat", so_far="5")) == []
    context.clock.turn(timedelta(minutes=20))  # type: ignore[attr-defined]
    assert tell(r4("heartbeat", so_far="7")) == [True]
    assert tell(r4("handshake", so_far="0"), r4(n1="Encounter/e9", so_far="1")) == [False]
    assert [line for line, _ in context.log.lines] == ["push.gap"]
    (step,) = [one for one in of._push.check() if one.name == "push events"]
    assert "3 times" in step.said


def test_a_gap_that_could_not_be_kept_is_not_forgotten() -> None:
    """Where the store refuses what is to be looked for, the sender comes again, and the gap is still one."""
    of, inbox = source(), HeldInbox()
    asked(of, request(r4(n1="Encounter/e1", so_far="1"), "subscription"), inbox)
    inbox.busy, inbox.errands[:] = True, []
    late = request(r4(n3="Encounter/e3", so_far="3"), "subscription")
    assert asked(of, late, inbox).status == 503
    inbox.busy = False
    assert asked(of, late, inbox).status == 200
    assert [one.anew for one in left(inbox)] == [True]


def test_numbers_survive_a_restart() -> None:
    """What was heard is saved with the next pull, and a new object goes on from there."""
    saved: dict[str, bytes] = {}
    inbox = HeldInbox()
    for told in (r5(n5="Encounter/e5", so_far=5), r5(n7="Encounter/e7", so_far=7)):
        of = source(FakeContext("ehr", secrets=SECRETS, saved=saved))
        asked(of, request(told, "subscription"), inbox)
    assert [one.anew for one in left(inbox)] == [False, True]


def test_without_a_server_ids_cannot_be_fetched() -> None:
    """A hub that fetches nothing says so, instead of taking what it will never have."""
    answer = asked(source(server=False, token="env:TOKEN"), request(b"", "subscription"))
    assert (answer.status, outcome(answer)) == (422, "not-supported")


def test_a_plain_history_is_no_notification() -> None:
    """A Bundle without a status in front is what it is: resources."""
    inbox = HeldInbox()
    told = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": VISIT}]}
    parameters = {**told, "entry": [{"resource": {"resourceType": "Parameters"}}]}
    for one in (told, parameters):
        assert asked(source(), request(one, "subscription"), inbox).status == 200
    assert len(inbox.put_so_far) == 2


@pytest.mark.parametrize("name", ["example_full_resource", "example_id_only", "missing_elements"])
def test_examples_of_the_guide(name: str) -> None:
    """The prior-authorization guide's own examples: one carries; two name nothing that could be fetched."""
    path = CORPUS / "inferno-pas" / f"PAS_notification_{name}.json"
    if not path.exists():
        pytest.skip("the FHIR samples are not here")
    inbox = HeldInbox()
    answer = asked(source(), request(path.read_bytes(), "subscription"), inbox)
    assert answer.status == 200
    carried = name == "example_full_resource"
    assert (len(inbox.put_so_far), [one.anew for one in left(inbox)]) == ((1, []) if carried else (0, [True]))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(JSON_VALUES, st.sampled_from(["parameter", "notificationEvent", "subscription", "entry", "type"]))
def test_any_notification_is_answered(value: Any, where: str) -> None:
    """Whatever stands in a notification, it is answered, and never by raising."""
    for told in (r4(n1="Encounter/e1"), r5(n1="Encounter/e1")):
        if where in told:
            told[where] = value
        else:
            told["entry"][0]["resource"][where] = value
        assert asked(source(), request(told, "subscription")).status in {200, 201, 400}


# --- public keys


def test_public_keys_are_served(tmp_path: Path) -> None:
    """`/connectors/NAME/jwks.json` is for everybody, may be cached, and holds public parts alone."""
    from hub_ehr_fhir.connect import keys

    pem = keys.made(keys.ES384)
    context = FakeContext("ehr", secrets={"file:ehr.key.pem": pem})
    server = {"url": SERVER["url"], "auth": "smart", "client_id": "x", "private_key": "file:ehr.key.pem"}
    of = FhirSource(FhirSource.Settings(server=server), context)
    assert of.serves
    answer = asked(of, WebRequest(method="GET", path="jwks.json"))
    (key,) = json.loads(answer.body)["keys"]
    assert (answer.status, key["kty"], "d" in key) == (200, "EC", False)
    assert answer.headers["cache-control"] == "public, max-age=3600"
    again = WebRequest(method="GET", path="jwks.json", headers={"if-none-match": answer.headers["etag"]})
    assert asked(of, again).status == 304
    assert asked(of, WebRequest(method="POST", path="jwks.json")).status == 405
    assert asked(of, request(PERSON)).status == 404
    assert not FhirSource(FhirSource.Settings(folder=tmp_path), FakeContext("x")).serves
    assert asked(source(), WebRequest(method="GET", path="jwks.json")).status == 404


def test_keys_are_read_when_they_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks often for the public keys keeps nobody busy with reading the private ones; a new key is shown."""
    from hub_ehr_fhir.connect import keys

    read, times = keys.read, list[str]()
    monkeypatch.setattr(keys, "read", lambda pem, key_id="": times.append(key_id) or read(pem, key_id))
    secrets = {"env:KEY": keys.made(keys.ES384)}
    server = {"url": SERVER["url"], "auth": "smart", "client_id": "x", "private_key": "env:KEY"}
    of = FhirSource(FhirSource.Settings(server=server), FakeContext("ehr", secrets=secrets))
    first = [asked(of, WebRequest(method="GET", path="jwks.json")).body for _ in range(5)]
    assert (len(set(first)), len(times)) == (1, 1)
    secrets["env:KEY"] = keys.made(keys.ES384)
    assert asked(of, WebRequest(method="GET", path="jwks.json")).body not in first


def test_errands_are_of_this_source() -> None:
    """What was left is read back as it was, and shows nothing of itself."""
    one = Wanted(refs=(("Encounter", "e1"),), anew=True, why="gap")
    assert Wanted.decode(one.encode()) == one
    assert "e1" not in repr(one)
    with pytest.raises(Misconfigured):
        Wanted.decode(b"[1]")
    assert not Wanted()
    assert msgspec.json.decode(Wanted().encode()) == {}


def test_a_put_that_fails_later_is_not_a_yes() -> None:
    """`RetryLater` of any moment is a no."""

    class Away(HeldInbox):
        async def put_many(self, *_given: Any, **_more: Any) -> tuple[str, ...]:
            raise RetryLater("away", after_seconds=9000)

    answer = asked(source(), request(bundle(PERSON)), Away())
    assert (answer.status, answer.headers["retry-after"]) == (503, "3600")
