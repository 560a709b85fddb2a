"""`hub connector test` of a FHIR server: each thing that can be wrong is found at its step, with what to change."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from connectlab.authority import Authority, server_side
from connectlab.ehr import SECRET, Ehr, document, pem, refusal
from connectlab.serving import Client, Reply, asking, each, serving
from hub_ehr_fhir.connect import certificates, keys
from hub_ehr_fhir.connect.steps import Steps
from hub_ehr_fhir.discover.offered import Ability, Offered
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.settings_server import ServerSettings
from hub_ehr_fhir.source import FhirSource

from hub.clock import SystemClock, TurnedClock
from hub.errors import HubError
from hub.plugin.api import Step
from hub.testing.fakes import START, FakeContext
from hub.testing.notices import free_port

SMART = {"auth": "smart", "client_id": "hub-1", "private_key": "env:KEY"}
PATIENTS = {
    "resourceType": "Bundle",
    "type": "searchset",
    "entry": [{"resource": {"resourceType": "Patient", "id": "canary", "name": [{"family": "Canary"}]}}],
}


@pytest.fixture(autouse=True)
def _no_probing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is offered for billing is learned by `discover`, which has its own tests."""
    monkeypatch.setattr("hub_ehr_fhir.connect.steps.billing", lambda *_: iter(()))


def tried(client: Client) -> list[Step]:
    """Every step of a test of this client's server."""
    server = client.settings
    return list(Steps(FhirSettings(server=server), server, client.server, client.context).each())


@contextlib.contextmanager
def clinic(ehr: Ehr, **settings: Any) -> Iterator[Client]:
    """A client that `ehr` knows by its key, unless the settings say otherwise."""
    if ehr.jwks == b'{"keys":[]}':
        ehr.jwks = keys.public(keys.read(pem("ES384")))
    ehr.moods.setdefault("/r4/Patient", lambda _seen: document(PATIENTS))
    secrets, how = {"env:KEY": pem("ES384"), "env:SECRET": SECRET}, {**SMART, **settings}
    with serving(ehr) as house, asking(ehr.at(house), secrets=secrets, clock=house.clock, **how) as client:
        yield client


def names(steps: list[Step]) -> list[tuple[str, bool]]:
    """How each step went."""
    return [(one.name, one.ok) for one in steps]


def the(steps: list[Step], name: str) -> Step:
    """The step of that name."""
    return next(one for one in steps if one.name == name)


def stopped(steps: list[Step], name: str) -> Step:
    """The step that stopped the rest: all before went well, and what was not tried is named last."""
    assert [one.ok for one in steps[:-2]] == [True] * (len(steps) - 2)
    assert (steps[-2].name, steps[-2].ok, steps[-1].name) == (name, False, "skipped")
    assert steps[-2].fix
    assert "read Encounter" in steps[-1].said
    return steps[-2]


def test_a_good_connection_goes_every_step() -> None:
    """Settings, name, connection, discovery, token, release, Patient and Encounter each say what was found; nothing
    of a patient, a token or a key."""
    with clinic(Ehr()) as client:
        steps = tried(client)
    assert names(steps) == [
        (name, True)
        for name in (
            "settings",
            "name",
            "connect",
            "discovery",
            "token",
            "metadata",
            "read Patient",
            "read Encounter",
        )
    ]
    assert "ES384" in steps[0].said
    assert "smart-configuration" in the(steps, "discovery").said
    assert "300 seconds; it may read everything" in the(steps, "token").said
    assert "4.0.1" in the(steps, "metadata").said
    assert "none came" in the(steps, "read Encounter").said
    assert "canary" not in repr(steps).lower()


def test_a_source_with_a_server_tests_it(tmp_path: Path) -> None:
    """The source's own check goes to the server; the folder is looked at where one is set."""
    ehr = Ehr()
    with serving(ehr) as house:
        server = ServerSettings(url=ehr.at(house), auth="none")
        for more, first in (({}, "settings"), ({"folder": tmp_path}, "folder")):
            source = FhirSource(FhirSettings(server=server, **more), FakeContext())
            steps = list(source.check())
            source.close()
            assert steps[0].name == first
            assert the(steps, "connect").ok


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"private_key": "env:NONE"}, "no secret env:NONE"),
        ({"private_key": "env:SECRET"}, "no private key in PEM"),
        ({"client_id": ""}, "client_id is empty"),
        ({"ca": "/nowhere/ca.pem"}, "`ca` cannot be used"),
        ({"client_certificate": "/nowhere/own.pem"}, "client_certificate cannot be used"),
        ({"headers": {"X-Key": "env:NONE"}}, "no secret env:NONE"),
        ({"proxy": "http://localhost:1", "proxy_login": "env:SECRET"}, "proxy_login holds no colon"),
    ],
)
def test_what_is_missing_on_our_side_is_said_first(settings: dict[str, Any], words: str) -> None:
    """Secrets, keys and certificates are opened before anything is connected to."""
    with clinic(Ehr(), **settings) as client:
        steps = tried(client)
        assert client.server is not None
    assert names(steps) == [("settings", False), ("skipped", False)]
    assert words in steps[0].said
    assert steps[0].fix


def test_a_name_that_is_not_known() -> None:
    """A name without an address is told as such."""
    with asking("https://ehr.invalid/r4") as client:
        assert "ehr.invalid is not found" in stopped(tried(client), "name").said


def test_a_port_where_nobody_listens() -> None:
    """A refused connection speaks of port and firewall."""
    with asking(f"http://localhost:{free_port()}/r4") as client:
        step = stopped(tried(client), "connect")
    assert "refused" in step.said
    assert "port" in step.fix


def test_a_firewall_that_swallows() -> None:
    """A connection that is never answered is given up in time, and speaks of firewall and proxy."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        taken = [socket.socket() for _ in range(3)]
        for one in taken:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with asking(f"http://127.0.0.1:{full.getsockname()[1]}/r4", connect_seconds=0.05) as client:
            step = stopped(tried(client), "connect")
        for one in taken:
            one.close()
    assert "does not answer in time" in step.said
    assert "firewall" in step.fix


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where certificates of this module stand."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    """The clinic's own authority."""
    return Authority(folder)


def over_tls(certificate: Path, *, clients_of: Path | None = None, **settings: Any) -> list[Step]:
    """The steps to a server that shows this certificate."""
    clock = TurnedClock(SystemClock().now())
    tls = server_side(certificate, clients_of=clients_of)
    ehr = Ehr()
    with serving(ehr, clock=clock, tls=tls) as house, asking(ehr.at(house), clock=clock, **settings) as client:
        return tried(client)


def test_a_private_authority(authority: Authority) -> None:
    """With its authority in `ca` a certificate is trusted, and told: for whom, from whom, until when."""
    steps = over_tls(authority.certificate(), ca=str(authority.ca))
    step = the(steps, "tls")
    assert step.ok
    assert "for localhost, signed by Clinic Root CA, until 20" in step.said
    assert the(steps, "metadata").ok


def test_a_private_authority_of_an_older_kind(folder: Path) -> None:
    """An authority without the extensions that the newest Python insists on is believed all the same."""
    old = Authority(folder, "Office CA of 2009", 3, bare=True)
    assert the(over_tls(old.certificate(), ca=str(old.ca)), "tls").ok


def test_a_certificate_that_ends_soon(authority: Authority) -> None:
    """A certificate that is good, but not for long, is told so."""
    step = the(over_tls(authority.certificate(end=9), ca=str(authority.ca)), "tls")
    assert step.ok
    assert "8 days left" in step.said


@pytest.mark.parametrize(
    ("how", "words", "fix"),
    [
        ({}, "is not known here; it is for localhost, signed by Clinic Root CA", "name it in `ca`"),
        ({"trusted": True, "begin": -30, "end": -1}, "has ended", "renew"),
        ({"trusted": True, "begin": 2, "end": 30}, "not yet good", "clock"),
        (
            {"trusted": True, "name": "ehr.example.org"},
            "is not for localhost; it is for ehr.example.org",
            "`url`",
        ),
        ({"alone": True}, "signed by itself", "`ca`"),
    ],
    ids=["unknown authority", "ended", "not yet", "other name", "self-signed"],
)
def test_certificates_that_are_not_trusted(
    authority: Authority, how: dict[str, Any], words: str, fix: str
) -> None:
    """Each reason not to trust a certificate is told apart, with the certificate's own words and what to do."""
    how = dict(how)
    settings = {"ca": str(authority.ca)} if how.pop("trusted", False) else {}
    certificate = authority.self_signed() if how.pop("alone", False) else authority.certificate(**how)
    step = stopped(over_tls(certificate, **settings), "tls")
    assert words in step.said
    assert fix in step.fix


def test_a_self_signed_certificate_is_its_own_authority(authority: Authority) -> None:
    """A certificate that nobody signed can be named in `ca` itself, as its step says."""
    certificate = authority.self_signed()
    assert the(over_tls(certificate, ca=str(certificate)), "tls").ok


def test_a_certificate_that_cannot_be_read_stops_nothing(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a trusted certificate of whatever form TLS is agreed on: all that is said is that it cannot be read."""

    def odd(_der: bytes) -> None:
        raise ValueError("a serial number below zero")

    monkeypatch.setattr(certificates.x509, "load_der_x509_certificate", odd)
    step = the(over_tls(authority.certificate(), ca=str(authority.ca)), "tls")
    assert (step.ok, "cannot be read here" in step.said) == (True, True)


def test_a_port_that_speaks_no_tls() -> None:
    """An https address of a server that speaks http is told by the port."""
    with serving(Ehr()) as house, asking(house.url.replace("http:", "https:")) as client:
        step = stopped(tried(client), "tls")
    assert "speaks no TLS" in step.fix


def test_our_certificate_is_asked_for(folder: Path, authority: Authority) -> None:
    """A server that wants a certificate of ours says no without one, and yes with one."""
    ours = Authority(folder, "Office CA", 1)
    how = {"clients_of": ours.ca, "ca": str(authority.ca)}
    steps = over_tls(authority.certificate(), **how)
    failed = next(one for one in steps if not one.ok)
    assert failed.name in {"tls", "discovery"}
    assert "client_certificate" in failed.fix
    steps = over_tls(authority.certificate(), **how, client_certificate=str(ours.certificate("hub")))
    assert the(steps, "metadata").ok


class _Proxy(socketserver.StreamRequestHandler):
    """A proxy that lets CONNECT through to where it leads, or answers as its server's `says`."""

    def handle(self) -> None:
        asked = self.rfile.readline().decode().split()
        head = b""
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            head += line
        if not asked:
            return
        self.server.heads.append(head)  # type: ignore[attr-defined]
        says = self.server.says  # type: ignore[attr-defined]
        if says:
            self.wfile.write(says)
            return
        host, _, port = asked[1].rpartition(":")
        with socket.create_connection((host, int(port))) as there:
            self.wfile.write(b"HTTP/1.1 200 ok\r\n\r\n")
            back = threading.Thread(target=self._pump, args=(there, self.connection), daemon=True)
            back.start()
            self._pump(self.connection, there)
            back.join(60)

    @staticmethod
    def _pump(source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                to.sendall(piece)
            to.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def proxied(says: bytes = b"") -> Iterator[Any]:
    """A proxy on this machine; `url` is its address, `heads` what it was told."""
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Proxy) as server:
        server.says, server.heads = says, []  # type: ignore[attr-defined]
        server.url = f"http://localhost:{server.server_address[1]}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(60)


def test_a_proxy_on_the_way(authority: Authority) -> None:
    """Through a proxy with a login every step goes well, the certificate is still the server's own, and the login
    is shown to the proxy alone."""
    clock = TurnedClock(SystemClock().now())
    ehr = Ehr()
    tls = server_side(authority.certificate())
    with proxied() as proxy, serving(ehr, clock=clock, tls=tls) as house:
        how = {"proxy": proxy.url, "proxy_login": "env:P", "ca": str(authority.ca)}
        with asking(ehr.at(house), clock=clock, secrets={"env:P": "hub:canary"}, **how) as client:
            steps = tried(client)
    assert [one for one in steps if not one.ok and not one.name.startswith("read")] == []
    assert names(steps)[1:5] == [("proxy name", True), ("proxy connect", True), ("proxy", True), ("tls", True)]
    assert all(b"Basic aHViOmNhbmFyeQ==" in one for one in proxy.heads)
    assert "canary" not in repr(steps)
    assert not any("proxy-authorization" in one.headers for one in house.seen)


@pytest.mark.parametrize(
    ("says", "words", "fix"),
    [
        (b"HTTP/1.1 407 login\r\n\r\n", "407", "proxy_login"),
        (b"HTTP/1.1 403 no\r\n\r\n", "403", "who runs the proxy"),
        (b"HTTP/1.1 502 no\r\n\r\n", "502", "who runs the proxy"),
        (b"SSH-2.0-x\r\n\r\n", "is none", "`proxy`"),
    ],
)
def test_a_proxy_that_lets_nobody_through(says: bytes, words: str, fix: str) -> None:
    """What a proxy says is told as the proxy's, in the step and by every call."""
    with proxied(says) as proxy, asking("https://ehr.example.org/r4", proxy=proxy.url, tries=1) as client:
        step = stopped(tried(client), "proxy")
        with pytest.raises(HubError):
            client.server.get("Patient")
    assert words in step.said
    assert fix in step.fix


def test_a_proxy_of_the_environment_counts_only_if_it_shall(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY is looked at with `proxy_from_environment` alone."""
    monkeypatch.setenv("https_proxy", f"http://localhost:{free_port()}")
    for shall, name in ((True, "proxy connect"), (False, "name")):
        with asking("https://ehr.invalid/r4", proxy_from_environment=shall) as client:
            stopped(tried(client), name)


@pytest.mark.parametrize(
    ("reply", "words", "fix"),
    [
        (refusal("invalid_client", 401), "invalid_client", "register the JWKS"),
        (refusal("invalid_scope"), "invalid_scope", "`scopes`"),
        (Reply(status=500), "HTTP 500", "tries again"),
    ],
)
def test_a_token_that_is_not_given(reply: Reply, words: str, fix: str) -> None:
    """A sign-in that fails is the token's step, with what to change; what needs a token is skipped."""
    ehr = Ehr()
    ehr.moods["/oauth/token"] = each(reply)
    with clinic(ehr) as client:
        step = stopped(tried(client), "token")
    assert words in step.said
    assert fix in step.fix
    assert "TLS" not in step.fix, "who answers a sign-in over http wants no TLS there"


def test_what_to_do_names_the_connector() -> None:
    """What is to be typed can be typed as it stands: with the connector's own name."""
    with clinic(Ehr(), private_key="env:NONE") as client:
        assert "hub fhir key ehr" in tried(client)[0].fix


def test_a_key_that_is_still_to_be_registered_is_told() -> None:
    """Where the server knows only the key before the newest one, its step says so."""
    old, new = pem("ES384"), pem("ES384", 1)
    ehr = Ehr(keys.public(keys.read(old)))
    with serving(ehr) as house:
        with asking(ehr.at(house), secrets={"env:KEY": new + old}, clock=house.clock, **SMART) as client:
            assert "key before the newest" in the(tried(client), "token").said
        ehr.jwks = keys.public(keys.read(new + old))
        with asking(ehr.at(house), secrets={"env:KEY": new + old}, clock=house.clock, **SMART) as client:
            assert "key before" not in the(tried(client), "token").said


def test_a_server_without_a_token_address() -> None:
    """Where discovery finds none, it is that step that fails."""
    ehr = Ehr()
    ehr.smart = None
    with clinic(ehr) as client:
        fix = stopped(tried(client), "discovery").fix
    assert "token_url" in fix
    assert "`url` first" in fix, "a base that ends one folder too early or late is the usual reason"


def test_http_to_a_port_that_wants_tls(authority: Authority) -> None:
    """A server that hangs up on http is asked by https: the address is what to change, not the patience."""
    with serving(Ehr(), tls=server_side(authority.certificate("localhost"))) as house:
        clear = house.url.replace("https:", "http:")
        with asking(clear, clock=house.clock, secrets={"env:KEY": pem("ES384")}, tries=1, **SMART) as client:
            assert "https://" in stopped(tried(client), "discovery").fix


@pytest.mark.parametrize("behind", ["/metadata", "/metadata/", "/.well-known/smart-configuration"])
def test_a_base_address_with_more_behind_it_is_refused(behind: str) -> None:
    """What was copied from a browser is told where the settings are read, not by a server's 404."""
    with pytest.raises(ValueError, match="base address alone"):
        ServerSettings(url=f"https://fhir.example.org/r4{behind}", auth="none")


@pytest.mark.parametrize(("seconds", "words"), [(95, "95 seconds behind"), (-3600, "3600 seconds ahead of")])
def test_a_wrong_clock_is_told(seconds: int, words: str) -> None:
    """How far our clock is from the server's is told, though signing in allows for it."""
    ehr = Ehr()
    with clinic(ehr) as client:
        ehr.house.skew = timedelta(seconds=seconds)
        steps = tried(client)
    assert words in the(steps, "clock").said
    assert all(one.ok for one in steps)


def test_scopes_that_were_not_granted_are_told() -> None:
    """A token that may not read what billing needs says which types are missing."""
    ehr = Ehr()
    with clinic(ehr, scopes=("system/Patient.read", "system/Encounter.rs")) as client:
        said = the(tried(client), "token").said
    assert "not Condition, Procedure, Coverage" in said


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"}, "another release of FHIR (5.0.0)"),
        ({"resourceType": "Conformance", "fhirVersion": "1.0.2"}, "another release of FHIR (1.0.2)"),
        ({"resourceType": "Patient"}, "no FHIR server"),
        ({}, "no FHIR server"),
    ],
)
def test_another_release_or_no_fhir(metadata: dict[str, str], words: str) -> None:
    """A server of another release, or another thing altogether, is told by its metadata; the rest is still tried."""
    ehr = Ehr()
    ehr.metadata = metadata
    with clinic(ehr) as client:
        steps = tried(client)
    assert words in the(steps, "metadata").said
    assert the(steps, "read Patient").ok


@pytest.mark.parametrize(
    ("reply", "good", "words", "fix"),
    [
        (Reply(status=403), False, "does not let us read Patient", "system/Patient.read"),
        (Reply(status=401), False, "does not let us read Patient", "belong together"),
        (Reply(status=404), False, "knows no Patient at this address", "/r4"),
        (Reply(status=400), True, "wants more than a count", ""),
        (Reply(status=501), False, "does not search Patient", "backend clients"),
        (Reply(body=b"<html>", headers={"content-type": "text/html"}), False, "a web page", "browser"),
        (Reply(body=b"[]"), True, "no Bundle", ""),
    ],
)
def test_reading_a_patient(reply: Reply, good: bool, words: str, fix: str) -> None:
    """What hinders reading is told by the type, and the next type is tried."""
    ehr = Ehr()
    ehr.moods["/r4/Patient"] = each(reply)
    with clinic(ehr) as client:
        steps = tried(client)
    step = the(steps, "read Patient")
    assert (step.ok, the(steps, "read Encounter").ok) == (good, True)
    assert words in step.said
    assert fix in step.fix


def test_what_is_offered_for_billing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last steps tell what can be had for billing, how it will be asked for, and what will be missing; what takes
    long to learn is told in between."""
    monkeypatch.undo()
    good = Ability(type="Encounter", declared=True, found={"_lastUpdated": "works", "patient": "works"})
    whole = Offered(learned=START.date(), abilities={"Encounter": good}, fhir_version="4.0.1")
    slices = [msgspec.structs.replace(whole, waiting=("Claim", "Account")), whole]
    monkeypatch.setattr("hub_ehr_fhir.discover.probe.learn", lambda *_args, **_more: slices.pop(0))
    with clinic(Ehr()) as client:
        steps = tried(client)
    names_ = [one.name for one in steps]
    first = names_.index("billing")
    assert names_[first : first + 3] == ["billing", "billing", "strategy"]
    assert (steps[first].said, steps[first + 1].said) == (
        "2 types are still to be tried",
        "can be had: Encounter",
    )
    assert steps[first + 2].said
    assert set(names_[first + 3 :]) <= {"missing", "to know"}
    assert all(one.ok == (one.name == "to know") for one in steps[first + 3 :])


def test_nothing_offered_for_billing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that gives no encounters fails the test, with whom to ask."""
    monkeypatch.undo()
    nothing = Offered(learned=START.date())
    monkeypatch.setattr("hub_ehr_fhir.discover.probe.learn", lambda *_args, **_more: nothing)
    with clinic(Ehr()) as client:
        step = the(tried(client), "billing")
    assert (step.ok, step.said) == (False, "can be had: nothing")
    assert "who runs the server" in step.fix
