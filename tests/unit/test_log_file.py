"""The log file: closed to others, turned at its size, followed when it is moved, and never anybody's fault."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from hub import log
from hub.errors import Misconfigured

CANARY = "Canary-Nightingale, Wilhelmina"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where the log of a test stands; afterwards nothing is written there any more."""
    yield tmp_path / "hub.log"
    log.configure(stream=io.StringIO(), libraries=False)
    structlog.reset_defaults()


def lines(path: Path) -> list[dict[str, object]]:
    """Every line, as the JSON object that it is."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_are_json_with_the_node_and_nobody_else_reads_them(path: Path) -> None:
    """A line is one JSON object that names its node, in a file of mode 0600, whatever the umask."""
    before = os.umask(0)
    try:
        log.configure(file=path, node="north-1", libraries=False)
        log.get_log(step="dispatch.send").info("step.done", count=2)
    finally:
        os.umask(before)
    (line,) = lines(path)
    assert (line["node"], line["event"], line["count"]) == ("north-1", "step.done", 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_least_level_is_honoured(path: Path) -> None:
    """`hub.log = "warning"` leaves out what is only for information."""
    log.configure(file=path, level="warning", libraries=False)
    log.get_log().info("listed")
    log.get_log().warning("sweep.fault")
    assert [line["event"] for line in lines(path)] == ["sweep.fault"]


def test_it_is_turned_at_its_size_and_few_are_kept(path: Path) -> None:
    """At `log_megabytes` a new file begins; `log_keep` old ones stay, closed to others too, and no line is torn."""
    log.configure(file=path, megabytes=1, keep=2, libraries=False)
    said = log.get_log(place="x" * 100)
    for number in range(20_000):
        said.info("listed", count=number)
    turned = sorted(one.name for one in path.parent.glob("hub.log*"))
    assert turned == ["hub.log", "hub.log.1", "hub.log.2"]
    assert {stat.S_IMODE((path.parent / name).stat().st_mode) for name in turned} == {0o600}
    newest = [line["count"] for name in ("hub.log.1", "hub.log") for line in lines(path.parent / name)]
    assert newest[-1] == 19_999
    assert newest == list(range(newest[0], 20_000))  # type: ignore[call-overload]


def test_it_follows_when_another_program_moves_it(path: Path) -> None:
    """After logrotate's `rename` the next line stands in a new file, and none is lost."""
    log.configure(file=path, libraries=False)
    log.get_log().info("first")
    path.rename(path.with_suffix(".old"))
    log.get_log().info("second")
    assert [line["event"] for line in lines(path.with_suffix(".old"))] == ["first"]
    assert [line["event"] for line in lines(path)] == ["second"]


def test_reopen_lets_go_of_the_file(path: Path) -> None:
    """SIGHUP calls `reopen`: the file is let go of, and the next line opens it again; harmless without a file."""
    log.configure(file=path, libraries=False)
    log.get_log().info("first")
    log.reopen()
    path.rename(path.with_suffix(".old"))
    log.reopen()
    log.get_log().info("second")
    assert [line["event"] for line in lines(path)] == ["second"]
    log.configure(stream=io.StringIO(), libraries=False)
    log.reopen()
    assert [line["event"] for line in lines(path)] == ["second"]


def test_a_full_disk_is_nobody_elses_fault(path: Path) -> None:
    """While the file cannot grow lines are lost and counted, nothing is raised; later lines stand alone and whole."""
    log.configure(file=path, libraries=False)
    log.get_log().info("first")
    before = log.dropped().get("unwritten", 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
        for number in range(200):
            log.get_log(place="x" * 100).info("lost", count=number)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    log.get_log().info("last")
    assert log.dropped()["unwritten"] - before == 200
    said = path.read_text().splitlines()
    assert json.loads(said[0])["event"] == "first"
    assert json.loads(said[-1])["event"] == "last"


def test_a_file_that_may_not_be_written_is_said_at_once(tmp_path: Path) -> None:
    """A log file in a folder that does not exist is a fault of the settings, told at the start."""
    with pytest.raises(Misconfigured) as told:
        log.configure(file=tmp_path / "nowhere" / "hub.log", libraries=False)
    assert "run.log_file" in told.value.fix


def test_libraries_and_values_are_withheld_in_the_file_too(tmp_path: Path) -> None:
    """Neither what a library says, whatever name it takes, nor a value under a key that is not listed is kept."""
    path = tmp_path / "hub.log"
    code = (
        "import logging, hub.log; from pathlib import Path;"
        f"hub.log.configure(file=Path({str(path)!r}), node={CANARY!r});"
        f"logging.getLogger('uvicorn.error').error('for %s', {CANARY!r});"
        f"logging.getLogger('hub').error({CANARY!r});"
        f"hub.log.get_log().warning('listed', patient={CANARY!r}, step={CANARY!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    said = path.read_text()
    assert said.startswith("library uvicorn.error error <string>:1 (text withheld)\n")
    assert "Canary" not in said
    assert "Wilhelmina" not in said
