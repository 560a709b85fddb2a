"""What a node measures, for Prometheus: counts of the runner at once, tallies of the store kept for some seconds."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import hub
from hub import log
from hub.errors import HubError
from hub.flow.base import Hub
from hub.runner.port import Runner
from hub.schedule import Schedule, due
from hub.store.vitals import Vitals, Waiting, look
from hub.watch.checks import standing
from hub.watch.checks_flow import known_schedules
from hub.watch.feed_health import Health, health
from hub.watch.labels import Labels
from hub.watch.looking import Place, living

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LEAST_SECONDS = 10.0
"""How long tallies are kept at least."""
SHARE = 50
"""And so many times as long as they took: whoever asks, the store spends at most 2 % of its time on it."""
_LOOK_BACK = timedelta(hours=1)


class Measured(Protocol):
    """What is measured; a node that starts has neither hub nor runner yet."""

    def hub(self) -> Hub | None: ...
    def runner(self) -> Runner | None: ...


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a metric, with its labels by name."""

    metric: str
    value: float
    labels: dict[str, str] = {}


GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "hub_store_up": ("Whether the database answers", ()),
    "hub_claims": ("Claims by state", ("state",)),
    "hub_encounters": ("Encounters by state", ("state",)),
    "hub_statements": ("Statements by state", ("state",)),
    "hub_files": ("Files for partners by mailbox and state", ("mailbox", "state")),
    "hub_work_items": ("Open work items by owner and the area of their reason", ("owner", "area")),
    "hub_work_cents": ("Money at stake in open work items by owner, in cents", ("owner",)),
    "hub_expectations": ("Answers that are still expected, by kind", ("kind",)),
    "hub_expectations_overdue": ("Answers overdue (2000: or more)", ("kind", "mailbox")),
    "hub_inbox_waiting": ("Messages and files not read yet (2000: or more)", ("source",)),
    "hub_inbox_oldest_seconds": ("Age of the oldest message or file not read yet", ("source",)),
    "hub_feed_messages": ("Messages of a feed in this hour and in 24 hours", ("source", "span")),
    "hub_feed_repeats": ("Messages of a feed in 24 hours that had come before", ("source",)),
    "hub_feed_answers": ("Answers to a feed in 24 hours: accepted, failed, rejected", ("source", "answer")),
    "hub_feed_slowest_seconds": ("The slowest answer to a feed in 24 hours", ("source",)),
    "hub_feed_last_seconds": ("Time since the last message of a feed", ("source",)),
    "hub_feed_silent": ("Whether a feed is silent against its habit or limit", ("source",)),
    "hub_feed_lanes_stopped": ("Lanes of a feed that stand still", ("source",)),
    "hub_outbox_waiting": ("Frozen files not sent yet (2000: or more)", ("mailbox",)),
    "hub_outbox_oldest_seconds": ("Age of the oldest frozen file not sent yet", ("mailbox",)),
    "hub_schedule_lag_seconds": ("How late each schedule is", ("schedule",)),
    "hub_backup_age_seconds": ("Time since the last whole backup", ()),
    "hub_backup_proved_age_seconds": ("Time since the last restore drill that proved one", ()),
    "hub_audit_unsealed_seconds": ("Age of the oldest event without the audit trail's seal", ()),
    "hub_nodes": ("Nodes that run", ()),
    "hub_findings": ("What is not well, as hub doctor says it, by code and level", ("code", "level")),
    "hub_lanes": (
        "Steps that are ready, running, backing_off, and lanes held, as this node sees them",
        ("state",),
    ),
}
COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "hub_step_runs": ("Runs of steps on this node", ("step",)),
    "hub_step_failures": ("Runs of steps on this node that failed", ("step",)),
    "hub_step_items": ("Items that steps on this node have done", ("step",)),
    "hub_step_seconds": ("Seconds that steps on this node have worked", ("step",)),
    "hub_connector_calls": ("Calls of connectors on this node", ("connector", "method")),
    "hub_connector_faults": ("Calls of connectors on this node that ended in a fault", ("connector", "method")),
    "hub_connector_seconds": ("Seconds in calls of connectors on this node", ("connector", "method")),
    "hub_log_dropped": ("Values kept out of the log and lines lost, by why", ("why",)),
}


class Meters(Collector):
    """The metrics of one node, in a registry of their own."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._kept = Kept()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)

    def without_store(self, *, up: bool) -> bytes:
        """What can be said without asking the store, which does not answer (in time, where it is `up`)."""
        found = self._measured.hub()
        samples = [Sample(metric="hub_store_up", value=up), *_of_log(), *(_of_calls(found) if found else ())]
        if not up:
            away = {"code": "store.away", "level": "alarm"}
            samples.append(Sample(metric="hub_findings", value=1, labels=away))
        said = CollectorRegistry()
        ProcessCollector(registry=said)
        said.register(_Given([_build(), *_families(samples, Labels(found.settings if found else None, [], []))]))
        return generate_latest(said)

    def describe(self) -> list[Metric]:
        """Nothing: what there is depends on what runs."""
        return []

    def collect(self) -> Iterator[Metric]:
        found, runner = self._measured.hub(), self._measured.runner()
        yield _build()
        samples = [*_of_log(), *(_of_runner(runner) if runner else ())]
        if found is not None:
            samples += [*_of_calls(found), *self._kept.samples(found)]
        steps = [count.step for count in runner.counts()] if runner else []
        schedules = [one.name for one in known_schedules(Place.of(found))] if found else []
        yield from _families(samples, Labels(found.settings if found else None, steps, schedules))


class _Given(Collector):
    """Metrics that are there already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _build() -> Metric:
    build = GaugeMetricFamily("hub_build_info", "The hub's version", labels=("version",))
    build.add_metric((hub.__version__,), 1)
    return build


class Kept:
    """The tallies of the store, taken again when they are old; a store that is away is said to be."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._good_until = 0.0
        self._samples: list[Sample] = []

    def samples(self, found: Hub) -> list[Sample]:
        """What the store told last, at most some seconds ago."""
        with self._lock:
            began = self._clock()
            if began >= self._good_until:
                self._samples = _of_store(found)
                took = self._clock() - began
                self._good_until = self._clock() + max(LEAST_SECONDS, SHARE * took)
            return self._samples


def _of_store(found: Hub) -> list[Sample]:
    try:
        return [Sample(metric="hub_store_up", value=1), *_tallies(found), *_looks(found), *_findings(found)]
    except HubError:
        return [Sample(metric="hub_store_up", value=0), *_findings(found)]


def _tallies(found: Hub) -> Iterator[Sample]:
    with found.store.view() as view:
        for metric, by_state in (
            ("hub_claims", view.claims.tally()),
            ("hub_encounters", view.encounters.tally()),
            ("hub_statements", view.statements.tally()),
        ):
            for state, count in by_state.items():
                yield Sample(metric=metric, value=count, labels={"state": str(state)})
        for (mailbox, state), count in view.files.tally("mailbox", "state").items():
            yield Sample(metric="hub_files", value=count, labels={"mailbox": mailbox, "state": state})
        for kind, count in view.expectations.tally().items():
            yield Sample(metric="hub_expectations", value=count, labels={"kind": kind})
        items: Counter[tuple[str, str]] = Counter()
        cents: Counter[str] = Counter()
        for group in view.work.groups():
            items[group.owner, group.reason.partition(".")[0]] += group.count
            cents[group.owner] += group.cents
        for (owner, area), count in items.items():
            yield Sample(metric="hub_work_items", value=count, labels={"owner": owner, "area": area})
        for owner, sum_of in cents.items():
            yield Sample(metric="hub_work_cents", value=sum_of, labels={"owner": owner})


def _looks(found: Hub) -> Iterator[Sample]:
    place = Place.of(found)
    now = place.now
    with look(found.store.engines) as vitals:
        for late in vitals.overdue(now):
            labels = {"kind": late.kind, "mailbox": late.place}
            yield Sample(metric="hub_expectations_overdue", value=late.count, labels=labels)
        yield from _aged("hub_inbox", "source", vitals.unread(), now)
        for one in health(place, vitals):
            yield from _of_feed(one, now)
        yield from _aged("hub_outbox", "mailbox", vitals.unsent(), now)
        for schedule in known_schedules(place):
            yield from _lag(schedule, vitals, now)
        yield from _backups(vitals, now)
        unsealed = vitals.unsealed()
        yield Sample(metric="hub_audit_unsealed_seconds", value=_seconds(now, unsealed or now))
        yield Sample(metric="hub_nodes", value=len(living(place, vitals)))


def _aged(metric: str, label: str, found: Iterable[Waiting], now: datetime) -> Iterator[Sample]:
    for one in found:
        labels = {label: one.place}
        yield Sample(metric=f"{metric}_waiting", value=one.count, labels=labels)
        yield Sample(metric=f"{metric}_oldest_seconds", value=_seconds(now, one.since), labels=labels)


def _of_feed(one: Health, now: datetime) -> Iterator[Sample]:
    """A source that never sent anything has no age."""
    source = {"source": one.source}
    for span in ("hour", "day"):
        yield Sample(metric="hub_feed_messages", value=one.total(span), labels={**source, "span": span})
    yield Sample(metric="hub_feed_repeats", value=one.total("repeats"), labels=source)
    for answer in ("accepted", "failed", "rejected"):
        yield Sample(metric="hub_feed_answers", value=one.total(answer), labels={**source, "answer": answer})
    slowest = max((peer.slowest_ms for peer in one.peers), default=0) / 1000
    yield Sample(metric="hub_feed_slowest_seconds", value=slowest, labels=source)
    if one.last is not None:
        yield Sample(metric="hub_feed_last_seconds", value=_seconds(now, one.last), labels=source)
    yield Sample(metric="hub_feed_silent", value=one.stand == "silent", labels=source)
    yield Sample(metric="hub_feed_lanes_stopped", value=one.lanes, labels=source)


def _lag(schedule: Schedule, vitals: Vitals, now: datetime) -> Iterator[Sample]:
    """How long ago the first slot was due that came after the last one that was taken."""
    last = vitals.last_slot(schedule.name, now)
    if last is not None:
        owed = next(iter(due(schedule, max(last[1], now - _LOOK_BACK), now)), None)
        lag = _seconds(now, owed.at) if owed is not None and owed.name > last[0] else 0.0
        yield Sample(metric="hub_schedule_lag_seconds", value=lag, labels={"schedule": schedule.name})


def _backups(vitals: Vitals, now: datetime) -> Iterator[Sample]:
    rows = vitals.backups()
    made = [row.ended_at for row in rows if row.state == "made" and row.ended_at]
    proved = [row.proved_at for row in rows if row.proved_at]
    for metric, instants in (("hub_backup_age_seconds", made), ("hub_backup_proved_age_seconds", proved)):
        if instants:
            yield Sample(metric=metric, value=_seconds(now, max(instants)))


def _seconds(now: datetime, since: datetime) -> float:
    return max((now - since).total_seconds(), 0.0)


def _findings(found: Hub) -> Iterator[Sample]:
    counted = Counter((one.code, one.level) for one in standing(found) if not one.ok)
    for (code, level), number in counted.items():
        yield Sample(metric="hub_findings", value=number, labels={"code": code, "level": level})


def _of_runner(runner: Runner) -> Iterator[Sample]:
    for one in runner.counts():
        labels = {"step": one.step}
        yield Sample(metric="hub_step_runs", value=one.runs, labels=labels)
        yield Sample(metric="hub_step_failures", value=one.failures, labels=labels)
        yield Sample(metric="hub_step_items", value=one.done, labels=labels)
        yield Sample(metric="hub_step_seconds", value=one.seconds, labels=labels)
    try:
        stand = runner.status()
    except HubError:
        return
    lanes = {"ready": stand.ready, "running": len(stand.running)}
    lanes |= {"backing_off": len(stand.backing_off), "held": len(stand.held)}
    for state, number in lanes.items():
        yield Sample(metric="hub_lanes", value=number, labels={"state": state})


def _of_calls(found: Hub) -> Iterator[Sample]:
    for one in found.host.counts():
        labels = {"connector": one.instance, "method": one.method}
        yield Sample(metric="hub_connector_calls", value=one.calls, labels=labels)
        yield Sample(metric="hub_connector_faults", value=one.faults, labels=labels)
        yield Sample(metric="hub_connector_seconds", value=one.seconds, labels=labels)


def _of_log() -> Iterator[Sample]:
    for why, number in log.dropped().items():
        yield Sample(metric="hub_log_dropped", value=number, labels={"why": why})


def _families(samples: Iterable[Sample], labels: Labels) -> Iterator[Metric]:
    """The samples by metric; those whose labels turn out the same are added up."""
    values: dict[str, Counter[tuple[str, ...]]] = {}
    for one in samples:
        _, names = GAUGES.get(one.metric) or COUNTERS[one.metric]
        key = tuple(labels(one.labels[name]) for name in names)
        values.setdefault(one.metric, Counter())[key] += one.value  # type: ignore[assignment]
    for metric, by_labels in values.items():
        yield _family(metric, by_labels)


def _family(metric: str, by_labels: Counter[tuple[str, ...]]) -> Metric:
    gauge = metric in GAUGES
    said, names = GAUGES[metric] if gauge else COUNTERS[metric]
    kind = GaugeMetricFamily if gauge else CounterMetricFamily
    family = kind(metric, said, labels=names)
    for key, value in by_labels.items():
        family.add_metric(key, value)
    return family
