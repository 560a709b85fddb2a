"""`work resolve` and `replay`: what a person decides, done in one transaction and recorded with who decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.cli.opened import Opened, opened
from hub.cli.ui import NEXT, say
from hub.config.settings import Settings
from hub.errors import HubError, Refused
from hub.flow import coding, corrections, dispatch, posting, replaying
from hub.store import Tx
from hub.store.rehearsal import rehearsed
from hub.store.work import OpenItem


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a person decided about a work item: `how` in words without patient data, `by` a login, and at most one
    deed beside closing it."""

    how: str
    by: str
    resend: bool = False
    confirm: bool = False
    release: bool = False


def resolve(folder: Path, item_id: str, choice: Choice, *, dry_run: bool) -> None:
    """Close a work item and do what the choice asks; `Refused` where that may not be."""
    if choice.resend + choice.confirm + choice.release > 1:
        raise HubError("only one of --resend, --confirm and --release can be meant")
    with opened(folder) as hub, rehearsed(hub.store, "work.resolve", dry_run=dry_run) as tx:
        told = _resolve(tx, hub.settings, item_id, choice)
    _tell(told, dry_run=dry_run, goes_on=choice.resend or choice.confirm or choice.release)


def _tell(told: list[str], *, dry_run: bool, goes_on: bool) -> None:
    for line in told:
        say(f"would do: {line}" if dry_run else line)
    if goes_on and not dry_run:
        say(NEXT)


def _resolve(tx: Tx, settings: Settings, item_id: str, choice: Choice) -> list[str]:
    item = tx.work.get(item_id)
    if item is None:
        raise HubError("there is no work item with this id", fix="hub work list")
    if item.resolved_at is not None:
        raise HubError("this work item is resolved already", fix=f"hub work show {item_id}")
    tx.work.resolve(item.id, choice.how, choice.by)
    told = [deed(tx, settings, item, choice) for deed in _deeds(choice)]
    tx.event(
        "work.resolved",
        item.aggregate,
        item.aggregate_id,
        practice=item.practice,
        actor=choice.by,
        cause=item.id,
        reason=item.reason,
        how=choice.how[:200],
    )
    return [*told, f"{item.id} ({item.reason}) is closed"]


Deed = Callable[[Tx, Settings, OpenItem, Choice], str]


def _deeds(choice: Choice) -> Iterator[Deed]:
    if choice.resend:
        yield _resend
    if choice.confirm:
        yield _confirm
    if choice.release:
        yield _release


def _resend(tx: Tx, settings: Settings, item: OpenItem, choice: Choice) -> str:
    if item.aggregate == "file":
        return _resend_file(tx, settings, item, choice)
    if item.aggregate == "submission":
        submission = tx.submissions.get(item.aggregate_id)
        if submission is None:
            raise Refused("the submission is not there any more", fix="hub work show")
        corrections.give_up_submission(tx, submission, choice.by, choice.how)
        return _resend_claim(tx, settings, submission.claim_id, choice)
    if item.aggregate == "claim":
        return _resend_claim(tx, settings, item.aggregate_id, choice)
    raise Refused(
        f"--resend is for claims and files; this item is about a {item.aggregate}", fix="see: hub work show"
    )


def _resend_claim(tx: Tx, settings: Settings, claim_id: str, choice: Choice) -> str:
    row = tx.claims.get(claim_id)
    if row is None:
        raise Refused("the claim is not there any more", fix="hub work show")
    return corrections.resend(tx, settings, row, choice.by)


def _resend_file(tx: Tx, settings: Settings, item: OpenItem, choice: Choice) -> str:
    file = tx.files.get(item.aggregate_id)
    if file is None:
        raise Refused("there is no such file", fix="hub files list")
    if file.state == "in_doubt":
        dispatch.retry_in_doubt(tx, file, choice.by)
        return f"the same bytes of {file.name} go out again, under the same numbers"
    if file.state == "refused":
        count = corrections.rebatch(tx, settings, file, choice.by, choice.how)
        return f"{count} claims of {file.name} go out in another file"
    fix = "ask the partner; if it never came, resolve the overdue items of its claims with --resend"
    raise Refused(f"{file.name} is {file.state}, neither in doubt nor refused", fix=fix)


def _confirm(tx: Tx, settings: Settings, item: OpenItem, choice: Choice) -> str:  # noqa: ARG001 - one signature
    row = tx.encounters.get(item.aggregate_id) if item.aggregate == "encounter" else None
    if row is None or row.state != "proposal":
        raise Refused("--confirm is for encounters whose codes are proposed", fix="see: hub work show")
    coding.confirm(tx, row, choice.by)
    return "the proposed codes are confirmed: the encounter is billed"


def _release(tx: Tx, settings: Settings, item: OpenItem, choice: Choice) -> str:  # noqa: ARG001 - one signature
    row = tx.remits.get(item.aggregate_id) if item.aggregate == "remit" else None
    if row is None:
        raise Refused("--release is for held remittances", fix="see: hub work show")
    posting.release(tx, row, choice.by)
    return f"the remittance is posted as it is, signed by {choice.by}; what does not add up goes to variance"


def replay(folder: Path, what: str, *, by: str, dry_run: bool) -> None:
    """Let the hub look again: `held`, `set_aside`, `history`, `tested`, or the id of what shall be looked at."""
    counted: Counter[str] = Counter()
    with opened(folder) as hub:
        if what in replaying.PASSES:
            for kind, each in replaying.PASSES[what]:
                counted[kind] += _every_page(hub, each, by, dry_run)
        else:
            with rehearsed(hub.store, "admin", dry_run=dry_run) as tx:
                counted[replaying.one(tx, hub.settings, what, by)] += 1
    found = [f"{number} {kind} to be looked at again" for kind, number in counted.items() if number]
    _tell(found or ["there is nothing to look at again"], dry_run=dry_run, goes_on=bool(found))


def _every_page(hub: Opened, each: replaying.Pass, by: str, dry_run: bool) -> int:
    """Page behind page, in short transactions; no row is met twice, whatever the running hub makes of it."""
    done, last = 0, ""
    while True:
        with rehearsed(hub.store, "admin", dry_run=dry_run) as tx:
            count, last = each(tx, hub.settings, last, by)
        done += count
        if not last:
            return done
