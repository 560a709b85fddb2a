"""What a keeper says on the command line: from a fresh hub to a backup, a drill, a restore, and a hub that runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from alembic import command

from hub.cli import main
from hub.clock import SystemClock
from hub.config import SecretStore, load
from hub.store.migrate import configuration
from hub.store.opening import open_hub_store

pytestmark = pytest.mark.usefixtures("migrated")

Ran = tuple[int, str, str]


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
def folder(hub: Callable[..., Ran], tmp_path: Path) -> Path:
    """The settings of a fresh hub with its tables."""
    settings = tmp_path / "settings"
    assert hub("init", settings)[0] == 0
    assert hub("db", "upgrade", "-c", settings)[0] == 0
    return settings


def test_a_backup_comes_back_and_runs_after_a_word(hub: Callable[..., Ran], folder: Path, tmp_path: Path) -> None:
    """`backup`, `backup list`, `backup drill`, `restore FILE`, the refusal of `run`, `restore accept`."""
    made = json.loads(hub("backup", "-c", folder, "--json")[1])
    assert made["left_out"] == ["master.key"]
    code, out, _ = hub("backup", "drill", "-c", folder, "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    (listed,) = json.loads(hub("backup", "list", "-c", folder, "--json")[1])
    assert listed["proved_at"]
    new = tmp_path / "new"
    key = folder / "master.key"
    code, out, err = hub("restore", made["path"], "--into", new, "--key", key, "--verify", "--json")
    assert (code, json.loads(out)["ok"], err) == (0, True, "")
    code, _, err = hub("run", "--once", "-c", new)
    assert (code, "nobody has accepted" in err) == (2, True)
    code, out, _ = hub("restore", "accept", "-c", new, "--by", "me", "--why", "a drill", "--dry-run")
    assert (code, "would do" in out) == (0, True)
    assert hub("restore", "accept", "-c", new, "--by", "me", "--why", "a drill")[0] == 0
    items = json.loads(hub("work", "list", "-c", new, "--reason", "restore.", "--json")[1])
    assert items
    assert hub("verify", "-c", new)[0] == 0


def test_a_restore_says_what_is_wrong(hub: Callable[..., Ran], folder: Path, tmp_path: Path) -> None:
    """No such file, a file that is no backup, a place in use, another key: one message each, and what to do."""
    made = json.loads(hub("backup", "-c", folder, "--json")[1])
    other = tmp_path / "other.key"
    other.write_text("00" * 32)
    key, new = folder / "master.key", tmp_path / "new"
    for words, says in (
        ((tmp_path / "none", "--into", new, "--key", key), "there is no file"),
        ((key, "--into", new, "--key", key), "no backup of Billing Hub"),
        ((made["path"], "--into", folder, "--key", key), "not empty"),
        ((made["path"], "--into", new, "--key", other), made["key"]),
        ((made["path"], "--into", new, "--key", key, "--store", "postgresql://h/d"), "SQLite"),
    ):
        code, _, err = hub("restore", *words)
        assert (code, says in err, "what to do" in err) == (2, True, True), err
    assert not new.exists()


def test_the_key_is_shown_to_who_asks_and_is_recorded(
    hub: Callable[..., Ran], folder: Path, tmp_path: Path
) -> None:
    """Without asking nothing of the key is printed; its page is a file of its own, and the audit trail has it."""
    secret = (folder / "master.key").read_text().strip()
    assert secret not in hub("backup", "key", "-c", folder)[1]
    page = tmp_path / "page.txt"
    assert hub("backup", "key", "-c", folder, "--to", page)[0] == 2
    assert not page.exists()
    assert hub("backup", "key", "-c", folder, "--to", page, "--yes", "--by", "me")[0] == 0
    assert page.stat().st_mode & 0o777 == 0o600
    made = json.loads(hub("backup", "-c", folder, "--json")[1])
    new = tmp_path / "new"
    assert hub("restore", made["path"], "--into", new, "--key", page, "--json")[0] == 0
    assert hub("restore", "accept", "-c", new, "--by", "me", "--why", "the page was tried")[0] == 0


def test_an_upgrade_can_be_rehearsed_and_rotation_tried(hub: Callable[..., Ran], folder: Path) -> None:
    """`db upgrade --rehearse` and `backup rotate --dry-run` tell and change nothing."""
    code, out, _ = hub("db", "upgrade", "--rehearse", "-c", folder, "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    assert json.loads(hub("db", "upgrade", "-c", folder, "--json")[1]) == {"backup": None, "steps": []}
    assert json.loads(hub("backup", "rotate", "--dry-run", "-c", folder, "--json")[1])["removed"] == []


def test_hub_run_changes_older_tables_behind_a_backup_only(hub: Callable[..., Ran], tmp_path: Path) -> None:
    """A newer hub starts on the tables of an older one: the backup of before is there and known; a second start
    makes none."""
    settings = tmp_path / "settings"
    assert hub("init", settings)[0] == 0
    store = open_hub_store(load(settings), SecretStore(settings), SystemClock())
    with store.engines.writer.connect() as connection, as_file(files("hub.store") / "migrations") as steps:
        connection.begin()
        config = configuration(str(steps))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.commit()
    store.close()
    for _ in range(2):
        code, _, err = hub("run", "--once", "-c", settings)
        assert code == 0, err
        (listed,) = json.loads(hub("backup", "list", "-c", settings, "--json")[1])
        assert (settings / "backups" / listed["file"]).is_file()
