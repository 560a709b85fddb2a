"""The part of the source that asks the server by REST: learns what it offers, then takes what is new in slices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from hub.errors import HubError, RetryLater
from hub.plugin.api import Changes, Context, Step
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.discover import offered as learned
from hub_ehr_fhir.discover.probe import hints, learn
from hub_ehr_fhir.discover.strategy import Search, Strategy, choose
from hub_ehr_fhir.growing import Growing
from hub_ehr_fhir.pull import moving
from hub_ehr_fhir.pull.cursors import PullCursor, decoded, encoded
from hub_ehr_fhir.pull.delivering import NAMED, VISITS, Deliverer
from hub_ehr_fhir.pull.following import Following
from hub_ehr_fhir.pull.gathering import Gatherer
from hub_ehr_fhir.pull.incremental import FULL, Incremental
from hub_ehr_fhir.pull.kept import Kept
from hub_ehr_fhir.pull.patients import Patients
from hub_ehr_fhir.pull.resources import key_of
from hub_ehr_fhir.pull.revisiting import Revisits, needed
from hub_ehr_fhir.pull.times import instant
from hub_ehr_fhir.pull.turn import SLICE_SECONDS, Timed, Turn
from hub_ehr_fhir.pull.vanished import Vanished, watched
from hub_ehr_fhir.pull.walking import Searched, Walker
from hub_ehr_fhir.settings import FhirSettings

_LEARN_SECONDS = 40.0
_MANY_TRIES = 5
_FIRST_PACE = 2


class Pulling:
    """Asked by `source.changes_of`. Nothing but the cursor and the state is remembered between two calls, but for how
    many went well: a call of a new process is short. A call that got anywhere returns what it has, also when trouble
    ended it: the next call meets the same trouble and tells it.
    """

    def __init__(
        self, settings: FhirSettings, context: Context, server: Server, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._context, self._server, self._tick = settings, context, server, tick
        self._growing = Growing(SLICE_SECONDS)

    def changes(self, cursor: str) -> Changes:
        """What is new since `cursor`."""
        found = self._changes(cursor)
        self._growing.ended()
        return found

    def _changes(self, cursor: str) -> Changes:
        now = moving.at(self._server.base, decoded(cursor), self._context)
        turn = self._turn()
        if self._growing.first:
            now.pace = min(now.pace, _FIRST_PACE)
        strategy = self._strategy()
        if strategy is None:
            return Changes(messages=(), cursor=encoded(now), more=not self._context.stop.is_set())
        kept = Kept(self._context.state, now.began, self._settings.pull)
        try:
            more = self._run(now, turn, strategy, kept)
        except HubError:
            if not turn.moved:
                raise
            more = True
        kept.save(turn.now)
        self._remember(now)
        due = None if more or turn.moved else self._left_alone(now, strategy, turn.now)
        return Changes(messages=tuple(turn.messages), cursor=encoded(now), more=more, due=due)

    def _left_alone(self, now: PullCursor, strategy: Strategy, at: datetime) -> datetime | None:
        """Until when the server is asked for nothing new; None where it could be asked now."""
        began, pull = instant(now.began), self._settings.pull
        by_patient = strategy.kind == "patients"
        wait = timedelta(hours=pull.patients_hours) if by_patient else timedelta(seconds=pull.every_seconds)
        return began + wait if began is not None and at < began + wait else None

    def _turn(self) -> Turn:
        room = self._growing.room(self._settings.batch_bytes)
        clock, stop = self._context.clock, self._context.stop
        return Turn(clock, stop, room, self._tick, seconds=self._growing.seconds)

    def check(self) -> Iterator[Step]:
        """Whether something waits that the server fails to give, or something failed that it gave before."""
        known = learned.decode(self._context.state.get(learned.STATE))
        yield from (_failed(*one) for one in (learned.failed(known) if known else ()))
        if missing := Vanished(self._context.state, self._settings.pull).missing:
            yield _missing(missing)
        kept = self._context.state.get(moving.WAITING)
        waiting, most = msgspec.msgpack.decode(kept, type=tuple[int, int]) if kept else (0, 0)
        if not waiting:
            yield Step(name="pull", ok=True, said="nothing waits that could not be fetched")
            return
        yield Step(
            name="pull",
            ok=most < _MANY_TRIES,
            said=f"{waiting} could not be fetched and wait to be asked for again (up to {most} tries so far)",
            fix="the server answers these with errors while it gives others: ask who runs it; they are not lost",
        )

    def _remember(self, now: PullCursor) -> None:
        """For `check`: how many wait, and how often the worst was tried."""
        told = (len(now.late), max((one.tries for one in now.late), default=0))
        encoded_now, state = msgspec.msgpack.encode(told), self._context.state
        if (state.get(moving.WAITING) or msgspec.msgpack.encode((0, 0))) != encoded_now:
            state.put(moving.WAITING, encoded_now)

    def _run(self, now: PullCursor, turn: Turn, strategy: Strategy, kept: Kept) -> bool:
        """As `_go`; a search that the server refuses is learned anew."""
        try:
            return self._go(now, turn, strategy, kept)
        except Searched as refused:
            return self._learn_anew(refused)

    def _go(self, now: PullCursor, turn: Turn, strategy: Strategy, kept: Kept) -> bool:
        """Go on until the slice is over or nothing is left to do now; whether there is more."""
        looks = Looks(self._settings, self._context, Timed(self._server, turn), strategy, kept)
        looks.hear(now, turn)
        while not turn.over:
            if not looks.step(now, turn):
                return False
        return True

    def _strategy(self) -> Strategy | None:
        """How the server is asked; None while that is still being learned."""
        state, clock = self._context.state, self._context.clock
        known = learned.decode(state.get(learned.STATE))
        if known is None or learned.due(known, clock.now().date()):
            stop = self._context.stop
            told = hints(self._settings)
            known = learn(
                self._server,
                known,
                clock=clock,
                stop=stop,
                seconds=min(_LEARN_SECONDS, 2 * self._growing.seconds),
                patient=told["patient"],
                group=told["group"],
            )
            state.put(learned.STATE, learned.encode(known))
            if not known.complete:
                return None
        return choose(known, self._settings, follows=self._context.follows)

    def _learn_anew(self, refused: Searched) -> bool:
        """The server does not take a search that it took before: it is tried anew in the next call, now."""
        state = self._context.state
        known = learned.decode(state.get(learned.STATE))
        if known is None or known.of(refused.kind).verdict(refused.feature) in ("refused", "ignored"):
            raise RetryLater(
                f"the server does not take a search of {refused.kind} by {refused.feature}",
                fix="run `hub fhir probe NAME` to see what it offers now",
            ) from None
        known = learned.broken(known, refused.kind, refused.feature, ignored=refused.ignored)
        state.put(learned.STATE, learned.encode(known))
        self._context.log.warning("fhir.pull.learn_anew", kind=refused.kind)
        return True


def _missing(count: int) -> Step:
    return Step(
        name="pull",
        ok=False,
        said=f"{count} visits or charges that the server told of are not there any more (HTTP 404); nothing was "
        "withdrawn for that: they may be deleted, or hidden from us",
        fix="ask who runs the server whether it deletes without a trace, or our scopes changed; look through visits "
        "that wait for their claim before they are sent",
    )


def _failed(kind: str, feature: str, verdict: str) -> Step:
    """What was counted on and failed: a server that ignores a time would bring everything, or hide what is new."""
    does = "ignores" if verdict == "ignored" else "refuses"
    return Step(
        name="pull",
        ok=False,
        said=f"the server {does} {feature} for {kind}, which it took before; it is asked otherwise until it is "
        "learned anew, and what could not be looked through is made up for when that works again",
        fix="ask who runs the server what was changed (an upgrade?); `hub fhir probe NAME` shows what it offers now",
    )


class Looks:
    """The ways of finding what is new, and the one way of fetching it."""

    def __init__(
        self,
        settings: FhirSettings,
        context: Context,
        server: Timed,
        strategy: Strategy,
        kept: Kept,
    ) -> None:
        pull, searches = settings.pull, strategy.searches
        given = pull.other_hosts == "given"
        walker = Walker(server, page_size=pull.page_size, given=given, log=context.log)
        gatherer = Gatherer(
            server,
            walker,
            _asked(strategy),
            kept.shared,
            revinclude=pull.revinclude,
            claims=settings.claims_are_charges,
        )
        self._context, self._kind = context, strategy.kind
        self._again = kept.again if needed(strategy.kind, searches) else Revisits(context.state, 0)
        self._vanished = kept.vanished
        kept.vanished.kinds = watched(pull, searches, incremental=strategy.kind == "incremental")
        self._deliverer = Deliverer(
            server=server, walker=walker, gatherer=gatherer, kept=kept, again=self._again,
            encounter=searches.get("Encounter"), log=context.log,
        )  # fmt: skip
        self._incremental = Incremental(
            walker, searches, pull, kept.seen, self._deliverer, pushed=settings.push is not None
        )
        self._patients = Patients(server, walker, searches, pull, context.state)
        self._following = Following(walker, searches, pull, context)

    def hear(self, now: PullCursor, turn: Turn) -> None:
        """What others said that there is: errands of the listener, visits of the connectors that are followed."""
        for errand in self._context.errands():
            from hub_ehr_fhir.push.errands import Wanted

            wanted = Wanted.decode(errand.body)
            now.add(*(unit for kind, name in wanted.refs for unit in _units(kind, name)))
            if wanted.anew and now.window is None:
                now.began = ""
            turn.moved = True
        if self._kind == "follow":
            self._following.hear(now, turn)

    def step(self, now: PullCursor, turn: Turn) -> bool:
        """The next thing to do; False: nothing is to be done now."""
        self._deliverer.wake(now, turn)
        if len(now.todo) >= FULL or (now.todo and not self._finding(now)):
            self._deliverer.step(now, turn)
        elif now.window is not None and self._kind == "incremental":
            self._incremental.step(now, now.window, turn)
        elif now.round is not None and not now.round.done:
            self._patients.step(now, now.round, turn)
        elif self._kind == "follow" and (due := self._following.due(now, turn)):
            self._following.step(now, due, turn)
        else:
            return self._begun(now, turn)
        return True

    def _finding(self, now: PullCursor) -> bool:
        """Whether more is to be found before what was found is fetched: while a look goes on, so that an encounter of
        which several resources changed is fetched once.
        """
        return self._kind == "incremental" and now.window is not None and bool(now.window.walks)

    def _begun(self, now: PullCursor, turn: Turn) -> bool:
        if self._vanished.due(turn.now):
            self._deliverer.look(turn)
        elif again := self._again.due(turn.now):
            now.add(*(f"Encounter/{name}" for name in again))
        elif self._kind == "incremental" and self._incremental.due(now, turn.now):
            self._incremental.begin(now, turn.now)
        elif self._kind == "patients" and self._patients.due(now, turn.now):
            self._patients.begin(now, turn.now)
        else:
            return False
        turn.moved = True
        return True


def _units(kind: str, name: str) -> list[str]:
    if not key_of(f"{kind}/{name}", ""):
        return []
    if kind == "Encounter":
        return [f"Encounter/{name}"]
    return [f"Patient/{name}", VISITS + name] if kind == "Patient" else [f"{NAMED}{kind}/{name}"]


def _asked(strategy: Strategy) -> Mapping[str, Search]:
    """How neighbours are asked for. Patient by patient what belongs to a patient is asked for once, not per visit."""
    if strategy.kind != "patients":
        return strategy.searches
    return {kind: _by_patient(search) for kind, search in strategy.searches.items()}


def _by_patient(search: Search) -> Search:
    if "patient" not in search.joined or search.type == "Encounter":
        return search
    rest = tuple(way for way in search.joined if way != "patient")
    return msgspec.structs.replace(search, joined=("patient", *rest))
