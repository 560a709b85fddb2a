"""Weeks of a practice's EHR, compressed: a hub that is killed takes what it tells by REST, by Bulk Data and by push,
through a network that spoils it; in the end everything is as a hub makes it that is given the EHR's last state once.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
from fhirlab.proxy import FaultProxy
from hub_ehr_fhir.connect.keyfiles import make
from hub_ehr_fhir.mapping.order import TYPES
from typer.testing import CliRunner

from faultlab import fhir_child
from faultlab.fhir_ehr import EhrServer, Shifted
from faultlab.fhir_world import CANARIES, World
from hub.app import App, open_app
from hub.cli import main
from hub.clock import SystemClock
from hub.config.template import write_template
from hub.flow.source_lanes import assemble_soon, read_soon, reading
from hub.runner import LocalRunner, Nudge
from hub.store.inbox import Arrival
from hub.testing.feed_state import state
from hub.testing.notices import free_port

SOURCE = "ehr"
CHILD = Path(__file__).with_name("fhir_child.py")
PUSH_TOKEN = "canary-push-token"
SECRETS = (PUSH_TOKEN, "canary-token-", "eyJ", "PRIVATE KEY")
PATIENCE_SECONDS, LOOK_SECONDS, CALM_SECONDS = 120.0, 0.25, 600.0
HELD_SECONDS = 70 * 86_400.0
"""Visits are held for 60 days, so that nothing is billed while the EHR changes: then everything is billed at once."""
CALM_LOOKS = 5
BETWEEN_SECONDS = 4
"""So long a hub lives at least."""
JUMPS = (0.0, 0.0, 40.0, 600.0, 3_700.0, 9_000.0)
"""Seconds for which a hub that was killed lies dead, in the time of all."""
CODED = re.compile(r"\"icd10\":\[[^]]*\],?")
"""What coding adds to a visit; one that is told anew when it was billed is not coded again."""
GONE = {"cancelled", "void", "merged"}
_HUB = """
[connectors.ehr.settings]
time_zone = "America/New_York"
validate = "sample"
[connectors.ehr.settings.server]
url = "{url}/r4"
auth = "smart"
client_id = "hub-1"
private_key = "file:ehr.key.pem"
requests_per_second = 0
requests_at_once = 6
read_seconds = 10
[connectors.ehr.settings.pull]
since = 2026-01-01
every_seconds = 2
overlap_minutes = {overlap}
page_size = 40
[connectors.ehr.settings.bulk]
level = "system"
every_hours = 1
start_at = "00:00"
[connectors.ehr.settings.push]
token = "file:push.token"
"""
_TAIL = """
[schedules.pull]
step = "ingest.pull"
every = "10s"

[notifications]
[notifications.to]
all = []

[run]
listen = "127.0.0.1:{port}"
"""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`changes` of the EHR, `rate` of them a second; `kills` before the last fifth of them, by lot; `faults` is
    the part of answers that is spoilt; `pushed` the part of changes that is pushed. In the first life the hub learns
    what the EHR offers, for `first_seconds` at most: who dies before that begins anew.
    """

    changes: int
    rate: float = 10.0
    kills: int = 5
    faults: float = 0.06
    pushed: float = 0.3
    storm_every: float = 25.0
    overlap: int = 3
    first_seconds: float = 90.0
    seed: int = 1


class Report(msgspec.Struct, kw_only=True):
    """What came of it; seconds by the wall clock, megabytes resident."""

    seed: int = 0
    changes: dict[str, int] = {}
    stands: dict[str, int] = {}
    kills: int = 0
    early_kills: int = 0
    faults: dict[str, int] = {}
    calls: int = 0
    tokens: int = 0
    exports: int = 0
    exports_fetched: int = 0
    pushed: dict[str, int] = {}
    messages: int = 0
    claims: dict[str, int] = {}
    lives: int = 0
    seconds: float = 0.0
    drained_seconds: float = 0.0
    rss_tenth: float = 0.0
    rss_end: float = 0.0
    rss_most: float = 0.0
    work: dict[str, int] = {}
    wrong: list[str] = []

    def lines(self) -> Iterator[str]:
        """The report for a person."""
        yield f"seed {self.seed}: {sum(self.changes.values())} changes: {_listed(self.changes)}"
        yield f"at the EHR in the end: {_listed(self.stands)}"
        yield f"{self.kills} kills ({self.early_kills} while it started), {self.lives} lives, {self.seconds:.0f} s"
        yield f"{self.calls} calls; {sum(self.faults.values())} spoilt: {_listed(self.faults)}"
        yield f"{self.tokens} tokens given; {self.exports} exports, {self.exports_fetched} fetched whole"
        yield f"pushed: {_listed(self.pushed)}; messages in the inbox: {self.messages}"
        yield f"drained {self.drained_seconds:.0f} s after the last change; claims {_listed(self.claims)}"
        yield f"resident: {self.rss_tenth:.0f} MB at 10%, {self.rss_end:.0f} MB at 100%, {self.rss_most:.0f} at most"
        yield f"open work: {_listed(self.work)}"
        yield from (f"WRONG: {one}" for one in self.wrong)


def _listed(some: Mapping[str, int]) -> str:
    return ", ".join(f"{many} {name}" for name, many in sorted(some.items())) or "none"


class Hub:
    """`hub run` on `config`, in a process of its own that may be killed."""

    def __init__(self, folder: Path, clock: Shifted) -> None:
        self.config, self.log, self.port = folder / "config", folder / "hub-run.txt", free_port()
        self.kills = self.lives = 0
        self.most = 0.0
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None

    def furnish(self, url: str, overlap: int) -> bytes:
        """Write its settings and its key; gives the key's public part."""
        write_template(self.config)
        for name, text in (
            ("master.key", secrets.token_hex(32)),
            ("push.token", PUSH_TOKEN),
            ("sftp.key", "none"),
        ):
            (self.config / name).touch(mode=0o600)
            (self.config / name).write_text(text)
        text = (self.config / "hub.toml").read_text().replace("env:HUB_MASTER_KEY", "file:master.key")
        text = text.replace("env:HUB_SFTP_KEY", "file:sftp.key")
        head, _, rest = text.partition("[connectors.ehr.settings]")
        _, _, rest = rest.partition("[connectors.adt]")
        rest = rest.partition("[connectors.clearinghouse]")[2]
        rest = rest.partition("[connectors.printer]")[0] + "[route]" + rest.partition("[route]")[2]
        rest = re.sub(r"\[print\].*?(?=\n#|\n\[)", "", rest.partition("[schedules.pull]")[0], flags=re.DOTALL)
        told = _HUB.format(url=url, overlap=overlap) + "\n[connectors.clearinghouse]" + rest
        (self.config / "hub.toml").write_text(head.rstrip() + told + _TAIL.format(port=self.port))
        practices = self.config / "practices.toml"
        known = practices.read_text().replace("hold_days = 2", "hold_days = 60")
        known = re.sub(r"\n\[sources\.adt.*?(?=\n\[(?!sources\.adt)|\Z)", "\n", known, flags=re.DOTALL)
        practices.write_text(known)
        key = self.config / "ehr.key.pem"
        made = make(key, SOURCE, "ES384", rotate=False, dry_run=False, key_id="")
        return Path(made.jwks).read_bytes()

    def start(self, *, wait: bool = True) -> None:
        """A new life, until it answers."""
        with self.log.open("ab") as log:
            command = [sys.executable, str(CHILD), str(self.config), str(self._clock.seconds)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self.lives += 1
        until = time.monotonic() + PATIENCE_SECONDS
        while wait and not self.answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the hub does not run:\n{self.log.read_text()[-3000:]}")
            time.sleep(LOOK_SECONDS)

    def answers(self) -> bool:
        """Whether it is there for requests."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_SECONDS)
        self.kills += 1

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        """Whatever became of it, it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def resident(self) -> float:
        """Megabytes that it has in memory; 0 where it is dead."""
        try:
            assert self._process is not None
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        except (AssertionError, OSError, IndexError):
            return 0.0
        found = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        self.most = max(self.most, found)
        return found


class Pusher(threading.Thread):
    """Sends a part of the changes to the hub: loose resources, transactions, ids alone; some late, some twice."""

    def __init__(self, ehr: EhrServer, hub: Hub, part: float, seed: int) -> None:
        super().__init__(name="push", daemon=True)
        self.sent, self.over = Counter[str](), threading.Event()
        self._ehr, self._hub, self._part = ehr, hub, part
        self._random = Random(f"{seed}/push")  # noqa: S311 - what is sent
        self._waiting: list[tuple[str, list[str]]] = []
        self._old: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def touched(self, visit: str, keys: list[str]) -> None:
        """These changed."""
        if self._random.random() < self._part:
            with self._lock:
                self._waiting.append((visit, keys))

    def run(self) -> None:
        """Until it is told to end."""
        heads = {"authorization": f"Bearer {PUSH_TOKEN}", "content-type": "application/fhir+json"}
        with httpx.Client(headers=heads, timeout=10) as client:
            while not self.over.is_set():
                with self._lock:
                    some, self._waiting = self._waiting[:6], self._waiting[6:]
                if not some:
                    self.over.wait(0.1)
                    continue
                self._send(client, some)

    def _send(self, client: httpx.Client, some: list[tuple[str, list[str]]]) -> None:
        with self._ehr.lock:
            keys = sorted({key for _, mine in some for key in mine})
            held = [self._ehr.held[key] for key in keys if key in self._ehr.held]
            gone = [key for key in keys if key not in self._ehr.held]
        visits = sorted({visit for visit, _ in some if visit})
        base = f"http://127.0.0.1:{self._hub.port}/connectors/{SOURCE}"
        lot = self._random.random()
        if self._old and lot < 0.1:
            old = self._old.pop(0)
            self._post(client, "PUT", f"{base}/fhir/{old['resourceType']}/{old['id']}", old, "an old version")
        self._old += held[:1] if lot > 0.9 else []
        if lot < 0.4 and held:
            entries = [{"resource": one, "request": {"method": "PUT", "url": _key(one)}} for one in held]
            entries += [{"request": {"method": "DELETE", "url": key}} for key in gone]
            told = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            self._post(client, "POST", f"{base}/fhir", told, "transactions")
        elif lot < 0.7:
            for one in held:
                self._post(client, "PUT", f"{base}/subscription/{_key(one)}", one, "rest-hooks")
            for key in gone:
                self._post(client, "DELETE", f"{base}/fhir/{key}", None, "deletions")
        else:
            for visit in visits:
                self._post(client, "PUT", f"{base}/subscription/Encounter/{visit}", None, "ids alone")

    def knock(self) -> None:
        """A notification that says nothing: the hub looks at once."""
        with suppress(httpx.TransportError):
            heads = {"authorization": f"Bearer {PUSH_TOKEN}"}
            url = f"http://127.0.0.1:{self._hub.port}/connectors/{SOURCE}/subscription"
            httpx.post(url, headers=heads, timeout=10)

    def _post(self, client: httpx.Client, method: str, url: str, told: Any, what: str) -> None:
        """Twice at most: a server that is not heard gives up."""
        content = b"" if told is None else json.dumps(told).encode()
        for _ in range(2):
            try:
                said = client.request(method, url, content=content)
            except httpx.TransportError:
                self.sent["unheard"] += 1
                continue
            self.sent[what if said.is_success else f"{what}: {said.status_code}"] += 1
            if said.is_success:
                return


class FhirSoak:
    """One campaign in `folder`; `tell` hears a line of progress now and then."""

    def __init__(self, folder: Path, plan: Plan, tell: Callable[[str], object] = bool) -> None:
        self.plan, self.report, self._tell, self._folder = plan, Report(seed=plan.seed), tell, folder
        self.clock = Shifted()
        self.ehr = EhrServer(self.clock, plan.seed)
        self.proxy = FaultProxy(
            self.ehr.answer, seed=plan.seed, rate=plan.faults, retry_after=1, drip_seconds=0.02
        )
        for one in (self.proxy._here, self.proxy._there):
            one.RequestHandlerClass.date_time_string = lambda _self, *_: self.ehr._heads()["date"]  # type: ignore[assignment]
        self.hub = Hub(folder, self.clock)
        self.push = Pusher(self.ehr, self.hub, plan.pushed, plan.seed)
        self.world = World(self.ehr, plan.seed, self.clock.now, self.push.touched)
        self.random = Random(f"{plan.seed}/kills")  # noqa: S311 - when it dies

    def run(self) -> Report:
        """Everything, to the proofs."""
        report, began = self.report, time.monotonic()
        before = SystemClock.now
        try:
            with self.proxy:
                jwks = self.hub.furnish(self.proxy.url, self.plan.overlap)
                self.ehr.at(self.proxy.url, jwks, int(self.proxy.other_url.rpartition(":")[2]))
                self.hub.start()
                self.push.start()
                self._live()
                self._drain()
                self._prove_calls()
            report.seconds = time.monotonic() - began
            fhir_child.ahead(self.clock.seconds)
            self._prove()
        finally:
            SystemClock.now = before  # type: ignore[method-assign]
            self.push.over.set()
            self.hub.end()
        self._count()
        return report

    # ------------------------------------------------------------------------------------------------ living
    def _live(self) -> None:
        plan, began, storms = self.plan, time.monotonic(), time.monotonic()
        lots = sorted(self.random.sample(range(plan.changes // 10, plan.changes * 4 // 5), plan.kills))
        shown = 0.0
        for n in range(plan.changes):
            with self.ehr.lock:
                self.world.step()
            if n == plan.changes // 10:
                self.report.rss_tenth = self.hub.resident()
            if lots and n >= lots[0] and (self.ehr.exports or n > plan.first_seconds * plan.rate):
                lots = [max(one, n + int(plan.rate * BETWEEN_SECONDS)) for one in lots[1:]]
                self._kill()
                began += time.monotonic() - self._died
            if time.monotonic() - storms > plan.storm_every:
                self.proxy.storm = not self.proxy.storm
                storms = time.monotonic() - (plan.storm_every - 3.0 if self.proxy.storm else 0.0)
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                self._tell(
                    f"{n:>6} changes, {self.hub.kills} kills, {len(self.proxy.told)} calls, "
                    f"{len(self.ehr.exports)} exports, {self.hub.resident():.0f} MB"
                )
            if (ahead := began + n / plan.rate - time.monotonic()) > 0:
                time.sleep(ahead)
        self.proxy.storm = False

    def _kill(self) -> None:
        """It dies, lies dead for a while in which the EHR goes on, and lives again; some die while they start."""
        self._died = time.monotonic()
        self.hub.kill()
        if self.random.random() < 0.2:
            self.hub.start(wait=False)
            time.sleep(self.random.random() * 2.5)
            self.hub.kill()
            self.report.early_kills += 1
        with self.ehr.lock:
            self.clock.seconds += self.random.choice(JUMPS)
        self.hub.start()

    def _drain(self) -> None:
        """The EHR is quiet and the network good: until the hub has asked for everything, and done all that waits."""
        began = time.monotonic()
        self.report.rss_end = self.hub.resident()
        self.proxy.rate = 0.0
        self.push.over.set()
        self.push.join()
        self.hub.kill()
        with self.ehr.lock:
            self.clock.seconds += 25_000.0
        exports = len(self.ehr.exports)
        self.hub.start()
        looks, calm, last = self.ehr.asks["GET Encounter?"], 0, (0, "")
        while calm < CALM_LOOKS:
            if time.monotonic() - began > CALM_SECONDS:
                self.report.wrong.append(f"it does not come to rest: {last}")
                break
            over = any(one["over"] for one in self.ehr.exports[exports:])
            looked = self.ehr.asks["GET Encounter?"] > looks + 2
            if not (over and looked):
                self.push.knock()
            time.sleep(1.0)
            now = self._standing()
            calm = calm + 1 if over and looked and now == last else 0
            last = now
            self._tell(f"draining: {now}, export {'fetched' if over else 'awaited'}") if calm == 0 else None
        self.report.drained_seconds = time.monotonic() - began
        self.hub.resident()
        if code := self.hub.stop():
            self.report.wrong.append(f"a hub that was told to stop ended with {code}")

    def _standing(self) -> tuple[int, str]:
        """How many messages, and what waits."""
        fhir_child.ahead(self.clock.seconds)
        app = self._opened(self.hub.config)
        try:
            with app.store.view() as view:
                stands = Counter(one for (_, one), many in view.inbox.tally().items() for _ in range(many))
                states = (view.encounters.tally(), view.charges.tally(), view.claims.tally())
        finally:
            app.close()
        return sum(stands.values()), str([dict(stands), *map(dict, states)])

    def _opened(self, config: Path) -> App:
        return open_app(config)

    # ------------------------------------------------------------------------------------------------ proofs
    def _prove_calls(self) -> None:
        if any(told for _, _, told in self.proxy.elsewhere):
            self.report.wrong.append("the token went to another address")

    def _prove(self) -> None:
        wrong = self.report.wrong
        done = CliRunner().invoke(main.app, ["verify", "-c", str(self.hub.config)])
        wrong += [f"hub verify ended with {done.exit_code}:\n{done.output[-3000:]}"] * bool(done.exit_code)
        self._prove_secrets()
        folder = self._folder / "undisturbed"
        shutil.copytree(self.hub.config, folder, ignore=shutil.ignore_patterns("data", "backups"))
        alone = self._undisturbed(folder)
        app = self._opened(self.hub.config)
        try:
            self._compare(app, alone)
            fhir_child.ahead(self.clock.seconds + HELD_SECONDS)
            for one in (app, alone):
                settle(one)
            self._prove_claims(app, alone)
        finally:
            app.close()
            alone.close()

    def _prove_secrets(self) -> None:
        """Nothing of a patient and no secret in what the hub wrote for people, nor a patient in its files."""
        data = self.hub.config / "data"
        files = [self.hub.log, *(one for one in data.rglob("*") if one.is_file())]
        for path in files:
            body = path.read_bytes()
            found = [one for one in (*CANARIES, *SECRETS) if one.encode() in body]
            if path.suffix in (".db", ".db-wal", ".blob", ""):
                found = [
                    one for one in found if one != "eyJ" and not (one == CANARIES[2] and len(body) > 1 << 20)
                ]
            if found:
                self.report.wrong.append(f"{path.name} holds {found}")

    def _undisturbed(self, config: Path) -> App:
        """A hub that was given the EHR's last state once, type by type."""
        app = self._opened(config)
        told = sorted(self.ehr.lines(), key=lambda one: TYPES.index(one[0]))
        arrivals = [
            Arrival(content_type="fhir+ndjson", external=f"state/{kind}/{at}", body=part)
            for kind, body in told
            for at, part in enumerate(_cut(body))
        ]
        with app.store.begin("ingest.receive") as tx:
            practice = app.settings.practice_of(SOURCE)
            tx.inbox.put_many(arrivals, practice=practice, source=SOURCE, kind="message")
        settle(app)
        return app

    def _compare(self, app: App, alone: App) -> None:
        with app.store.view() as view:
            shells = [row for row in view.encounters.each() if not row.record.key and row.state != "merged"]
        if shells:
            self.report.wrong.append(f"{len(shells)} visits have no key: {shells[0].state}")
            return
        found, expected = state(app.store, SOURCE), state(alone.store, SOURCE)
        for some in (found, expected):
            some["visits"] = {key: CODED.sub("", text) for key, text in some["visits"].items()}
        for kind in ("visits", "charges", "people"):
            self._differ(kind, found[kind], expected[kind], _is_gone)
        for kind in ("diagnosis", "coverage"):
            mine, theirs = (_facts(some["facts"], kind) for some in (found, expected))
            self._differ(kind, mine, theirs, _is_withdrawn)
        with app.store.view() as view:
            self.report.messages = sum(view.inbox.tally().values())
            self.report.work = dict(Counter(one.reason for one in view.work.list(limit=10_000)))
            stands = Counter(one for (_, one), many in view.inbox.tally().items() if many)
        left = {"received", "blocked"} & stands.keys()
        self.report.wrong += [f"messages are left: {dict(stands)}"] * bool(left)

    def _differ(
        self, kind: str, found: dict[str, str], expected: dict[str, str], gone: Callable[[str], bool]
    ) -> None:
        keys = [key for key in expected if found.get(key) != expected[key]]
        keys += [key for key in found.keys() - expected.keys() if not gone(found[key]) and kind != "people"]
        keys = [key for key in keys if not (key in expected and gone(expected[key]) and gone(found.get(key, "")))]
        for key in sorted(keys)[:3]:
            told = f"{key}:\n  {found.get(key)}\n  undisturbed {expected.get(key)}"
            self.report.wrong.append(f"{len(keys)} of {len(expected)} {kind} differ, as {told}")

    def _prove_claims(self, app: App, alone: App) -> None:
        """One claim for a visit and rank, no charge in two, and what they say is what the undisturbed hub's say."""
        mine, theirs = claims(app), claims(alone)
        self.report.claims = dict(Counter(one["state"] for some in mine.values() for one in some))
        twice = [key for key, some in mine.items() if len(some) > 1]
        if twice:
            self.report.wrong.append(f"{len(twice)} visits have several claims, as {twice[0]}: {mine[twice[0]]}")
        billed = Counter(charge for some in mine.values() for one in some for charge in one["charges"])
        often = [key for key, many in billed.items() if many > 1]
        if often:
            self.report.wrong.append(f"{len(often)} charges stand in several claims, as {often[:2]}")
        self._differ("claims", _texts(mine), _texts(theirs), lambda _text: False)

    def _count(self) -> None:
        report = self.report
        report.changes = dict(self.world.done)
        report.stands = dict(Counter(key.partition("/")[0] for key in self.ehr.held))
        report.kills, report.lives, report.rss_most = self.hub.kills, self.hub.lives, self.hub.most
        report.faults, report.calls = dict(+self.proxy.hurt), len(self.proxy.told)
        report.tokens, report.exports = self.ehr.signs.given, len(self.ehr.exports)
        report.exports_fetched = sum(one["over"] for one in self.ehr.exports)
        report.pushed = dict(self.push.sent)


def settle(app: App) -> None:
    """Let a hub in this process do all that waits, but ask nobody."""
    runner = LocalRunner(app.steps(), threads=2)
    app.store.on_commit(runner.told)
    runner.told([read_soon(SOURCE), Nudge("ingest.ripen", reading(SOURCE)), assemble_soon(SOURCE)])
    while True:
        assert runner.run_until_idle(CALM_SECONDS)
        status = runner.status()
        assert not status.held, status.held
        if not status.backing_off:
            break
        time.sleep(LOOK_SECONDS)
    runner.stop()


def claims(app: App) -> dict[str, list[dict[str, Any]]]:
    """The claims that stand, by the keys of their visits; our own ids as the source's keys."""
    told: dict[str, list[dict[str, Any]]] = {}
    with app.store.view() as view:
        visits = {row.id: row.record.key for row in view.encounters.each()}
        charges = {row.id: row.record.key for row in view.charges.each()}
        for row in view.claims.each():
            if row.state in GONE:
                continue
            one = row.record
            lines = sorted(
                (line.hcpcs, line.modifiers, str(line.amount), str(line.units), line.pointers)
                for line in one.lines
            )
            about = {"state": row.state, "payer": one.payer, "rank": one.rank, "diagnoses": one.diagnoses}
            about |= {"lines": lines, "member": one.coverage.member_id}
            about |= {"patient": msgspec.to_builtins(one.patient.name)}
            about |= {"rendering": one.rendering.npi if one.rendering else ""}
            about |= {"charges": sorted(charges[each] for line in one.lines for each in line.charge_ids)}
            for each in one.encounter_ids:
                told.setdefault(visits[each], []).append(about)
    return told


def _texts(some: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    return {key: msgspec.json.encode(sorted(map(str, claims))).decode() for key, claims in some.items()}


def _facts(facts: Mapping[str, str], kind: str) -> dict[str, str]:
    """Those of a kind, without their versions."""
    found = {}
    for key, text in facts.items():
        if f'"{kind}"' in key:
            told = json.loads(text)
            for name in ("version", "joined"):
                told.pop(name, None)
            found[key] = json.dumps(told, separators=(",", ":"))
    return found


def _is_gone(text: str) -> bool:
    return any(f'"{one}"' in text[:80] for one in GONE)


def _is_withdrawn(text: str) -> bool:
    return '"active":false' in text or '"withdrawn":"2' in text


def _cut(body: bytes, lines: int = 400) -> Iterator[bytes]:
    every = body.splitlines(keepends=True)
    for at in range(0, len(every), lines):
        yield b"".join(every[at : at + lines])


def _key(one: Mapping[str, Any]) -> str:
    return f"{one['resourceType']}/{one['id']}"


__all__ = ["FhirSoak", "Plan", "Report"]
