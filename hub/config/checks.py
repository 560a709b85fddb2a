"""Checks that no single table can make: references between tables, dates that overlap, secrets in the open."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import msgspec

from hub.config.explain import near
from hub.config.faults import Path
from hub.config.fields import SECRET, Dated
from hub.config.settings import Settings
from hub.config.unattended import OWNERS

_SECRET_KEY = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|private_key|api_?key|access_key|token|pin)$", re.IGNORECASE
)
_PEM = "-----BEGIN"
_URL_PASSWORD = re.compile(r"://[^/@\s:]*:[^@/\s]+@")


class Found(msgspec.Struct, frozen=True):
    """A fault by its key path."""

    path: Path
    wrong: str
    fix: str = ""
    severity: str = "error"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks look at: the well-formed part of the tree, every name that was declared, well-formed or
    not, the top-level keys nobody could read and those of which a part is malformed, and the way from a row of
    the tree to its place in the file.
    """

    tree: Settings
    declared: dict[str, set[str]]
    unread: frozenset[str]
    doubtful: frozenset[str]
    where: Callable[[Path], Path]


def run(context: Context) -> Iterator[Found]:
    """All that is wrong between tables."""
    for check in CHECKS:
        for found in check(context):
            yield msgspec.structs.replace(found, path=context.where(found.path))


def _reference(context: Context, path: Path, table: str, name: str) -> Iterator[Found]:
    known = context.declared.get(table, set())
    if name and name not in known and table not in context.unread:
        one = table.removesuffix("s")
        fix = near(name, known) or f"the {table} are: {', '.join(sorted(known)) or 'none'}"
        yield Found(path, f'there is no {one} "{name}"', fix)


def _references(context: Context) -> Iterator[Found]:
    for path, table, name in _names(context.tree):
        yield from _reference(context, path, table, name)


def _names(tree: Settings) -> Iterator[tuple[Path, str, str]]:
    """Every place where one table names another: (path, table named, name)."""
    for key, connector in tree.connectors.items():
        yield ("connectors", key, "practice"), "practices", connector.practice
        for row, other in enumerate(connector.follows):
            yield ("connectors", key, "follows", row), "connectors", other
    yield ("route", "default"), "connectors", tree.route.default
    for payer, connector_name in tree.route.payers.items():
        yield ("route", "payers", payer), "payers", payer
        yield ("route", "payers", payer), "connectors", connector_name
    yield ("print", "vendor"), "connectors", tree.print.vendor
    for key in tree.mailboxes:
        yield ("mailboxes", key), "connectors", key
    for key, schedule in tree.schedules.items():
        yield ("schedules", key, "connector"), "connectors", schedule.connector
        yield ("schedules", key, "calendar"), "calendars", schedule.calendar
    for key, facility in tree.facilities.items():
        yield ("facilities", key, "practice"), "practices", facility.practice
    for role, names in tree.notifications.to.items():
        for row, name in enumerate(names):
            yield ("notifications", "to", role, row), "connectors", name
    yield from _payer_names(tree)
    yield from _row_names(tree)


def _payer_names(tree: Settings) -> Iterator[tuple[Path, str, str]]:
    for key, source in tree.sources.items():
        yield ("sources", key), "connectors", key
        yield ("sources", key, "facility"), "facilities", source.facility
        for token, payer in source.payers.items():
            yield ("sources", key, "payers", token), "payers", payer
        for row, payer in enumerate(source.payer_order):
            yield ("sources", key, "payer_order", row), "payers", payer
        for field, table in (("facilities", source.facilities), ("departments", source.departments)):
            for place, facility in table.items():
                yield ("sources", key, field, place), "facilities", facility
    for key, payer_row in tree.payers.items():
        for connector in payer_row.ids:
            yield ("payers", key, "ids", connector), "connectors", connector
        for place_in_row, other in enumerate(payer_row.crossover_to):
            yield ("payers", key, "crossover_to", place_in_row), "payers", other


def _row_names(tree: Settings) -> Iterator[tuple[Path, str, str]]:
    for row, enrolment in enumerate(tree.enrolments):
        yield ("enrolments", row, "practice"), "practices", enrolment.practice
        yield ("enrolments", row, "payer"), "payers", enrolment.payer
        yield ("enrolments", row, "clearinghouse"), "connectors", enrolment.clearinghouse
    for row, provider in enumerate(tree.providers):
        yield ("providers", row, "practice"), "practices", provider.practice
    for row, fee in enumerate(tree.fees):
        yield ("fees", row, "practice"), "practices", fee.practice


def _roles(context: Context) -> Iterator[Found]:
    """A connector is a source, a clearinghouse, a print vendor or a notifier, and only one of them."""
    tree = context.tree
    roles: dict[str, set[str]] = {}
    for name in tree.clearinghouses:
        roles.setdefault(name, set()).add("a clearinghouse")
    for name in {*tree.sources, *context.declared.get("sources", set())}:
        roles.setdefault(name, set()).add("a source")
    if tree.print.vendor:
        roles.setdefault(tree.print.vendor, set()).add("a print vendor")
    for name in (name for names in tree.notifications.to.values() for name in names):
        roles.setdefault(name, set()).add("a notifier")
    misnamed = set(roles) - context.declared.get("connectors", set())
    known = not misnamed and not {"route", "print", "sources", "notifications"} & context.doubtful
    for name, connector in tree.connectors.items():
        held = roles.get(name, set())
        if len(held) > 1:
            wrong = f"serves as {' and '.join(sorted(held))}"
            yield Found(("connectors", name), wrong, "configure two connectors")
        elif not held and connector.enabled and known:
            fix = (
                f"an EHR: write [sources.{name}] with bill_from in practices.toml, else nothing of it is billed; "
                "others: name it in [route], [print] or [notifications.to], or set enabled = false"
            )
            yield Found(("connectors", name), "nobody uses this connector", fix, "warning")
        if held and not connector.enabled:
            fix = "set enabled = true, or route elsewhere"
            yield Found(("connectors", name, "enabled"), "this connector is in use", fix, "warning")


def _routes(context: Context) -> Iterator[Found]:
    """A payer that gets claims electronically has an id where they go, and a clearinghouse has a mailbox."""
    tree = context.tree
    for name in tree.clearinghouses:
        if name not in context.declared.get("mailboxes", set()) and name in tree.connectors:
            fix = f"write [mailboxes.{name}] with the sender and receiver ids of the contract"
            yield Found(("connectors", name), "this clearinghouse has no mailbox", fix)
    active = {(row.payer, row.clearinghouse) for row in tree.enrolments if row.status == "active"}
    for key, payer in tree.payers.items():
        house = tree.clearinghouse(key)
        known = house in context.declared.get("connectors", set())
        if payer.kind == "self_pay" or not payer.electronic or not known or house in payer.ids:
            continue
        severity = "error" if (key, house) in active else "warning"
        fix = f'add {house} = "..." from its payer list, or set electronic = false'
        yield Found(("payers", key, "ids"), f'has no id at "{house}", where its claims go', fix, severity)


def _sources(context: Context) -> Iterator[Found]:
    tree = context.tree
    for key, source in tree.sources.items():
        if source.bill_from is None:
            fix = "write bill_from = the first day of service that this hub shall bill"
            yield Found(("sources", key), "bills nothing, for it has no bill_from", fix, "warning")


def _follows(context: Context) -> Iterator[Found]:
    """Who follows and who is followed are sources of one practice."""
    tree, known = context.tree, context.declared.get("sources", set())
    for key, connector in tree.connectors.items():
        for row, other in enumerate(connector.follows):
            path: Path = ("connectors", key, "follows", row)
            if key in _heard_by(tree, other):
                yield Found(
                    path, "is followed in a circle: each word would lead to another", "remove one of them"
                )
            elif other not in tree.connectors or "sources" in context.doubtful:
                continue
            elif known and (other not in known or key not in known):
                no = key if key not in known else other
                yield Found(path, f"{no} is no source", f"write [sources.{no}], or remove it")
            elif tree.practice_of(key) != tree.practice_of(other):
                yield Found(path, "serves another practice, of which nothing is told here", "remove it")


def _heard_by(tree: Settings, name: str) -> set[str]:
    """`name`, whom it follows, whom those follow, and so on."""
    found, left = {name}, [name]
    while left:
        connector = tree.connectors.get(left.pop())
        fresh = set(connector.follows if connector else ()) - found
        found |= fresh
        left += fresh
    return found


def _public(context: Context) -> Iterator[Found]:
    """What senders outside reach has TLS, an address of its own, and nothing that is set for nothing."""
    run = context.tree.run
    if not run.public_listen:
        for name in ("public_certificate", "public_key"):
            if getattr(run, name):
                fix = 'write public_listen = "0.0.0.0:8443", or remove it'
                yield Found(("run", name), "is used by nobody without run.public_listen", fix, "warning")
        return
    if run.public_listen == run.listen:
        yield Found(("run", "public_listen"), "is the address of run.listen", "choose another port")
    if not run.public_certificate:
        wrong = "has no certificate: what is sent there can be read on its way"
        fix = "write public_certificate and public_key, or let a reverse proxy do TLS and remove public_listen"
        severity = "warning" if is_loopback(run.public_listen) else "error"
        yield Found(("run", "public_listen"), wrong, fix, severity)
    if run.public_key and not run.public_certificate:
        yield Found(("run", "public_key"), "is a key without its certificate", "write public_certificate")


def is_loopback(listen: str) -> bool:
    """Whether an address (`HOST:PORT`) can be reached from this machine only."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _desks(context: Context) -> Iterator[Found]:
    """With several practices each connector names one: that of its charges, or for a clearinghouse or print vendor
    of all of them the one whose desk gets what concerns the mailbox itself."""
    tree = context.tree
    if len(context.declared.get("practices", set())) < 2:
        return
    shared = (*tree.clearinghouses, tree.print.vendor)
    for key in dict.fromkeys((*tree.sources, *shared)):
        if key in tree.connectors and not tree.connectors[key].practice:
            fix = 'add practice = "..."'
            if key in shared:
                fix += " of those who look after the mailbox; what is of a claim or statement stays with its own"
            yield Found(("connectors", key), "does not say which practice it serves", fix)


def _shared_ids(context: Context) -> Iterator[Found]:
    """Payers that share an id in 835s cannot be told apart by it: money that is for no claim is the first one's."""
    owners: dict[tuple[str, str], str] = {}
    for key, payer in context.tree.payers.items():
        told: list[tuple[Path, tuple[str, str]]]
        told = [(("payers", key, "ids", house), (house, number)) for house, number in payer.ids.items()]
        told += [(("payers", key, "remit_ids", row), ("", number)) for row, number in enumerate(payer.remit_ids)]
        for path, known in told:
            first = owners.setdefault(known, key)
            if first != key:
                fix = "its claims are found by their numbers; remove the id from one of them if it is not both's"
                yield Found(path, f'names payer "{first}" in 835s as well', fix, "warning")


def _schedules(context: Context) -> Iterator[Found]:
    for key, schedule in context.tree.schedules.items():
        if (schedule.cron is None) == (schedule.every is None):
            yield Found(("schedules", key), "needs either cron or every, and not both", 'write every = "15m"')
        if schedule.epoch is not None and schedule.epoch.tzinfo is None:
            fix = "add Z or an offset, as in 2026-01-01T00:00:00Z"
            yield Found(("schedules", key, "epoch"), "has no time zone", fix)
        if schedule.every is not None and schedule.every < timedelta(seconds=10):
            yield Found(("schedules", key, "every"), "is too often", 'write "10s" or more')


def _calendars(context: Context) -> Iterator[Found]:
    """A calendar is used, and closes something."""
    used = {schedule.calendar for schedule in context.tree.schedules.values()}
    for key, one in context.tree.calendars.items():
        if key not in used and "schedules" not in context.doubtful:
            fix = f'write calendar = "{key}" in a schedule, or remove it'
            yield Found(("calendars", key), "no schedule uses this calendar", fix, "warning")
        if not (one.holidays or one.banks or one.days or one.cut_off):
            fix = 'write days, holidays, banks = "us-banks" or cut_off'
            yield Found(("calendars", key), "closes nothing", fix, "warning")


def _told(context: Context) -> Iterator[Found]:
    """Who is told is a role that work items have, or `all`."""
    for role in context.tree.notifications.to:
        if role not in OWNERS:
            fix = near(role, OWNERS) or f"the roles are: {', '.join(OWNERS)}"
            yield Found(("notifications", "to", role), "is no role", fix)


def _secrets(context: Context) -> Iterator[Found]:
    """Nothing that is named or shaped like a secret stands in the open."""
    fix = 'write "env:NAME" or "file:path" and keep the secret there'
    store = context.tree.hub.store
    if _URL_PASSWORD.search(store):
        yield Found(("hub", "store"), "holds a password", fix)
    for name, connector in context.tree.connectors.items():
        for path, value in leaves(connector.settings, ("connectors", name, "settings")):
            if not isinstance(value, str) or not value or SECRET.fullmatch(value):
                continue
            named = next((part for part in reversed(path) if isinstance(part, str)), "")
            if _SECRET_KEY.search(named) or _PEM in value or _URL_PASSWORD.search(value):
                yield Found(path, "a secret must not stand in the settings itself", fix)


def leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every value below, with its path."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        for row, part in enumerate(value):
            yield from leaves(part, (*path, row))
    else:
        yield path, value


def _dated_rows(tree: Settings) -> Iterator[tuple[str, list[tuple[Any, Dated]]]]:
    agreed = [((r.practice, r.payer, r.transaction, r.clearinghouse, r.npi), r) for r in tree.enrolments]
    yield "enrolments", list(agreed)
    yield "charges", [((r.system, r.code), r) for r in tree.charges]
    yield "diagnoses", [((r.system, r.code), r) for r in tree.diagnoses]
    yield "fees", [((r.hcpcs, tuple(sorted(r.modifiers)), r.practice), r) for r in tree.fees]
    yield "drugs", [(r.hcpcs, r) for r in tree.drugs]


def _overlaps(context: Context) -> Iterator[Found]:
    """Of rows that speak of the same thing, one at most holds on any day; no row ends before it begins."""
    for table, rows in _dated_rows(context.tree):
        seen: dict[Any, list[tuple[date, date, int]]] = {}
        for number, (key, row) in enumerate(rows):
            first, last = row.valid_from or date.min, row.valid_to or date.max
            if last < first:
                yield Found((table, number, "to"), "lies before from", "exchange the two dates")
            seen.setdefault(key, []).append((first, last, number))
        for spans in seen.values():
            yield from _meeting(context, table, sorted(spans))


def _meeting(context: Context, table: str, spans: list[tuple[date, date, int]]) -> Iterator[Found]:
    for (_, end, earlier), (start, _, later) in itertools.pairwise(spans):
        if start <= end:
            other = int(context.where((table, earlier))[1]) + 1
            fix = "end one with `to` before the other's `from`"
            yield Found((table, later), f"holds on the same days as row {other}", fix)


def _twice(context: Context) -> Iterator[Found]:
    """What must be one of a kind is."""
    tree = context.tree
    payees = [(("practices", key, "npi"), (row.npi, row.tax_id)) for key, row in tree.practices.items()]
    people = [(("providers", row, "npi"), person.npi) for row, person in enumerate(tree.providers)]
    timed = [(("timed", row, "hcpcs"), rule.hcpcs) for row, rule in enumerate(tree.timed)]
    rented = [(("rentals", row, "hcpcs"), rule.hcpcs) for row, rule in enumerate(tree.rentals)]
    for group in (payees, people, timed, rented):
        yield from _repeated(group)


def _repeated(pairs: Iterable[tuple[Path, Any]]) -> Iterator[Found]:
    seen: set[Any] = set()
    for path, value in pairs:
        if value in seen:
            yield Found(path, "is given twice", "remove one")
        seen.add(value)


def _prices(context: Context) -> Iterator[Found]:
    """A code that a source's code maps to has a price, and one counted in minutes has its rule."""
    tree = context.tree
    priced = {row.hcpcs for row in tree.fees}
    timed = {row.hcpcs for row in tree.timed}
    for row, rule in enumerate(tree.charges):
        if rule.hcpcs not in priced and "fees" not in context.doubtful:
            fix = "add a row to fees, or let the source send the amount"
            yield Found(("charges", row, "hcpcs"), "has no price", fix, "warning")
        if rule.units == "minutes" and rule.hcpcs not in timed and "timed" not in context.doubtful:
            yield Found(("charges", row, "units"), "counts minutes, but no rule says how", "add a row to timed")


CHECKS = (
    _references,
    _roles,
    _routes,
    _sources,
    _desks,
    _follows,
    _public,
    _shared_ids,
    _schedules,
    _calendars,
    _told,
    _secrets,
    _overlaps,
    _twice,
    _prices,
)
