"""The commands on the hub of a real small run: what they tell, what they record, what they refuse."""

from __future__ import annotations

import base64
import json
import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from hub import app as putting_together
from hub.cli import main, reference
from hub.cli.demo.job import Job
from hub.cli.opened import opened
from hub.clock import SystemClock
from hub.config import SecretStore, load
from hub.flow.base import Hub, Outcome
from hub.flow.steps import SOURCES
from hub.plugin.host import contexts
from hub.sandbox.options import SandboxOptions
from hub.testing.practice import make_practice

REPOSITORY = Path(__file__).resolve().parents[2]
START = date(2026, 1, 5)
Ran = tuple[int, str, str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which two simulated days ran to the end; nobody may write there."""
    work = tmp_path_factory.mktemp("cli") / "run"
    job = Job(work=work, options=SandboxOptions(plain=True))
    job.run(make_practice(seed=1, start=START, days=2), settle_days=12)
    job.close()
    yield work
    shutil.rmtree(work)


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """The settings of a copy of that run."""
    for part in ("config", "data"):
        shutil.copytree(finished / part, tmp_path / part)
    path = tmp_path / "config" / "hub.toml"
    path.write_text(path.read_text().replace(str(finished), str(tmp_path)))
    for part in ("fhir", "hl7"):
        (tmp_path / "ehr" / part).mkdir(parents=True)
    return tmp_path / "config"


@pytest.fixture
def hub(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs one command line on the copy: exit code, standard output, standard error."""

    def run(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["hub", *words, *([] if "--help" in words else ["-c", str(folder)])])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def _json(ran: Ran) -> Any:
    assert ran[0] == 0, ran
    return json.loads(ran[1])


def _names(folder: Path) -> set[str]:
    """Every patient's family name in the store."""
    with opened(folder) as it, it.store.view() as view:
        return {row.record.patient.name.last for row in view.patients.find() if row.record.patient.name.last}


def _events(folder: Path) -> list[tuple[str, str]]:
    with opened(folder) as it, it.store.view() as view:
        return [(one.kind, one.actor) for one in view.events.find(limit=100_000)]


def _held(folder: Path) -> str:
    with opened(folder) as it, it.store.view() as view:
        return view.encounters.find(state="held")[0].id


LISTS = (("status",), ("claims", "list"), ("files", "list"), ("work", "list"), ("connector", "list"))


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_lists_tell_no_patient(hub: Callable[..., Ran], folder: Path, words: tuple[str, ...]) -> None:
    """A list works plain and as JSON, is no box drawing in a pipe, and names no patient."""
    plain, told = hub(*words), hub(*words, "--json")
    assert plain[0] == 0
    assert plain[1].strip()
    assert not set("━─│┃") & set(plain[1])
    assert json.loads(told[1])
    names = _names(folder)
    assert names
    assert not [name for name in names if name in plain[1] or name in told[1]]


def test_status_has_stable_keys(hub: Callable[..., Ran]) -> None:
    """The keys of `status --json` are part of the interface, and its money balances."""
    told = _json(hub("status", "--json"))
    assert set(told) == {
        "as_of", "messages", "encounters", "claims", "files", "statements", "money", "expected", "work",
        "schedules", "connectors", "events", "hub",
    }  # fmt: skip
    assert set(told["hub"]) == {"nodes", "lanes_held", "paused", "backup", "alarms", "unsealed"}
    assert told["money"]["lakeside"]["charged"] > 0
    assert told["money"]["lakeside"]["difference"] == 0


def test_claims_list_filters_and_limits(hub: Callable[..., Ran]) -> None:
    """`--state` and `--limit` hold, and the newest claim stands last."""
    every = _json(hub("claims", "list", "--json"))
    assert [one["id"] for one in every] == sorted(one["id"] for one in every)
    assert _json(hub("claims", "list", "--json", "--limit", "3")) == every[-3:]
    paid = _json(hub("claims", "list", "--json", "--state", "paid"))
    assert paid
    assert {one["state"] for one in paid} == {"paid"}


def test_claim_is_shown_by_its_control_number_and_looking_is_recorded(
    hub: Callable[..., Ran], folder: Path
) -> None:
    """A claim shows its whole history under its patient control number; who looked stands in the audit trail."""
    listed = _json(hub("claims", "list", "--json", "--state", "paid"))[0]
    told = _json(hub("claims", "show", listed["pcn"], "--json", "--by", "ada"))
    assert told["id"] == listed["id"]
    assert told["patient"]
    assert hub("patients", "show", told["patient_id"])[0] == 0
    assert [one["pcn"] for one in told["submissions"]] == [listed["pcn"]]
    assert sum(one["cents"] for one in told["lines"]) == told["cents"]
    assert told["payments"]
    assert told["payments"][0]["adjustments"]
    assert sum(told["balance"].values()) == 0
    assert ("claim.viewed", "ada") in _events(folder)
    plain = hub("claims", "show", listed["id"])
    assert "Payments" in plain[1]


def test_what_is_not_there_ends_with_two(hub: Callable[..., Ran]) -> None:
    """An id that names nothing ends with exit code 2 and says what to type instead."""
    for words in (
        ("claims", "show", "clm_x"),
        ("files", "show", "file_x"),
        ("work", "show", "wrk_x"),
        ("work", "resolve", "wrk_x", "--how", "seen"),
        ("replay", "enc_x"),
        ("connector", "test", "nobody"),
    ):
        code, out, err = hub(*words)
        assert (code, out) == (2, "")
        assert "what to do: " in err


def test_file_content_only_when_asked(hub: Callable[..., Ran], folder: Path) -> None:
    """A file shows its journal; its bytes only with --content, which the audit trail records."""
    listed = _json(hub("files", "list", "--json"))
    sent = next(one for one in listed["out"] if one["kind"] == "837P")
    told = _json(hub("files", "show", sent["id"], "--json"))
    assert [one["phase"] for one in told["journal"]][-1] == "sent"
    assert "content" not in told
    assert not [kind for kind, _ in _events(folder) if kind == "file.viewed"]
    code, out, _ = hub("files", "show", sent["id"], "--content", "--by", "ada")
    assert code == 0
    assert "\nST*837*" in out
    assert ("file.viewed", "ada") in _events(folder)
    printed = next(one for one in listed["out"] if one["kind"] == "statements")
    told = _json(hub("files", "show", printed["id"], "--content", "--json"))
    assert base64.b64decode(told["content_base64"]).startswith(b"%PDF")
    remit = next(one for one in listed["in"] if one["kind"] == "835")
    assert _json(hub("files", "show", str(remit["seq"]), "--json"))["remittances"][0]["state"] == "posted"


def test_a_long_list_of_work_says_what_is_frequent(hub: Callable[..., Ran]) -> None:
    """Where not all fits, the reasons are counted, so that one that drowns the others is seen."""
    items = _json(hub("work", "list", "--json", "--limit", "500"))
    out = hub("work", "list", "--limit", "1")[1]
    counted = Counter(item["reason"] for item in items)
    most = max(counted.values())
    assert f"most often: {most} {min(name for name, many in counted.items() if many == most)}" in out
    assert "most often" not in hub("work", "list", "--limit", "500")[1]


def test_work_is_resolved_with_a_reason_and_a_name(hub: Callable[..., Ran], folder: Path) -> None:
    """Closing an item keeps what was done and by whom; a dry run closes nothing; a closed one is not closed twice."""
    item = _json(hub("work", "list", "--json"))[0]
    words = ("work", "resolve", item["id"], "--how", "called the front desk", "--by", "ada")
    code, out, _ = hub(*words, "--dry-run")
    assert code == 0
    assert out.startswith("would do: ")
    assert _json(hub("work", "show", item["id"], "--json"))["item"].get("resolved_at") is None
    assert hub(*words)[0] == 0
    told = _json(hub("work", "show", item["id"], "--json"))["item"]
    assert (told["resolved_by"], told["how"]) == ("ada", "called the front desk")
    assert ("work.resolved", "ada") in _events(folder)
    assert hub(*words)[0] == 2


def test_a_deed_that_does_not_fit_changes_nothing(hub: Callable[..., Ran]) -> None:
    """--resend, --confirm and --release on an item about something else are refused, and the item stays open."""
    item = next(one for one in _json(hub("work", "list", "--json")) if one["aggregate"] == "encounter")
    for deed in ("--resend", "--confirm", "--release"):
        assert hub("work", "resolve", item["id"], "--how", "try", deed)[0] == 2
    assert hub("work", "resolve", item["id"], "--how", "try", "--resend", "--release")[0] == 2
    assert _json(hub("work", "show", item["id"], "--json"))["item"].get("resolved_at") is None


def test_replay_looks_again_at_what_is_held(hub: Callable[..., Ran], folder: Path) -> None:
    """`replay held` marks every held encounter once; a dry run tells the same and marks nothing."""
    before = _json(hub("status", "--json"))["encounters"]
    dry = hub("replay", "held", "--dry-run")
    assert f"{before['held']} encounters" in dry[1]
    assert _json(hub("status", "--json"))["encounters"] == before
    done = hub("replay", "held", "--by", "ada")
    assert f"{before['held']} encounters" in done[1]
    after = _json(hub("status", "--json"))["encounters"]
    assert after["gathering"] == before["held"]
    assert "held" not in after
    assert _events(folder).count(("encounter.replayed", "ada")) == before["held"]
    assert "nothing to look at again" in hub("replay", "held")[1]


def test_replay_looks_again_at_history(hub: Callable[..., Ran], folder: Path) -> None:
    """Who wrote `bill_from` too late, or set it earlier, has what was history looked at again."""
    before = _json(hub("status", "--json"))["encounters"]
    done = hub("replay", "history", "--by", "ada")
    after = _json(hub("status", "--json"))["encounters"]
    assert f"{before['history']} encounters" in done[1]
    assert after["gathering"] == before.get("gathering", 0) + before["history"]
    assert "history" not in after
    assert after.get("claimed") == before.get("claimed")
    assert _events(folder).count(("encounter.replayed", "ada")) == before["history"]


def test_replay_of_one(hub: Callable[..., Ran], folder: Path) -> None:
    """One encounter or message is looked at again by its id; a claim that is paid is not."""
    assert hub("replay", _held(folder))[0] == 0
    message = next(one for one in _json(hub("files", "list", "--json"))["in"] if one["kind"] == "message")
    assert hub("replay", message["id"])[0] == 0
    assert _json(hub("files", "show", message["id"], "--json"))["state"] == "received"
    paid = _json(hub("claims", "list", "--json", "--state", "paid"))[0]
    assert hub("replay", paid["id"])[0] == 2
    acknowledged = next(one for one in _json(hub("files", "list", "--json"))["in"] if one["kind"] == "999")
    assert hub("replay", acknowledged["id"])[0] == 2


def test_connector_add_leaves_a_hub_that_may_start(hub: Callable[..., Ran], folder: Path) -> None:
    """A connector is added with every key of its plugin as a comment; `check` stays good; a name is used once."""
    path = folder / "hub.toml"
    before = path.read_bytes()
    dry = hub("connector", "add", "second", "--plugin", "clearinghouse_sftp", "--dry-run")
    assert "# host_keys = []" in dry[1]
    assert path.read_bytes() == before
    assert hub("connector", "add", "second", "--plugin", "clearinghouse_sftp")[0] == 0
    assert hub("connector", "add", "drop", "--plugin", "ehr_fhir")[0] == 0
    listed = {one["name"]: one["stand"] for one in _json(hub("connector", "list", "--json"))}
    assert (listed["second"], listed["drop"]) == ("disabled", "ready")
    assert hub("check")[0] == 0
    assert hub("connector", "add", "second", "--plugin", "clearinghouse_sftp")[0] == 2
    assert hub("connector", "add", "third", "--plugin", "no_such_plugin")[0] == 2


def test_connector_add_writes_what_is_set_and_the_tables_within(hub: Callable[..., Ran], folder: Path) -> None:
    """`--set` writes settings out, also of tables within; the other keys of every table stand as comments; what does
    not fit leaves hub.toml as it was.
    """
    path = folder / "hub.toml"
    url = "server.url=https://fhir.example.org/r4"
    made = hub("connector", "add", "rest", "--plugin", "ehr_fhir", "--set", url, "--set", "sample_every=7")
    assert made[0] == 0
    told = tomllib.loads(path.read_text())["connectors"]["rest"]["settings"]
    assert told == {"sample_every": 7, "server": {"url": "https://fhir.example.org/r4"}}
    assert "# [connectors.rest.settings.pull]" in path.read_text()
    before = path.read_bytes()
    for wrong in ("sample_every=often", "server=1", "sample_every", "server.url=http://fhir.example.org"):
        assert hub("connector", "add", "more", "--plugin", "ehr_fhir", "--set", wrong)[0] == 2
    assert path.read_bytes() == before


MEANT = {
    ("ehr_fhir", "preset=epick"): "did you mean epic?",
    ("ehr_fhir", "server.uri=x"): 'did you mean "url"?',
    ("ehr_fhir", "client_id=x"): "it belongs to the table server",
    ("ehr_fhir", "pull.strategy=incremntal"): 'did you mean "incremental"?',
    ("hl7_adt", "mllp.liste=x"): 'did you mean "listen"?',
    ("clearinghouse_sftp", "preset=genric"): "did you mean generic?",
    ("clearinghouse_sftp", "hosts=x"): 'did you mean "host"?',
}


def test_connector_add_writes_no_connector_that_cannot_work(hub: Callable[..., Ran], folder: Path) -> None:
    """What the plugin's own settings refuse is told with what may have been meant, also in tables within, and
    nothing is written. What only lacks something is written, not yet enabled.
    """
    path = folder / "hub.toml"
    before = path.read_bytes()
    for (plugin, wrong), meant in MEANT.items():
        code, out, err = hub("connector", "add", "more", "--plugin", plugin, "--set", wrong)
        assert code == 2
        assert "nothing was written" in out + err
        assert meant in out + err
    assert path.read_bytes() == before
    assert hub("connector", "add", "more", "--plugin", "clearinghouse_sftp", "--set", "host=h.example")[0] == 0
    assert tomllib.loads(path.read_text())["connectors"]["more"]["enabled"] is False


def test_a_source_is_asked_from_its_beginning(hub: Callable[..., Ran], folder: Path) -> None:
    """Who is told that a cursor cannot be read can put that right: it is forgotten, and who did it is recorded."""
    assert hub("connector", "restart", "no-such")[0] == 2
    with opened(folder) as desk:
        with desk.store.begin("admin") as tx:
            tx.plugin_state("ehr").put("cursor", b"of another version")
        assert "would be asked" in hub("connector", "restart", "ehr", "--dry-run")[1]
        assert hub("connector", "restart", "ehr", "--by", "ada")[0] == 0
        with desk.store.view() as view:
            assert view.plugin_state("ehr").get("cursor") == b""
            assert [one.actor for one in view.events.find(kind="connector.restarted")] == ["ada"]
    assert "already" in hub("connector", "restart", "ehr")[1]


def test_promises_are_proved_with_a_connector_switched_off(hub: Callable[..., Ran], folder: Path) -> None:
    """What went out by a connector that is switched off now is proved by what is usual, and the rest as ever (the
    audit trail grows with each look).
    """
    before = [(one["number"], one["ok"], one["checked"]) for one in json.loads(hub("verify", "--json")[1])]
    toml, part = folder / "hub.toml", "[connectors.clearinghouse]"
    toml.write_text(toml.read_text().replace(part, f"{part}\nenabled = false"))
    after = [(one["number"], one["ok"], one["checked"]) for one in json.loads(hub("verify", "--json")[1])]
    assert [number for number, _, _ in after] == list(range(1, 12))
    assert [one for one in after if one[0] != 10] == [one for one in before if one[0] != 10]


def test_connector_test_fails_with_one(hub: Callable[..., Ran]) -> None:
    """A connection whose partner is away ends with exit code 1, and says which step failed and what to do."""
    code, out, _ = hub("connector", "test", "clearinghouse")
    assert code == 1
    assert "✗" in out
    assert "do: " in out
    code, out, _ = hub("connector", "test", "ehr", "--json")
    assert code == 0
    assert all(one["ok"] for one in json.loads(out))


def test_who_is_tried_by_hand_knows_whom_it_follows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hub connector test` and `hub doctor` judge a connector that follows another as the running hub does."""
    path, heard = folder / "hub.toml", list[Any]()
    path.write_text(path.read_text().replace("[connectors.ehr]\n", '[connectors.ehr]\nfollows = ["adt"]\n', 1))

    def seen(**given: Any) -> Any:
        heard.append(given["following"])
        return contexts(**given)

    monkeypatch.setattr(putting_together, "contexts", seen)
    loaded = load(folder)
    host, _ = putting_together.load_plugins(
        loaded, SecretStore(folder), SystemClock(), lambda _instance, _key: None
    )
    host.close()
    assert [heard[0](name).names for name in ("ehr", "adt")] == [("adt",), ()]


def test_check_names_a_schedule_without_a_step(hub: Callable[..., Ran], folder: Path) -> None:
    """A schedule whose step or connector does not exist, or a missing secret, is a fault with its line."""
    path = folder / "hub.toml"
    lines = path.read_text().rstrip().splitlines()
    lines += ["[schedules.one]", 'step = "dispatch.sent"', 'every = "15m"']
    lines += ["[schedules.two]", 'step = "fetch.fetch"', 'connector = "ehr"', 'every = "15m"']
    path.write_text("\n".join(lines) + "\n")
    (folder / "printer.key").unlink()
    code, out, _ = hub("check", "--json")
    assert code == 1
    found = {one["key"]: one["line"] for one in json.loads(out)}
    assert found["schedules.one.step"] == lines.index('step = "dispatch.sent"') + 1
    assert found["schedules.two.connector"] == lines.index('connector = "ehr"') + 1
    assert found["connectors.printer.settings.key"] > 0
    assert hub("run", "--once")[0] == 2


def test_a_fresh_hub_passes_its_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`hub init` and then `hub check` end with 0: a secret of a connector that is still to come is a warning."""
    for words in (["init", str(tmp_path / "new")], ["check", "-c", str(tmp_path / "new")]):
        monkeypatch.setattr(sys, "argv", ["hub", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert not ended.value.code
    assert "warning: connectors.clearinghouse.settings.key" in capsys.readouterr().out


def test_run_once_does_what_waits_and_ends(hub: Callable[..., Ran], folder: Path) -> None:
    """`run --once` works off what waits, tells what a partner who is away kept from it, and opens one item for it."""
    assert hub("replay", "held")[0] == 0
    code, out, _ = hub("run", "--once")
    assert code == 0
    assert "connector clearinghouse" in out
    assert "fetch.fetch for clearinghouse" in out
    states = _json(hub("status", "--json"))["encounters"]
    assert "gathering" not in states
    assert states["held"]
    items = _json(hub("work", "list", "--json", "--owner", "it", "--reason", "connector."))
    assert sorted(one["aggregate_id"] for one in items) == ["clearinghouse", "printer"]
    assert hub("run", "--once")[0] == 0
    again = _json(hub("work", "list", "--json", "--owner", "it", "--reason", "connector."))
    assert [one["id"] for one in again] == [one["id"] for one in items]


def test_run_once_tells_whom_it_left_alone(hub: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that was asked a moment ago is not asked again, and `run --once` says until when; of one that it asked
    in the same run it says nothing.
    """
    due, ran = datetime(2026, 3, 9, 21, 5, tzinfo=UTC), list[str]()

    def pull(_hub: Hub, source: str) -> Outcome:
        ran.append(source)
        return Outcome(
            more=source == "adt" and ran.count("adt") == 1, due=None if ran.count(source) == 2 else due
        )

    for name, (_, kind) in list(putting_together.STEPS.items()):
        monkeypatch.setitem(putting_together.STEPS, name, (lambda *_: Outcome(), kind))
    monkeypatch.setitem(putting_together.STEPS, "ingest.pull", (pull, SOURCES))
    out = hub("run", "--once")[1]
    assert sorted(ran) == ["adt", "adt", "ehr"]
    told = "it was asked a moment ago, and is left alone until 2026-03-09 21:05:00Z"
    assert [line for line in out.splitlines() if "left alone" in line] == [
        f"ingest.pull for ehr was not done: {told}"
    ]


def test_help_imports_nothing_heavy() -> None:
    """`hub --help` must be quick: main.py imports no store, no record library and no plugin host."""
    import subprocess

    code = "import sys, hub.cli.main; print(sorted(set(sys.modules) & {'sqlalchemy', 'msgspec', 'pydantic', 'rich'}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_reference_is_current() -> None:
    """docs/reference/cli.md is what the commands say of themselves."""
    page = REPOSITORY / "docs" / "reference" / "cli.md"
    assert page.read_text() == reference.render(), "run: python -m hub.cli.reference > docs/reference/cli.md"
