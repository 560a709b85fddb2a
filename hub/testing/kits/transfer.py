"""The contract of a file on its way out and back, shared by clearinghouses and print vendors.

T1  The class has what its port needs: `Settings`, every method, each with the port's arguments.
T2  Making an object does no I/O: it works while the partner is away.
T3  `check` yields steps that are all well with a partner that answers, and changes nothing there.
T4  `check` with the partner away ends in a step that is not well and says what to do; only door errors raise.
T5  `capabilities` is constant, names what is sent and received, a known `in_doubt` rule, and some evidence.
T6  `stage` leaves nothing visible and gives evidence.
T7  `publish` makes exactly the bytes visible, under the file's name, and nothing else.
T8  `publish` again is harmless, also from a new object.
T9  `publish` works from a new object after `stage` in another (a crash between the phases).
T10 `stage` again replaces what a broken `stage` left.
T11 An error of the hub's own body passes through `stage` and leaves nothing visible.
T12 `publish` never replaces a visible file of that name that has another size: a door error, nothing changed.
T13 `publish` of what was never staged raises a door error and makes nothing visible.
T14 `confirm` gives None before `publish`, and after it evidence of a kind that `capabilities` names, from a
    new object as well; it changes nothing.
T15 A wire cut during `stage` raises `RetryLater` (or `InDoubt`), nothing is visible; healed, the file goes whole.
T16 With the wire cut, `publish` and `confirm` raise door errors or, for `confirm`, give None; never evidence.
T17 What waits is listed with its name, size and an aware time; nothing waits, nothing is listed.
T18 A file that arrives after a listing is found with the cursor that the listing gave.
T19 `open` streams exactly the file's bytes, also from a new object by the same ref.
T20 Two files with the same bytes are two refs with two tokens.
T21 `done` is harmless twice, from a new object, and for a file that is gone.
T22 A wire cut during `open` raises `RetryLater`; it never ends as if the file were shorter.
T23 `open` of a file that is gone raises `Refused` or `RetryLater`.
T24 A file that is still being written is not listed.
T25 `close` is harmless twice, and before anything was opened.
T26 Names with spaces and letters beyond ASCII are listed and opened.
T27 With the wire cut, listing raises `RetryLater`; after it heals the same object works again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from hub.plugin.api import (
    Capabilities,
    Evidence,
    InDoubt,
    Listing,
    Misconfigured,
    Outgoing,
    Ref,
    Refused,
    RetryLater,
    Step,
)
from hub.plugin.host.offers import misfits
from hub.testing.fakes import FakeContext
from hub.testing.kits.partner import able, cuts_midway, outgoing, pieces

DOOR = (Misconfigured, RetryLater, Refused, InDoubt)
BODY = b"ISA*00*KIT~" * 1500
OTHER = b"ISA*00*ANOTHER~" * 700


class TransferKit:
    """Give `partner` and `make_port`; `PORT`, `kind` and `look` come from the kit for your port."""

    PORT: ClassVar[type]
    kind = "837P"
    looks = 3

    @pytest.fixture
    def context(self) -> FakeContext:
        """A context for your port, if you need one."""
        return FakeContext("kit")

    @pytest.fixture
    def partner(self) -> Any:
        """Yours to give: see `hub.testing.kits.partner.Partner`."""
        raise NotImplementedError("give the fixture `partner`")

    @pytest.fixture
    def make_port(self, partner: Any) -> Callable[[], Any]:
        """Yours to give: a function that makes a new object for the same partner, as after a restart."""
        raise NotImplementedError("give the fixture `make_port`")

    @pytest.fixture
    def port(self, make_port: Callable[[], Any]) -> Iterator[Any]:
        """One object, closed at the end."""
        made = make_port()
        yield made
        made.close()

    @pytest.fixture
    def fresh(self, make_port: Callable[[], Any]) -> Iterator[Any]:
        """A second object, as after a restart."""
        made = make_port()
        yield made
        made.close()

    def look(self, port: Any, cursor: str) -> Listing:
        """One listing."""
        raise NotImplementedError

    def between_looks(self) -> None:
        """Yours to give where a file must rest before it is listed: turn the clock, or wait for the partner."""

    def file(self, body: bytes = BODY, name: str = "HUB0001.837", file_id: str = "fil_kit1") -> Outgoing:
        """A frozen file of the kit's kind."""
        return outgoing(body, name=name, kind=self.kind, file_id=file_id)

    def send(self, port: Any, file: Outgoing, body: bytes = BODY) -> None:
        """Stage and publish."""
        port.stage(file, pieces(body))
        port.publish(file)

    def find(self, port: Any, *names: str, cursor: str = "") -> dict[str, Ref]:
        """Look until every one of `names` is listed, at most `looks` times."""
        found: dict[str, Ref] = {}
        for _ in range(self.looks):
            listing = self.look(port, cursor)
            assert isinstance(listing, Listing)
            assert isinstance(listing.cursor, str)
            found |= {ref.name: ref for ref in listing.refs}
            if set(names) <= set(found):
                return found
            cursor = listing.cursor
            self.between_looks()
        raise AssertionError(f"not listed after {self.looks} looks: {sorted(set(names) - set(found))}")

    def received(self, port: Any, ref: Ref) -> bytes:
        """The whole file."""
        return b"".join(port.open(ref))

    def test_class_fits_the_port(self, port: Any) -> None:
        """T1: the class has the settings, the methods and the arguments that the host will use."""
        assert misfits(type(port), self.PORT) == []

    def test_making_does_no_io(self, partner: Any, make_port: Callable[[], Any]) -> None:
        """T2: an object can be made while the partner is away."""
        able(partner, "cut_after", "heal")
        partner.cut_after(0)
        made = make_port()
        partner.heal()
        made.close()

    def test_check_is_well_and_changes_nothing(self, partner: Any, port: Any) -> None:
        """T3: every step is well, and the partner is as it was."""
        partner.offer("waits.835", OTHER)
        before = partner.visible()
        steps = list(port.check())
        assert steps
        assert all(isinstance(step, Step) for step in steps)
        assert [step for step in steps if not step.ok] == []
        assert partner.visible() == before
        assert "waits.835" in self.find(port, "waits.835")

    def test_check_says_what_to_do(self, partner: Any, port: Any) -> None:
        """T4: with the partner away a step fails and carries its remedy."""
        able(partner, "cut_after", "heal")
        partner.cut_after(0)
        try:
            steps = list(port.check())
        except DOOR:
            steps = [Step(name="raised", ok=False, said="a door error", fix="as it says")]
        finally:
            partner.heal()
        assert not steps[-1].ok
        assert steps[-1].fix

    def test_capabilities_are_whole(self, port: Any, fresh: Any) -> None:
        """T5: capabilities are the same each time and say what the journal needs."""
        said = port.capabilities
        assert isinstance(said, Capabilities)
        assert said == port.capabilities == fresh.capabilities
        assert said.sends
        assert said.receives
        assert said.evidence
        assert said.in_doubt in {"resend-same-bytes", "await-answer", "ask"}

    def test_stage_shows_nothing(self, partner: Any, port: Any) -> None:
        """T6: a staged file is not yet the partner's."""
        assert isinstance(port.stage(self.file(), pieces(BODY)), Evidence)
        assert partner.visible() == {}

    def test_publish_shows_exactly_the_file(self, partner: Any, port: Any) -> None:
        """T7: the partner sees the bytes under the name, and nothing else."""
        port.stage(self.file(), pieces(BODY))
        assert isinstance(port.publish(self.file()), Evidence)
        assert partner.visible() == {"HUB0001.837": BODY}

    def test_publish_twice(self, partner: Any, port: Any, fresh: Any) -> None:
        """T8: publishing again changes nothing."""
        self.send(port, self.file())
        port.publish(self.file())
        fresh.publish(self.file())
        assert partner.visible() == {"HUB0001.837": BODY}

    def test_publish_after_restart(self, partner: Any, port: Any, fresh: Any) -> None:
        """T9: a new object publishes what another staged."""
        port.stage(self.file(), pieces(BODY))
        port.close()
        fresh.publish(self.file())
        assert partner.visible() == {"HUB0001.837": BODY}

    def test_stage_replaces_what_a_broken_one_left(self, partner: Any, port: Any, fresh: Any) -> None:
        """T10: staging again, longer or shorter remains notwithstanding, ends in exactly the file."""
        port.stage(self.file(BODY + OTHER), pieces(BODY + OTHER))
        fresh.stage(self.file(), pieces(BODY))
        fresh.publish(self.file())
        assert partner.visible() == {"HUB0001.837": BODY}

    def test_error_of_our_body_passes(self, partner: Any, port: Any) -> None:
        """T11: when the hub's own blob cannot be read, nothing becomes visible and the next try is whole."""

        def broken() -> Iterator[bytes]:
            yield BODY[:2000]
            raise RetryLater("the hub's blob could not be read")

        with pytest.raises(RetryLater):
            port.stage(self.file(), broken())
        assert partner.visible() == {}
        self.send(port, self.file())
        assert partner.visible() == {"HUB0001.837": BODY}

    def test_publish_never_replaces_another_file(self, partner: Any, port: Any) -> None:
        """T12: a frozen file's name is its own; another file of that name stays as it is."""
        self.send(port, self.file())
        other = self.file(OTHER, file_id="fil_kit2")
        port.stage(other, pieces(OTHER))
        with pytest.raises(DOOR):
            port.publish(other)
        assert partner.visible() == {"HUB0001.837": BODY}

    def test_publish_without_stage(self, partner: Any, port: Any) -> None:
        """T13: what was never staged cannot become visible."""
        with pytest.raises(DOOR):
            port.publish(self.file())
        assert partner.visible() == {}

    def test_confirm(self, partner: Any, port: Any, fresh: Any) -> None:
        """T14: evidence comes after the fact, is of a promised kind, and looking changes nothing."""
        assert port.confirm(self.file()) is None
        port.stage(self.file(), pieces(BODY))
        assert port.confirm(self.file()) is None
        port.publish(self.file())
        for one in (port, fresh):
            evidence = one.confirm(self.file())
            assert isinstance(evidence, Evidence)
            assert evidence.kind in one.capabilities.evidence
        assert partner.visible() == {"HUB0001.837": BODY}

    def test_cut_while_staging(self, partner: Any, port: Any, fresh: Any) -> None:
        """T15: a cut leaves nothing visible, and the file goes whole afterwards."""
        cuts_midway(partner)
        partner.cut_after(len(BODY) // 2)
        with pytest.raises((RetryLater, InDoubt)):
            port.stage(self.file(), pieces(BODY))
        partner.heal()
        assert partner.visible() == {}
        self.send(fresh, self.file())
        assert partner.visible() == {"HUB0001.837": BODY}

    def test_cut_before_publish_and_confirm(self, partner: Any, port: Any, fresh: Any) -> None:
        """T16: no evidence without a partner."""
        able(partner, "cut_after", "heal")
        port.stage(self.file(), pieces(BODY))
        partner.cut_after(0)
        with pytest.raises((RetryLater, InDoubt)):
            port.publish(self.file())
        try:
            evidence = port.confirm(self.file())
        except DOOR:
            evidence = None
        assert evidence is None
        partner.heal()
        fresh.publish(self.file())
        assert partner.visible() == {"HUB0001.837": BODY}

    def test_listing(self, partner: Any, port: Any) -> None:
        """T17: what waits is listed whole, and only that."""
        assert self.look(port, "").refs == ()
        partner.offer("a.835", BODY)
        partner.offer("b.999", OTHER)
        found = self.find(port, "a.835", "b.999")
        assert {name: ref.size for name, ref in found.items()} == {"a.835": len(BODY), "b.999": len(OTHER)}
        assert all(ref.modified_at.utcoffset() is not None for ref in found.values())

    def test_cursor_finds_later_files(self, partner: Any, port: Any, fresh: Any) -> None:
        """T18: a cursor never hides what comes after it."""
        partner.offer("a.835", BODY)
        self.find(port, "a.835")
        cursor = self.look(port, "").cursor
        partner.offer("b.835", OTHER)
        assert "b.835" in self.find(fresh, "b.835", cursor=cursor)

    def test_open(self, partner: Any, port: Any, fresh: Any) -> None:
        """T19: the bytes are exact, and a ref outlives the object that listed it."""
        partner.offer("a.835", BODY)
        ref = self.find(port, "a.835")["a.835"]
        assert self.received(port, ref) == BODY
        assert self.received(fresh, ref) == BODY

    def test_same_bytes_are_two_files(self, partner: Any, port: Any) -> None:
        """T20: the hub decides what is a repeat, not the port."""
        partner.offer("a.835", BODY)
        partner.offer("b.835", BODY)
        found = self.find(port, "a.835", "b.835")
        assert found["a.835"].token != found["b.835"].token

    def test_done(self, partner: Any, port: Any, fresh: Any) -> None:
        """T21: done twice, after a restart, and for what is gone."""
        partner.offer("a.835", BODY)
        partner.offer("b.835", OTHER)
        found = self.find(port, "a.835", "b.835")
        port.done(found["a.835"])
        port.done(found["a.835"])
        fresh.done(found["a.835"])
        if callable(getattr(partner, "withdraw", None)):
            partner.withdraw("b.835")
            fresh.done(found["b.835"])

    def test_cut_while_receiving(self, partner: Any, port: Any, fresh: Any) -> None:
        """T22: a short file is an error, never an end."""
        cuts_midway(partner)
        partner.offer("a.835", BODY)
        ref = self.find(port, "a.835")["a.835"]
        partner.cut_after(len(BODY) // 2)
        with pytest.raises(RetryLater):
            self.received(port, ref)
        partner.heal()
        assert self.received(fresh, ref) == BODY

    def test_open_what_is_gone(self, partner: Any, port: Any) -> None:
        """T23: a file that the partner took away is a door error."""
        able(partner, "withdraw")
        partner.offer("a.835", BODY)
        ref = self.find(port, "a.835")["a.835"]
        partner.withdraw("a.835")
        with pytest.raises((Refused, RetryLater)):
            self.received(port, ref)

    def test_growing_file_is_not_listed(self, partner: Any, port: Any) -> None:
        """T24: half a file is nobody's."""
        able(partner, "offer_growing")
        partner.offer_growing("a.835", BODY)
        partner.offer("b.835", OTHER)
        assert "a.835" not in self.find(port, "b.835")

    def test_close_twice(self, make_port: Callable[[], Any]) -> None:
        """T25: closing is harmless at any time."""
        made = make_port()
        made.close()
        made.close()

    def test_odd_names(self, partner: Any, port: Any) -> None:
        """T26: partners name files as they please."""
        name = "Zürich remit (2) 2026.835"
        partner.offer(name, BODY)
        assert self.received(port, self.find(port, name)[name]) == BODY

    def test_listing_heals(self, partner: Any, port: Any) -> None:
        """T27: an object outlives the partner's absence."""
        able(partner, "cut_after", "heal")
        partner.offer("a.835", BODY)
        self.find(port, "a.835")
        partner.cut_after(0)
        with pytest.raises(RetryLater):
            self.look(port, "")
        partner.heal()
        assert "a.835" in self.find(port, "a.835")
