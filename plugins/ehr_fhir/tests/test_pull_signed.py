"""A pull that is signed in: tokens that end in the middle lose nothing, and are shown to nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from connectlab.serving import Reply
from fhirlab.fake import FakeFhir
from fhirlab.proxy import ALL, REDIRECTS, TOKENS, FaultProxy
from fhirlab.pulls import keys, office, visit, whole
from fhirlab.signed import SMART, Guarded
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.discover.offered import STATE, encode
from hub_ehr_fhir.pull.pulling import Pulling
from hub_ehr_fhir.settings import FhirSettings

from hub.clock import SystemClock, TurnedClock
from hub.errors import RetryLater
from hub.plugin.api import RawMessage
from hub.testing.fakes import FakeContext


class Signed:
    """A hub that pulls through `proxy` what `guard` guards, with one client for all its calls."""

    def __init__(self, proxy: FaultProxy, guard: Guarded, fake: FakeFhir) -> None:
        clock = fake.clock
        self.settings = FhirSettings.model_validate(
            {
                "server": {"url": guard.at(proxy), **SMART, "tries": 4, "requests_per_second": 0},
                "pull": {"since": "2020-01-01", "every_seconds": 60, "page_size": 7},
            }
        )
        self.context = FakeContext("fhir", clock=clock, secrets=guard.secrets)
        assert self.settings.server is not None
        self.server = Server(
            self.settings.server, secrets=self.context.secrets, clock=clock, log=self.context.log,
            stop=self.context.stop, instance="fhir", wait=lambda _seconds: False,
        )  # fmt: skip
        self.said: dict[str, RawMessage] = {}
        self.cursor = ""

    def run(self) -> list[list[str]]:
        """Pull until nothing is left, through what passes; the keys of all messages so far, sorted."""
        part = Pulling(self.settings, self.context, self.server)
        for _ in range(300):
            try:
                found = part.changes(self.cursor)
            except RetryLater:
                continue
            self.cursor = found.cursor
            self.said |= {one.external_id: one for one in found.messages}
            if not found.more:
                return sorted(keys(self.said.values()))
        raise AssertionError("the pull never ends")


def practice(count: int) -> FakeFhir:
    """A server with visits of three patients."""
    fake = FakeFhir(TurnedClock(SystemClock().now()), sorts=False)
    for n in range(3):
        fake.put(*office(f"p{n}"))
    fake.put(*(one for n in range(count) for one in visit(n, f"p{n % 3}")))
    return fake


def test_tokens_that_end() -> None:
    """Each token ends after some calls, long before its time; every fourth answer is 401 or leads elsewhere: the same
    comes as without, by fresh tokens, and no other address is shown one.
    """
    fake = practice(6)
    guard = Guarded(fake.answer, uses=5)
    kinds = (*TOKENS, *REDIRECTS)
    with FaultProxy(guard.answer, seed=5, rate=0.25, kinds=kinds, in_a_row=1, only=_data) as proxy:
        hub = Signed(proxy, guard, fake)
        hub.context.state.put(STATE, encode(fake.offered()))
        assert hub.run() == sorted(whole(n, f"p{n % 3}") for n in range(6))
        hub.server.close()
        assert guard.ended >= 2
        assert proxy.elsewhere
        assert not [one for one in proxy.elsewhere if one[2]]
    assert guard.shown_elsewhere == []


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(12))
def test_every_fault_signed_in(seed: int) -> None:
    """Probe and pull through every kind of fault, with tokens that end and a token address that is away now and then:
    the same comes.
    """
    fake = practice(20)
    guard = Guarded(fake.answer, uses=23)
    guard.ehr.refusals += [Reply(status=503), Reply(status=500)]
    with FaultProxy(guard.answer, seed=seed, rate=0.2, kinds=ALL, in_a_row=1, only=_data) as proxy:
        hub = Signed(proxy, guard, fake)
        hub.run()
        for _ in range(3):
            fake.clock.turn(timedelta(hours=2))
            told = hub.run()
        hub.server.close()
        assert proxy.hurt["401"]
        assert not [one for one in proxy.elsewhere if one[2]]
    assert guard.ended
    assert told == sorted(whole(n, f"p{n % 3}") for n in range(20))
    assert guard.shown_elsewhere == []


def _data(path: str) -> bool:
    """Calls for data: neither the sign-in nor what leads to it."""
    return "/oauth/" not in path and ".well-known" not in path and "metadata" not in path
