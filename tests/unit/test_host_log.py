"""The log keeps allow-listed keys and plain values, whoever writes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import TurnedClock
from hub.log import allowed, configure, dropped, get_log
from hub.testing.fakes import START

NAME = "Canary, Zoe"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A log that this test reads."""
    out = io.StringIO()
    configure(clock=TurnedClock(START), stream=out, libraries=False)
    yield out
    structlog.reset_defaults()


def test_allowed_keys_are_written(stream: io.StringIO) -> None:
    """A line is one JSON object: instant, level, event, and what is allowed."""
    get_log(instance="acme").info("files.listed", count=3, seconds=0.5, more=True)
    assert json.loads(stream.getvalue()) == {
        "at": "2026-03-02T14:00:00.000+00:00",
        "level": "info",
        "event": "files.listed",
        "instance": "acme",
        "count": 3,
        "seconds": 0.5,
        "more": True,
    }


def test_everything_else_is_dropped_and_counted(stream: io.StringIO) -> None:
    """A key that is not listed, a text that could be a name, an event with a value in it: none is written."""
    before = dropped()
    log = get_log(instance="acme")
    log.warning("listed", patient=NAME, kind=NAME, count=NAME)
    log.warning(f"could not read {NAME}")  # noqa: G004 - the fault in question
    said = stream.getvalue()
    assert "Canary" not in said
    assert json.loads(said.splitlines()[1])["event"] == "unnamed"
    gained = {key: number - before.get(key, 0) for key, number in dropped().items()}
    assert {key: gained[key] for key in ("key", "value", "event")} == {"key": 1, "value": 2, "event": 1}


def test_exceptions_are_dropped(stream: io.StringIO) -> None:
    """An exception's text never reaches the log, also by structlog's own door."""
    try:
        raise ValueError(NAME)  # noqa: TRY301 - it is what is logged
    except ValueError:
        structlog.get_logger().exception("step.bug", step="ingest.read")
    assert json.loads(stream.getvalue())["step"] == "ingest.read"
    assert "Canary" not in stream.getvalue()


def test_a_plugin_cannot_rename_its_instance(stream: io.StringIO) -> None:
    """Bound values win over those of a line."""
    get_log(instance="acme").info("listed", instance="other")
    assert json.loads(stream.getvalue())["instance"] == "acme"


@given(value=st.one_of(st.text(), st.binary(), st.lists(st.text()), st.floats(), st.none()))
def test_only_plain_words_stand_under_text_keys(value: object) -> None:
    """Under a text key only a word without spaces may stand, under a number key only a number."""
    if allowed("kind", value):
        assert isinstance(value, str)
        assert not any(letter.isspace() or letter == "," for letter in value)
    assert allowed("count", value) == isinstance(value, float)
    assert not allowed("patient", value)


def test_libraries_are_withheld() -> None:
    """Of what a library logs only its name, the level and the place are kept."""
    code = (
        "import logging, hub.log; hub.log.configure();"
        f"logging.getLogger('paramiko.transport').error('auth failed for %s', {NAME!r});"
        "logging.getLogger('paramiko').info('quiet')"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stderr == "library paramiko.transport error <string>:1 (text withheld)\n"


def test_silent_until_configured() -> None:
    """A library user who sets no log up gets none."""
    structlog.reset_defaults()
    get_log(instance="acme").warning("listed", count=1)
