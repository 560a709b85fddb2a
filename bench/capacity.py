"""A hundred practices and ten million claims a year, simulated: how deep queues get and how long claims wait.

Nothing is measured here. Steps cost what `bench/path.py` and `bench/nodes.py` measured (`COSTS`), lanes exclude each
other as they do in the runner, and days look like those of a billing office: visits by day, charges signed in the
evening, files at the cut-offs, remittances before dawn. One simulated week takes seconds.

    python bench/capacity.py [--cores 2 4 8] [--claims 10000000] [--json]
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
WORKING_DAYS = 250
PAGE = 100
RUN_SECONDS = 0.006
"""What one run of a step costs beside its items: taking the job, its transactions' commits, its journal."""
#: Milliseconds of one core for one claim's share of a step, on PostgreSQL.
COSTS = {
    "ingest.read": 2.3,
    "ingest.assemble": 1.1,
    "coding.code": 0.6,
    "claims.make": 1.0,
    "scrub.check": 0.3,
    "batch.freeze": 1.5,
    "dispatch.send": 0.8,
    "acks.apply": 0.8,
    "remit.read": 0.9,
    "posting.post": 2.5,
    "secondary.make": 0.5,
    "statements.make": 1.0,
    "printing.freeze": 10.0,
}
INWARD = ("ingest.read", "ingest.assemble", "coding.code", "claims.make", "scrub.check")
ON_THE_SOURCE = frozenset({"ingest.read", "ingest.assemble"})
STATEMENTS_A_CLAIM = 0.35


@dataclass(order=True)
class Event:
    """Something that happens at an instant (seconds from Monday 00:00)."""

    at: float
    serial: int
    do: Callable[[], None] = field(compare=False)


@dataclass
class Batch:
    """Items that came together: a practice's claims of some minutes, or a file's payments."""

    step: str
    lane: str
    items: int
    born: float
    then: Callable[[Batch], None]


class Nodes:
    """Cores that run steps: one run of a lane at a time, a page of items a run, lanes in turn."""

    def __init__(self, cores: int) -> None:
        self.now = 0.0
        self.free = cores
        self.busy_seconds = 0.0
        self.deepest = 0
        self._waiting = 0
        self._lanes: dict[str, deque[Batch]] = defaultdict(deque)
        self._turn: deque[str] = deque()
        self._running: set[str] = set()
        self._events: list[Event] = []
        self._serial = 0
        self._stopped_until = 0.0

    def at(self, instant: float, do: Callable[[], None]) -> None:
        """Let `do` happen at `instant`."""
        self._serial += 1
        heapq.heappush(self._events, Event(max(instant, self.now), self._serial, do))

    def add(self, batch: Batch) -> None:
        """Items wait in their lane from now on."""
        self._waiting += batch.items
        self.deepest = max(self.deepest, self._waiting)
        self._lanes[batch.lane].append(batch)
        if batch.lane not in self._running and len(self._lanes[batch.lane]) == 1:
            self._turn.append(batch.lane)
        self._begin()

    def outage(self, begin: float, seconds: float) -> None:
        """The database is away: nothing begins, and what runs is done again afterwards (not simulated)."""

        def stop() -> None:
            self._stopped_until = begin + seconds
            self.at(self._stopped_until, self._begin)

        self.at(begin, stop)

    def run(self) -> None:
        """Until nothing happens any more."""
        while self._events:
            event = heapq.heappop(self._events)
            self.now = event.at
            event.do()

    def _begin(self) -> None:
        while self.free and self._turn and self.now >= self._stopped_until:
            lane = self._turn.popleft()
            batch = self._lanes[lane][0]
            items = min(PAGE, batch.items)
            seconds = RUN_SECONDS + items * COSTS[batch.step] / 1000
            self.free -= 1
            self._running.add(lane)
            self.busy_seconds += seconds
            self.at(self.now + seconds, lambda lane=lane, items=items: self._end(lane, items))  # type: ignore[misc]

    def _end(self, lane: str, items: int) -> None:
        self.free += 1
        self._running.discard(lane)
        self._waiting -= items
        queue = self._lanes[lane]
        batch = queue[0]
        batch.items -= items
        if batch.items == 0:
            queue.popleft()
            batch.then(batch)
        if queue and lane not in self._running and lane not in self._turn:
            self._turn.append(lane)
        self._begin()


class Week:
    """Five working days of so many practices on so many cores; `waits` holds seconds by what was waited for."""

    def __init__(self, *, cores: int, claims_a_year: int, practices: int = 100, seed: int = 1) -> None:
        self.nodes = Nodes(cores)
        self.waits: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._rng = Random(seed)  # noqa: S311 - a simulation
        self._ready: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._per_day = claims_a_year / WORKING_DAYS
        weights = [1 / (rank + 4) for rank in range(practices)]
        self._share = {f"p{rank}": weight / sum(weights) for rank, weight in enumerate(weights)}
        for day in range(5):
            self._day(day)

    def cut(self, mailbox_away: tuple[float, float] = (0.0, 0.0)) -> None:
        """Hourly cut-offs by day, as the settings' example has them; none while the clearinghouse is away."""
        for day in range(5):
            for hour in range(8, 21):
                instant = day * DAY + hour * HOUR
                if not mailbox_away[0] <= instant < mailbox_away[1]:
                    self.nodes.at(instant, self._freeze)

    def _day(self, day: int) -> None:
        """Monday has half as much again; a third of a day's charges are signed between six and eight at night."""
        total = self._per_day * (1.5 if day == 0 else 0.9)
        for practice, share in self._share.items():
            for begin, end, part in ((8, 18, 0.65), (18, 20, 0.35)):
                for born, items in self._spread(
                    day * DAY + begin * HOUR, day * DAY + end * HOUR, total * share * part
                ):
                    self.nodes.at(born, lambda p=practice, b=born, n=items: self._inward(p, b, n))  # type: ignore[misc]
        self.nodes.at(day * DAY + 5 * HOUR, lambda: self._remittances(round(self._per_day)))
        self.nodes.at(day * DAY + 6 * HOUR, lambda: self._statements(round(self._per_day * STATEMENTS_A_CLAIM)))

    def _spread(self, begin: float, end: float, total: float) -> Iterator[tuple[float, int]]:
        """Some `total` items in five-minute portions."""
        portions = int((end - begin) / (5 * MINUTE))
        for portion in range(portions):
            mean = total / portions
            count = max(0, round(self._rng.gauss(mean, mean**0.5)))
            if count:
                yield begin + portion * 5 * MINUTE + self._rng.random() * 5 * MINUTE, count

    def _inward(self, practice: str, born: float, items: int, at: int = 0) -> None:
        if at == len(INWARD):
            self.waits["ready to be sent"].append((self.nodes.now - born, items))
            self._ready["clearinghouse"].append((self.nodes.now, items))
            return
        step = INWARD[at]
        lane = f"ehr-{practice}" if step in ON_THE_SOURCE else practice
        self.nodes.add(Batch(step, lane, items, born, lambda _: self._inward(practice, born, items, at + 1)))

    def _freeze(self) -> None:
        ready, self._ready["clearinghouse"] = self._ready["clearinghouse"], []
        items = sum(count for _, count in ready)
        if not items:
            return
        born = self.nodes.now

        def sent(_: Batch) -> None:
            self.waits["cut-off to sent"].append((self.nodes.now - born, items))

        def frozen(_: Batch) -> None:
            self.nodes.add(Batch("dispatch.send", "clearinghouse", items, born, sent))

        self.nodes.add(Batch("batch.freeze", "clearinghouse", items, born, frozen))
        answers = self.nodes.now + HOUR / 2
        self.nodes.at(
            answers, lambda: self.nodes.add(Batch("acks.apply", "clearinghouse", items, answers, _nothing))
        )

    def _remittances(self, items: int) -> None:
        born = self.nodes.now

        def read(_: Batch) -> None:
            for practice, share in self._share.items():
                if count := round(items * share):
                    self.nodes.add(Batch("posting.post", practice, count, born, posted))

        def posted(batch: Batch) -> None:
            self.waits["835 to posted"].append((self.nodes.now - born, 1))
            self.nodes.add(Batch("secondary.make", batch.lane, 50, born, _nothing))

        self.nodes.add(Batch("remit.read", "clearinghouse", items, born, read))

    def _statements(self, items: int) -> None:
        born = self.nodes.now

        def made(_: Batch) -> None:
            self.nodes.add(Batch("printing.freeze", "printer", items, born, printed))

        def printed(_: Batch) -> None:
            self.waits["statements to the printer"].append((self.nodes.now - born, 1))

        self.nodes.add(Batch("statements.make", "statements", items, born, made))


def _nothing(_: Batch) -> None:
    return


def quantile(waits: list[tuple[float, int]], q: float) -> float:
    """The wait that a share `q` of all items did not exceed."""
    left = q * sum(count for _, count in waits)
    for wait, count in sorted(waits):
        left -= count
        if left <= 0:
            return wait
    return max((wait for wait, _ in waits), default=0.0)


def simulate(name: str, cores: int, claims: int) -> dict[str, object]:
    """One week of one kind: an ordinary one, the database away at the peak, the clearinghouse away for a day, one
    payer that takes back and pays anew half a million claims in one file.
    """
    week = Week(cores=cores, claims_a_year=claims)
    week.cut((1 * DAY + 9 * HOUR, 2 * DAY + 9 * HOUR) if name == "clearinghouse away a day" else (0.0, 0.0))
    if name == "database away 30 min":
        week.nodes.outage(19 * HOUR, 30 * MINUTE)
    if name == "835 of 500,000 claims":
        week.nodes.at(5.5 * HOUR, lambda: week._remittances(500_000))  # noqa: SLF001 - the same module
    week.nodes.run()
    found: dict[str, object] = {"week": name, "cores": cores, "deepest": week.nodes.deepest}
    found["busy"] = round(week.nodes.busy_seconds / (cores * 5 * DAY), 4)
    for what, waits in week.waits.items():
        found[what] = [round(quantile(waits, q), 1) for q in (0.5, 0.99, 1.0)]
    return found


WEEKS = ("ordinary", "database away 30 min", "clearinghouse away a day", "835 of 500,000 claims")


def main() -> None:
    """Print each week for each number of cores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--claims", type=int, default=10_000_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    for name in WEEKS:
        for cores in chosen.cores:
            found = simulate(name, cores, chosen.claims)
            print(
                json.dumps(found) if chosen.json else "  ".join(f"{key}: {value}" for key, value in found.items())
            )


if __name__ == "__main__":
    main()
