"""What a node may be, how it hears signals, and what it tells the service manager."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hub.cli import main, serve
from hub.config import load
from hub.config.template import write_template
from hub.config.unattended import Run
from hub.errors import Misconfigured, RetryLater, StoreAway
from hub.node import Node, manager
from hub.node.plan import ROLES, plan_faults, planned
from hub.node.signals import AT_ONCE, Signals
from hub.runner import Retry
from hub.runner.trouble import judge


def test_options_override_settings() -> None:
    """Roles and address of the command line win; without the role `web` nothing is served."""
    assert planned(Run()).roles == ROLES
    found = planned(Run(runner="distributed"), "worker, listener")
    assert (found.roles, found.listen, found.alone) == (("worker", "listener"), "", False)
    assert planned(Run(), listen="127.0.0.1:9").listen == "127.0.0.1:9"
    assert planned(Run(), listen="").listen == ""


@pytest.mark.parametrize("roles", ["scheduler", "worker", "listener", "worker,web", "scheduler,listener"])
def test_the_local_runner_is_one_process(roles: str) -> None:
    """Steps that nobody would run, or that nobody would nudge, are refused before anything starts."""
    with pytest.raises(Misconfigured, match="one process") as caught:
        planned(Run(), roles)
    assert "distributed" in caught.value.fix


def test_a_web_node_may_stand_beside_a_local_one() -> None:
    """It runs no step and takes no right to."""
    assert not planned(Run(), "web").alone
    assert planned(Run()).alone


@pytest.mark.parametrize(
    ("roles", "fix"), [("workr", "worker"), ("nothing", "the roles are"), (",", "name some")]
)
def test_what_is_no_role_is_refused(roles: str, fix: str) -> None:
    """A misspelt role would leave something undone for months."""
    with pytest.raises(Misconfigured) as caught:
        planned(Run(), roles)
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("run", "key"),
    [
        ('roles = ["scheduler", "web"]', "run.roles"),
        ('runner = "distributed"', "run.runner"),
        ("threads = 2", ""),
    ],
)
def test_settings_without_sense_are_faults_with_a_line(tmp_path: Path, run: str, key: str) -> None:
    """`hub check` and a reload see what no node could be, at its line."""
    write_template(tmp_path)
    toml = tmp_path / "hub.toml"
    toml.write_text(f"{toml.read_text()}\n[run]\n{run}\n")
    found = plan_faults(load(tmp_path))
    assert [one.key for one in found] == ([key] if key else [])
    assert all(one.line > 10 for one in found)


def test_signals_wait_in_order() -> None:
    """A handler only writes down: what came is done one after the other, and the old handlers come back."""
    before = signal.getsignal(signal.SIGHUP)
    signals = Signals()
    with signals.heard():
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert [signals.wait(60), signals.wait(60)] == [signal.SIGHUP, signal.SIGTERM]
        assert signals.wait(0) is None
    assert signal.getsignal(signal.SIGHUP) is before


def test_a_hub_that_starts_does_not_end_by_sighup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the node hears signals SIGHUP does nothing; and it hears them before it reads its settings, so that no
    change of them is missed. Afterwards all is as it was."""
    asked: list[int | None] = []
    before = signal.getsignal(signal.SIGHUP)

    def started(folder: Path, **_: object) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        node = Node(folder)
        monkeypatch.setattr(node, "_planned", _no_settings)
        with pytest.raises(Misconfigured):
            node.run()
        asked.extend([node.signals.wait(60), node.signals.wait(0)])

    monkeypatch.setattr(serve, "run", started)
    main.run(tmp_path)
    assert asked == [signal.SIGHUP, None]
    assert signal.getsignal(signal.SIGHUP) is before


def _no_settings() -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    raise Misconfigured("no settings")


def test_the_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """READY, RELOADING, STOPPING and WATCHDOG go to the socket that systemd names; without one, nowhere."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not manager.tell("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "n"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        for say in (
            lambda: manager.ready("running"),
            manager.reloading,
            lambda: manager.stopping(3),
            manager.alive,
        ):
            say()
        told = [listening.recv(200).decode().split("\n")[0] for _ in range(4)]
    assert told == ["READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1"]
    assert not manager.tell("READY=1")


def test_an_absent_store_is_not_waited_for_longer_and_longer() -> None:
    """Every lane goes on within half a minute of its return; a partner is asked ever more rarely."""
    store, partner = judge(StoreAway("away", after_seconds=5)), judge(RetryLater("busy", after_seconds=5))
    assert (store.wait_seconds(Retry(), 1), store.wait_seconds(Retry(), 20)) == (5.0, 30.0)
    assert partner.wait_seconds(Retry(), 20) == 300.0


@pytest.mark.campaign
def test_a_second_interrupt_ends_at_once() -> None:
    """Whoever presses Ctrl-C twice does not wait for the drain."""
    script = (
        "from hub.node.signals import Signals\n"
        "signals = Signals()\n"
        "with signals.heard():\n"
        "    print('ready', flush=True)\n"
        "    print(signals.wait(60), flush=True)\n"
        "    signals.wait(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == f"{signal.SIGINT.value}\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == AT_ONCE
