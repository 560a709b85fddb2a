"""`hub hl7 send`: messages of files over MLLP to a receiver, with what it answered and how fast."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer
from pydantic import ValidationError

from hub.errors import HubError, InDoubt, Misconfigured, RetryLater
from hub.plugin.api import Commands, Terminal
from hub_hl7_adt.commands.drawn import item, plural
from hub_hl7_adt.linting.samples import Sample, gathered
from hub_hl7_adt.message.editing import NotEditable, edited
from hub_hl7_adt.mllp.sender import MllpSender, Nack, Told
from hub_hl7_adt.names import MSH
from hub_hl7_adt.settings_mllp import MllpTarget, address
from hub_hl7_adt.wire import message_of

_ANSWERS = {
    "AA": "taken", "CA": "kept", "AE": "an error in the message", "CE": "an error in the message",
    "AR": "refused", "CR": "refused", "": "sent; no answer was asked for",
}  # fmt: skip
# HL7 table 0357 in our words.
_ERRORS = {
    "100": "the segments are not in order", "101": "a required field is missing", "102": "a data type is wrong",
    "103": "a value is not in its table", "104": "it is too large", "200": "the type of message is not supported",
    "201": "the event is not supported", "202": "the processing id (MSH-11) is not supported",
    "203": "the version is not supported", "204": "a key is not known", "205": "the key is there already",
    "206": "the record is locked", "207": "an error within the receiver",
}  # fmt: skip


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for; `rate` in messages a second, 0 without a limit."""

    what: tuple[str, ...]
    connector: str = ""
    tls: bool = False
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_name: str = ""
    rate: float = 0.0
    count: int = 0
    first: int = 1
    fresh_ids: bool = False
    window: int = 1
    ack_seconds: float = 30.0
    go_on: bool = False
    yes: bool = False
    dry_run: bool = False
    as_json: bool = False


class Sent(msgspec.Struct, kw_only=True):
    """How it went: answers by code, milliseconds of each, what was refused (number, code, error), why it stopped."""

    answers: Counter[str] = msgspec.field(default_factory=Counter)
    waits_ms: list[float] = []
    refused: list[tuple[int, str, str]] = []
    stopped: str = ""
    fix: str = ""
    resent: int = 0
    seconds: float = 0.0


class _Environment:
    """Secret references of the command line: environment variables alone."""

    def get(self, reference: str) -> str:
        """The value of `env:NAME`."""
        kind, _, name = reference.partition(":")
        if kind != "env" or name not in os.environ:
            raise Misconfigured(f"{reference} cannot be read here", fix="give a path, or env:NAME of a variable")
        return os.environ[name]


def send(given: Commands, choice: Choice, config: Path | None, by: str) -> None:
    """Send and tell; ends with 1 where something was not taken."""
    terminal = given.terminal
    files, to = _parted(choice, terminal)
    if choice.connector:
        with given.desk(config, by) as desk:
            settings = desk.settings(choice.connector)
        to = _of_connector(settings, choice.connector)
        choice = _as_it_listens(terminal, choice, settings)
    target = _target(terminal, choice, to)
    samples = gathered([Path(name) for name in files]).samples
    if not samples:
        terminal.fail(
            "there is no HL7 message in what was given", "a message begins with MSH at the start of a line"
        )
    if choice.first > len(samples):
        terminal.fail(f"there are only {plural(len(samples), 'message')}", "give --from a smaller number")
    chosen = samples[choice.first - 1 :]
    _ask(terminal, chosen, to, choice)
    if choice.dry_run:
        return
    sent = _sent(terminal, chosen, target, choice)
    _tell(terminal, sent, chosen, to, choice)
    raise typer.Exit(1 if sent.stopped or sent.refused else 0)


def _parted(choice: Choice, terminal: Terminal) -> tuple[list[str], str]:
    """Files, and the address behind them, where there is one."""
    what = list(choice.what)
    if choice.connector:
        return what, ""
    last = what[-1]
    try:
        address(last)
    except ValueError as error:
        if re.fullmatch(r".*:\d+", last) and not Path(last).exists():
            terminal.fail(
                f"{last} is no address: {error}", "write HOST:PORT behind the files, or --connector NAME"
            )
        last = ""
    if not last or Path(last).exists() or len(what) < 2:
        terminal.fail("it is not said where to send", "write HOST:PORT behind the files, or --connector NAME")
    return what[:-1], last


def _of_connector(settings: object, name: str) -> str:
    """The address on which a connector of this hub listens, as it is reached from here."""
    listener = getattr(settings, "mllp", None)
    if listener is None:
        raise Misconfigured(
            f"{name} does not listen", fix=f'set listen = "0.0.0.0:2575" in [connectors.{name}.settings.mllp]'
        )
    host, port = address(listener.listen)
    here = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"[{here}]:{port}" if ":" in here else f"{here}:{port}"


def _as_it_listens(terminal: Terminal, choice: Choice, settings: Any) -> Choice:
    """TLS where the connector listens with it; whom to trust, and with which certificate, only the caller knows."""
    if not settings.mllp.tls_cert:
        return choice
    if not choice.tls_ca:
        fix = "--tls-ca CA.pem: who signed its certificate (the certificate itself, where it signed itself)"
        terminal.fail(f"{choice.connector} listens with TLS, and it is not said whom to trust", fix)
    if settings.mllp.tls_client_ca and not choice.tls_cert:
        fix = "--tls-cert and --tls-key: one that tls_client_ca has signed"
        terminal.fail(f"{choice.connector} hears only who shows a certificate", fix)
    return msgspec.structs.replace(choice, tls=True)


def _is_tls(choice: Choice) -> bool:
    return choice.tls or bool(choice.tls_ca or choice.tls_cert or choice.tls_name)


def _target(terminal: Terminal, choice: Choice, to: str) -> MllpTarget:
    try:
        return MllpTarget(
            to=to, tls=_is_tls(choice), tls_ca=choice.tls_ca, tls_cert=choice.tls_cert, tls_key=choice.tls_key,
            tls_name=choice.tls_name, window=choice.window, ack_seconds=choice.ack_seconds, back_off_seconds=0.5,
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        terminal.fail(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def is_here(to: str) -> bool:
    """Whether an address is this machine's own loopback."""
    host = address(to)[0]
    try:
        return host in ("", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _ask(terminal: Terminal, samples: tuple[Sample, ...], to: str, choice: Choice) -> None:
    """Say what goes where; what leaves this machine a person must have wanted."""
    total = choice.count or len(samples)
    found = [message_of(one.body, "utf-8") for one in samples]
    live = sum(message is not None and message.header.text(MSH.processing_id) == "P" for message in found)
    if choice.dry_run or not is_here(to):
        said = f"of the samples {live:,} say that they are production (MSH-11 P)"
        terminal.say(f"{plural(total, 'message')} would go to {to}; {said}.")
    if choice.dry_run or choice.yes or is_here(to):
        return
    if not terminal.confirm("This leaves the machine and cannot be taken back. Send?"):
        terminal.fail("nothing was sent", "say --yes if these messages may go there")


def _sent(terminal: Terminal, samples: tuple[Sample, ...], target: MllpTarget, choice: Choice) -> Sent:
    """Send them all, from message to message, as long as nothing stops it."""
    sent = Sent()
    total = choice.count or len(samples)
    began = time.perf_counter()
    with MllpSender(target, _Environment()) as sender:
        at = 0
        while at < total and not sent.stopped:
            at = _fed(terminal, sender, _Bodies(samples, choice, at, total), sent, choice)
        sent.resent = sender.resent
    sent.seconds = time.perf_counter() - began
    return sent


class _Bodies:
    """The messages from `start` on, at the wanted rate, each with the time at which it was taken to be sent."""

    def __init__(self, samples: tuple[Sample, ...], choice: Choice, start: int, total: int) -> None:
        self.start, self.total = start, total
        self.taken: list[float] = []
        self._samples, self._choice = samples, choice
        self._mark = secrets.token_hex(4).upper()

    def __iter__(self) -> Iterator[bytes]:
        began = time.perf_counter()
        for number in range(self.start, self.total):
            if self._choice.rate:
                due = began + (number - self.start) / self._choice.rate
                time.sleep(max(0.0, due - time.perf_counter()))
            body = self._samples[number % len(self._samples)].body
            if self._choice.fresh_ids:
                body = edited(body, "MSH-10", f"{self._mark}{number:08}")
            self.taken.append(time.perf_counter())
            yield body


def _fed(terminal: Terminal, sender: MllpSender, bodies: _Bodies, sent: Sent, choice: Choice) -> int:
    """Feed until all are answered or one stops it; gives the number of the next message to send."""
    at = bodies.start
    try:
        for told in sender.feed(bodies):
            _count(sent, told, bodies)
            at = bodies.start + told.nth + 1
            terminal.progress("messages sent", at, bodies.total)
    except Nack as nack:
        at = bodies.start + nack.told.nth + 1
        for told in (nack.told, *nack.after):
            _count(sent, told, bodies)
            at = max(at, bodies.start + told.nth + 1)
        if not choice.go_on:
            sent.stopped = f"message {choice.first + bodies.start + nack.told.nth} was refused"
            sent.fix = (
                f"mend it, then send on with --from {choice.first + at}; or send all whatever comes: --go-on"
            )
    except (InDoubt, RetryLater, HubError) as error:
        sent.stopped, sent.fix = str(error), _after(error, sent, choice, at)
    except OSError as error:
        sent.stopped = f"the connection failed: {error.strerror or type(error).__name__}"
        sent.fix = f"check the address and TLS on both sides, then send on with --from {choice.first + at}"
    except KeyboardInterrupt:
        sent.stopped = "stopped by hand; what was on its way may have been taken"
        sent.fix = f"send on with --from {choice.first + at}"
    except NotEditable as error:
        sent.stopped, sent.fix = (
            f"message {at + 1} cannot have an id of its own: {error}",
            "leave --fresh-ids out",
        )
    return at


def _after(error: HubError, sent: Sent, choice: Choice, at: int) -> str:
    """What to do where the sending stopped; a receiver that never answered may have waited for TLS."""
    if not isinstance(error, InDoubt):
        return f"{error.fix + '; ' if error.fix else ''}then send on with --from {choice.first + at}"
    plain = not sent.answers and not _is_tls(choice)
    return f"was it to be sent over TLS (--tls)? {error.fix}" if plain else error.fix


def _count(sent: Sent, told: Told, bodies: _Bodies) -> None:
    sent.answers[told.code] += 1
    if told.code and told.nth < len(bodies.taken):
        sent.waits_ms.append((time.perf_counter() - bodies.taken[told.nth]) * 1000)
    if told.code not in ("AA", "CA", ""):
        sent.refused.append((bodies.start + told.nth, told.code, told.error))


def _tell(terminal: Terminal, sent: Sent, samples: tuple[Sample, ...], to: str, choice: Choice) -> None:
    waits = percentiles(sent.waits_ms)
    total = sent.answers.total()
    if choice.as_json:
        terminal.document({
            "to": to, "sent": total, "answers": dict(sent.answers), "wait_ms": waits, "resent": sent.resent,
            "seconds": round(sent.seconds, 3), "stopped": sent.stopped, "fix": sent.fix,
            "refused": [{"message": choice.first + at, "code": code, "error": why} for at, code, why in sent.refused],
        })  # fmt: skip
        return
    rows = [(code or "-", count, _ANSWERS.get(code, "?")) for code, count in sent.answers.most_common()]
    if rows:
        terminal.table(f"Answers of {to}", ("code", "messages", "which means"), rows, right=(1,))
    if waits:
        told = ", ".join(f"{name} {value:,.1f} ms" for name, value in waits.items())
        rate = f"{total / sent.seconds:,.0f} messages a second" if sent.seconds else ""
        terminal.say(f"Waited for an answer: {told}; {rate}")
    for at, code, error in sent.refused[:20]:
        one = samples[at % len(samples)]
        why = f"{code}, error {error}: {_ERRORS.get(error, 'not of table 0357')}" if error else code
        item(terminal, f"message {choice.first + at} ({one.file}, message {one.nth} of it): {why}", style="error")
    if len(sent.refused) > 20:
        terminal.say(f"  and {len(sent.refused) - 20} more")
    if sent.stopped:
        item(terminal, f"stopped: {sent.stopped}", sent.fix, style="error")


def percentiles(waits: list[float]) -> dict[str, float]:
    """The median, the 95th and 99th percentile and the longest of some times; empty for none."""
    if not waits:
        return {}
    ordered = sorted(waits)
    at = {"half within": 0.5, "95% within": 0.95, "99% within": 0.99}
    found = {name: ordered[min(len(ordered) - 1, int(len(ordered) * part))] for name, part in at.items()}
    return {name: round(value, 1) for name, value in {**found, "the slowest": ordered[-1]}.items()}
