"""Every finding that the hub can make of itself: what it means, how grave it is, and what to do.

A finding is made from its row here and from nothing else, so that the page of findings cannot be out of date.
"""

from __future__ import annotations

import msgspec

from hub.watch.finding import Finding, Level


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One row: `level` where it is not well (a check may say less), `when` it is so, `why` that matters, and what
    to do. Words in braces are filled in.
    """

    code: str
    level: Level
    when: str
    why: str
    fix: str
    owner: str = "it"


def _row(code: str, level: Level, when: str, why: str, fix: str, owner: str = "it") -> Kind:
    return Kind(code=code, level=level, when=when, why=why, fix=fix, owner=owner)


_KINDS = (
    _row(
        "settings.fault",
        "alarm",
        "hub.toml or a neighbour of it has a fault",
        "the hub does not start with it, and one that runs goes on with the settings it has read",
        "mend the line, then run: hub check",
    ),
    _row(
        "settings.doubt",
        "warning",
        "the settings can be used, but something in them looks wrong",
        "the hub runs, though perhaps not as it was meant to",
        "look at the line, then run: hub check",
    ),
    _row(
        "secret.fault",
        "alarm",
        "a secret is missing, empty, or its file can be read by others",
        "what needs the secret cannot run",
        "set the variable, or make the file with mode 600 for the hub's user",
    ),
    _row(
        "plugin.fault",
        "alarm",
        "a plugin cannot be loaded, or refuses its settings",
        "the hub does not start with it",
        "install the plugin or mend its settings, then run: hub check",
    ),
    _row(
        "plugin.hung",
        "alarm",
        "a call of a connector did not come back",
        "nothing is sent or fetched there until it is made anew",
        "run: hub connector test {name}; then resolve its item in hub work list --owner it, and it is made anew",
    ),
    _row(
        "web.reach",
        "warning",
        "a connector answers requests, and nobody can reach it",
        "what its partner sends by itself does not arrive",
        "write run.listen (for a reverse proxy) or run.public_listen, and give a node the role listener",
    ),
    _row(
        "web.certificate",
        "alarm",
        "the certificate of run.public_listen cannot be used, or ends soon",
        "senders outside refuse to connect when it is over",
        "renew it, lay it where run.public_certificate says, and reload the hub (SIGHUP)",
    ),
    _row(
        "disk.low",
        "alarm",
        "less disk is free than `watch.free_megabytes`, in the data folder, the backup folder or on a node",
        "a full disk stops everything that is written; nothing is lost, and nothing goes on",
        "free space, or move the folder to a larger disk",
    ),
    _row(
        "clock.off",
        "alarm",
        "the clock differs from the database's or a node's, or is behind what the store has recorded, by more than "
        "`watch.clock_seconds`",
        "schedules, due dates and the order of events depend on it",
        "set the clock by NTP (timedatectl status), and find out why it went wrong",
    ),
    _row(
        "store.away",
        "alarm",
        "the database does not answer, refuses us, or its disk is away",
        "everything waits for it; nothing is lost",
        "start the database or bring its disk back; the hub goes on by itself",
    ),
    _row(
        "store.tables",
        "alarm",
        "the database has no tables, or those of an older or newer hub",
        "the hub does not run without tables of its own version",
        "run: hub db upgrade",
    ),
    _row(
        "store.readonly",
        "alarm",
        "the database cannot be written",
        "nothing can be taken in or sent",
        "see to its disk, its rights and who keeps it locked",
    ),
    _row(
        "store.damaged",
        "alarm",
        "the database found faults in its own files",
        "what is damaged cannot be relied upon",
        "stop the hub, keep the files as they are, and restore the last good backup; then run: hub verify",
    ),
    _row(
        "key.master",
        "alarm",
        "the master key is missing, is none, or does not open this database",
        "without it nothing in the database can be read",
        "give the key that the database was made with: it is kept apart from the backups",
    ),
    _row(
        "key.old",
        "warning",
        "a data key has been in use for more than two years (NIST SP 800-57 part 1, table 1)",
        "what one key has sealed grows and grows",
        "run: hub keys rotate; old rows stay readable and nothing stops",
    ),
    _row(
        "enrolment.ending",
        "warning",
        "an enrolment that is in use ends within `watch.key_days`",
        "what it allows is not sent or received after that day",
        "renew it with the payer or clearinghouse and write the new day into enrolments.toml",
    ),
    _row(
        "outbox.waiting",
        "alarm",
        "a frozen file has not gone out for `watch.mailbox_hours`",
        "its claims or statements reach nobody, and timely filing limits run",
        "run: hub connector test {name}; see hub files list",
    ),
    _row(
        "partner.waiting",
        "alarm",
        "a file that a partner has for us is not ours for `watch.mailbox_hours`",
        "its answers and payments are not known here, and the partner may delete it",
        "run: hub connector test {name}; see hub work list --owner it",
    ),
    _row(
        "inbox.waiting",
        "alarm",
        "what has arrived is not read for `watch.lag_minutes`",
        "it is safe here, but nothing follows from it",
        "see whether the hub runs, and hub work list --owner it",
    ),
    _row(
        "feed.stopped",
        "alarm",
        "a message of a feed cannot be applied, and the account or patient that it is about stands still",
        "what is new about them is kept and waits, so that nothing is applied out of order; everybody else flows",
        "run: hub messages lanes; then mend, replay or let go each message that stops one "
        "(docs/how-to/mend-a-message.md)",
    ),
    _row(
        "feed.silent",
        "alarm",
        "a source sends nothing, against its own habit at this hour of the week or for longer than its "
        "`silent_after_hours`",
        "what happens there is not billed, and a sender that keeps its messages may one day drop them",
        "run: hub feeds show {name}; hub connector test {name}; ask who runs the sender whether its queue stands",
    ),
    _row(
        "flow.late",
        "alarm",
        "what the hub could do at once is not done for `watch.lag_minutes`; a warning where a lane in trouble "
        "explains it",
        "the step that should do it does not run, or cannot keep up",
        "see whether a worker runs (hub nodes), hub work list --owner it, and the log",
    ),
    _row(
        "answer.overdue",
        "alarm",
        "a partner has not answered a file by the time it should have",
        "the file may never have been worked on there",
        "ask the partner whether the file came; see hub work list --reason overdue",
    ),
    _row(
        "claim.unanswered",
        "warning",
        "claims have no acknowledgement or adjudication by the time they should have",
        "they may be lost at the payer, and timely filing limits run",
        "ask for their status; see hub work list --reason overdue",
        "biller",
    ),
    _row(
        "schedule.late",
        "alarm",
        "a slot of a schedule was not begun for `watch.lag_minutes`",
        "what it does is not done",
        "see whether a node with the role scheduler runs, and its log",
    ),
    _row(
        "schedule.paused",
        "warning",
        "a person has paused a schedule without an end, more than a day ago",
        "what it does is not done",
        "when it may go on: hub schedule resume {name}",
    ),
    _row(
        "run.long",
        "warning",
        "a run of a schedule has not ended for four hours",
        "it works on very much, backs off, or its node is gone",
        "see hub work list --owner it, and the log of the node",
    ),
    _row(
        "watch.late",
        "alarm",
        "three looks of the hub at itself in a row did not end",
        "what goes wrong meanwhile is told to nobody; signs of life are withheld",
        "see whether a worker runs (hub nodes), hub work list --owner it, and the log",
    ),
    _row(
        "lane.held",
        "alarm",
        "the hub has stopped working for a connector or practice until a person acts",
        "nothing goes on there",
        "{fix}; then resolve its item in hub work list --owner it",
    ),
    _row(
        "lane.down",
        "alarm",
        "work for a connector or practice fails again and again, for longer than `watch.lag_minutes`",
        "nothing goes on there; the hub tries again by itself",
        "{fix}",
    ),
    _row(
        "lane.failing",
        "warning",
        "work for a connector or practice fails, and is tried again",
        "it may pass; if not, it becomes an alarm",
        "{fix}",
    ),
    _row(
        "backup.old",
        "alarm",
        "the last whole backup is older than `backup.overdue_hours`, or there is none",
        "what came in since is lost with the disk",
        "run: hub backup, and see why the schedule keep.backup did not",
    ),
    _row(
        "backup.unproved",
        "alarm",
        "no restore drill has proved a backup for `backup.drill_days`",
        "a backup that was never restored may be none",
        "see why the schedule keep.drill did not run, or what it found",
    ),
    _row(
        "node.dead",
        "alarm",
        "a node has given no sign of life for two minutes and did not stop in order",
        "the others do its work, if there are others",
        "look at the machine and at the log of the hub there, and start it again; if it is gone for good it is "
        "forgotten after a day",
    ),
    _row(
        "node.none",
        "warning",
        "no hub runs on this database",
        "nothing is taken in and nothing goes out",
        "start it: hub run",
    ),
    _row(
        "audit.open",
        "alarm",
        "events wait for the seal of the audit trail for longer than a minute (a warning) or `watch.lag_minutes`",
        "what is not sealed could be altered without a trace",
        "see whether the hub runs: it seals every ten seconds",
    ),
    _row(
        "notice.stuck",
        "alarm",
        "notices do not go out for `watch.lag_minutes`, or were refused today",
        "who should know of trouble does not",
        "run: hub connector test {name}",
    ),
    _row(
        "notice.lost",
        "alarm",
        "notices could not be sent for three days and were dropped",
        "who should have known did not, and will not be told again",
        "run: hub connector test {name}; then hub notices list",
    ),
    _row(
        "notice.silent",
        "alarm",
        "three signs of life in a row did not get through to a notifier that is pinged",
        "who waits for them believes the hub dead",
        "run: hub connector test {name}; then hub notices list",
    ),
    _row(
        "notice.nobody",
        "warning",
        "nobody is told of alarms: [notifications.to] is empty",
        "trouble is only seen by who looks",
        "add one: hub connector add mail --plugin notices --kind email; then name it under [notifications.to]",
    ),
    _row(
        "connector.fault",
        "alarm",
        "a step of a connector's check does not work (`hub doctor` only)",
        "nothing can be sent to or fetched from this partner",
        "do what the step says",
    ),
    _row(
        "check.failed",
        "warning",
        "one of these checks failed itself; an alarm when it has for an hour",
        "how that thing stands is not known",
        "tell the hub's authors the words of this finding",
    ),
)
KINDS = {kind.code: kind for kind in _KINDS}


def good(code: str, which: str, what: str) -> Finding:
    """It is well."""
    return Finding(key=_key(code, which), ok=True, level="ok", what=what, owner=KINDS[code].owner)


def bad(code: str, which: str, what: str, *, why: str = "", level: Level | None = None, **fill: str) -> Finding:
    """It is not: as its row says, unless `why` or `level` say otherwise; `fill` goes into the braces, and a `fix`
    where there are none takes the row's place.
    """
    kind = KINDS[code]
    own = fill.get("fix", "") if "{fix}" not in kind.fix else ""
    return Finding(
        key=_key(code, which),
        ok=False,
        level=level or kind.level,
        what=what,
        why=why or kind.why,
        fix=own or kind.fix.format(**fill),
        owner=kind.owner,
    )


def _key(code: str, which: str) -> str:
    return f"{KINDS[code].code}:{which}" if which else KINDS[code].code
