"""Every step by the name that schedules and nudges use, and what its lane is."""

from __future__ import annotations

from hub.config.settings import Settings
from hub.flow import (
    acks,
    batch,
    claims,
    coding,
    dispatch,
    fetch,
    ingest,
    listeners,
    payments,
    posting,
    printing,
    remits,
    scrub,
    secondary,
    source_lanes,
    statements,
    sweep,
)
from hub.flow.base import Step
from hub.flow.visits import assemble

SOURCES, READERS, LISTENERS = "sources", "readers", "listeners"
PRACTICES, CLEARINGHOUSES, PRINTER, MAILBOXES = "practices", "clearinghouses", "printer", "mailboxes"
HUB, NOTIFIERS, KEEPER, WATCH, DIGEST = "hub", "notifiers", "keeper", "watch", "digest"

STEPS: dict[str, tuple[Step, str]] = {
    "ingest.pull": (ingest.pull, SOURCES),
    "ingest.read": (ingest.read, READERS),
    "ingest.assemble": (assemble.assemble, READERS),
    "ingest.ripen": (assemble.ripen, READERS),
    "coding.code": (coding.code, PRACTICES),
    "payments.post": (payments.post, PRACTICES),
    "claims.make": (claims.make, PRACTICES),
    "scrub.check": (scrub.check, PRACTICES),
    "batch.freeze": (batch.freeze, CLEARINGHOUSES),
    "dispatch.send": (dispatch.send, MAILBOXES),
    "fetch.fetch": (fetch.fetch, CLEARINGHOUSES),
    "acks.apply": (acks.apply, CLEARINGHOUSES),
    "remit.read": (remits.read, CLEARINGHOUSES),
    "posting.post": (posting.post, PRACTICES),
    "secondary.make": (secondary.make, PRACTICES),
    "statements.make": (statements.make, PRACTICES),
    "printing.freeze": (printing.freeze, PRINTER),
    "printing.results": (printing.results, PRINTER),
    "sweep.expect": (sweep.expect, PRACTICES),
    "audit.seal": (sweep.seal, HUB),
    "events.tell": (listeners.tell, LISTENERS),
}


def lanes_of(kind: str, settings: Settings, sources: tuple[str, ...]) -> tuple[str, ...]:
    """The lanes of a kind, for when nobody names one. `sources` are the EHR connectors that were made."""
    printer = (settings.print.vendor,) if settings.print.vendor else ()
    return {
        SOURCES: sources,
        READERS: tuple(map(source_lanes.reading, sources)),
        PRACTICES: tuple(settings.practices),
        CLEARINGHOUSES: settings.clearinghouses,
        PRINTER: printer,
        MAILBOXES: (*settings.clearinghouses, *printer),
        HUB: ("hub",),
        KEEPER: ("keeper",),  # a backup of an hour may not keep the audit trail from being sealed
        LISTENERS: (listeners.LANE,),
        WATCH: ("hub.watch",),  # who looks at the lanes shares none of them: what holds them would hold the look
        DIGEST: ("hub.digest",),
        NOTIFIERS: tuple(dict.fromkeys(name for names in settings.notifications.to.values() for name in names)),
    }[kind]
