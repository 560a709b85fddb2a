"""What may stand as the value of a metric's label: names from the settings and codes of ours, nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from hub.config.settings import Settings
from hub.reports.promises.disposition import STATES
from hub.store.outbox import STATES as FILE_STATES
from hub.watch.catalogue import KINDS

OTHER = "other"
ANSWERS = ("acknowledgement", "claim_ack", "adjudication", "print_result")
OWNERS = ("it", "biller", "coder", "front-desk")
AREAS = (
    *(
        "acks",
        "backup",
        "batch",
        "claim",
        "coding",
        "connector",
        "denial",
        "dispatch",
        "encounter",
        "events",
        "feed",
        "fetch",
    ),
    *("fhir", "gate", "hl7", "ingest", "overdue", "payment", "piece", "posting", "print"),
    *("rejected", "remit", "restore", "scrub", "secondary", "settings", "statement", "step"),
)
"""The first word of a work item's reason."""
CALLS = (
    *("__init__", "check", "close", "capabilities", "stage", "publish", "confirm", "open", "done", "list", "ask"),
    *("results", "read_results", "changes", "read", "read_joined", "edited", "serve", "takes", "send", "import"),
)
"""The methods of the ports, and the loading of a plugin."""
_CODES = frozenset(
    {
        *(state for states in STATES.values() for state in states),
        *(*FILE_STATES, *ANSWERS, *OWNERS, *AREAS, *CALLS, *KINDS),
        *("ready", "running", "backing_off", "held", "alarm", "warning", "ok", "hub", "keeper", "key"),
        *("hub.listeners", "hub.watch", "hub.digest"),
        *("value", "event", "exception", "unwritten"),
        *("hour", "day", "accepted", "failed", "rejected"),
    }
)


class Labels:
    """The allow-list of one hub."""

    def __init__(
        self, settings: Settings | None, steps: Iterable[str] = (), schedules: Iterable[str] = ()
    ) -> None:
        names = _names(settings) if settings else ()
        self._known = _CODES.union(names, steps, schedules)

    def __call__(self, value: str) -> str:
        """`value` where it is known, else `other`: a label never tells more than the settings and the code do."""
        return value if value in self._known else OTHER


def _names(settings: Settings) -> Iterable[str]:
    """Every name of connectors, mailboxes, practices, schedules, payers and plugins."""
    yield from (*settings.connectors, *settings.practices, *settings.schedules)
    yield from (*settings.mailboxes, *settings.payers, *settings.hub.plugins)
    yield from (one.plugin for one in settings.connectors.values())
