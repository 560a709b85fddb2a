"""kill -9 at every named commit point: the next hub goes on, and nothing is lost, sent twice or posted twice."""

from __future__ import annotations

import fcntl
import os
import pickle
from pathlib import Path
from random import Random

import pytest
from faultlab.books import broken, check, opened, sent_pcns, work
from faultlab.campaign import Undisturbed, at_points, at_random, finish, struck, undisturbed
from faultlab.nursery import KILLED, Nursery
from faultlab.visits import Kind, drops
from faultlab.world import QUIET, World
from msgspec.structs import replace

from hub.store.points import POINTS

pytestmark = pytest.mark.campaign

NOT_OF_THE_PATH = {
    "backup.removed": "the end of a backup's time",
    "ingest.join": "resources that come apart: tests/flow/test_pieces_kills.py",
    "hold": "a person's command (hub hold)",
    "keep.purge": "six years: tests/flow/test_retention_kills.py",
    "node.beat": "the loop of `hub run`",
    "notices.alive": "a notifier that takes pings: test_notices_killed.py",
    "notices.digest": "a notifier that takes digests",
    "notices.sent": "a notifier: test_notices_killed.py",
    "restore.accept": "a person's command (hub restore)",
    "runner.end": "the distributed runner",
    "runner.take": "the distributed runner",
    "runner.tend": "the distributed runner",
}
"""Commit points that a furnished, undisturbed run does not pass, each with what passes it."""

PATH = sorted(POINTS - set(NOT_OF_THE_PATH))
SIDES = ("before", "after")
TWO_EACH = tuple(f"{point}:{side}" for point in PATH for side in SIDES)
ONE_EACH = tuple(f"{point}:{SIDES[number % 2]}" for number, point in enumerate(PATH))


@pytest.fixture(scope="session", name="undisturbed")
def _undisturbed(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Undisturbed:
    """What the mini practice comes to when nobody dies, and its commit points with their counts; made once."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = shared / "undisturbed.pickle"
    with (shared / "undisturbed.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not made.exists():
            with World(shared / "undisturbed", drops(), furnished=True) as world:
                made.write_bytes(pickle.dumps(undisturbed(world, nursery)))
    found: Undisturbed = pickle.loads(made.read_bytes())  # noqa: S301 - our own, of this run
    return found


def test_every_point_of_the_path_is_passed(undisturbed: Undisturbed) -> None:
    """Each declared commit point is passed by the mini practice, or stands in the list of those that are not."""
    assert set(PATH) <= set(undisturbed.points)
    assert set(NOT_OF_THE_PATH) < POINTS


def test_the_mini_practice_takes_every_turn(undisturbed: Undisturbed) -> None:
    """It holds a crossover, a secondary claim, a reversal, a denial, a copay and printed statements."""
    found = undisturbed.books
    statuses = {status for _, status, _ in found["remit_claims"]}
    assert {"1", "2", "19", "22"} <= statuses
    assert {state for *_, state in found["claims"]} == {"paid", "denied", "forwarded"}
    assert any(rank == 2 for _, _, rank, _, _ in found["claims"])
    assert sum(cents for (account, *_), cents in found["ledger"].items() if account == "patient_cash") == 2500
    assert {state for state, _ in found["statements"]} == {"printed"}


def test_killed_all_along_the_path(tmp_path: Path, nursery: Nursery, undisturbed: Undisturbed) -> None:
    """At every commit point, on one side of it, a hub dies; the last ends as if nobody had. In the midst of it the
    partners are started again too: they go on where they stopped, and are known at the same address.
    """
    with World(tmp_path, drops(), furnished=True) as world:
        deaths = at_points(world, nursery, ONE_EACH, most=len(ONE_EACH) // 2)
        world.restart_partners()
        deaths += at_points(world, nursery, set(ONE_EACH) - {struck(one) for one in deaths})
        finish(world, undisturbed.books)
    assert {struck(one) for one in deaths} == set(ONE_EACH)


def test_killed_on_postgresql(tmp_path: Path, pg_url: str, nursery: Nursery, undisturbed: Undisturbed) -> None:
    """The same on PostgreSQL, where a killed hub leaves its connections behind."""
    with World(tmp_path, drops(), store=pg_url) as world:
        _die_at(world, nursery, ("batch.freeze:after:1", "dispatch.publish:before:2", "posting.post:before:2"))
        nursery.live(world)
        check(world, undisturbed.books)


def test_a_file_that_the_partner_took_is_sent_by_its_answer(tmp_path: Path, nursery: Nursery) -> None:
    """With await-answer, a hub killed between publish and its journal ends with the file sent, by its 999."""
    with World(tmp_path, list(drops())[:1]) as world:
        _die_at(world, nursery, ("dispatch.publish:before:2",))
        assert len(world.arrived()) == 1
        nursery.live(world, days=2)
        with opened(world) as app, app.store.view() as view:
            (file,) = view.files.find()
            phases = [line.phase for line in view.outbox.journal(file.id)]
            events = {event.kind for event in view.events.find(aggregate_id=file.id)}
            assert (file.state, phases) == ("sent", ["staging", "staged", "publishing"])
            assert {"file.in_doubt", "file.sent"} <= events
            assert work(app) == {}
            assert broken(app) == []
        assert len(world.arrived()) == 1


def test_a_print_run_that_the_vendor_took_is_sent_by_its_results(tmp_path: Path, nursery: Nursery) -> None:
    """Killed between publish and its journal, PDF and manifest end as sent by the vendor's results, once each."""
    self_pay = Kind(day=0, source="hl7", payers=())
    with World(tmp_path, drops((self_pay, Kind(day=16, source="hl7", payers=())))) as world:
        _die_at(world, nursery, ("dispatch.publish:before:2", "dispatch.publish:before:2"))
        nursery.live(world)
        with opened(world) as app, app.store.view() as view:
            assert {file.state for file in view.files.find()} == {"sent"}
            assert work(app) == {}
            assert broken(app) == []
        names = world.arrived("printer")
        assert len(names) == len(set(names)) >= 2


def test_a_file_in_doubt_waits_for_a_person(tmp_path: Path, nursery: Nursery) -> None:
    """With ask, and a partner that is silent, it ends as a work item, and no later run sends it again."""
    silent = replace(QUIET, silent=frozenset({"TA1", "999", "277CA", "835"}))
    with World(tmp_path, list(drops())[:1], options=silent) as world:
        world.configure('in_doubt = "await-answer"', 'in_doubt = "ask"')
        world.place = replace(world.place, in_doubt_asks=False)
        _die_at(world, nursery, ("dispatch.publish:before:2",))
        for _ in range(3):
            nursery.live(world, days=2)
        with opened(world) as app, app.store.view() as view:
            (file,) = view.files.find()
            assert file.state == "in_doubt"
            assert work(app)["dispatch.in_doubt"] == 1
            assert broken(app) == []
        assert len(world.arrived()) == 1


@pytest.mark.parametrize("doubt", ["await-answer", "ask"])
def test_a_file_that_was_only_staged_goes_on(tmp_path: Path, nursery: Nursery, doubt: str) -> None:
    """Killed before the rename, the temporary file says that nobody took it: it is published, once."""
    with World(tmp_path, list(drops())[:1]) as world:
        world.configure('in_doubt = "await-answer"', f'in_doubt = "{doubt}"')
        world.place = replace(world.place, in_doubt_asks=False)
        _die_at(world, nursery, ("dispatch.publish:after:1",))
        assert world.arrived() == []
        nursery.live(world)
        assert len(world.arrived()) == 1
        with opened(world) as app:
            assert set(world.sandbox.report().received) == sent_pcns(app)
            assert broken(app) == []


def _die_at(world: World, nursery: Nursery, crashes: tuple[str, ...]) -> None:
    """One hub for each of these; each must really be killed there."""
    for crash in crashes:
        code = nursery.start(world, crash=crash)
        log = world.work / "life.log"
        assert code == KILLED, f"{crash}: exit code {code}\n{log.read_text()[-4000:] if log.exists() else ''}"


def test_killed_at_any_time(tmp_path: Path, nursery: Nursery, undisturbed: Undisturbed) -> None:
    """Eight hubs with threads are killed at moments drawn by lot; the books are those of an undisturbed life. The
    long campaign is `make soak KILLS=1000`.
    """
    with World(tmp_path, drops(), furnished=True) as world:
        deaths = at_random(world, nursery, Random(3), kills=8, threads=3)  # noqa: S311 - no secret
        finish(world, undisturbed.books, threads=3, nursery=nursery)
    assert len(deaths) == 8


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_killed_at_each_point(
    tmp_path: Path, db_url: str, nursery: Nursery, undisturbed: Undisturbed, nth: int, threads: int
) -> None:
    """Each point of the path, before and after its commit, at its first and at later times, on both databases; what
    comes only once has no later time.
    """
    store = db_url if db_url.startswith("postgresql") else ""
    with World(tmp_path, drops(), store=store, furnished=True) as world:
        deaths = at_points(world, nursery, TWO_EACH, nth=nth, threads=threads)
        finish(world, undisturbed.books, threads=threads)
    missed = {one for one in set(TWO_EACH) - {struck(one) for one in deaths} if not one.startswith("backup.")}
    assert missed == set() if nth == 1 else len(deaths) > len(PATH) // 2
