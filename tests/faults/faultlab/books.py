"""What a run of the mini practice came to, so that two runs can be held against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from faultlab import extras
from faultlab.world import World
from hub.app import App, open_app
from hub.cli.verify import profiles
from hub.clock import TurnedClock
from hub.reports.promises import prove

MANY = 10_000_000
ROW = ("account", "payer", "rank", "service_date")


@contextmanager
def opened(world: World) -> Iterator[App]:
    """The hub of `world`, opened here for a look."""
    with extras.installed(world.work):
        app = open_app(world.config, clock=TurnedClock(world.clock.now() + timedelta(minutes=1)))
        try:
            yield app
        finally:
            app.close()


def books(app: App) -> dict[str, Any]:
    """Everything that must come out the same however often the hub died: no ids, no numbers, no instants."""
    with app.store.view() as view:
        encounters = [(row.record.source, row.record.key, row.state) for row in view.encounters.each()]
        charges = [(row.record.key, row.state, row.col("cents")) for row in view.charges.each()]
        claims = [
            (row.col("service_date"), row.col("payer"), row.col("rank"), row.col("cents"), row.state)
            for row in view.claims.each()
        ]
        remits: Counter[str] = Counter()
        for row in view.remits.each():
            remits[row.state] += row.col("amount_cents")  # how a payer bundles a day's payments hangs on the hour
        paid = [(row.state, row.col("status"), row.col("paid_cents")) for row in view.remit_claims.each()]
        statements = [(row.state, row.col("total_cents")) for row in view.statements.each()]
        return {
            "encounters": Counter(encounters),
            "charges": Counter(charges),
            "claims": Counter(claims),
            "remits": remits,
            "remit_claims": Counter(paid),
            "statements": Counter(statements),
            "ledger": view.book.sum(ROW, open_only=True),
            "patients": view.patients.count(),
        }


def broken(app: App) -> list[str]:
    """Every exception of the eleven promises, named."""
    proofs = prove(app.store, app.settings, profiles=profiles(app))
    return [f"{proof.number} {one.where}: {one.why}" for proof in proofs for one in proof.exceptions]


def sent_pcns(app: App) -> set[str]:
    """The patient control numbers of every submission that left."""
    with app.store.view() as view:
        files = {file.id for file in view.files.find(limit=MANY) if file.state in {"sent", "answered"}}
        return {one.pcn for one in view.submissions.find(limit=MANY) if one.file_id in files and one.pcn}


def work(app: App) -> Counter[str]:
    """Open work items by their reason."""
    with app.store.view() as view:
        return Counter(item.reason for item in view.work.list(limit=10_000))


def check(world: World, undisturbed: dict[str, Any]) -> None:
    """Nothing lost, nothing twice: what a disturbed run of the mini practice must have come to."""
    received = world.sandbox.report().received
    with opened(world) as app:
        came = books(app)
        differs = {
            name: (came[name], undisturbed[name]) for name in undisturbed if came[name] != undisturbed[name]
        }
        assert not differs, differs
        exceptions = broken(app)
        assert not exceptions, exceptions
        sent = sent_pcns(app)
        assert set(received) == sent, f"only received: {set(received) - sent}, only sent: {sent - set(received)}"
    assert set(received.values()) == {1}
    for mailbox in ("clearinghouse", "printer"):
        names = world.arrived(mailbox)
        assert len(names) == len(set(names)), "a file came twice"
