"""A fake server that lets in only who signed in by SMART Backend Services, with tokens that end in the middle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from connectlab.ehr import Ehr, pem
from connectlab.serving import House, Seen
from hub_ehr_fhir.connect import keys

from fhirlab.proxy import FaultProxy, Reply
from hub.clock import SystemClock

SMART = {"auth": "smart", "client_id": "hub-1", "private_key": "env:KEY"}


class Guarded:
    """An `Answerer` for `FaultProxy`: `inside` is what it guards. Each token is good for `uses` calls; then it has
    ended before its time. The server's clock is the machine's, whatever the hub's. At any other address than its own
    it asks for no token, and keeps those that were shown.
    """

    def __init__(self, inside: Any, *, uses: int = 20) -> None:
        self.ehr = Ehr(keys.public(keys.read(pem("ES384"))))
        self._inside, self._uses = inside, uses
        self._used: Counter[str] = Counter()
        self.ended = 0
        self.shown_elsewhere: list[str] = []
        self._host = ""

    @property
    def secrets(self) -> dict[str, str]:
        """What the hub is given to sign in with."""
        return {"env:KEY": pem("ES384")}

    def at(self, proxy: FaultProxy) -> str:
        """The FHIR base behind a proxy."""
        self._host = proxy.url.removeprefix("http://")
        house = SimpleNamespace(url=f"{proxy.url}/r4", clock=SystemClock(), skew=timedelta())
        self.ehr.at(cast("House", house))
        return f"{proxy.url}/fhir"

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """As an `Answerer`."""
        if path == "/oauth/token" or path.endswith("/.well-known/smart-configuration"):
            said = self.ehr(Seen(method, path.replace("/fhir/", "/r4/"), dict(headers), body))
            return Reply(said.status, said.headers, said.body)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if headers.get("host") != self._host:
            self.shown_elsewhere += [token] * bool(token)
        elif path != "/fhir/metadata" and not self._good(token):
            return Reply(401, {"www-authenticate": 'Bearer error="invalid_token"'}, b"")
        said = cast("Reply", self._inside(method, path, headers, body))
        return said._replace(headers={name: value for name, value in said.headers.items() if name != "date"})

    def _good(self, token: str) -> bool:
        self._used[token] += 1
        if self._used[token] == self._uses and token in self.ehr.good:
            self.ehr.good.discard(token)
            self.ended += 1
        return token in self.ehr.good
