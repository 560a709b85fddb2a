"""The host is no part of a contract: a port behind its guard keeps what the port itself keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.model.facts import MergeFact
from hub.plugin.api import PrintResult
from hub.plugin.host import ConnectorSpec, Options, PluginHost, contexts
from hub.testing import fakes
from hub.testing.fakes import FAKE, FakeContext, FakeSecrets, MemoryFeed, MemoryPartner, encode_facts
from hub.testing.kits import ClearinghouseKit, EhrSourceKit, PrintVendorKit, Sample


def hosted(kind: str, context: FakeContext, **settings: object) -> PluginHost:
    """A host with one instance of a fake."""
    maker = contexts(clock=context.clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    spec = ConnectorSpec(plugin="fake", kind=kind, settings=settings)
    host, faults = PluginHost.load({"acme": spec}, context_for=maker, options=Options(modules={"fake": fakes}))
    assert faults == ()
    return host


class TestHostedClearinghouse(ClearinghouseKit):
    """A clearinghouse behind its guard."""

    question = ("270", b"ISA~")

    @pytest.fixture
    def partner(self) -> MemoryPartner:
        return MemoryPartner()

    @pytest.fixture
    def make_port(self, partner: MemoryPartner, context: FakeContext) -> Callable[[], Any]:
        return lambda: hosted("memory", context, partner=partner).clearinghouse("acme")

    def test_class_fits_the_port(self, port: Any) -> None:
        """The guarded port has no settings; the host has checked the plugin's class."""
        assert not hasattr(port, "Settings")


class TestHostedPrinter(PrintVendorKit):
    """A print vendor behind its guard."""

    @pytest.fixture
    def partner(self) -> MemoryPartner:
        return MemoryPartner()

    @pytest.fixture
    def make_port(self, partner: MemoryPartner, context: FakeContext) -> Callable[[], Any]:
        return lambda: hosted("memory-print", context, partner=partner).printer("acme")

    @pytest.fixture
    def result_file(self) -> tuple[bytes, tuple[PrintResult, ...]]:
        return b"1001 printed\n", (PrintResult(number="1001", verdict="printed"),)

    def test_class_fits_the_port(self, port: Any) -> None:
        """The guarded port has no settings; the host has checked the plugin's class."""
        assert not hasattr(port, "Settings")


class TestHostedSource(EhrSourceKit):
    """A source behind its guard."""

    @pytest.fixture
    def partner(self) -> MemoryFeed:
        return MemoryFeed()

    @pytest.fixture
    def make_port(self, partner: MemoryFeed, context: FakeContext) -> Callable[[], Any]:
        return lambda: hosted("memory-feed", context, feed=partner).source("acme")

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        facts = (
            MergeFact(key=f"m{n}", version="1", kind="patient", from_key="a", into_key="b") for n in range(3)
        )
        return tuple(Sample(name=fact.key, content_type=FAKE, raw=encode_facts(fact)) for fact in facts)

    def test_class_fits_the_port(self, port: Any) -> None:
        """The guarded port has no settings; the host has checked the plugin's class."""
        assert not hasattr(port, "Settings")
