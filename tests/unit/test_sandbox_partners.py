"""The simulated partners behind real SFTP: mailboxes, restarts, logins, and the print vendor."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from hub.clock import TurnedClock
from hub.sandbox import sandbox as sandbox_module
from hub.sandbox.mailbox import Endpoint
from hub.sandbox.options import SandboxOptions
from hub.sandbox.printer import PrintShop
from hub.sandbox.samples import Sample, sample_file
from hub.sandbox.sandbox import Sandbox

PDF = b"%PDF-1.7 synthetic"
Work = Callable[[Any], Awaitable[Any]]


@pytest.fixture
def sandbox(tmp_path: Path, clock: TurnedClock) -> Iterator[Sandbox]:
    """Partners that accept and pay everything."""
    with Sandbox.start(tmp_path, clock, seed=1, options=SandboxOptions(plain=True)) as started:
        yield started


def over_sftp(endpoint: Endpoint, work: Work, **login: object) -> Any:
    """Runs `work` with an SFTP client that pins the host key."""

    async def connected() -> Any:
        chosen = login or {"client_keys": [endpoint.key_file]}
        async with asyncssh.connect(
            endpoint.host, port=endpoint.port, username=endpoint.user, known_hosts=None, agent_path=None, **chosen
        ) as connection:
            key = connection.get_server_host_key()
            assert key is not None
            assert key.get_fingerprint("sha256") == endpoint.fingerprint
            async with connection.start_sftp_client() as client:
                return await work(client)

    return asyncio.run(connected())


def put(endpoint: Endpoint, name: str, body: bytes) -> None:
    """Uploads under a temporary name and renames, as a careful client does."""

    async def work(client: Any) -> None:
        async with client.open(f"{endpoint.inbound}/.{name}.part", "wb") as file:
            await file.write(body)
        await client.posix_rename(f"{endpoint.inbound}/.{name}.part", f"{endpoint.inbound}/{name}")

    over_sftp(endpoint, work)


def waiting(endpoint: Endpoint, folder: str) -> list[str]:
    """What a client sees in a folder."""

    async def work(client: Any) -> list[str]:
        return sorted(name for name in await client.listdir(folder) if name not in {".", ".."})

    found: list[str] = over_sftp(endpoint, work)
    return found


def get(endpoint: Endpoint, name: str) -> bytes:
    """Downloads one answer."""

    async def work(client: Any) -> bytes:
        async with client.open(f"{endpoint.outbound}/{name}", "rb") as file:
            body: bytes = await file.read()
            return body

    found: bytes = over_sftp(endpoint, work)
    return found


def manifest(**changes: object) -> bytes:
    """The manifest of a run of three statements, with these keys changed."""
    statements = [{"number": f"S{i}", "first_page": i, "pages": 1, "total_cents": 1_000 * i} for i in range(1, 4)]
    whole = {
        "run": "RUN1",
        "file": "RUN1.pdf",
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "pages": 3,
        "statements": statements,
        "count": 3,
        "total_cents": 6_000,
    }
    return json.dumps(whole | changes).encode()


def test_from_an_837_to_its_835_over_sftp(sandbox: Sandbox, clock: TurnedClock) -> None:
    """A file is taken the moment it appears; 999, 277CA, the payer's 277CA and the 835 come when they are due."""
    partner = sandbox.clearinghouse
    put(partner, "claims.837", sample_file([[Sample(pcn="A1")]]))
    assert sandbox.advance() == []
    assert waiting(partner, partner.inbound) == []
    kinds = []
    while (due := sandbox.next_due()) is not None:
        clock.turn_to(due)
        kinds += [name.rsplit(".", 1)[1] for name in sandbox.advance()]
    assert kinds == ["999", "277", "277", "835"]
    paid = next(name for name in waiting(partner, partner.outbound) if name.endswith(".835"))
    assert b"*A1*" in get(partner, paid)
    assert sandbox.report().received == {"A1": 1}
    assert sum(sandbox.report().paid_by_trace().values()) == sandbox.report().paid_by_claim()["A1"] > 0


def test_a_half_written_file_is_left_alone(sandbox: Sandbox) -> None:
    """A file under a temporary name is not taken."""
    partner = sandbox.clearinghouse

    async def work(client: Any) -> None:
        async with client.open(f"{partner.inbound}/claims.837.part", "wb") as file:
            await file.write(b"ISA*00*")

    over_sftp(partner, work)
    sandbox.advance()
    assert waiting(partner, partner.inbound) == ["claims.837.part"]
    assert sandbox.report().files == []


def test_a_partner_started_again_goes_on(tmp_path: Path, clock: TurnedClock) -> None:
    """Started on the same root, the sandbox has its key, port, books and answers, and sends nothing twice."""
    with Sandbox.start(tmp_path, clock) as first:
        before = first.clearinghouse
        put(before, "claims.837", sample_file([[Sample(pcn="A1"), Sample(pcn="B1", filing="MB")]]))
        first.advance()
        clock.turn(timedelta(hours=1))
        early = first.advance()
    with Sandbox.start(tmp_path, clock) as second:
        assert second.clearinghouse == before
        assert second.advance() == []
        clock.turn(timedelta(days=60))
        late = second.advance()
        assert len(early) == 2
        assert any(name.endswith(".835") for name in late)
        assert not set(early) & set(late)
        assert second.report().received == {"A1": 1, "B1": 1}


def test_what_came_while_it_was_away_is_taken(tmp_path: Path, clock: TurnedClock) -> None:
    """A file that lies in the inbound folder at start is taken like any other."""
    with Sandbox.start(tmp_path, clock):
        pass
    (tmp_path / "clearinghouse" / "inbound" / "late.837").write_bytes(sample_file([[Sample(pcn="A1")]]))
    with Sandbox.start(tmp_path, clock) as again:
        again.advance()
        assert again.report().received == {"A1": 1}


def test_logins_can_be_refused_and_allowed_again(sandbox: Sandbox) -> None:
    """With `refuse_logins` neither password nor key opens the door; without it both do."""
    partner = sandbox.clearinghouse
    password = {"password": partner.password, "client_keys": None}
    sandbox.change(SandboxOptions(refuse_logins=True))
    for login in (password, {"client_keys": [partner.key_file]}):
        with pytest.raises(asyncssh.PermissionDenied):
            over_sftp(partner, _nothing, **login)
    sandbox.change(SandboxOptions())
    over_sftp(partner, _nothing, **password)
    with pytest.raises(asyncssh.PermissionDenied):
        over_sftp(partner, _nothing, password="wrong", client_keys=None)


async def _nothing(_client: Any) -> None:
    return None


def test_an_endpoint_hides_its_password(sandbox: Sandbox) -> None:
    """Printing an endpoint never shows the password."""
    assert sandbox.clearinghouse.password not in repr(sandbox.clearinghouse)


def test_threads_end_with_the_sandbox(tmp_path: Path, clock: TurnedClock) -> None:
    """After `stop`, twice, no thread of the servers is left."""
    before = set(threading.enumerate())
    started = Sandbox.start(tmp_path, clock)
    started.stop()
    started.stop()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("sftp")]


def test_the_print_vendor_answers_each_statement(sandbox: Sandbox, clock: TurnedClock) -> None:
    """PDF and manifest, in either order, bring a results file a day later with a verdict for each statement."""
    vendor = sandbox.printer
    put(vendor, "RUN1.json", manifest())
    sandbox.advance()
    put(vendor, "RUN1.pdf", PDF)
    assert sandbox.advance() == []
    clock.turn(timedelta(days=1))
    assert sandbox.advance() == ["RUN1-results.csv"]
    rows = get(vendor, "RUN1-results.csv").decode().splitlines()
    assert rows == ["number,verdict,reason", "S1,printed,", "S2,printed,", "S3,printed,"]
    assert sandbox.report().statements == {"S1": "printed", "S2": "printed", "S3": "printed"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sha256": "0" * 64}, "hash-mismatch"),
        ({"count": 4}, "count-mismatch"),
        ({"total_cents": 1}, "total-mismatch"),
        ({"pages": 4}, "pages-mismatch"),
    ],
)
def test_a_wrong_manifest_rejects_the_run(clock: TurnedClock, changes: dict[str, object], reason: str) -> None:
    """A manifest that does not describe its PDF rejects every statement of the run, with the reason."""
    shop = PrintShop(1, SandboxOptions())
    shop.receive("RUN1.pdf", PDF, clock.now())
    shop.receive("RUN1.json", manifest(**changes), clock.now())
    (answer,) = shop.release(clock.now() + timedelta(days=1))
    assert answer.body.decode().splitlines()[1:] == [f"S{i},rejected,{reason}" for i in (1, 2, 3)]


def test_an_unreadable_manifest_is_answered(clock: TurnedClock) -> None:
    """A manifest that is no manifest is rejected as a whole and nothing stops."""
    shop = PrintShop(1, SandboxOptions())
    shop.receive("RUN1.json", b"{", clock.now())
    (answer,) = shop.release(clock.now() + timedelta(days=1))
    assert answer.body.decode().splitlines()[1] == "RUN1,rejected,manifest-unreadable"


def test_some_mail_comes_back(clock: TurnedClock) -> None:
    """Of many statements most are printed and a few are returned or moved, the same ones for the same seed."""
    statements = [{"number": f"S{i}", "first_page": i, "pages": 1, "total_cents": 0} for i in range(1, 301)]
    body = manifest(statements=statements, pages=300, count=300, total_cents=0)
    verdicts = []
    for _ in range(2):
        shop = PrintShop(1, SandboxOptions())
        shop.receive("RUN1.pdf", PDF, clock.now())
        shop.receive("RUN1.json", body, clock.now())
        verdicts.append(dict(shop.verdicts))
    printed = sum(verdict == "printed" for verdict in verdicts[0].values())
    assert verdicts[0] == verdicts[1]
    assert 270 < printed < 300
    assert set(verdicts[0].values()) <= {"printed", "returned", "moved"}


def test_two_sandboxes_with_one_seed_say_the_same(tmp_path: Path, clock: TurnedClock) -> None:
    """The whole sandbox is deterministic: same seed, files and clock give the same files."""
    start: datetime = clock.now()
    found: list[dict[str, bytes]] = []
    for name in ("one", "two"):
        mine = TurnedClock(start)
        with Sandbox.start(tmp_path / name, mine, seed=7) as sandbox:
            put(sandbox.clearinghouse, "claims.837", sample_file([[Sample(pcn=f"P{i}") for i in range(3)]]))
            sandbox.advance()
            mine.turn(timedelta(days=40))
            sandbox.advance()
        outbound = tmp_path / name / "clearinghouse" / "outbound"
        found.append({path.name: path.read_bytes() for path in sorted(outbound.iterdir())})
    assert found[0] == found[1]
    assert len(found[0]) >= 4


def test_the_sandbox_knows_nothing_of_the_hub() -> None:
    """It sees bytes alone: of the hub it imports only x12, money, clock and errors."""
    allowed = ("hub.sandbox.", "hub.x12.", "hub.money", "hub.clock", "hub.errors")
    folder = Path(sandbox_module.__file__).parent
    for path in folder.glob("*.py"):
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        named = [node.module or "" for node in nodes if (node.module or "").startswith("hub")]
        assert all(name.startswith(allowed) for name in named), path.name
