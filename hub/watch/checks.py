"""What can be told of a hub in less than a second without asking a partner: the table of checks."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hub.errors import HubError
from hub.flow.base import Hub
from hub.store.vitals import look
from hub.watch import checks_feeds as feeds
from hub.watch import checks_flow as flow
from hub.watch import checks_machine as machine
from hub.watch import checks_reach as reach
from hub.watch import checks_settings as written
from hub.watch import checks_store as kept
from hub.watch.finding import Finding
from hub.watch.looking import Check, Place, made, store_trouble

CHECKS: tuple[Check, ...] = (
    Check(part="settings", look=written.settings, codes=("settings.fault", "settings.doubt")),
    Check(part="settings", look=written.secrets, codes=("secret.fault",)),
    Check(part="settings", look=written.enrolments, codes=("enrolment.ending",)),
    Check(part="settings", look=flow.told, codes=("notice.nobody",)),
    Check(part="machine", look=machine.backup_disk, codes=("disk.low",)),
    Check(part="connectors", look=written.plugins, codes=("plugin.hung",)),
    Check(part="settings", look=reach.certificate, codes=("web.certificate",)),
    Check(part="store", asks=kept.tables, codes=("store.away", "store.tables")),
    Check(part="machine", asks=machine.disks, codes=("disk.low",)),
    Check(part="machine", asks=machine.clock, codes=("clock.off",)),
    Check(part="machine", asks=machine.nodes, codes=("node.dead", "node.none")),
    Check(part="store", asks=kept.data_keys, codes=("key.old",)),
    Check(part="store", asks=kept.audit, codes=("audit.open",)),
    Check(part="backup", asks=kept.backups, codes=("backup.old", "backup.unproved")),
    Check(part="flow", asks=flow.schedules, codes=("schedule.late", "schedule.paused")),
    Check(part="flow", asks=flow.runs, codes=("run.long", "watch.late")),
    Check(part="flow", asks=flow.lanes, codes=("lane.held", "lane.down", "lane.failing")),
    Check(part="flow", asks=flow.outbox, codes=("outbox.waiting",)),
    Check(part="flow", asks=flow.partners, codes=("partner.waiting",)),
    Check(part="flow", asks=flow.inbox, codes=("inbox.waiting",)),
    Check(part="flow", asks=flow.stopped, codes=("feed.stopped",)),
    Check(part="flow", asks=feeds.silence, codes=("feed.silent",)),
    Check(part="flow", asks=flow.undone, codes=("flow.late",)),
    Check(part="flow", asks=flow.answers, codes=("answer.overdue", "claim.unanswered")),
    Check(part="flow", asks=flow.notices, codes=("notice.stuck",)),
)
STORE_TROUBLE = frozenset({"store.away", "store.tables", "store.damaged", "key.master"})
"""With one of these no check, or not each, could ask the database."""
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
            found += made(check.name, lambda plain=plain: plain(place))  # type: ignore[misc]
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
                    made_now = made(check.name, lambda asks=asks: asks(place, vitals))  # type: ignore[misc]
                    found += made_now
                    if any(one.code == "check.failed" for one in made_now):
                        vitals.begin_again()
    except HubError as error:
        here = made("machine", lambda: machine.disks_here(place))
        return [*found, store_trouble(error), *here]
    return found


def unseen(found: Iterable[Finding]) -> frozenset[str]:
    """The codes that a look could not tell of: those of checks that failed, or of all that ask a database which does
    not answer. What is not seen of any other code is not there.
    """
    wrong = [one for one in found if not one.ok]
    failed = {one.key.partition(":")[2] for one in wrong if one.code == "check.failed"}
    away = any(one.code in STORE_TROUBLE for one in wrong)
    blind = [check for check in CHECKS if check.name in failed or (away and check.asks is not None)]
    return frozenset(code for check in blind for code in check.codes) | (
        {"check.failed"} if away else frozenset()
    )
