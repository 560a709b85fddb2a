"""kill -9 at every named commit point: the next hub goes on, and nothing is lost, sent twice or posted twice."""

from __future__ import annotations

import fcntl
import os
import pickle
from pathlib import Path
from random import Random
from typing import Any

import pytest
from faultlab.books import books, broken, check, opened, sent_pcns, work
from faultlab.nursery import KILLED, Nursery
from faultlab.visits import Kind, drops
from faultlab.world import QUIET, World
from msgspec.structs import replace

from hub.store.points import POINTS

NOT_OF_THE_PATH = {
    "admin": "a person's command (hub replay)",
    "blob.chunk": "files of more than a mebibyte, which are streamed in pieces; none is so long here",
    "denials.work": "declared, and nothing commits under it: denials are worked in posting.post",
    "dispatch.confirm": "declared, and nothing commits under it: what was seen is journalled in dispatch.settle",
    "keys.reencrypt": "only after a key was rotated; tests/contract/test_store_core_keys.py",
    "node.beat": "the node's own; tests/contract/test_node_registry.py",
    "plugin.state": "how far listeners were told: none listens here; tests/flow/test_listeners.py",
    "schedule.slot": "the scheduler's own; tests/unit/test_schedule.py",
    "work.resolve": "only when a connection was in trouble, or by a person",
}
"""Commit points that an undisturbed run does not pass, each with the reason."""

PATH = sorted(POINTS - set(NOT_OF_THE_PATH))
CHAIN = (
    "ingest.receive:after:1",
    "ingest.assemble:before:2",
    "claims.make:before:1",
    "dispatch.stage:after:2",
    "dispatch.publish:before:2",
    "dispatch.settle:before:1",
    "fetch.store:after:1",
    "acks.apply:before:1",
    "posting.post:before:2",
    "secondary.make:before:1",
    "printing.freeze:before:1",
)
"""One hub after the other dies here, in the order of the path, in one world."""
Books = dict[str, Any]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> tuple[Books, dict[str, int]]:
    """What the mini practice comes to when nobody dies, and its commit points with their counts; made once."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = shared / "undisturbed.pickle"
    with (shared / "undisturbed.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not made.exists():
            made.write_bytes(pickle.dumps(_undisturbed(shared / "undisturbed", nursery)))
    found: tuple[Books, dict[str, int]] = pickle.loads(made.read_bytes())  # noqa: S301 - our own, of this run
    return found


def _undisturbed(work_folder: Path, nursery: Nursery) -> tuple[Books, dict[str, int]]:
    with World(work_folder, drops()) as world:
        told = nursery.live(world)
        assert told.troubles == []
        with opened(world) as app:
            found = books(app)
        check(world, found)
    return found, told.points


def test_every_point_of_the_path_is_passed(undisturbed: tuple[Books, dict[str, int]]) -> None:
    """Each declared commit point is passed by the mini practice, or stands in the list of those that are not."""
    assert sorted(undisturbed[1]) == PATH
    assert set(NOT_OF_THE_PATH) < POINTS


def test_the_mini_practice_takes_every_turn(undisturbed: tuple[Books, dict[str, int]]) -> None:
    """It holds a crossover, a secondary claim, a reversal, a denial, a copay and printed statements."""
    found = undisturbed[0]
    statuses = {status for _, status, _ in found["remit_claims"]}
    assert {"1", "2", "19", "22"} <= statuses
    assert {state for *_, state in found["claims"]} == {"paid", "denied", "forwarded"}
    assert any(rank == 2 for _, _, rank, _, _ in found["claims"])
    assert sum(cents for (account, *_), cents in found["ledger"].items() if account == "patient_cash") == 2500
    assert {state for state, _ in found["statements"]} == {"printed"}


def test_killed_all_along_the_path(
    tmp_path: Path, nursery: Nursery, undisturbed: tuple[Books, dict[str, int]]
) -> None:
    """One hub dies behind the other, each at a later point; the last ends as if nobody had. Half-way the partners
    are started again too: they go on where they stopped, and are known at the same address.
    """
    with World(tmp_path, drops()) as world:
        _die_at(world, nursery, CHAIN[:5])
        world.restart_partners()
        _die_at(world, nursery, CHAIN[5:])
        nursery.live(world)
        check(world, undisturbed[0])


def test_killed_on_postgresql(
    tmp_path: Path, pg_url: str, nursery: Nursery, undisturbed: tuple[Books, dict[str, int]]
) -> None:
    """The same on PostgreSQL, where a killed hub leaves its connections behind."""
    with World(tmp_path, drops(), store=pg_url) as world:
        _die_at(world, nursery, ("batch.freeze:after:1", "dispatch.publish:before:2", "posting.post:before:2"))
        nursery.live(world)
        check(world, undisturbed[0])


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


def _places(counts: dict[str, int], name: str) -> list[int]:
    """The first time a point is passed, and a later one."""
    return sorted({1, max(1, counts[name] // 2), min(counts[name], 3)})


@pytest.mark.slow
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("point", PATH)
def test_killed_at_each_point(
    tmp_path: Path,
    db_url: str,
    nursery: Nursery,
    undisturbed: tuple[Books, dict[str, int]],
    point: str,
    side: str,
) -> None:
    """Each point of the path, before and after its commit, at its first and at later times, on both databases."""
    store = db_url if db_url.startswith("postgresql") else ""
    counts = undisturbed[1]
    with World(tmp_path, drops(), store=store) as world:
        for number in _places(counts, point)[:1] if store else (1,):
            _die_at(world, nursery, (f"{point}:{side}:{number}",))
        nursery.live(world)
        check(world, undisturbed[0])
    for number in _places(counts, point)[1:]:
        if not store:
            with World(tmp_path / str(number), drops()) as world:
                _die_at(world, nursery, (f"{point}:{side}:{number}",))
                nursery.live(world)
                check(world, undisturbed[0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_time(
    tmp_path: Path, db_url: str, nursery: Nursery, undisturbed: tuple[Books, dict[str, int]], seed: int
) -> None:
    """Killed by the clock, five times, wherever it stands."""
    rng = Random(seed)  # noqa: S311 - when to kill is no secret
    with World(tmp_path, drops(), store=db_url if db_url.startswith("postgresql") else "") as world:
        for _ in range(5):
            code = nursery.start(world, kill_after_seconds=rng.uniform(0.2, 4.0))
            assert code == KILLED
        nursery.live(world)
        check(world, undisturbed[0])
