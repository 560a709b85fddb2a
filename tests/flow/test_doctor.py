"""`hub doctor` on hubs that are broken in one way each: it names that, what to do, and goes on with the rest."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.app import open_app
from hub.cli import doctor_commands, main
from hub.clock import SystemClock
from hub.config.template import write_template
from hub.errors import Misconfigured, StoreAway
from hub.plugin.api import Step
from hub.store import Keyring, open_store
from hub.store.vitals import try_to_write
from hub.watch import doctor
from hub.watch.doctor import tried
from hub.watch.finding import Finding

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
Ran = tuple[int, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example practice with an empty database; nobody may write there."""
    folder = tmp_path_factory.mktemp("doctor") / "config"
    write_template(folder)
    path = folder / "hub.toml"
    text = path.read_text().replace("env:HUB_MASTER_KEY", "file:master.key")
    path.write_text(text.replace("env:HUB_SFTP_KEY", "file:master.key"))
    (folder / "master.key").touch(mode=0o600)
    (folder / "master.key").write_text(KEY)
    app = open_app(folder)
    _ = app.store.keys
    app.close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be broken."""
    subprocess.run(["cp", "-a", str(made), str(tmp_path / "config")], check=True)
    return tmp_path / "config"


@pytest.fixture
def examine(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Runs the command: its exit code, and its findings by key."""

    def run(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["hub", "doctor", "-c", str(folder), "--json", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        found = json.loads(capsys.readouterr().out)
        return int(ended.value.code or 0), {one["key"]: one for one in found}

    return run


STORE = ("--quick", "--only", "store", "--only", "machine", "--only", "backup", "--only", "settings")


def test_a_sound_hub_has_no_alarm(examine: Callable[..., Ran]) -> None:
    """Nothing is wrong with a fresh hub but what its owner has yet to do; that is exit code 1, not 2."""
    code, found = examine(*STORE, "--only", "flow")
    assert code == 1
    assert {key for key, one in found.items() if not one["ok"]} == {"node.none", "notice.nobody"}
    assert {"key.master", "store.readonly", "audit.open"} <= set(found)
    assert {"key", "ok", "level", "what", "why", "fix", "owner"} == set(found["node.none"])


def test_faulty_settings_do_not_hide_the_database(examine: Callable[..., Ran], folder: Path) -> None:
    """A line of payers.toml that is none is named with its place, and everything else is looked at all the same."""
    path = folder / "payers.toml"
    path.write_text(path.read_text() + "\nthis is no line\n")
    code, found = examine(*STORE)
    faults = [one for key, one in found.items() if key.startswith("settings.fault")]
    assert code == 2
    assert any("payers.toml:" in one["what"] for one in faults)
    assert all(one["fix"] for one in faults)
    assert found["store.away"]["ok"]
    assert found["key.master"]["ok"]


def test_a_fault_in_hub_toml_leaves_no_doubt_about_what_was_not_seen(
    examine: Callable[..., Ran], folder: Path
) -> None:
    """Where [hub] itself cannot be read, the doctor says that it did not look at the database."""
    path = folder / "hub.toml"
    path.write_text(
        path.read_text().replace('data = "', 'data = 7 # "', 1).replace("[hub]", "[hub]\nusage = 7", 1)
    )
    code, found = examine()
    assert code == 2
    assert any(key.startswith("settings.fault:hub.toml") for key in found)
    assert "the database and the connectors" in found["check.failed:unseen"]["what"]


def test_without_a_database_none_is_made(examine: Callable[..., Ran], folder: Path) -> None:
    """A database that is not there is said to be not there; looking makes none."""
    file = folder / "data" / "hub.db"
    for one in file.parent.glob("hub.db*"):
        one.unlink()
    code, found = examine(*STORE)
    assert code == 2
    assert found["store.tables"]["fix"] == "run: hub db upgrade"
    assert not file.exists()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "cannot be read"),
        ("not a key\n", "neither base64 nor hex"),
        (base64.b64encode(os.urandom(32)).decode() + "\n", "does not open this database"),
    ],
    ids=["missing", "none", "another"],
)
def test_a_wrong_master_key_hides_nothing_else(
    examine: Callable[..., Ran], folder: Path, key: str, said: str
) -> None:
    """A master key that is missing, is none or is another one is named; what needs no key is looked at."""
    file = folder / "master.key"
    file.unlink() if not key else file.write_text(key)
    code, found = examine(*STORE)
    assert code == 2
    assert said in found["key.master"]["what"]
    assert not found["key.master"]["ok"]
    assert {"audit.open", "backup.old", "disk.low:data", "store.readonly"} <= set(found)


def test_a_damaged_file_is_found(examine: Callable[..., Ran], folder: Path) -> None:
    """Pages of the database that were overwritten are seen by the full examination; nothing of them is told."""
    file = folder / "data" / "hub.db"
    body = bytearray(file.read_bytes())
    for page in range(40, len(body) // 4096):
        body[page * 4096 + 8 : page * 4096 + 300] = b"\xff" * 292
    file.write_bytes(body)
    code, found = examine("--only", "store")
    assert code == 2
    assert not found["store.damaged"]["ok"]


def test_another_hub_that_runs_is_told(examine: Callable[..., Ran], folder: Path) -> None:
    """While a node runs on the database the doctor looks beside it, and says since when it runs."""
    store = open_store(f"sqlite:///{folder / 'data' / 'hub.db'}", Keyring.from_text(KEY), SystemClock())
    with store.begin("admin") as tx:
        tx.nodes.arrive("north", ("worker", "web"), "0")
    _, found = examine(*STORE)
    store.close()
    assert "node.none" not in found
    assert "runs since" in found["node.dead:north"]["what"]


def test_a_plugin_that_is_not_there_is_named(examine: Callable[..., Ran], folder: Path) -> None:
    """A connector whose plugin is not installed is named with file and line; the others are made."""
    path = folder / "hub.toml"
    path.write_text(path.read_text() + '\n[connectors.lost]\nplugin = "nobody_wrote_this"\n')
    code, found = examine("--quick", "--only", "connectors")
    assert code == 2
    (fault,) = [one for key, one in found.items() if key.startswith("plugin.fault")]
    assert "hub.toml:" in fault["what"]
    assert fault["fix"]


def test_a_part_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--only` with an unknown word ends with the words that there are."""
    monkeypatch.setattr(sys, "argv", ["hub", "doctor", "--only", "everything"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    assert "settings, machine, store" in capsys.readouterr().err


def _finding(level: Any) -> Finding:
    words = {"what": "a thing", "why": "it matters", "fix": "mend it"}
    return Finding(key=f"disk.low:{level}", ok=level == "ok", level=level, **words)


@pytest.mark.parametrize(
    ("levels", "code", "verdict"),
    [
        (["ok", "ok"], 0, "all is well (2 things looked at)"),
        (["ok", "warning"], 1, "0 alarms, 1 warning; 2 things looked at"),
        (["alarm", "warning", "alarm"], 2, "2 alarms, 1 warning; 3 things looked at"),
    ],
)
def test_the_exit_code_is_that_of_the_gravest(
    levels: list[str],
    code: int,
    verdict: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """0 all well, 1 warnings, 2 alarms; below the table each trouble with what to do, the gravest first."""
    monkeypatch.setattr(doctor, "examine", lambda *_args, **_options: iter(map(_finding, levels)))
    with pytest.raises(SystemExit) as ended:
        doctor_commands.doctor(folder)
    said = capsys.readouterr().out.splitlines()
    assert ended.value.code == code
    assert said[-1] == verdict
    assert said.count("         do: mend it") == sum(1 for level in levels if level != "ok")
    if code == 2:
        assert said[-10].startswith("ALARM")


class _Partners:
    """A host of connectors: one that works, one with a step that fails, one that raises, one that hangs."""

    def __init__(self, let_go: threading.Event) -> None:
        self._let_go = let_go

    def port(self, name: str) -> Any:
        """The connector of that name."""
        return SimpleNamespace(check=getattr(self, name))

    def good(self) -> Iterator[Step]:
        """Two steps that work."""
        yield Step(name="login", ok=True, said="logged in")
        yield Step(name="folder", ok=True, said="listed")

    def bad(self) -> Iterator[Step]:
        """A step that does not."""
        yield Step(name="login", ok=False, said="the key is refused", fix="send the partner the public key")

    def broken(self) -> Iterator[Step]:
        """Raises what a plugin may raise."""
        raise Misconfigured("no host is set", fix="set host")
        yield

    def hung(self) -> Iterator[Step]:
        """A step that works, and then silence."""
        yield Step(name="name", ok=True, said="resolved")
        self._let_go.wait()


def test_connectors_are_tried_side_by_side_and_none_waits_for_one_that_hangs() -> None:
    """Each step of each connector is a finding; a connector that does not end in time is named with its step."""
    let_go, heard = threading.Event(), list[str]()
    host: Any = _Partners(let_go)
    found = {one.key: one for one in tried(host, ("hung", "good", "bad", "broken"), 0.3, heard.append)}
    let_go.set()
    assert {key for key, one in found.items() if one.ok} == {
        "connector.fault:good:login",
        "connector.fault:good:folder",
        "connector.fault:hung:name",
    }
    assert found["connector.fault:bad:login"].fix == "send the partner the public key"
    assert found["connector.fault:broken:check"].what == "broken: check: no host is set"
    assert "what follows name did not end within" in found["connector.fault:hung:time"].what
    assert heard[0] == "trying hung, good, bad, broken"


def test_a_database_that_cannot_be_written_is_seen(made_pg_url: str, clock: SystemClock) -> None:
    """Trying to write leaves nothing behind, and a database that refuses it says so."""
    store = open_store(made_pg_url, Keyring(bytes(32)), clock)
    try_to_write(store.engines, clock.now())
    try_to_write(store.engines, clock.now())
    with store.engines.writer.connect() as connection:
        database = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        connection.commit()
    store.engines.dispose()
    with pytest.raises(StoreAway):
        try_to_write(store.engines, clock.now())
    store.close()


def test_plain_output_is_a_line_for_each_thing(folder: Path) -> None:
    """In a pipe the doctor draws no boxes and no colours, and shows what it does to nobody."""
    words = [sys.executable, "-m", "hub.cli.main", "doctor", "-c", str(folder), "--only", "machine"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == ""
    assert "\x1b" not in ran.stdout
    assert "│" not in ran.stdout
    assert "ok       data folder: " in ran.stdout
    assert ran.stdout.endswith("things looked at\n")
