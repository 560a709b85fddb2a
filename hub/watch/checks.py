"""What can be told of a hub in less than a second without asking a partner: the table of checks."""

from __future__ import annotations

from collections.abc import Collection

from hub.errors import HubError
from hub.flow.base import Hub
from hub.store.vitals import look
from hub.watch import checks_flow as flow
from hub.watch import checks_machine as machine
from hub.watch import checks_settings as written
from hub.watch import checks_store as kept
from hub.watch.finding import Finding
from hub.watch.looking import Check, Place, made, store_trouble

CHECKS: tuple[Check, ...] = (
    Check(part="settings", look=written.settings),
    Check(part="settings", look=written.secrets),
    Check(part="settings", look=written.enrolments),
    Check(part="settings", look=flow.told),
    Check(part="machine", look=machine.backup_disk),
    Check(part="connectors", look=written.plugins),
    Check(part="store", asks=kept.tables),
    Check(part="machine", asks=machine.disks),
    Check(part="machine", asks=machine.clock),
    Check(part="machine", asks=machine.nodes),
    Check(part="store", asks=kept.data_keys),
    Check(part="store", asks=kept.audit),
    Check(part="backup", asks=kept.backups),
    Check(part="flow", asks=flow.schedules),
    Check(part="flow", asks=flow.runs),
    Check(part="flow", asks=flow.lanes),
    Check(part="flow", asks=flow.outbox),
    Check(part="flow", asks=flow.partners),
    Check(part="flow", asks=flow.inbox),
    Check(part="flow", asks=flow.undone),
    Check(part="flow", asks=flow.answers),
    Check(part="flow", asks=flow.notices),
)
PARTS = ("settings", "machine", "store", "backup", "flow", "connectors")


def standing(hub: Hub) -> list[Finding]:
    """How everything stands that can be told at once; what is well is there too."""
    return look_around(Place.of(hub))


def look_around(place: Place, parts: Collection[str] = PARTS) -> list[Finding]:
    """Every check of the table whose part is wanted. Where the database does not answer, what it says instead."""
    wanted = [check for check in CHECKS if check.part in parts]
    found: list[Finding] = []
    for check in wanted:
        if (plain := check.look) is not None:
            found += made(check.part, lambda plain=plain: plain(place))  # type: ignore[misc]
    return found + _asked(place, [check for check in wanted if check.asks is not None])


def _asked(place: Place, checks: list[Check]) -> list[Finding]:
    """The checks that need the database, in one look at it."""
    if place.engines is None or not checks:
        return []
    found: list[Finding] = []
    try:
        with look(place.engines) as vitals:
            for check in checks:
                if (asks := check.asks) is not None:
                    found += made(check.part, lambda asks=asks: asks(place, vitals))  # type: ignore[misc]
    except HubError as error:
        here = made("machine", lambda: machine.disks_here(place))
        return [*found, store_trouble(error), *here]
    return found
