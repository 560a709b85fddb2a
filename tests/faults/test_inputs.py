"""Bad input among good: what is bad is set aside with its reason, its neighbours bill, and nothing bills twice."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from faultlab.books import books
from faultlab.scene import Scene, scene
from faultlab.visits import START, TWELVE, Drop, Kind, drop, drops, visit_of
from msgspec.structs import replace

from hub.model.claim import Claim
from hub.plugin.api import ScrubFinding
from hub.plugin.host import PluginFault
from hub.testing.practice import fhir, hl7

pytestmark = pytest.mark.campaign

FHIR = Kind(day=0, source="fhir", payers=("ppo",))
HL7 = Kind(day=0, source="hl7", payers=("ppo",))
SENT = datetime.combine(START, time(8))


def test_a_bundle_with_one_bad_resource(tmp_path: Path) -> None:
    """The other visit of the bundle bills; the one whose charge cannot be read waits, for its claim would be short;
    told again whole, it bills.
    """
    good, short = visit_of(1, FHIR), visit_of(2, FHIR)
    resources = [*fhir.visit_resources(good), *fhir.visit_resources(short)]
    bad = [*resources[:-1], resources[-1] | {"quantity": {"value": "two"}}]
    with scene(tmp_path, [_fhir("a.json", bad)]) as on:
        on.run(6)
        assert on.states("encounters") == {"claimed": 1, "waiting": 1}
        assert [item.aggregate for item in on.work("fhir.shape")] == ["message"]
        assert on.broken() == []
        on.world.add(_fhir("b.json", list(fhir.visit_resources(short)), on.life.now.at - timedelta(hours=1)))
        on.run()
        assert on.states("encounters") == {"claimed": 2}
        assert on.states("claims") == {"paid": 2}


def test_a_file_with_one_bad_message(tmp_path: Path) -> None:
    """The messages before and after the bad one bill; the bad one is set aside with its reason."""
    first, last = visit_of(1, HL7), visit_of(2, HL7)
    bad = replace(visit_of(3, HL7), patient=replace(visit_of(3, HL7).patient, key=""))
    messages = [hl7.dft(visit, f"M{number}", SENT) for number, visit in enumerate((first, bad, last))]
    with scene(tmp_path, [Drop(on=START, folder="hl7", name="a.hl7", body=hl7.batch(messages, SENT))]) as on:
        on.run()
        assert on.states("claims") == {"paid": 2}
        (item,) = on.work("hl7.")
        assert item.aggregate == "message"
        assert on.broken() == []


def test_the_same_inputs_again_change_nothing(tmp_path: Path) -> None:
    """The same twelve encounters under the same and under other names, days later: no encounter, claim, cent or
    statement more.
    """
    files = list(drops(TWELVE))
    with scene(tmp_path, files) as on:
        on.run()
        before = books(on.app)
        later = on.life.now.at.date() + timedelta(days=1)
        again = [Drop(on=later, folder=one.folder, name=one.name, body=one.body) for one in files]
        renamed = [_renamed(one, f"again-{one.name}") for one in again]
        on.world.add(*again, *renamed)
        on.pass_days(1)
        on.run()
        assert books(on.app) == before
        assert on.broken() == []


def test_what_is_no_message_at_all(tmp_path: Path) -> None:
    """Noise in the folders of EHRs is stored and set aside; a good file beside it bills."""
    noise = [
        Drop(on=START, folder="fhir", name="noise.json", body=b'{"resourceType": "Bundle", "entry": ['),
        Drop(on=START, folder="fhir", name="more.json", body=bytes(range(256))),
        Drop(on=START, folder="hl7", name="noise.hl7", body=b"MSH|^~\\&|\x00\xff"),
        Drop(on=START, folder="hl7", name="empty.hl7", body=b""),
    ]
    with scene(tmp_path, [*noise, drop(visit_of(1, HL7))]) as on:
        on.run(3)
        assert on.states("encounters") == {"claimed": 1}
        assert len(on.work()) >= 3
        assert on.life.troubles == []
        assert on.broken() == []


def test_a_plugin_rule_that_fails_holds_its_claim_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrub rule of a plugin that fails on one claim has not judged it: it is held for IT, the others go."""
    with scene(tmp_path, claims=3) as on:
        _rule(on, monkeypatch, fails_for="BHP000000020")
        on.run()
        assert on.states("claims") == {"paid": 2, "held": 1}
        (item,) = on.work("scrub.")
        assert (item.reason, item.owner) == ("scrub.plugin_fault", "it")
        assert "BHP" not in item.why
        assert on.life.troubles == []
        assert on.broken() == []


def _rule(on: Scene, monkeypatch: pytest.MonkeyPatch, *, fails_for: str) -> None:
    def rule(claim: Claim) -> tuple[ScrubFinding, ...]:
        if claim.coverage.member_id == fails_for:
            raise PluginFault(plugin="strict", instance="strict", method="rule strict", cause="ValueError")
        return ()

    monkeypatch.setattr(on.app.host, "scrub_rules", lambda: {"strict": rule})


def _fhir(name: str, resources: list[fhir.Resource], sent: datetime = SENT) -> Drop:
    return Drop(on=sent.date(), folder="fhir", name=name, body=fhir.bundle(resources, sent))


def _renamed(one: Drop, name: str) -> Drop:
    """The same file under another name."""
    return Drop(on=one.on, folder=one.folder, name=name, body=one.body)
