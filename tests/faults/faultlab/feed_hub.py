"""A hub that listens for a feed, in a process of its own that may be killed; how much memory it takes."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

from hub.config.template import write_template
from hub.testing.notices import WebServer, free_port

SOURCE = "adt"
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.05
SAMPLE_SECONDS = 0.5
_NOTICES = """
[connectors.hook]
plugin = "notices"
kind = "webhook"
[connectors.hook.settings]
url = "{url}"

[notifications.to]
it = ["hook"]
all = ["hook"]

[watch]
every = "{watch}"

[run]
listen = ""
{run}
"""
SAMPLE = tuple[float, int, int, float]
"""Seconds since the start, process, messages acknowledged so far, megabytes resident."""


class FeedHub:
    """The example practice whose HL7 source listens, and nothing else of it: nobody else is spoken to, and visits are
    held for so long that nothing is billed while the feed is compared.
    """

    def __init__(self, folder: Path, *, store: str = "", watch: str = "2s") -> None:
        self.config, self.log = folder / "config", folder / "hub-run.txt"
        self.port, self.kills, self.lives = free_port(), 0, 0
        self.hook = WebServer()
        self.up = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        write_template(self.config)
        self._furnish(store, watch)

    def _furnish(self, store: str, watch: str) -> None:
        key = self.config / "master.key"
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32))
        text = (self.config / "hub.toml").read_text()
        text = text[: text.index("[connectors.ehr]")] + text[text.index("[connectors.adt]") :]
        text = text[: text.index("[connectors.clearinghouse]")]
        text = text.replace("env:HUB_MASTER_KEY", "file:master.key")
        about = f'[connectors.adt.settings]\nmllp = {{ listen = "127.0.0.1:{self.port}" }}\n'
        text = text.replace("[connectors.adt.settings]\n", about)
        if store:
            text = text.replace("[hub]\n", f'[hub]\nstore = "{store}"\n')
        text += _NOTICES.format(url=self.hook.url, watch=watch, run="")
        (self.config / "hub.toml").write_text(text)
        practices = self.config / "practices.toml"
        known = practices.read_text()
        known = known[: known.index("[sources.ehr]")] + known[known.index("[sources.adt]") :]
        practices.write_text(known.replace("hold_days = 0", "hold_days = 60"))
        (self.config / "enrolments.toml").write_text("")
        payers = self.config / "payers.toml"
        payers.write_text(re.sub(r"^(ids|remit_ids) = .*$", "", payers.read_text(), flags=re.MULTILINE))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.up.clear()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.hook.stop()

    @property
    def pid(self) -> int:
        """Its process; 0 while it is dead."""
        return self._process.pid if self._process is not None and self.up.is_set() else 0

    def start(self) -> None:
        """A new life, until it listens."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "hub.cli.main", "run", "-c", str(self.config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the hub does not listen:\n{self.log.read_text()[-2000:]}")
            time.sleep(LOOK_SECONDS)
        self.lives += 1
        self.up.set()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self.up.clear()
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_SECONDS)
        self.kills += 1

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        self.up.clear()
        self._process.terminate()
        return self._process.wait(PATIENCE_SECONDS)

    def reread(self) -> None:
        """SIGHUP: it takes changed settings."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGHUP)


class Memory:
    """Looks how much memory a hub takes, life after life."""

    def __init__(self, hub: FeedHub, acknowledged: Any) -> None:
        self.samples: list[SAMPLE] = []
        self._hub, self._acknowledged = hub, acknowledged
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        began = time.monotonic()
        while not self._end.wait(SAMPLE_SECONDS):
            if (pid := self._hub.pid) and (resident := resident_mb(pid)):
                self.samples.append((time.monotonic() - began, pid, self._acknowledged(), resident))

    @property
    def most(self) -> float:
        """Megabytes at most, of any life."""
        return max((one[3] for one in self.samples), default=0.0)

    def longest_life(self) -> list[SAMPLE]:
        """The samples of the life in which most messages were acknowledged."""
        lives: dict[int, list[SAMPLE]] = {}
        for one in self.samples:
            lives.setdefault(one[1], []).append(one)
        return max(lives.values(), key=lambda some: some[-1][2] - some[0][2], default=[])

    def slope(self) -> float:
        """Megabytes for each 10,000 messages, in the second half of the longest life (least squares)."""
        life = self.longest_life()
        half = life[len(life) // 2 :]
        return slope([one[2] / 10_000 for one in half], [one[3] for one in half])


def slope(xs: list[float], ys: list[float]) -> float:
    """Of the straight line that is nearest (least squares); 0 where there is none."""
    if len(xs) < 2 or xs[0] == xs[-1]:
        return 0.0
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)


def resident_mb(pid: int) -> float:
    """What a process has in memory; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
