"""A server that changes under a pull: what it ignores or refuses from now on neither floods nor loses anything."""

from __future__ import annotations

from typing import Any

import pytest
from fhirlab.fake import Direct, FakeFhir
from fhirlab.proxy import Reply
from fhirlab.pulls import Pull, keys, office, visit, whole
from hub_ehr_fhir.discover.offered import STATE, decode
from hub_ehr_fhir.pull.cursors import decoded
from hub_ehr_fhir.pull.pulling import Pulling

from hub.plugin.api import Step
from hub.testing.fakes import FakeContext


def ignoring(fake: FakeFhir, kind: str) -> None:
    """From now on the server ignores `_lastUpdated` for a type, without a word."""
    inner = fake.answer

    def before(path: str) -> Reply | None:
        head, _, query = path.partition("?")
        kept = [one for one in query.split("&") if not one.startswith("_lastUpdated")]
        if head.endswith(f"/{kind}") and len(kept) < len(query.split("&")):
            return inner("GET", f"{head}?{'&'.join(kept)}", {})
        return None

    fake.before = before


def verdict(pull: Pull, kind: str) -> str:
    """What is known of `_lastUpdated` for a type."""
    known = decode(pull.saved[STATE])
    assert known is not None
    return known.of(kind).verdict("_lastUpdated")


def steps(pull: Pull) -> list[Step]:
    """What the pull says in `hub connector test`."""
    context = FakeContext("fhir", saved=pull.saved)
    return list(Pulling(pull.settings, context, Direct(pull.fake)).check())  # type: ignore[arg-type]


@pytest.fixture
def pull() -> Pull:
    """A server with visits of some days ago that were all pulled."""
    pull = Pull()
    pull.fake.put(*office(), *visit(1), *visit(2))
    pull.run()
    pull.later(days=3)
    pull.run()
    return pull


def test_time_is_ignored_after_an_upgrade(pull: Pull) -> None:
    """Encounters older than what was asked for: nothing of them is taken, the look stays where it is, and the server
    is asked patient by patient; what is new comes, what is known does not come again.
    """
    since = decoded(pull.cursor).since
    ignoring(pull.fake, "Encounter")
    pull.fake.put(*visit(3))
    pull.later(minutes=5)
    assert keys(pull.run()) == [whole(3)]
    assert verdict(pull, "Encounter") == "ignored"
    assert decoded(pull.cursor).since == since
    calls = pull.calls
    pull.later(minutes=5)
    assert pull.run() == []
    assert pull.calls == calls, "not until the next round"


def test_a_person_is_told(pull: Pull) -> None:
    """`hub connector test` says what the server ignores, and what to do; the log has one line."""
    ignoring(pull.fake, "Encounter")
    pull.later(minutes=5)
    assert all(step.ok for step in steps(pull))
    pull.run()
    bad = [step for step in steps(pull) if not step.ok]
    assert [("ignores _lastUpdated for Encounter" in step.said, bool(step.fix)) for step in bad] == [(True, True)]


def test_it_works_again(pull: Pull) -> None:
    """When the server is mended, the look goes on from where it stood: also what changed in between comes."""
    ignoring(pull.fake, "Condition")
    pull.later(minutes=5)
    pull.run()
    assert verdict(pull, "Condition") == "ignored"
    pull.fake.put(visit(1)[1])
    for _ in range(3):
        pull.later(hours=20)
        assert pull.run() == []
    pull.fake.before = lambda _path: None
    pull.later(days=7)
    assert keys(pull.run()) == [whole(1)]
    assert verdict(pull, "Condition") == "works"
    assert "Condition" not in decoded(pull.cursor).behind


def test_history_is_ignored(pull: Pull) -> None:
    """A history that tells everything each time is not asked any more."""
    pull.settings = pull.settings.model_copy(
        update={"pull": pull.settings.pull.model_copy(update={"late_hours": 0})}
    )
    pull.fake.delete("Encounter/e2")
    pull.later(minutes=5)
    assert keys(pull.run()) == [["-Encounter/e2"]]
    inner = pull.fake.answer

    def before(path: str) -> Reply | None:
        head, mark, _ = path.partition("?_since")
        return inner("GET", head, {}) if mark and "/Encounter/" in head else None

    pull.fake.before = before
    for _ in range(2):
        pull.later(hours=36)
        assert pull.run() == []
    known = decode(pull.saved[STATE])
    assert known is not None
    assert known.of("Encounter").verdict("_history") == "ignored"


@pytest.mark.parametrize("kind", ["Encounter", "Condition", "ChargeItem", "Practitioner"])
def test_old_and_new_by_any_type(pull: Pull, kind: str) -> None:
    """Whichever type it is: nothing that is known comes again, and a new visit comes once."""
    ignoring(pull.fake, kind)
    pull.fake.put(*visit(4))
    pull.later(minutes=5)
    told: list[Any] = pull.run()
    assert keys(told) == [whole(4)]
    pull.later(minutes=5)
    assert pull.run() == []
