"""Rules of payers and mailboxes on top of the guides: which hold for a claim, what they find, how much they take."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from hub.clock import Clock
from hub.config.faults import Fault
from hub.config.load import Loaded
from hub.errors import Misconfigured
from hub.flow.base import Hub, Judging
from hub.flow.claim_837 import GUIDES, Route, Sending, Unwritable, claims_837
from hub.model.claim import Claim
from hub.plugin.api import ScrubFinding
from hub.store.documents import Row
from hub.x12.overlay import Overlay, OverlayRefused, load_all
from hub.x12.write import check_texts

FOLDER = "overlays"
"""Where a site keeps its own, in the settings folder; a name that is not there is looked for among the built-in."""

_ENVELOPE_BYTES = 600
_SAMPLE_NUMBER = "0" * 20


def overlays_of(hub: Judging, payer: str, mailbox: str) -> tuple[Overlay, ...]:
    """The overlays of a mailbox and of a payer, those of the mailbox first.

    Raises Misconfigured where one of them cannot be used; `hub check` says so before.
    """
    box, known = hub.settings.mailboxes.get(mailbox), hub.settings.payers.get(payer)
    names = (*(box.overlays if box else ()), *(known.overlays if known else ()))
    try:
        return load_all(names, [hub.folder / FOLDER]) if names else ()
    except OverlayRefused as refused:
        raise Misconfigured(str(refused), fix=refused.fix) from None


def overlay_faults(loaded: Loaded) -> list[Fault]:
    """What is wrong with the overlays that settings name, for `hub check` and for settings that are read again."""
    tree = loaded.settings
    named = [(("payers", key, "overlays"), row.overlays) for key, row in tree.payers.items()]
    named += [(("mailboxes", key, "overlays"), row.overlays) for key, row in tree.mailboxes.items()]
    found = []
    for path, names in named:
        try:
            load_all(names, [loaded.folder / FOLDER])
        except OverlayRefused as refused:
            found += [loaded.fault(path, f"{one.where}: {one.why}", fix=one.fix) for one in refused.problems]
    return found


def broken_rules(hub: Judging, claim: Claim, mailbox: str) -> Iterator[ScrubFinding]:
    """What the overlays of a claim's payer and mailbox find in it: an error holds the claim, a warning tells."""
    box = hub.settings.mailboxes.get(mailbox)
    if box is None:
        return
    try:
        overlays = overlays_of(hub, claim.payer, mailbox)
        if not overlays:
            return
        route = Route(clearinghouse=mailbox, mailbox=box, settings=hub.settings)
        sending = Sending(pcn=_SAMPLE_NUMBER, claim=claim)
        texts = claims_837([sending], route, reference="CHECK", at=hub.clock.now())
    except Misconfigured as wrong:
        yield _finding("overlay_unread", FOLDER, str(wrong), wrong.fix)
        return
    except Unwritable:
        return
    for found in check_texts(GUIDES[claim.kind], texts, overlays=overlays):
        if found.code.startswith("overlay."):
            where = f"{found.where} ({found.code.removeprefix('overlay.')})"
            fix = "correct the claim at its source; or the rule, where it is the payer's no longer"
            yield _finding("overlay", where, found.message, fix, hold=found.severity == "error")


def _finding(rule: str, where: str, why: str, fix: str, *, hold: bool = True) -> ScrubFinding:
    return ScrubFinding(rule=f"scrub.{rule}", where=where, why=why, fix=fix, hold=hold)


def sets_of(hub: Hub, mailbox: str, rows: Sequence[Row[Claim]], most: int) -> list[list[Row[Claim]]]:
    """The claims of a file as transaction sets: `most` in one, or fewer where a rule says so, and those whose
    payers have other rules apart, since defaults are filled set by set.
    """
    made: list[list[Row[Claim]]] = []
    before: tuple[Overlay, ...] | None = None
    for row in rows:
        overlays = overlays_of(hub, row.record.payer, mailbox)
        fits = min([most, *[one.limits.claims_per_set or most for one in overlays]])
        if overlays != before or len(made[-1]) >= fits:
            made.append([])
        made[-1].append(row)
        before = overlays
    return made


def within_limits(hub: Hub, mailbox: str, rows: Sequence[Row[Claim]], clock: Clock) -> list[Row[Claim]]:
    """As many of the first claims as one file may hold by number and size; the rest waits for the next file.

    A mailbox counts every claim, a payer its own; no file is larger than any payer with a claim in it takes.
    """
    told = [overlays_of(hub, row.record.payer, mailbox) for row in rows]
    weighs = any(one.limits.bytes_per_file for overlays in told for one in overlays)
    route = Route(clearinghouse=mailbox, mailbox=hub.settings.mailboxes[mailbox], settings=hub.settings)
    size, most, met = _ENVELOPE_BYTES, sys.maxsize, Counter[str]()
    for at, (row, overlays) in enumerate(zip(rows, told, strict=True)):
        met.update(one.name for one in overlays)
        size += _bytes(row.record, route, clock) if weighs else 0
        most = min([most, *[one.limits.bytes_per_file or most for one in overlays]])
        full = any(0 < one.limits.claims_per_file < met[one.name] for one in overlays)
        if at and (full or size > most):
            return list(rows[:at])
    return list(rows)


def _bytes(claim: Claim, route: Route, clock: Clock) -> int:
    """What a claim takes in a file at most: its own set, though many share one."""
    sending = Sending(pcn=_SAMPLE_NUMBER, claim=claim)
    try:
        texts = claims_837([sending], route, reference="CHECK", at=clock.now())
    except Unwritable:
        return 0
    return sum(len(text.encode()) + 1 for text in texts)
