"""Commands of a plugin from outside this repository: found, told of, isolated, and given a desk to work at."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from hub.cli import main
from hub.cli.desk import Given
from hub.cli.opened import opened
from hub.config.template import write_template
from hub.errors import HubError
from hub.model.facts import MergeFact
from hub.testing.fakes import encode_facts
from hub.testing.installed import install, on_path

MERGE = MergeFact(key="m1", version="1", kind="patient", from_key="ZZCANARYNAME", into_key="p2")
LINE = encode_facts(MERGE)
Ran = tuple[int, str, str]
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1\nSummary: {summary}\n"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `ehr-lines` is installed."""
    return install(Path(__file__).with_name("ehr_lines"), tmp_path_factory.mktemp("lines_commands"))


@pytest.fixture
def installed(site: Path) -> Iterator[None]:
    """`ehr-lines` on the import path."""
    with on_path(site):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example practice with a connector of that plugin."""
    folder = tmp_path / "config"
    write_template(folder)
    toml, key = folder / "hub.toml", folder / "master.key"
    lines = '[connectors.lines]\nplugin = "ehr_lines"\npractice = "lakeside"\nsettings = {port = 2600}\n'
    toml.write_text(toml.read_text().replace("env:HUB_MASTER_KEY", "file:master.key") + lines)
    key.touch(mode=0o600)
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    return folder


@pytest.fixture
def hub(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs one command line: exit code, standard output, standard error."""

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["hub", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


@pytest.fixture
def bring(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Makes distributions that bring commands, with one module each."""
    site = tmp_path / "site"
    site.mkdir()

    def make(dist: str, points: str, text: str) -> None:
        info = site / f"{dist}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA.format(name=dist, summary=f"What {dist} is for."))
        (info / "entry_points.txt").write_text(f"[hub.commands]\n{points}\n")
        (site / f"{dist}.py").write_text(text)

    with on_path(site):
        yield make


def test_a_command_of_an_installed_plugin(
    installed: None, hub: Callable[..., Ran], folder: Path, tmp_path: Path
) -> None:
    """`hub NAME` runs it with the connector's checked settings and the hub's own reading of a message."""
    line = tmp_path / "one.json"
    line.write_bytes(LINE)
    assert hub("lines", "look", line, "lines", "-c", folder) == (
        0,
        "a line for port 2600\nfact       many\nMergeFact  1\n\n",
        "",
    )
    assert not (folder.parent / "data").exists(), "what only reads opens no store"


def test_what_it_may_not_do_is_told_plainly(
    installed: None, hub: Callable[..., Ran], folder: Path, tmp_path: Path
) -> None:
    """`fail` ends with exit code 2 and what to do; a connector that is not there is named."""
    line = tmp_path / "one.json"
    line.write_text("no facts")
    code, out, err = hub("lines", "look", line, "lines", "-c", folder)
    assert (code, out) == (2, "")
    assert err == "hub: line: it is no list of facts\n     what to do: send it again, whole\n"
    assert "there is no connector other" in hub("lines", "look", line, "other", "-c", folder)[2]


def test_a_look_at_stored_messages_is_recorded(installed: None, hub: Callable[..., Ran], folder: Path) -> None:
    """Stored messages come with their bytes, one JSON line each, and who saw them stands in the audit trail."""
    with opened(folder) as it:
        it.store.migrate()
        with it.store.begin("ingest.receive") as tx:
            for name in ("a", "b"):
                tx.inbox.put(
                    practice="lakeside", source="lines", kind="message", external=name, body=LINE + name.encode()
                )
    code, out, _ = hub("lines", "stored", "lines", "kim", "-c", folder)
    told = [json.loads(line) for line in out.splitlines()]
    assert (code, [one["size"] for one in told]) == (0, [len(LINE) + 1] * 2)
    with opened(folder) as it, it.store.view() as view:
        seen = view.events.find(kind="message.viewed")
        assert [(one.actor, one.aggregate_id) for one in seen] == [("kim", one["id"]) for one in told]


def test_a_bug_shows_its_place_and_no_value(installed: None, hub: Callable[..., Ran]) -> None:
    """A command that raises ends with its name, the kind of error and the place, and none of its words."""
    code, out, err = hub("lines", "breaks", "7")
    assert (code, out) == (2, "")
    assert "the command lines of the plugin ehr_lines failed: ValueError at ehr_lines/commands.py:" in err
    assert "CANARY" not in err


def test_help_names_them_without_loading(bring: Callable[..., None], hub: Callable[..., Ran]) -> None:
    """`hub --help` lists each with what its distribution says of itself, also one that cannot be loaded."""
    bring("hurt", "hurt = hurt:app", "raise RuntimeError('ZZCANARYNAME')")
    _, out, _ = hub("--help")
    assert "What hurt is for. (plugin hurt)" in out
    assert "hurt" not in sys.modules


def test_a_broken_one_breaks_nothing_else(
    bring: Callable[..., None], hub: Callable[..., Ran], tmp_path: Path
) -> None:
    """One that cannot be imported is told by name, kind and place; every other command goes on."""
    bring("hurt", "hurt = hurt:app", "\nraise RuntimeError('ZZCANARYNAME')")
    bring("lacks", "lacks = lacks:app", "import not_installed_anywhere")
    code, _, err = hub("hurt")
    assert (code, err.splitlines()[0]) == (
        2,
        "hub: the command hurt of the plugin hurt failed: RuntimeError at hurt.py:2",
    )
    assert "ImportError of not_installed_anywhere" in hub("lacks")[2].replace(
        "ModuleNotFoundError", "ImportError"
    )
    assert hub("config", "schema")[0] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("app = print", "is no typer.Typer"),
        ("import typer\napp = typer.Typer()", "is not made for API version 0"),
        ("import typer\nHUB_API = 99\napp = typer.Typer()", "is not made for API version 0"),
    ],
)
def test_what_is_no_command_of_this_hub(
    bring: Callable[..., None], hub: Callable[..., Ran], text: str, said: str
) -> None:
    """What is no group of commands, or is made for another API, is refused with its name."""
    bring("odd", "odd = odd:app", text)
    code, _, err = hub("odd")
    assert code == 2
    assert said in err


def test_the_hubs_own_names_win(bring: Callable[..., None], hub: Callable[..., Ran]) -> None:
    """A plugin cannot take a name of the hub, and one name of two plugins is refused to both."""
    bring("thief", "config = thief:app\ntwice = thief:app", "raise RuntimeError")
    bring("other", "twice = other:app", "raise RuntimeError")
    assert hub("config", "schema")[0] == 0
    code, _, err = hub("twice")
    assert code == 2
    assert "other and thief both bring the command twice" in err
    assert "thief" not in hub("--help")[1].partition("Commands of plugins")[0]


def test_an_unknown_name_stays_unknown(hub: Callable[..., Ran]) -> None:
    """What neither the hub nor a plugin has is answered as before."""
    code, _, err = hub("nonsense")
    assert code == 2
    assert "No such command" in err


def test_what_settings_say_is_asked_without_a_database(folder: Path) -> None:
    """A desk answers what a linter asks of the settings, for each source, and opens no store for it."""
    day = date(2026, 3, 2)
    with Given("lines", "ehr_lines").desk(folder, "kim") as desk:
        assert desk.by == "kim"
        assert [one.name for one in desk.instances("ehr_lines")] == ["lines"]
        assert {one.plugin for one in desk.instances()} > {"ehr_lines", "hl7_adt"}
        assert desk.payers("adt")["BLUEHERON"] == "ppo"
        assert (desk.payer("adt", "blueheron"), desk.payer("adt", "other", "HARBOR")) == ("ppo", "ppo_second")
        assert (desk.payer("adt", "other"), desk.payers("lines")) == ("", {})
        assert desk.payer_names().keys() >= {"ppo", "medicare"}
        assert desk.facilities("adt") == {"MAIN": "main", "SHORE": "shore", "FAMMED": "main", "SHORECL": "shore"}
        assert desk.places("adt")["emergency"] == "23"
        assert ("LOCAL", "AWV-FIRST") in desk.charge_codes("LOCAL") <= desk.charge_codes()
        assert (desk.charge("LOCAL", "AWV-FIRST", day), desk.charge("LOCAL", "OTHER", day)) == ("G0438", "")
        assert (desk.diagnosis("ICD10", "OTHER", day), desk.provider("OTHER")) == ("", "")
        assert desk.provider("DR-LARKSPUR").isdigit()
        assert (desk.priced("G0438", day), desk.priced("Z9999", day)) == (True, False)
    assert not (folder.parent / "data").exists()


def test_a_terminal_speaks_plainly_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe there are no colours, no progress and no folded lines, and JSON stands in one line."""
    terminal = Given("lines", "ehr_lines").terminal
    assert (terminal.coloured, terminal.width, terminal.paint("x", "error")) == (False, 0, "x")
    terminal.progress("reading", 3, 9)
    terminal.emit({"a": [1]})
    terminal.document({"a": 1})
    terminal.say("done")
    assert capsys.readouterr() == ('{"a":[1]}\n{\n  "a": 1\n}\ndone\n', "")
    with pytest.raises(HubError, match="no such file") as failed:
        terminal.fail("no such file", "name one")
    assert failed.value.fix == "name one"


def test_a_terminal_that_is_watched_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who watches sees colours, and is asked; NO_COLOR turns colours off."""
    terminal = Given("lines", "ehr_lines").terminal
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _question: "Yes")
    assert (terminal.paint("x", "error"), terminal.paint("x", "nothing")) == ("\x1b[1;31mx\x1b[0m", "x")
    assert terminal.confirm("Go on?")
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.paint("x", "error") == "x"
