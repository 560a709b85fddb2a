"""The contract of a `Notifier`, whatever it tells and by which way.

N1  The class has what its port needs: `Settings`, `takes`, every method, each with the port's arguments.
N2  Making an object does no I/O: it works while the other side is away.
N3  `check` yields steps that are all well with another side that answers, and sends nothing.
N4  `check` with the other side away ends in a step that is not well and says what to do; only door errors raise.
N5  `takes` is constant, not empty, and names known kinds only.
N6  A notice of each kind that it takes arrives once, and `send` gives evidence.
N7  Sent again, also from a new object, a notice shows the same id; two notices show two.
N8  Subject and lines arrive whole, with letters beyond ASCII, long lines, a line of one full stop, empty lines.
N9  A line break in a subject or a line makes no header and no second notice of it.
N10 A kind that it does not take raises `Refused`, and nothing is sent.
N11 With the other side away `send` raises `RetryLater` (or `InDoubt`); healed, the same object sends.
N12 Another side that wants none of it raises `Refused` or `Misconfigured`.
N13 A busy one raises `RetryLater`, with the wait that it asked for where it names one.
N14 No error shows a secret, nor what the notice says.
N15 `close` is harmless twice, before anything was sent, and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

import pytest

from hub.plugin.api import (
    Evidence,
    HubError,
    InDoubt,
    Misconfigured,
    Notice,
    Notifier,
    Refused,
    RetryLater,
    Step,
)
from hub.plugin.host.offers import misfits
from hub.testing.fakes import FakeContext
from hub.testing.kits.partner import able

DOOR = (Misconfigured, RetryLater, Refused, InDoubt)
KINDS = frozenset({"alert", "recovered", "digest", "alive"})
SINCE = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)
WORDS = "the clearinghouse cannot be reached"


class Other(Protocol):
    """The other side, as a test sees it.

    Optional, each enabling tests that are skipped without it: `cut_after(0)` lets nothing through and `heal()`
    ends that, and what follows; `refuse()` refuses every notice; `busy(seconds)` asks to come again after so long.
    """

    def received(self) -> list[tuple[str, str]]:
        """(id, text) of every notice that came, repeats too; the text as its reader has it, or empty."""
        ...


def notice(**changes: Any) -> Notice:
    """An alert of the kit."""
    usual: dict[str, Any] = {
        "id": "ntc_kit1",
        "kind": "alert",
        "key": "connector.unreachable:clearinghouse",
        "level": "alarm",
        "subject": WORDS,
        "lines": (WORDS, "since 2026-03-02 13:30 UTC", "do: hub connector test clearinghouse"),
        "since": SINCE,
        "hub": "lakeside",
    }
    return Notice(**{**usual, **changes})


class NotifierKit:
    """Give `partner` and `make_port`. `tells` False: what it sends holds no text (a ping). `asks_wait` False: the
    other side cannot name how long to wait. `secrets` are texts that no error may show.
    """

    PORT: ClassVar[type] = Notifier
    tells = True
    asks_wait = True
    secrets: tuple[str, ...] = ()

    @pytest.fixture
    def context(self) -> FakeContext:
        """A context for your port, if you need one."""
        return FakeContext("kit")

    @pytest.fixture
    def partner(self) -> Any:
        """Yours to give: see `Other`."""
        raise NotImplementedError("give the fixture `partner`")

    @pytest.fixture
    def make_port(self, partner: Any) -> Callable[[], Any]:
        """Yours to give: a function that makes a new object for the same other side, as after a restart."""
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

    def test_class_fits_the_port(self, port: Any) -> None:
        """N1: the class has the settings, the methods and the arguments that the host will use."""
        assert misfits(type(port), self.PORT) == []

    def test_making_does_no_io(self, partner: Any, make_port: Callable[[], Any]) -> None:
        """N2: an object can be made while the other side is away."""
        able(partner, "cut_after", "heal")
        partner.cut_after(0)
        made = make_port()
        partner.heal()
        made.close()

    def test_check_is_well_and_sends_nothing(self, partner: Any, port: Any) -> None:
        """N3: every step is well, and nobody was told anything."""
        steps = list(port.check())
        assert steps
        assert all(isinstance(step, Step) for step in steps)
        assert [step for step in steps if not step.ok] == []
        assert partner.received() == []

    def test_check_says_what_to_do(self, partner: Any, port: Any) -> None:
        """N4: with the other side away a step fails and carries its remedy."""
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

    def test_takes(self, port: Any, fresh: Any) -> None:
        """N5: what it takes is said once and for all."""
        assert isinstance(port.takes, frozenset)
        assert port.takes == port.takes == fresh.takes
        assert port.takes
        assert port.takes <= KINDS

    def test_every_kind_arrives(self, partner: Any, port: Any) -> None:
        """N6: each kind arrives, once."""
        for number, kind in enumerate(sorted(port.takes)):
            assert isinstance(port.send(notice(id=f"ntc_kit{number}", kind=kind)), Evidence)
        arrived = [mark for mark, _ in partner.received()]
        assert arrived == [f"ntc_kit{number}" for number in range(len(port.takes))]

    def test_a_repeat_can_be_recognised(self, partner: Any, port: Any, fresh: Any) -> None:
        """N7: the id that arrives is the notice's own."""
        for sender, mark in ((port, "ntc_kit1"), (fresh, "ntc_kit1"), (port, "ntc_kit2")):
            sender.send(self.some(port, id=mark))
        assert [mark for mark, _ in partner.received()] == ["ntc_kit1", "ntc_kit1", "ntc_kit2"]

    def test_the_text_arrives_whole(self, partner: Any, port: Any) -> None:
        """N8: nothing is lost or altered."""
        self._tells()
        long = "x" * 1500
        lines = ("Zürich 50 %", ".", "", "From here", long, "..two", "last")
        port.send(self.some(port, subject="Grüße: 3 alarms", lines=lines))
        ((_, text),) = partner.received()
        assert "Grüße: 3 alarms" in text
        assert "\n".join(lines) in text.replace("\r\n", "\n")

    def test_a_line_break_is_only_text(self, partner: Any, port: Any) -> None:
        """N9: nobody writes headers or a second notice through a subject or a line."""
        port.send(self.some(port, subject="a\r\nBcc: x@y.example\r\n\r\nb", lines=("c\r\n.\r\nMAIL FROM:<x>",)))
        assert [mark for mark, _ in partner.received()] == ["ntc_kit1"]

    def test_other_kinds_are_refused(self, partner: Any, port: Any) -> None:
        """N10: what it does not take is not sent."""
        for kind in sorted((KINDS | {"no-such-kind"}) - port.takes):
            with pytest.raises(Refused):
                port.send(notice(kind=kind))
        assert partner.received() == []

    def test_away(self, partner: Any, port: Any) -> None:
        """N11: an object outlives the other side's absence."""
        able(partner, "cut_after", "heal")
        partner.cut_after(0)
        with pytest.raises((RetryLater, InDoubt)) as caught:
            port.send(self.some(port))
        partner.heal()
        assert self._quiet(caught.value)
        port.send(self.some(port))
        assert [mark for mark, _ in partner.received()][-1:] == ["ntc_kit1"]

    def test_refused(self, partner: Any, port: Any) -> None:
        """N12: a plain no is not tried for ever."""
        able(partner, "refuse", "heal")
        partner.refuse()
        with pytest.raises((Refused, Misconfigured)) as caught:
            port.send(self.some(port))
        assert self._quiet(caught.value)
        assert partner.received() == []

    def test_busy(self, partner: Any, port: Any) -> None:
        """N13: come again, and when."""
        able(partner, "busy", "heal")
        partner.busy(90)
        with pytest.raises(RetryLater) as caught:
            port.send(self.some(port))
        assert self._quiet(caught.value)
        if self.asks_wait:
            assert caught.value.after_seconds == 90
        partner.heal()
        port.send(self.some(port))
        assert len(partner.received()) == 1

    def test_errors_are_quiet(self, partner: Any, port: Any) -> None:
        """N14: what is raised shows neither secrets nor the notice."""
        raised: list[HubError] = []
        for disturb in ("cut_after", "refuse", "busy"):
            able(partner, disturb, "heal")
            getattr(partner, disturb)(*((0,) if disturb == "cut_after" else (5,) if disturb == "busy" else ()))
            with pytest.raises(DOOR) as caught:
                port.send(self.some(port))
            partner.heal()
            raised.append(caught.value)
        assert [error for error in raised if not self._quiet(error)] == []

    def test_close_twice(self, partner: Any, make_port: Callable[[], Any]) -> None:
        """N15: closing is harmless at any time."""
        made = make_port()
        made.close()
        made.close()
        used = make_port()
        used.send(self.some(used))
        used.close()
        used.close()
        assert len(partner.received()) == 1

    def some(self, port: Any, **changes: Any) -> Notice:
        """A notice of a kind that the port takes."""
        return notice(**{"kind": min(port.takes), **changes})

    def _tells(self) -> None:
        if not self.tells:
            pytest.skip("what this port sends holds no text")

    def _quiet(self, error: HubError) -> bool:
        said = f"{error} {error.fix}"
        return bool(str(error)) and not [one for one in (*self.secrets, WORDS) if one in said]
