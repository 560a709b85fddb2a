"""`hub hl7` as a person uses it: samples are linted, messages shown, sent and read again."""

from __future__ import annotations

import io
import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hub_hl7_adt.commands.drawn import folded, plural, some
from hub_hl7_adt.commands.send_command import is_here, percentiles
from lint_samples import dft, segment, several
from mllplab import Authority, house

from hub.cli import main
from hub.cli.desk import Given
from hub.cli.opened import opened
from hub.config.template import write_template
from hub.flow import ingest
from hub.flow.base import Hub

Ran = tuple[int, str, str]
SECRETS = ("QUILL", "700001", "XYZ000001", "19800203", "Elm", "ACC1")
CONNECTOR = """
[connectors.vendor]
plugin = "hl7_adt"
practice = "lakeside"
[connectors.vendor.settings]
time_zone = "America/New_York"
"""
SOURCE = """
[sources.vendor]
facility = "main"
[sources.vendor.places]
ambulatory = "11"
[sources.vendor.payers]
"PLAN0" = "ppo"
"""


@pytest.fixture
def hub(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs one command line: exit code, standard output, standard error."""

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["hub", "hl7", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """A folder of samples that leave the quantity out."""
    return written(tmp_path / "samples", ft1={10: "", 12: "", 2: "1"})


def written(folder: Path, count: int = 6, **habit: Any) -> Path:
    """Samples of one habit, each in a file of its own."""
    folder.mkdir()
    for one in several(count, **habit):
        (folder / f"{one.nth}.hl7").write_bytes(one.body)
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The example practice with a connector for the vendor's messages."""
    folder = tmp_path / "config"
    write_template(folder)
    toml, key = folder / "hub.toml", folder / "master.key"
    toml.write_text(toml.read_text().replace("env:HUB_MASTER_KEY", "file:master.key") + CONNECTOR)
    practices = folder / "practices.toml"
    practices.write_text(practices.read_text() + SOURCE)
    key.touch(mode=0o600)
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    return folder


def test_lint_tells(hub: Callable[..., Ran], samples: Path) -> None:
    """Lint says what the messages are, what becomes of them, what is wrong, and the settings they ask for."""
    code, out, _ = hub("lint", samples)
    assert code == 1
    for told in ("6 messages in 6 files", "DFT^P03", "What becomes what", "FT1-10: there is no quantity",
                 "units_when_empty = 1", "6 messages could not be read without them, none with them"):  # fmt: skip
        assert told in out
    assert len(out.splitlines()) < 200


def test_lint_shows_no_values(hub: Callable[..., Ran], samples: Path) -> None:
    """Without --values no value of a patient is told, to a person or a program; with it some are."""
    told = hub("lint", samples)[1] + hub("lint", samples, "--all")[1] + hub("lint", samples, "--json")[1]
    assert not [secret for secret in SECRETS if secret in told]
    assert "QUILL1" in hub("lint", samples, "--values", "--all")[1]


def test_lint_for_programs(hub: Callable[..., Ran], samples: Path) -> None:
    """--json holds the same, whole."""
    code, out, _ = hub("lint", samples, "--json")
    told = json.loads(out)
    assert (code, told["messages"], told["kinds"][0]["name"]) == (1, 6, "DFT^P03")
    assert ("units_when_empty", True) in {(one["key"], one["sure"]) for one in told["proposals"]}
    member = next(row for row in told["becomes"] if row["field"] == "member id")
    assert member["places"] == ["IN1-36.1"]
    assert told["with"]["unread"] < told["without"]["unread"]


def test_written_profile(hub: Callable[..., Ran], samples: Path, tmp_path: Path) -> None:
    """What --write writes is taken by --profile, under which the same samples read; nothing is overwritten."""
    file = tmp_path / "vendor.toml"
    hub("lint", samples, "--write", file)
    assert tomllib.loads(file.read_text())["connectors"]["NAME"]["settings"]["units_when_empty"] == 1
    code, out, _ = hub("lint", samples, "--profile", file)
    assert (code, "could not be read" in out) == (0, False)
    code, _, err = hub("lint", samples, "--write", file)
    assert (code, "is there already" in err) == (2, True)


def test_presets(hub: Callable[..., Ran], samples: Path) -> None:
    """--profile takes the name of a preset; another name is told with those there are."""
    assert hub("lint", samples, "--profile", "outpatient-clinic")[0] == 0
    code, _, err = hub("lint", samples, "--profile", "nobody")
    assert (code, "outpatient-clinic" in err) == (2, True)


def test_lint_with_a_connector(hub: Callable[..., Ran], config: Path, tmp_path: Path) -> None:
    """With a connector its settings are read with, and what configuration maps is no finding; no database needed."""
    folder = written(tmp_path / "more")
    found = json.loads(hub("lint", folder, "--connector", "vendor", "-c", config, "--json")[1])
    assert [gap["code"] for gap in found["missing"]] == ["claim.payer"]
    assert {row["plan"] for row in found["plans"]} == {"PLAN1", "PLAN2"}
    code, _, err = hub("lint", folder, "--connector", "nobody", "-c", config)
    assert (code, "nobody" in err) == (2, True)


def test_nothing_to_lint(hub: Callable[..., Ran], tmp_path: Path) -> None:
    """Files without a message, and names of no file, are told with what to do."""
    (tmp_path / "a.txt").write_text("nothing")
    assert "there is no HL7 message" in hub("lint", tmp_path / "a.txt")[2]
    assert "no file or folder" in hub("lint", tmp_path / "b.txt")[2]


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A file with one message that has escapes, repetitions, subcomponents, a null and a Z-segment."""
    extra = segment("ZCH", {1: "1", 2: r"A \T\ B", 4: '""'})
    sample = dft(1, pid={3: "700001^^^EAST&1.2.3&ISO^MR~55^^^WEST^PI"}, ft1={10: "x"}, more=(extra,))
    file = tmp_path / "one.hl7"
    file.write_bytes(sample.body)
    return file


def test_show_as_a_tree(hub: Callable[..., Ran], one: Path) -> None:
    """Each filled place has a line with HL7's name for it, its value as it is meant, and below what is wrong."""
    code, out, err = hub("show", one)
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    for told in ("PID-3.4.2 universal id 1.2.3", "PID-3[2].1 id number 55", "PID-5.1 family name QUILL1",
                 r"ZCH-2 A & B (written A \T\ B)", 'ZCH-4 (told to be empty) (written "")',
                 "ZCH the sender's own segment"):  # fmt: skip
        assert told in lines
    fault = next(at for at, line in enumerate(lines) if line.startswith("^ FT1-10:"))
    assert lines[fault - 1] == "FT1-10 transaction quantity x"


def test_show_less(hub: Callable[..., Ran], one: Path) -> None:
    """One segment alone, shapes in place of values, or the segments as they are written."""
    _, out, _ = hub("show", one, "--segment", "pid", "--no-values")
    assert "PID-7" in out
    assert "\u2039date, 8 letters\u203a" in out
    assert not [secret for secret in SECRETS if secret in out]
    raw = hub("show", one, "--raw")[1].splitlines()
    assert raw == one.read_bytes().decode().split("\r")


def test_show_for_programs(hub: Callable[..., Ran], one: Path) -> None:
    """--json has the lines of the tree and the problems; without values none."""
    told = json.loads(hub("show", one, "--json")[1])
    born = next(line for line in told["lines"] if line["place"] == "PID-7")
    assert (born["name"], born["depth"], born["value"]) == ("date time of birth", 1, "19800203")
    assert [problem["code"] for problem in told["problems"]] == ["hl7.charge.units"] * 2
    assert "19800203" not in hub("show", one, "--json", "--no-values")[1]


def test_show_one_of_several(hub: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file with several messages one is chosen; `-` is standard input."""
    body = b"\r".join(each.body for each in several(3))
    (tmp_path / "three.hl7").write_bytes(body)
    assert "message 2 of 3" in hub("show", tmp_path / "three.hl7", "--nth", 2)[1]
    assert "holds 3 messages" in hub("show", tmp_path / "three.hl7", "--nth", 4)[2]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(body)))
    assert "M0" in hub("show", "-")[1]


def test_no_control_character_is_obeyed(hub: Callable[..., Ran], tmp_path: Path) -> None:
    """What a message holds can neither colour nor clear the terminal of who looks at it."""
    file = tmp_path / "odd.hl7"
    file.write_bytes(dft(1, more=("ZZZ|\x1b[2J\x07|\\X1B\\[31m",)).body)
    for words in ((), ("--raw",)):
        out = hub("show", file, *words)[1]
        assert "\x1b" not in out
        assert "\x07" not in out


def test_show_advice(hub: Callable[..., Ran], one: Path) -> None:
    """--check adds what hl7apy says of the message, at its place, without a value."""
    told = json.loads(hub("show", one, "--check", "--json")[1])
    assert told["advice"]
    assert all(problem["severity"] == "warning" for problem in told["advice"])
    assert json.loads(hub("show", one, "--json")[1])["advice"] == []


def test_show_nothing(hub: Callable[..., Ran], config: Path, tmp_path: Path) -> None:
    """Bytes that are no message are told as such; a folder and an unknown id too."""
    (tmp_path / "odd.txt").write_bytes(b"nothing here")
    assert "hl7.header" in hub("show", tmp_path / "odd.txt")[1]
    assert "is a folder" in hub("show", tmp_path)[2]
    with opened(config) as it:
        it.store.migrate()
    code, _, err = hub("show", "in_NOBODY", "-c", config)
    assert (code, "there is no file in_NOBODY" in err) == (2, True)


# ------------------------------------------------------------------------------------------------ sending


def test_send(hub: Callable[..., Ran], samples: Path) -> None:
    """Every message of the files arrives in order; what was answered is counted and timed."""
    with house() as it:
        code, out, err = hub("send", samples, f"127.0.0.1:{it.port}")
        assert (code, err) == (0, "")
        assert "AA           6  taken" in out
        assert "half within" in out
        assert [body.split(b"|")[9] for body in it.bodies] == [b"M0", b"M1", b"M2", b"M3", b"M4", b"M5"]


def test_send_over_and_over(hub: Callable[..., Ran], samples: Path) -> None:
    """--count sends the samples over and over, with --fresh-ids each under an id of its own."""
    with house() as it:
        to = f"127.0.0.1:{it.port}"
        code, out, _ = hub("send", samples, to, "--count", 14, "--fresh-ids", "--window", 4, "--json")
        told = json.loads(out)
        assert (code, told["sent"], told["answers"], told["stopped"]) == (0, 14, {"AA": 14}, "")
        assert len({body.split(b"|")[9] for body in it.bodies}) == 14


def test_send_stops(hub: Callable[..., Ran], tmp_path: Path) -> None:
    """The first message that is refused stops it, with where to go on; --go-on sends the rest; --from some."""
    folder = written(tmp_path / "some", 3)
    (folder / "2.hl7").write_bytes(dft(1, more=("ZZZ|" + "x" * 4000,)).body)
    with house(max_bytes=2000) as it:
        to = f"127.0.0.1:{it.port}"
        told = json.loads(hub("send", folder, to, "--json")[1])
        assert (told["sent"], told["refused"][0]["message"], told["refused"][0]["code"]) == (2, 2, "AR")
        assert "--from 3" in told["fix"]
        code, out, _ = hub("send", folder, to, "--go-on")
        assert (code, "message 2 (2.hl7, message 1 of it): AR" in out) == (1, True)
        assert hub("send", folder, to, "--from", 3)[0] == 0
        assert [body.split(b"|")[9] for body in it.bodies] == [b"M0", b"M0", b"M2", b"M2"]


def test_send_over_tls(hub: Callable[..., Ran], samples: Path, tmp_path: Path) -> None:
    """Over TLS both sides may show certificates; a receiver whose authority is not trusted gets nothing."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    cert, key = authority.certificate("receiver")
    mine, own = authority.certificate("sender")
    shown = ("--tls-cert", mine, "--tls-key", own, "--tls-name", "localhost")
    with house(tls_cert=str(cert), tls_key=str(key), tls_client_ca=str(authority.ca)) as it:
        to = f"127.0.0.1:{it.port}"
        assert hub("send", samples, to, *shown, "--tls-ca", authority.ca)[0] == 0
        code, out, _ = hub("send", samples, to, *shown, "--tls-ca", stranger.ca)
        assert (code, "its certificate is not trusted" in out) == (1, True)
        assert len(it.bodies) == 6


def test_send_to_a_connector_that_listens_with_tls(
    hub: Callable[..., Ran], samples: Path, config: Path, tmp_path: Path
) -> None:
    """What a TLS listener needs to be told is asked for beforehand; in the clear nothing is sent to it."""
    authority = Authority(tmp_path)
    cert, key = authority.certificate("receiver")
    pem: dict[str, Any] = {"tls_cert": str(cert), "tls_key": str(key), "tls_client_ca": str(authority.ca)}
    mine, own = authority.certificate("sender")
    with house(**pem) as it:
        toml = config / "hub.toml"
        listener = f'[connectors.vendor.settings.mllp]\nlisten = "0.0.0.0:{it.port}"\n'
        toml.write_text(toml.read_text() + listener + "".join(f'{name} = "{at}"\n' for name, at in pem.items()))
        to = ("send", samples, "--connector", "vendor", "-c", config)
        assert "listens with TLS" in hub(*to)[2]
        assert "shows a certificate" in hub(*to, "--tls-ca", authority.ca)[2]
        given = ("--tls-ca", authority.ca, "--tls-cert", mine, "--tls-key", own, "--tls-name", "localhost")
        assert hub(*to, *given)[0] == 0
        out = hub("send", samples, f"127.0.0.1:{it.port}")[1]
        assert "was it to be sent over TLS (--tls)?" in out
        assert len(it.bodies) == 6


def test_send_is_stopped_by_hand(hub: Callable[..., Ran], samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stops it is told what was answered so far, and where to go on."""

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    with house() as it:
        monkeypatch.setattr("hub_hl7_adt.commands.send_command.time.sleep", interrupted)
        code, out, _ = hub("send", samples, f"127.0.0.1:{it.port}", "--rate", 1)
    assert (code, "stopped by hand" in out, "--from 1" in out) == (1, True, True)


def test_send_asks_first(hub: Callable[..., Ran], samples: Path) -> None:
    """What leaves this machine needs a yes; a dry run only tells."""
    code, out, err = hub("send", samples, "engine.example.org:2575")
    assert (code, "6 messages would go to engine.example.org:2575" in out) == (2, True)
    assert "--yes" in err
    assert hub("send", samples, "engine.example.org:2575", "--dry-run")[0] == 0


def test_send_nowhere(hub: Callable[..., Ran], samples: Path, config: Path) -> None:
    """No address, nobody there, and a connector that does not listen are told with what to do."""
    assert "HOST:PORT" in hub("send", samples)[2]
    with house() as it:
        gone = f"127.0.0.1:{it.port}"
    code, out, _ = hub("send", samples, gone)
    assert (code, f"{gone} cannot be reached (nothing listens there)" in out, "--from 1" in out) == (
        1,
        True,
        True,
    )
    assert "127.0.0.1:99999 is no address" in hub("send", samples, "127.0.0.1:99999")[2]
    assert "does not listen" in hub("send", samples, "--connector", "vendor", "-c", config)[2]


def test_send_to_a_connector(hub: Callable[..., Ran], samples: Path, config: Path) -> None:
    """--connector sends to where that connector listens, on this machine."""
    with house() as it:
        toml = config / "hub.toml"
        listener = f'[connectors.vendor.settings.mllp]\nlisten = "0.0.0.0:{it.port}"\n'
        toml.write_text(toml.read_text() + listener)
        assert hub("send", samples, "--connector", "vendor", "-c", config)[0] == 0
        assert len(it.bodies) == 6


# ------------------------------------------------------------------------------------------------ stored


def read(config: Path) -> None:
    """What the running hub does with what waits."""
    with Given("test", "hub").desk(config) as desk:
        host = desk._host("vendor")
        hub = Hub(settings=desk._settings, store=desk.store, host=host, clock=desk.store.clock)
        while ingest.read(hub, "vendor").more:
            pass


@pytest.fixture
def stored(config: Path) -> Path:
    """The practice, whose hub got three messages that leave the quantity out."""
    with opened(config) as it:
        it.store.migrate()
        with it.store.begin("ingest.receive") as tx:
            for each in several(3, ft1={10: "", 12: ""}):
                of = {"practice": "lakeside", "source": "vendor", "kind": "message", "content_type": "hl7v2"}
                tx.inbox.put(**of, external=str(each.nth), body=each.body)
    read(config)
    return config


def test_replay(hub: Callable[..., Ran], stored: Path) -> None:
    """What would become of messages is shown first; under mended settings they are applied."""
    rows = json.loads(hub("replay", "--set-aside", "-c", stored, "--json")[1])
    assert [row["well"] for row in rows] == [False] * 3
    assert {row["becomes"] for row in rows} == {"still hl7.charge.units at FT1-10"}
    toml = stored / "hub.toml"
    toml.write_text(toml.read_text() + "units_when_empty = 1\n")
    code, out, _ = hub("replay", "--set-aside", "-c", stored, "--dry-run")
    assert (code, "3 messages would be replayed" in out) == (0, True)
    code, out, _ = hub("replay", rows[0]["id"], "-c", stored)
    assert (code, "charge 2" in out) == (0, True)
    hub("replay", "--set-aside", "-c", stored)
    read(stored)
    with Given("test", "hub").desk(stored) as desk:
        assert {one.state for one in desk.messages()} == {"read"}
    assert "No message is set aside" in hub("replay", "--set-aside", "-c", stored)[1]
    code, out, _ = hub("replay", "--all", "--connector", "vendor", "-c", stored)
    assert (code, out.count("it is read again")) == (0, 3)
    assert "No message was read" in hub("replay", "--all", "--connector", "vendor", "-c", stored)[1]


def test_replay_of_what(hub: Callable[..., Ran], stored: Path) -> None:
    """Neither ids nor --set-aside, or both, is no order."""
    assert "say which messages" in hub("replay", "-c", stored)[2]
    assert "say which messages" in hub("replay", "in_X", "--set-aside", "-c", stored)[2]
    assert "--all with --connector" in hub("replay", "--all", "-c", stored)[2]


def test_show_what_the_hub_has(hub: Callable[..., Ran], stored: Path) -> None:
    """A stored message is shown by its shape, with advice where it is set aside; --values shows values, and who
    looked is recorded."""
    (row, *_) = json.loads(hub("replay", "--set-aside", "-c", stored, "--dry-run", "--json")[1])
    out = hub("show", row["id"], "-c", stored)[1]
    assert "set_aside: hl7.charge.units" in out
    assert "hl7.advice" in out
    assert not [secret for secret in ("QUILL", "700000", "XYZ000000") if secret in out]
    assert "QUILL0" in hub("show", row["id"], "-c", stored, "--values", "--by", "ada")[1]
    assert "--raw --values" in hub("show", row["id"], "-c", stored, "--raw")[2]
    with opened(stored) as it, it.store.view() as view:
        lookers = [event.actor for event in view.events.find(kind="message.viewed")]
    assert "ada" in lookers


# ------------------------------------------------------------------------------------------------ parts


def test_lines_fit() -> None:
    """Texts are folded between words into the terminal, and not at all where nobody watches."""
    narrow = SimpleNamespace(width=40)
    told = folded(narrow, "word " * 30)
    assert len(told) > 3
    assert max(map(len, told)) <= 40
    assert len(folded(SimpleNamespace(width=0), "word " * 30)) == 1
    assert (plural(1, "message"), plural(1200, "message"), some(list("abc"), 2)) == (
        "1 message", "1,200 messages", "a, b and 1 more",
    )  # fmt: skip


def test_loopback() -> None:
    """Only this machine's own addresses go without a question."""
    assert all(map(is_here, ("127.0.0.1:1", "[::1]:1", "localhost:1", "127.8.8.8:1")))
    assert not any(map(is_here, ("10.0.0.1:1", "engine.example.org:1", "0.0.0.0:1", "[fe80::1]:1")))


def test_percentiles() -> None:
    """Of waits the median, the tails and the longest are told."""
    assert percentiles([float(n) for n in range(1, 101)]) == {
        "half within": 51.0, "95% within": 96.0, "99% within": 100.0, "the slowest": 100.0,
    }  # fmt: skip
    assert percentiles([]) == {}
