"""`hub messages`: what stops a lane is seen, mended, read again and let go by hand, and all of it is recorded."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flowlab.command_line import Ran

from hub.cli.desk import Given
from hub.cli.opened import opened
from hub.config.template import write_template
from hub.flow import ingest
from hub.flow.base import Hub
from hub.testing.installed import on_path

PLUGIN = '''
"""Messages `lane verdict name`, for tests of lanes."""

from pydantic import BaseModel

from hub.model.facts import PatientFact, Reading
from hub.model.people import Name, Patient
from hub.plugin.api import Changes, Problem, Refused, hookimpl

HUB_API = 0


class Source:
    Settings = type("Settings", (BaseModel,), {})

    def __init__(self, settings, context):
        pass

    def check(self):
        yield from ()

    def close(self):
        pass

    def changes(self, cursor):
        return Changes(messages=())

    def read(self, raw, content_type):
        lane, verdict, name = raw.decode().split()
        if verdict == "bad":
            wrong = Problem(code="words.verdict", where="word 2", why="the verdict is bad", fix="mend word 2")
            return Reading(lanes=(lane,), poison=True, problems=(wrong,))
        return Reading(lanes=(lane,), facts=(PatientFact(key=name, patient=Patient(name=Name(last=name))),))

    def edited(self, raw, content_type, place, value):
        if place != "word 2":
            raise Refused("there is no such place", fix="word 2")
        return b" ".join((raw.split()[0], value.encode(), raw.split()[2]))


@hookimpl
def hub_ehr_sources():
    return {"words": Source}
'''


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The example practice with a source of words, whose messages `a` to `d` came: `a` stops what `b` waits in."""
    site, folder = tmp_path / "site", tmp_path / "config"
    info = site / "words_feed-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: words_feed\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[hub]\nwords_feed = words_feed\n")
    (site / "words_feed.py").write_text(PLUGIN)
    write_template(folder)
    toml, key = folder / "hub.toml", folder / "master.key"
    lines = '[connectors.words]\nplugin = "words_feed"\npractice = "lakeside"\n'
    toml.write_text(toml.read_text().replace("env:HUB_MASTER_KEY", "file:master.key") + lines)
    key.touch(mode=0o600)
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    with on_path(site):
        with opened(folder) as it:
            it.store.migrate()
            with it.store.begin("ingest.receive") as tx:
                for text in ("L1 bad a", "L1 good b", "L2 good c", "L3 bad d"):
                    of = {"practice": "lakeside", "source": "words", "kind": "message", "content_type": "words"}
                    tx.inbox.put(**of, external=text, body=text.encode())
        read(folder)
        yield folder


def read(folder: Path) -> None:
    """What the running hub does with what waits."""
    with Given("test", "hub").desk(folder) as desk:
        host = desk._host("words")
        hub = Hub(settings=desk._settings, store=desk.store, host=host, clock=desk.store.clock)
        while ingest.read(hub, "words").more:
            pass


@pytest.fixture
def ask(hub: Callable[..., Ran]) -> Callable[..., Any]:
    """The same with `--json`, decoded; it must go well."""

    def run(*words: str) -> Any:
        code, out, err = hub(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return run


@pytest.fixture
def ids(ask: Callable[..., Any]) -> list[str]:
    """The ids of the messages, in the order of arrival."""
    return [one["id"] for one in ask("messages", "list")]


def states(ask: Callable[..., Any]) -> list[str]:
    """Where the messages stand, in the order of arrival."""
    return [one["state"] for one in ask("messages", "list")]


def events(folder: Path, kind: str) -> list[tuple[str, str]]:
    """(who, about what) of the events of a kind."""
    with opened(folder) as it, it.store.view() as view:
        return [(one.actor, one.aggregate_id) for one in view.events.find(kind=kind)]


def test_what_stands_still_is_seen(hub: Callable[..., Ran], ask: Callable[..., Any], ids: list[str]) -> None:
    """Lists tell where each message stands and what stops lanes; a table says the same as JSON."""
    assert states(ask) == ["set_aside", "blocked", "read", "set_aside"]
    assert [one["id"] for one in ask("messages", "list", "--state", "blocked")] == [ids[1]]
    assert ask("messages", "list", "--source", "adt") == []
    reasons = {one["id"]: one["reason"] for one in ask("messages", "list")}
    found = [one["id"] for one in ask("messages", "list", "--source", "words", "--reason", "words.verdict")]
    assert found == [one for one, why in reasons.items() if why == "words.verdict"]
    assert ids[0] in found
    assert ask("messages", "list", "--reason", "words") == []
    told = ask("messages", "lanes")
    assert [(one["message"], one["lanes"], one["waiting"]) for one in told["stops"]] == [
        (ids[0], 1, 1),
        (ids[3], 1, 0),
    ]
    assert [(one["source"], one["lanes"], one["waiting"]) for one in told["sources"]] == [("words", 2, 1)]
    assert ask("messages", "lanes", "--source", "adt") == {"sources": [], "stops": []}
    assert "words: 2 lanes stand still" in hub("messages", "lanes")[1]
    assert f"{ids[1]}  words" in hub("messages", "list")[1]


def test_one_is_shown_with_reason_and_place(
    hub: Callable[..., Ran], ask: Callable[..., Any], ids: list[str], folder: Path
) -> None:
    """A message tells its reason and place, what waits behind it or for what it waits, and what may be done; its
    content only when asked, which is recorded."""
    told = ask("messages", "show", ids[0])
    assert (told["stops"], told["behind"], told["reason"]) == (True, 1, "words.verdict")
    assert [(one["where"], one["fix"]) for one in told["work"]] == [("word 2", "mend word 2")]
    assert "content" not in told
    assert f'hub messages edit {ids[0]} --set "word 2=..." --why "..."' in told["next"]
    assert ask("messages", "show", ids[1])["waits_for"] == [ids[0]]
    assert f"waits for     {ids[0]}" in hub("messages", "show", ids[1])[1]
    assert events(folder, "message.viewed") == []
    assert "L1 bad a" in hub("messages", "show", ids[0], "--content", "--by", "kim")[1]
    assert events(folder, "message.viewed") == [("kim", ids[0])]
    assert "there is no message" in hub("messages", "show", "in_nothing")[2]


def test_an_edit_is_shown_before_it_is_stored(
    hub: Callable[..., Ran], ask: Callable[..., Any], ids: list[str], folder: Path, tmp_path: Path
) -> None:
    """A dry run says what it would be read as and stores nothing; where nobody is there to ask, `--yes` is needed."""
    mended = tmp_path / "mended.txt"
    mended.write_bytes(b"L1 good a")
    edit = ("messages", "edit", ids[0], "--file", str(mended), "--why", "asked the sender")
    told = ask(*edit, "--dry-run")
    assert (told["facts"], told["applied"], told["stored"]) == ({"patient": 1}, True, "")
    code, out, err = hub(*edit)
    assert (code, "patient" in out) == (2, True)
    assert "--yes" in err
    assert states(ask)[0] == "set_aside"
    new = ask(*edit, "--yes", "--by", "kim")["stored"]
    read(folder)
    assert states(ask) == ["replaced", "read", "read", "set_aside", "read"]
    assert ask("messages", "show", ids[0])["edited"] == new
    assert ask("messages", "show", new)["original"] == ids[0]
    assert events(folder, "message.edited") == [("kim", ids[0])]


def test_one_place_is_changed_by_its_plugin(
    hub: Callable[..., Ran], ask: Callable[..., Any], ids: list[str], folder: Path
) -> None:
    """`--set PLACE=VALUE` changes what the plugin can change; what it cannot is refused with what to do."""
    why = ("--why", "asked", "--yes")
    assert ask("messages", "edit", ids[3], "--set", "word 2=good", *why)["applied"] is True
    read(folder)
    assert states(ask)[3:] == ["replaced", "read"]
    assert "there is no such place" in hub("messages", "edit", ids[0], "--set", "word 9=x", *why)[2]
    assert "PLACE=VALUE" in hub("messages", "edit", ids[0], "--set", "word", *why)[2]
    assert "in one way" in hub("messages", "edit", ids[0], *why)[2]


def test_an_editor_mends_a_copy_that_nobody_else_reads(
    ask: Callable[..., Any], ids: list[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$EDITOR is given a file of mode 600, which is gone afterwards; what was saved is the edit."""
    script = tmp_path / "editor.sh"
    seen = tmp_path / "seen"
    script.write_text(f'#!/bin/sh\nstat -c "%a %n" "$1" > {seen}\nsed -i s/bad/good/ "$1"\n')
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(script))
    ask("messages", "edit", ids[0], "--editor", "--why", "verdict", "--yes")
    read(folder)
    assert states(ask)[:2] == ["replaced", "read"]
    mode, path = seen.read_text().split()
    assert (mode, os.path.exists(path)) == ("600", False)  # noqa: PTH110 - a name in text


def test_letting_go_asks_first(
    hub: Callable[..., Ran], ask: Callable[..., Any], ids: list[str], folder: Path
) -> None:
    """A message is let go with a reason, after a question or `--yes`; a dry run says what would follow."""
    skip = ("messages", "skip", ids[0], "--why", "sent twice")
    assert "would do: it is let go; messages that waited for it alone: 1" in hub(*skip, "--dry-run")[1]
    assert "--yes" in hub(*skip)[2]
    assert states(ask)[:2] == ["set_aside", "blocked"]
    assert ask(*skip, "--yes", "--by", "kim")["skipped"] is True
    read(folder)
    assert states(ask)[:2] == ["skipped", "read"]
    assert events(folder, "message.skipped") == [("kim", ids[0])]
    assert "it was let go" in hub(*skip, "--yes")[2]


def test_reading_again(hub: Callable[..., Ran], ask: Callable[..., Any], ids: list[str], folder: Path) -> None:
    """By id, by what stops a message's lane, or all that is set aside; a dry run changes nothing."""
    assert ask("messages", "replay", "--lane-of", ids[1], "--dry-run")["replayed"] == [ids[0]]
    assert states(ask)[0] == "set_aside"
    assert ask("messages", "replay", "--lane-of", ids[1])["replayed"] == [ids[0]]
    assert states(ask)[0] == "received"
    assert "to be read again" in hub("messages", "lanes")[1]
    read(folder)
    assert ask("messages", "replay", "--set-aside", "--source", "words")["replayed"] == [ids[0], ids[3]]
    read(folder)
    assert ask("messages", "replay", ids[2])["replayed"] == [ids[2]]
    assert "waits behind" in hub("messages", "replay", ids[1])[2]
    assert "no lane that is stopped" in hub("messages", "replay", "--lane-of", ids[2])[2]
    assert "say which messages" in hub("messages", "replay")[2]
