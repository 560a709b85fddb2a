"""The pages of a node over real HTTP: it lives, is ready or says why not, and what it measures names no patient."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.app import App, open_app
from hub.clock import SystemClock
from hub.config.template import write_template
from hub.errors import Misconfigured, StoreAway
from hub.flow import room
from hub.model.work import WorkItem
from hub.runner import LocalRunner
from hub.store.vitals import PAGE
from hub.watch.labels import Labels
from hub.watch.metrics import COUNTERS, GAUGES, Kept, Meters, Sample
from hub.web import serve_site, site
from hub.web.door import Answering
from hub.web.ready import ANSWER_SECONDS

CANARY = "Nightingale-Canary"
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
Get = Callable[[str], httpx.Response]


class Node:
    """A node as the site sees it."""

    def __init__(self) -> None:
        self.phase = "starting"
        self.app: App | None = None
        self.runner: LocalRunner | None = None
        self.doors: Answering | None = None


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """The example practice, open."""
    folder = tmp_path / "config"
    write_template(folder)
    path = folder / "hub.toml"
    path.write_text(path.read_text().replace("env:HUB_MASTER_KEY", "file:master.key"))
    (folder / "master.key").touch(mode=0o600)
    (folder / "master.key").write_text(KEY)
    app = open_app(folder)
    yield app
    app.close()


@pytest.fixture
def node(app: App) -> Node:
    """A node that runs."""
    node = Node()
    node.phase, node.app, node.runner = "running", app, LocalRunner(app.steps())
    return node


@pytest.fixture
def get(node: Node) -> Iterator[Get]:
    """Asks the served site for a page."""
    with (
        serve_site(site(node), "127.0.0.1:0") as served,
        httpx.Client(base_url=f"http://{served.address}") as client,
    ):
        yield client.get


def test_it_lives_whatever_its_phase(get: Get, node: Node) -> None:
    """/healthz answers 200 as long as the process does, also while it starts and while it drains."""
    for phase in ("starting", "running", "draining"):
        node.phase = phase
        assert get("/healthz").status_code == 200


def test_it_is_ready_only_while_it_runs(get: Get, node: Node) -> None:
    """/readyz is 503 with plain reasons while the node starts or drains, and 200 with none while it runs."""
    said = {}
    for phase in ("starting", "draining", "running"):
        node.phase = phase
        answer = get("/readyz")
        said[phase] = (answer.status_code, answer.json())
    assert said["starting"] == (503, ["the node is starting"])
    assert said["draining"] == (503, ["the node is draining"])
    assert said["running"] == (200, [])


def test_a_node_without_its_hub_is_not_ready(get: Get, node: Node) -> None:
    """Before a node has opened its hub it lives, is not ready, and its metrics can be asked for."""
    node.app, node.runner, node.phase = None, None, "starting"
    assert get("/healthz").status_code == 200
    assert get("/readyz").json() == ["the node is starting"]
    assert "hub_build_info" in get("/metrics").text


def test_without_its_database_it_is_not_ready(get: Get, app: App) -> None:
    """While the database is away /readyz says so, /metrics shows it, and both go on when it is back."""
    file = app.loaded.data_folder / "hub.db"
    app.store.engines.dispose()
    aside = file.rename(file.with_suffix(".aside"))
    away = get("/readyz")
    assert away.status_code == 503
    assert "the database is away" in away.json()[0]
    assert "hub_store_up 0.0" in get("/metrics").text
    aside.rename(file)


def test_with_a_full_disk_it_is_not_ready(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with no room for what is new makes the node unready, in the words of the hub."""

    def full(_hub: object) -> None:
        raise StoreAway("the disk of the database is nearly full: nothing new is taken in")

    monkeypatch.setattr(room, "make_sure", full)
    assert get("/readyz").json() == ["the disk of the database is nearly full: nothing new is taken in"]


def test_a_database_that_is_silent_does_not_silence_the_node(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that never answers makes the node unready in time, and /healthz answers meanwhile."""
    from threading import Event

    from hub.web import ready

    let_go = Event()
    monkeypatch.setattr(ready, "hindrances", lambda _hub: let_go.wait() and [])
    monkeypatch.setattr(ready, "ANSWER_SECONDS", 0.2)
    assert ANSWER_SECONDS < 5
    with serve_site(site(node), "127.0.0.1:0") as served:
        said = [httpx.get(f"http://{served.address}/readyz").json() for _ in range(4)]
        assert said == [["the database does not answer"]] * 4
        assert httpx.get(f"http://{served.address}/healthz").status_code == 200
        let_go.set()


def test_a_database_that_is_silent_is_measured_as_down(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database never answers, each scrape is answered in time: the store is down, which is an alarm; and
    however many scrape, two threads wait for it, one of them for the look whether it answers at all.
    """
    from threading import Event
    from threading import enumerate as threads

    from hub.watch import metrics
    from hub.web import ready

    let_go = Event()
    monkeypatch.setattr(ready, "hindrances", lambda _hub: let_go.wait() and [])
    monkeypatch.setattr(metrics, "_of_store", lambda _hub: let_go.wait() and [])
    monkeypatch.setattr(ready, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(import_module("hub.web.site"), "TALLY_SECONDS", 0.1)
    with serve_site(site(node), "127.0.0.1:0") as served:
        for _ in range(4):
            found = _values(httpx.get(f"http://{served.address}/metrics").text)
            assert found["hub_store_up", ()] == 0
            assert found["hub_findings", ("store.away", "alarm")] == 1
        assert sum(one.name == "web-ask" for one in threads()) == 2
        let_go.set()


def test_slow_tallies_are_no_absent_store(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that answers but takes long to count is up, and the rest is told without its tallies."""
    from threading import Event

    from hub.watch import metrics

    let_go = Event()
    monkeypatch.setattr(metrics, "_of_store", lambda _hub: let_go.wait() and [])
    monkeypatch.setattr(import_module("hub.web.site"), "TALLY_SECONDS", 0.1)
    with serve_site(site(node), "127.0.0.1:0") as served:
        found = _values(httpx.get(f"http://{served.address}/metrics").text)
        assert found["hub_store_up", ()] == 1
        assert not any(name == "hub_findings" for name, _ in found)
        let_go.set()


def test_nothing_else_is_served(get: Get) -> None:
    """Another page is none, and nothing says what software answers."""
    assert get("/").status_code == 404
    assert get("/docs").status_code == 404
    assert "server" not in get("/healthz").headers


def test_it_listens_where_it_is_told_and_nowhere_else(node: Node) -> None:
    """The site takes exactly the address of the settings; one that is taken, or is none, is a plain fault."""
    with serve_site(site(node), "127.0.0.1:0") as served:
        host, _, port = served.address.rpartition(":")
        assert host == "127.0.0.1"
        for listen in (served.address, "127.0.0.1:99999"):
            with pytest.raises(Misconfigured) as told:
                serve_site(site(node), listen)
            assert "run.listen" in told.value.fix
    with socket.socket() as again:
        again.bind((host, int(port)))
    served.close()


def _values(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (one.name, tuple(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_metrics_are_what_prometheus_reads(get: Get, node: Node, app: App) -> None:
    """Every line parses, every metric is declared with help, and what stands in the store is told."""
    with app.store.begin("admin") as tx:
        tx.files.freeze(b"ISA", practice="lakeside", mailbox="clearinghouse", kind="837P", name="b1")
        item = WorkItem(reason="coding.unmapped", aggregate="encounter", aggregate_id="enc_1", why="w", fix="f",
                        owner="coder", amount_cents=12_345)  # fmt: skip
        tx.work.open(item, practice="lakeside")
        tx.event("claim.new", "claim", "clm_1", practice="lakeside")
        tx.nodes.arrive("north", ("worker",), "0")
    assert node.runner is not None
    node.runner.told(app.everything(outside=False))
    assert node.runner.run_until_idle(60)
    node.runner.stop()
    text = get("/metrics").text
    found = _values(text)
    assert sum(value for (name, labels), value in found.items() if name == "hub_files") == 1
    assert found["hub_work_items", ("coding", "coder")] == 1
    assert found["hub_work_cents", ("coder",)] == 12_345
    assert found["hub_step_runs_total", ("audit.seal",)] == 1
    assert found["hub_nodes", ()] == 1
    assert found["hub_store_up", ()] == 1
    assert found["process_resident_memory_bytes", ()] > 0
    assert "process_cpu_seconds_total" in text
    families = {one.name for one in text_string_to_metric_families(text) if one.name.startswith("hub_")}
    assert families <= {*GAUGES, *COUNTERS, "hub_build_info"}
    assert all(one.documentation for one in text_string_to_metric_families(text))


def test_metrics_name_no_patient(get: Get, app: App) -> None:
    """Whatever stands where a state, a reason or a name of a connector should, no label repeats it."""
    with app.store.begin("admin") as tx:
        tx.inbox.put(practice="lakeside", source=CANARY, kind="message", body=CANARY.encode(), external=CANARY)
        tx.files.freeze(b"ISA", practice="lakeside", mailbox=CANARY, kind="837P", name=CANARY)
        tx.expect(CANARY, "sub_1", app.clock.now(), "lakeside")
        item = WorkItem(reason=f"{CANARY}.x", aggregate="claim", aggregate_id=CANARY, why=CANARY, fix=CANARY,
                        owner=CANARY, where=CANARY)  # fmt: skip
        tx.work.open(item, practice="lakeside")
        tx.nodes.arrive(CANARY, (CANARY,), CANARY)
    text = get("/metrics").text
    assert CANARY not in text
    assert 'hub_inbox_waiting{source="other"} 1.0' in text
    assert 'hub_work_items{area="other",owner="other"} 1.0' in text


def test_labels_are_names_and_codes_only(app: App) -> None:
    """A label's value is a name of the settings, a step, a schedule or a code; anything else is `other`."""
    label = Labels(app.settings, steps=("audit.seal",), schedules=("house.watch",))
    for known in ("clearinghouse", "lakeside", "paid", "audit.seal", "house.watch", "disk.low", "biller"):
        assert label(known) == known
    for unknown in ("smith", "Larkspur", "paid ", "", "999-99-9999"):
        assert label(unknown) == "other"


def test_tallies_are_kept_for_a_while(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is asked again only when what it told is old, and the later the longer it took."""
    now = [0.0]
    asked: list[float] = []

    def slow(_hub: object) -> list[Sample]:
        asked.append(now[0])
        now[0] += 2.0
        return [Sample(metric="hub_store_up", value=1)]

    monkeypatch.setattr("hub.watch.metrics._of_store", slow)
    kept = Kept(clock=lambda: now[0])
    for _ in range(300):
        kept.samples(app.hub)
        now[0] += 1.0
    assert asked == [0.0, 102.0, 204.0]


def test_a_node_that_starts_measures_itself() -> None:
    """Without hub and runner a node still tells its version and its own memory."""

    class Nothing:
        def hub(self) -> Any: ...
        def runner(self) -> Any: ...

    found = _values(Meters(Nothing()).text().decode())
    assert {name for name, _ in found} >= {"hub_build_info", "process_start_time_seconds"}
    assert PAGE == 2_000, "the help texts of the metrics name it"


def test_importing_the_command_line_loads_no_server() -> None:
    """Only `hub run` pays for HTTP and metrics: the other commands do not load them."""
    import subprocess
    import sys

    heavy = ("starlette", "uvicorn", "prometheus_client")
    code = f"import sys, hub.cli.main, hub.app; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_clock_of_a_node_is_the_machines(app: App) -> None:
    """A hub that is opened without a clock reads the machine's: what the pages measure is real time."""
    assert isinstance(app.clock, SystemClock)
