"""Looks in a hub's store whether each story came to what its row says."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from hub.testing.practice.stories import STORIES, Story, visit_keys

if TYPE_CHECKING:  # who only makes files needs no database
    from hub.store import View

_ALL = 1_000_000


def amiss(view: View, start: date = date(2026, 1, 5)) -> list[str]:
    """What is not as told, in words, story by story; empty when all is well.

    For a store that has run `make_practice(start=start)` for at least thirty days, its partners steered by
    `OUTCOMES`, until every claim was answered.
    """
    encounters = {row.record.key: row for row in view.encounters.find(limit=_ALL)}
    claims: dict[str, list[str]] = {}
    for claim in view.claims.find(limit=_ALL):
        if claim.record.rank == 1 and claim.record.version == 1:
            for encounter in claim.record.encounter_ids:
                claims.setdefault(encounter, []).append(claim.id)
    work: dict[str, set[str]] = {}
    for item in view.work.list(limit=_ALL):
        work.setdefault(item.aggregate_id, set()).add(item.reason)
    found = []
    for story in STORIES.values():
        rows = [encounters[key] for key in visit_keys(story, start) if key in encounters]
        mine = [claim for row in rows for claim in claims.get(row.id, [])]
        said = {reason for each in (*mine, *(row.id for row in rows)) for reason in work.get(each, ())}
        if story.message:  # the item hangs on a message, not on an encounter
            said |= {reason for reasons in work.values() for reason in reasons}
        found += _differs(story, [row.state for row in rows], len(mine), said)
    return found


def _differs(story: Story, states: list[str], claims: int, said: set[str]) -> list[str]:
    wanted = [story.state] * len(story.visits)
    found = []
    if states != wanted:
        found.append(f"{story.key}: encounters are {states}, not {wanted}")
    if claims != story.claims:
        found.append(f"{story.key}: {claims} claims, not {story.claims}")
    missing = {story.reason, story.after} - {""} - said
    return [*found, *(f"{story.key}: no work item {reason}" for reason in sorted(missing))]
