"""Puts the hub together: settings, store, plugins, steps; everything that runs or asks starts here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from hub.clock import Clock, SystemClock
from hub.config import Fault, Loaded, SecretStore, load
from hub.config.explain import near
from hub.config.settings import Settings
from hub.errors import Problem, StoreAway
from hub.flow import room
from hub.flow.base import Hub, Step
from hub.flow.ingest.following import heard
from hub.flow.source_lanes import reading, subject
from hub.flow.steps import DIGEST, KEEPER, NOTIFIERS, READERS, WATCH, lanes_of
from hub.flow.steps import STEPS as FLOW_STEPS
from hub.flow.trouble import Watch
from hub.keep.guard import refuse
from hub.keep.place import Place
from hub.keep.steps import STEPS as KEEP_STEPS
from hub.keep.upgrade import upgrade_at_start
from hub.log import get_log
from hub.plugin.host import ConnectorSpec, Following, Keep, Options, PluginHost, contexts
from hub.plugin.host.settings import Locate
from hub.runner import share_nudges
from hub.runner.local import log_trouble
from hub.runner.port import Outcome, Trouble
from hub.runner.port import Step as RunStep
from hub.schedule import History, Schedule, check, configured, never
from hub.store import Nudge, Store, engine
from hub.store.opening import Faulty as Faulty  # noqa: PLC0414 - who opens an app meets it here
from hub.store.opening import open_hub_store as open_hub_store  # noqa: PLC0414
from hub.watch.steps import STEPS as WATCH_STEPS

_WATCH_LANES = {"watch.look": WATCH, "notices.digest": DIGEST}
#: Every step by name, and what its lane is.
STEPS: dict[str, tuple[Step, str]] = {
    **FLOW_STEPS,
    **{name: (step, _WATCH_LANES.get(name, NOTIFIERS)) for name, step in WATCH_STEPS.items()},
    **{name: (step, KEEPER) for name, step in KEEP_STEPS.items()},
}
#: Steps that a sweep leaves to the schedule, and those that ask a partner although nothing may wait there.
SCHEDULED = frozenset({"batch.freeze", "statements.make", "sweep.expect", *WATCH_STEPS, *KEEP_STEPS})
ASKS_OUTSIDE = frozenset({"ingest.pull", "fetch.fetch", "printing.results"})


@dataclass(frozen=True, kw_only=True)
class App:
    """A hub that is put together; `close` lets go of everything."""

    loaded: Loaded
    store: Store
    host: PluginHost
    clock: Clock
    stop: threading.Event
    watch: Watch
    put_off: dict[tuple[str, str], datetime | None] = field(default_factory=dict)
    """The steps and lanes that asked a partner, or left it alone until an instant whenever they ran."""

    @property
    def settings(self) -> Settings:
        """The checked tree."""
        return self.loaded.settings

    @property
    def hub(self) -> Hub:
        """What steps are given."""
        return Hub(
            settings=self.settings,
            store=self.store,
            host=self.host,
            clock=self.clock,
            folder=self.loaded.folder,
        )

    def steps(self) -> dict[str, RunStep]:
        """Every step as a runner wants it."""
        return steps_of(lambda: nullcontext(self))

    @cached_property
    def history(self) -> History:
        """Notes what became of the slots that schedules begin."""
        return History(self.store, {schedule.step for schedule in self.schedules()})

    def run(self, step: str, lane: str) -> Outcome:
        """One run of a step. Raises `StoreAway` where there is no room for what it would take in, or a disk fails."""
        (work, kind), about = STEPS[step], subject(lane)
        if kind == READERS and lane == about:
            # queued or held before sources were read in a lane of their own, where alone it may run
            return Outcome(nudges=(Nudge(step, reading(about)),))

        def run(_lane: str) -> Outcome:
            # A lane that runs is not held: who let it go on wants its connector back. Notifiers are made anew when
            # they are tried again, with growing waits.
            if kind != NOTIFIERS:
                self.host.mend(about, reading=kind == READERS)
            with engine.told_apart():
                if step in ASKS_OUTSIDE:
                    room.make_sure(self.hub)
                return work(self.hub, about)

        outcome = self.history.noted(step, run)(lane)
        if step in ASKS_OUTSIDE and (outcome.due is None or (step, lane) not in self.put_off):
            self.put_off[step, lane] = outcome.due
        self.watch.flows(step, lane)
        return outcome

    def on_trouble(self, trouble: Trouble) -> None:
        """What a runner is to do about trouble: a line in the log, and one work item until the lane flows again. That
        the store is away every lane says once; the node says for how long.
        """
        if trouble.error != StoreAway.__name__ or trouble.attempts == 1:
            log_trouble(trouble)
        self.watch.open(
            trouble.step,
            trouble.lane,
            trouble.kind,
            trouble.error,
            said=trouble.said,
            place=trouble.place,
            fix=trouble.fix,
        )

    def lanes(self, step: str) -> tuple[str, ...]:
        """The lanes a step runs for when a schedule names none."""
        return lanes_for(step, self.settings, self.host.names("EhrSource"))

    def schedules(self) -> list[Schedule]:
        """What the settings want to be run, and when; and what keeps the hub itself in order."""
        return configured(self.settings, self.lanes, STEPS)

    def everything(self, *, outside: bool = True) -> list[Nudge]:
        """A nudge for every step and lane: what a start or a sweep asks for. Files are frozen by schedule only.
        Without `outside`, partners that have nothing to be sent are left alone.
        """
        left = SCHEDULED if outside else SCHEDULED | ASKS_OUTSIDE
        steps = [name for name in STEPS if name not in left]
        return [Nudge(step, lane) for step in steps for lane in self.lanes(step)]

    def close(self) -> None:
        """Close plugins and store; harmless twice."""
        self.stop.set()
        self.host.close()
        self.store.close()


def lanes_for(step: str, settings: Settings, sources: tuple[str, ...]) -> tuple[str, ...]:
    """The lanes of a step when nobody names one; `sources` are the EHR connectors that were made."""
    return lanes_of(STEPS[step][1], settings, sources)


def steps_of(use: Callable[[], AbstractContextManager[App]]) -> dict[str, RunStep]:
    """Every step as a runner wants it; each run asks anew by `use` for the app that it runs in."""
    return {name: _bound(name, use) for name in STEPS}


def _bound(name: str, use: Callable[[], AbstractContextManager[App]]) -> RunStep:
    def run(lane: str) -> Outcome:
        with use() as app:
            return app.run(name, lane)

    return run


class _Turn:
    """One app while it is the current one, and as long as a step still runs in it."""

    def __init__(self, app: App) -> None:
        self.app, self.users = app, 0
        self.leave: Callable[[], object] = lambda: None


class Current:
    """The app that steps see now. A reload puts another in its place; what only the old one has is let go of when
    its last step has ended.
    """

    def __init__(self, app: App) -> None:
        self._turn = _Turn(app)
        self._lock = threading.Lock()

    @property
    def app(self) -> App:
        """The app that the next step will see."""
        return self._turn.app

    @contextmanager
    def use(self) -> Iterator[App]:
        """The current app, which stays whole until the end of the block."""
        with self._lock:
            turn = self._turn
            turn.users += 1
        try:
            yield turn.app
        finally:
            with self._lock:
                turn.users -= 1
                over = turn.users == 0 and turn is not self._turn
            if over:
                turn.leave()

    def put(self, app: App, leave: Callable[[], object]) -> None:
        """Let steps see `app` from now on; `leave` is called when the last one that sees the old app has ended."""
        with self._lock:
            old, self._turn = self._turn, _Turn(app)
            old.leave = leave
            idle = old.users == 0
        if idle:
            leave()


def open_app(folder: Path, *, clock: Clock | None = None, migrate: bool = True) -> App:
    """Open the hub that is configured in `folder`. Raises `Faulty` with every fault of settings and plugins,
    `StoreAway` while the database cannot be reached, and (where it is to run: `migrate`) `Misconfigured` on a
    restored database that nobody has accepted.
    """
    loaded = load(folder)
    if not loaded.ok:
        raise Faulty(loaded.faults)
    clock = clock or SystemClock()
    secrets = SecretStore(folder)
    with ExitStack() as undo:
        store = open_hub_store(loaded, secrets, clock)
        undo.callback(store.close)
        if migrate:
            refuse(store)
            _up_to_date(loaded, store, clock)
            share_nudges(loaded.settings.run.runner, store)
        stop = threading.Event()
        host = make_host(
            loaded, secrets, clock, saved_state(store), stop, following=heard(loaded.settings, store)
        )
        undo.pop_all()
    watch = Watch(loaded.settings, store)
    return App(loaded=loaded, store=store, host=host, clock=clock, stop=stop, watch=watch)


def _up_to_date(loaded: Loaded, store: Store, clock: Clock) -> None:
    """Tables as this hub's; of a database that holds data a backup is made before, or nothing is changed."""
    place = Place(settings=loaded.settings, store=store, folder=loaded.folder, clock=clock)
    if made := upgrade_at_start(place):
        get_log().info("backup.before_upgrade", backup=made.id)


def make_host(
    loaded: Loaded,
    secrets: SecretStore,
    clock: Clock,
    state: Callable[[str, str], bytes | None],
    stop: threading.Event,
    keep: Keep | None = None,
    following: Callable[[str], Following] | None = None,
) -> PluginHost:
    """The plugins that the settings name; raises `Faulty` with every fault of theirs and of the schedules."""
    host, problems = load_plugins(loaded, secrets, clock, state, stop, keep, following)
    schedules = schedule_faults(loaded, host.names("EhrSource"))
    faults = (*map(plugin_fault, problems), *schedules, *notifier_faults(loaded, host))
    if faults:
        host.close(but=keep[1] if keep else ())
        raise Faulty(faults)
    return host


def saved_state(store: Store) -> Callable[[str, str], bytes | None]:
    """How a plugin instance's saved state is read."""

    def read(instance: str, key: str) -> bytes | None:
        with store.view() as view:
            return view.plugin_state(instance).get(key)

    return read


def load_plugins(
    loaded: Loaded,
    secrets: SecretStore,
    clock: Clock,
    state: Callable[[str, str], bytes | None],
    stop: threading.Event | None = None,
    keep: Keep | None = None,
    following: Callable[[str], Following] | None = None,
) -> tuple[PluginHost, tuple[Problem, ...]]:
    """The plugins that the settings name, and every fault of theirs; the instances of `keep` are taken over, and
    `following` says whom the others may hear of (nobody: they know the names alone).
    """
    connectors = {
        name: ConnectorSpec(plugin=one.plugin, kind=one.kind, settings=one.settings)
        for name, one in loaded.settings.connectors.items()
        if one.enabled
    }
    told = following or followed(loaded)
    make = contexts(clock=clock, secrets=secrets, load=state, stop=stop, following=told)
    also = loaded.settings.hub.plugins
    host, problems = PluginHost.load(
        connectors, context_for=make, locate=_locator(loaded), options=Options(also=also), keep=keep
    )
    file, line = loaded.locate(("hub", "plugins"))
    there = f"{file}:{line} hub.plugins"
    return host, tuple(replace(one, where=there) if one.where in also else one for one in problems)


def followed(loaded: Loaded) -> Callable[[str], Following]:
    """Whom each connector follows by the settings, where nothing that was told can be asked for."""
    names = {name: Following(names=tuple(one.follows)) for name, one in loaded.settings.connectors.items()}
    return lambda instance: names.get(instance, Following())


def _locator(loaded: Loaded) -> Locate:
    def locate(name: str, key: tuple[str | int, ...]) -> str:
        file, line = loaded.locate(("connectors", name, *key))
        return f"{file}:{line}"

    return locate


def plugin_fault(problem: Problem) -> Fault:
    """A plugin's problem as a fault of the settings, at the file and line that the locator gave."""
    place, _, key = problem.where.partition(" ")
    file, _, line = place.partition(":")
    return Fault(
        file=file,
        line=int(line) if line.isdigit() else 0,
        key=key or "connectors",
        wrong=problem.why,
        fix=problem.fix,
    )


def notifier_faults(loaded: Loaded, host: PluginHost) -> list[Fault]:
    """Connectors under [notifications.to] that are there, but are no notifiers."""
    others = {one.name: one.port for one in host.instances() if one.port != "Notifier"}
    known = ", ".join(host.names("Notifier")) or "none is configured"
    return [
        loaded.fault(
            ("notifications", "to", role, row), f"{name} is no notifier", fix=f"the notifiers are: {known}"
        )
        for role, names in loaded.settings.notifications.to.items()
        for row, name in enumerate(names)
        if name in others
    ]


def schedule_faults(loaded: Loaded, sources: tuple[str, ...]) -> list[Fault]:
    """Schedules whose step is none, whose connector is no lane of it, or which are never due."""
    faults: list[Fault] = []
    for name, told in loaded.settings.schedules.items():
        path = ("schedules", name)
        if told.step not in STEPS:
            fix = near(told.step, STEPS) or f"the steps are: {', '.join(STEPS)}"
            faults.append(loaded.fault((*path, "step"), "is no step of the hub", fix=fix))
            continue
        lanes = lanes_for(told.step, loaded.settings, sources)
        known = tuple(map(subject, lanes))
        if told.connector and told.connector not in known:
            fix = f"for this step: {', '.join(known) or 'none is configured'}; or leave it out for all"
            faults.append(
                loaded.fault((*path, "connector"), f"{told.step} does not run for this connector", fix=fix)
            )
    if not faults:
        faults += _dead(loaded, sources)
    return faults


def _dead(loaded: Loaded, sources: tuple[str, ...]) -> Iterator[Fault]:
    """Schedules that are never due, since their days, holidays, cut-off and calendar leave nothing of them."""
    for one in configured(loaded.settings, lambda step: lanes_for(step, loaded.settings, sources)):
        path = ("schedules", one.name)
        yield from (loaded.fault(path, problem.why) for problem in check(one))
        if not check(one) and never(one):
            fix = "look at its days, holidays and cut_off, and at those of its calendar"
            yield loaded.fault(path, "is never due within four years", fix=fix)
