"""Messages of servers that number nothing: told again after something else, the same is news once more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from fhirlab.fake import START, FakeFhir
from fhirlab.proxy import Reply
from fhirlab.pulls import Pull, keys, office, visit, whole
from hub_ehr_fhir.pull.resources import Found
from hub_ehr_fhir.pull.sending import Sent
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import TurnedClock
from hub.testing.fakes import FakeContext


def told(status: str, *, version: str = "") -> Found:
    """An encounter as such a server gives it."""
    return Found(kind="Encounter", id="e1", raw=b'{"status":"%s"}' % status.encode(), version=version)


@given(st.lists(st.sampled_from(["finished", "in-progress", "cancelled"]), max_size=12), st.booleans())
def test_each_change_is_a_message_of_its_own(states: list[str], restarts: bool) -> None:
    """The hub holds what was told last, however often a server goes back and forth, across restarts too; what is
    told twice in a row is one message."""
    kept: dict[str, bytes] = {}
    sent, known, stands = Sent(FakeContext("fhir", saved=kept).state), set[str](), ""
    for state in states:
        one = sent.message("Encounter/e1", [told(state)])
        stands = stands if one.external_id in known else state
        known.add(one.external_id)
        sent.save()
        sent = Sent(FakeContext("fhir", saved=kept).state) if restarts else sent
        assert stands == state
    changes = sum(1 for n, state in enumerate(states) if n == 0 or state != states[n - 1])
    assert len(known) == changes


def test_a_call_that_is_repeated_gives_the_same() -> None:
    """After a crash the same comes under the same id."""
    kept: dict[str, bytes] = {}
    for state in ("finished", "in-progress", "finished"):
        ids = {
            Sent(FakeContext("fhir", saved=dict(kept)).state).message("E", [told(state)]).external_id
            for _ in "ab"
        }
        sent = Sent(FakeContext("fhir", saved=kept).state)
        assert ids == {sent.message("E", [told(state)]).external_id}
        sent.save()


def test_what_bears_a_version_is_not_remembered() -> None:
    """Where versions are told, bytes differ by themselves, and nothing is kept."""
    kept: dict[str, bytes] = {}
    sent = Sent(FakeContext("fhir", saved=kept).state)
    ids = [sent.message("E", [told("finished", version=nth)]).external_id for nth in ("1", "2", "1")]
    sent.save()
    assert (ids[0] == ids[2], kept) == (True, {})


class Unnumbered(FakeFhir):
    """A server that leaves `meta` out, as some do."""

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """As another server, without `meta`."""
        reply = super().answer(method, path, headers, body)
        return Reply(reply.status, reply.headers, json.dumps(_bare(json.loads(reply.body or b"null"))).encode())


def _bare(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_bare(one) for one in tree]
    return {name: _bare(one) for name, one in tree.items() if name != "meta"} if isinstance(tree, dict) else tree


def test_a_visit_that_is_reopened_and_finished_again() -> None:
    """On a server that numbers nothing each of finished, reopened, finished comes, and what did not change does not
    come again."""
    pull = Pull(Unnumbered(TurnedClock(START)), strategy="patients", patients_hours=1)
    statuses = ("finished", "finished", "in-progress", "finished", "finished")
    came = []
    for status in statuses:
        pull.fake.put(*office(), *visit(1, status=status))
        came.append([_status(one.body) for one in pull.run()])
        pull.later(hours=2)
    assert came == [["finished"], [], ["in-progress"], ["finished"], []]


def _status(body: bytes) -> str:
    told = [entry["resource"] for entry in json.loads(body)["entry"]]
    return next(str(one["status"]) for one in told if one["resourceType"] == "Encounter")


@pytest.mark.parametrize("server", [FakeFhir, Unnumbered])
def test_what_was_deleted_and_comes_back_is_told(server: type[FakeFhir]) -> None:
    """A visit that is deleted, restored as it was, deleted and restored again is told each time."""
    pull, told = Pull(server(TurnedClock(START))), []
    pull.fake.put(*office(), *visit(1))
    for _ in range(2):
        told += [keys([one]) for one in pull.run()]
        pull.later(minutes=30)
        pull.fake.delete("Encounter/e1")
        told += [keys([one]) for one in pull.run()]
        pull.later(minutes=30)
        pull.fake.put(visit(1)[0])
    told += [keys([one]) for one in pull.run()]
    there, gone = [whole(1)], [["-Encounter/e1"]]
    assert told == [there, gone, there, gone, there]
