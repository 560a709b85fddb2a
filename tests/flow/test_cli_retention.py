"""What a keeper says of retention, holds and keys on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flowlab.house import House
from flowlab.old import at_rest

from hub.cli import main
from hub.cli.opened import opened
from hub.clock import SystemClock, TurnedClock
from hub.config import SecretStore, load
from hub.errors import Refused
from hub.keep import keys
from hub.store.opening import open_hub_store

Ran = tuple[int, str, str]
THEN, TODAY = datetime(2026, 3, 2, 14, tzinfo=UTC), datetime(2034, 6, 1, 14, tzinfo=UTC)


@pytest.fixture
def hub(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs one command line: exit code, standard output, standard error."""
    monkeypatch.delenv("HUB_MASTER_KEY", raising=False)

    def run(*words: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["hub", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


@pytest.fixture
def folder(hub: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of a hub with one account that came to rest eight years ago."""
    monkeypatch.setattr(SystemClock, "now", lambda _: TODAY)
    settings = tmp_path / "settings"
    assert hub("init", settings)[0] == 0
    assert hub("db", "upgrade", "-c", settings)[0] == 0
    clock = TurnedClock(THEN)
    store = open_hub_store(load(settings), SecretStore(settings), clock)
    at_rest(House(store, clock), 1)
    store.close()
    return settings


def test_a_plan_a_hold_and_a_purge(hub: Callable[..., Ran], folder: Path) -> None:
    """`retention plan`, `hold place`, `hold list`, `hold lift`, `retention purge` without and with --yes, and what
    is recorded of them."""
    told = json.loads(hub("retention", "plan", "-c", folder, "--json")[1])
    assert (told["count"], told["holds"], told["purge"]) == (4, 0, False)
    with opened(folder) as it, it.store.view() as view:
        (claim,) = view.claims.find()
    placed = json.loads(hub("hold", "place", "claim", claim.id, "--why", "a suit", "-c", folder, "--json")[1])
    assert [one["id"] for one in json.loads(hub("hold", "list", "-c", folder, "--json")[1])] == [placed["id"]]
    told = json.loads(hub("retention", "plan", "-c", folder, "--json")[1])
    assert (told["count"], told["holds"]) == (0, 1)
    assert "legal hold" in hub("retention", "plan", "-c", folder)[1]
    assert hub("hold", "lift", placed["id"], "-c", folder)[0] == 0
    assert hub("hold", "lift", placed["id"], "-c", folder)[0] == 2
    assert "Would be purged" in hub("retention", "purge", "-c", folder)[1]
    assert json.loads(hub("retention", "list", "-c", folder, "--json")[1]) == []
    done = json.loads(hub("retention", "purge", "--yes", "--by", "me", "-c", folder, "--json")[1])
    assert done["rows"]["patients"] == 1
    listed = json.loads(hub("retention", "list", "-c", folder, "--json")[1])
    assert {one["by"] for one in listed} == {"me"}
    assert {one["kind"]: one["rows"] for one in listed} == done["rows"]
    with opened(folder) as it, it.store.view() as view:
        kinds = view.events.tally(kind=["hold.placed", "hold.lifted", "retention.purged", "patient.purged"])
        assert set(kinds) == {"hold.placed", "hold.lifted", "retention.purged", "patient.purged"}


@pytest.mark.parametrize("words", [("patient", "pat_none"), ("practice", "nowhere"), ("file", "file_1")])
def test_what_is_not_there_cannot_be_held(hub: Callable[..., Ran], folder: Path, words: tuple[str, str]) -> None:
    """A hold with a mistyped id would keep nothing: it is refused."""
    code, _, err = hub("hold", "place", *words, "--why", "a suit", "-c", folder)
    assert (code, "there is no" in err) == (2, True)
    assert json.loads(hub("hold", "list", "-c", folder, "--json")[1]) == []


def test_keys_are_turned_while_everything_stays_readable(hub: Callable[..., Ran], folder: Path) -> None:
    """`keys list`, `rotate`, `reencrypt`, each first as a dry run; the trail says who did it."""
    before = json.loads(hub("keys", "list", "-c", folder, "--json")[1])
    assert (len(before["keys"]), before["left"]) == (3, {})
    assert json.loads(hub("keys", "rotate", "--dry-run", "-c", folder, "--json")[1])["dry_run"] is True
    assert len(json.loads(hub("keys", "list", "-c", folder, "--json")[1])["keys"]) == 3
    made = json.loads(hub("keys", "rotate", "--by", "me", "-c", folder, "--json")[1])["key"]
    left = json.loads(hub("keys", "list", "-c", folder, "--json")[1])["left"]
    rows = json.loads(hub("keys", "reencrypt", "--dry-run", "-c", folder, "--json")[1])["rows"]
    assert rows == sum(left.values()) > 0
    assert json.loads(hub("keys", "reencrypt", "-c", folder, "--json")[1])["rows"] == rows
    assert json.loads(hub("keys", "list", "-c", folder, "--json")[1])["left"] == {}
    with opened(folder) as it, it.store.view() as view:
        (event,) = view.events.find(kind="keys.rotated")
        assert (event.actor, event.aggregate_id) == ("me", str(made))
        assert view.patients.find()[0].record.patient.name.last == "Bittern"


def test_another_master_key_is_made_and_taken(hub: Callable[..., Ran], folder: Path, tmp_path: Path) -> None:
    """Without --yes nothing happens; with it the file is made for its owner alone, the former key opens nothing any
    more, and the new one everything."""
    new = folder / "new.key"
    assert "would wrap" in hub("keys", "change-master", "--to", new, "-c", folder)[1]
    assert not new.exists()
    told = json.loads(hub("keys", "change-master", "--to", new, "--yes", "-c", folder, "--json")[1])
    assert (new.stat().st_mode & 0o777, told["master"] != told["former"]) == (0o600, True)
    code, _, err = hub("keys", "list", "-c", folder)
    assert (code, "master key" in err) == (2, True)
    new.replace(folder / "master.key")
    assert json.loads(hub("keys", "list", "-c", folder, "--json")[1])["master"] == told["master"]
    assert hub("keys", "change-master", "--to", folder / "master.key", "--yes", "-c", folder)[0] == 2


def test_nobody_rotates_past_a_node_with_the_former_master_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that runs since before the master key was changed could not open a new data key: it must be started
    again first."""
    with opened(folder) as it:
        with it.store.begin("node.beat") as tx:
            node = tx.nodes.arrive("n1", ("worker",), "1")
        keys.change_master(it.store, keys.new_master(folder / "new.key"), by="me")
    (folder / "new.key").replace(folder / "master.key")
    with opened(folder) as it:
        with pytest.raises(Refused, match="n1"):
            keys.rotate(it.store, "data", by="me")
        monkeypatch.setattr(SystemClock, "now", lambda _: TODAY + timedelta(minutes=1))
        with it.store.begin("node.beat") as tx:
            tx.nodes.leave(node)
            tx.nodes.arrive("n1", ("worker",), "1")
        assert keys.rotate(it.store, "data", by="me")
