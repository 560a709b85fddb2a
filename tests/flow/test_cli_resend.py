"""What goes out again: after a rejection, after a denial, out of doubt; and money that a person signs for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.app import App
from hub.cli import act
from hub.cli.act import Choice
from hub.cli.demo.job import Job
from hub.errors import Refused
from hub.flow import batch
from hub.flow.posting import release
from hub.ledger import AccountKind
from hub.reports.promises import prove
from hub.sandbox.options import SandboxOptions
from hub.store.work import OpenItem

pytestmark = pytest.mark.campaign

START = date(2026, 1, 5)
MEMBER = "ABC1234567{}"
Begun = Callable[..., Job]


def bundle(number: int) -> bytes:
    """One finished encounter of one patient of the example practice, with three charges, as a FHIR bundle."""
    hcpcs = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
    patient, visit = f"urn:uuid:Patient-pat{number}", f"urn:uuid:Encounter-enc{number}"
    home = {"line": ["1 Reed St"], "city": "Exampleton", "state": "OH", "postalCode": "44099"}
    resources: list[dict[str, Any]] = [
        {
            "resourceType": "Patient", "id": f"pat{number}", "name": [{"family": "Heron", "given": ["Ada"]}],
            "birthDate": "1950-02-03", "gender": "female", "address": [home],
        },
        {
            "resourceType": "Practitioner", "id": "dr1", "name": [{"family": "Larkspur", "given": ["Maren"]}],
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1999999034"}],
        },
        {
            "resourceType": "Coverage", "id": f"cov{number}", "status": "active", "order": 1,
            "beneficiary": {"reference": patient}, "subscriberId": MEMBER.format(number),
            "payor": [{"display": "BLUEHERON", "identifier": {"value": "BLUEHERON"}}],
            "relationship": {"coding": [{"code": "self"}]},
            "class": [{"type": {"coding": [{"code": "plan"}]}, "value": "BLUEHERON"}],
        },
        {
            "resourceType": "Encounter", "id": f"enc{number}", "status": "finished",
            "subject": {"reference": patient},
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "period": {"start": f"{START}T14:00:00Z", "end": f"{START}T14:30:00Z"},
            "participant": [{"individual": {"reference": "urn:uuid:Practitioner-dr1"}}],
        },
        {
            "resourceType": "Condition", "id": f"cond{number}", "subject": {"reference": patient},
            "encounter": {"reference": visit},
            "category": [{"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "encounter-diagnosis",
            }]}],
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}]},
        },
    ]  # fmt: skip
    for line, code in enumerate(("G0439", "J3420")):
        resources.append(
            {
                "resourceType": "ChargeItem", "id": f"item{number}-{line}", "status": "billable",
                "code": {"coding": [{"system": hcpcs, "code": code}]}, "subject": {"reference": patient},
                "context": {"reference": visit}, "occurrenceDateTime": str(START), "quantity": {"value": 1},
            }
        )  # fmt: skip
    entries = [{"fullUrl": f"urn:uuid:{one['resourceType']}-{one['id']}", "resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begun]:
    """Starts a run of two encounters on one day, as far as their claims' answers; more days are the test's."""
    jobs: list[Job] = []

    def start(days: int = 5, **options: Any) -> Job:
        job = Job(work=tmp_path / "run", options=SandboxOptions(plain=not options.get("outcomes"), **options))
        jobs.append(job)
        files = [("fhir", f"{n}.json", bundle(n)) for n in (1, 2)]
        job.run([(START + timedelta(days=day), () if day else files) for day in range(days)], settle_days=0)
        return job

    yield start
    for job in jobs:
        job.close()


@pytest.fixture
def decide(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Resolves a work item as the command does, at the run's own time."""

    def resolve(job: Job, item: OpenItem, *, dry_run: bool = False, **deed: bool) -> None:
        monkeypatch.setattr("hub.cli.opened.SystemClock", lambda: job.clock)
        act.resolve(job.work / "config", item.id, Choice(how="mended", by="ada", **deed), dry_run=dry_run)

    return resolve


def later(job: Job, days: int) -> None:
    """More days, in which the partners answer."""
    first = job.clock.now().date() + timedelta(days=1)
    for number in range(days):
        job._day(first + timedelta(days=number), ())


def item_of(app: App, reason: str) -> OpenItem:
    """The one open item of that reason."""
    with app.store.view() as view:
        (item,) = view.work.list(reason_prefix=reason)
    return item


def submissions(app: App, claim_id: str) -> list[Any]:
    """Everything sent for a claim, oldest first."""
    with app.store.view() as view:
        return sorted(view.submissions.of_claim(claim_id), key=lambda one: one.opened_at)


def claim_state(app: App, claim_id: str) -> str:
    """Where a claim stands."""
    with app.store.view() as view:
        row = view.claims.get(claim_id)
    assert row is not None
    return row.state


def test_a_claim_that_a_277ca_rejected_goes_out_again(begin: Begun, decide: Callable[..., None]) -> None:
    """After a claim rejection the same version goes out under a new control number and is taken; every promise
    holds, and only what was rejected went twice."""
    job = begin(reject_every=2)
    item = item_of(job.app, "rejected.277ca")
    decide(job, item, resend=True, dry_run=True)
    assert claim_state(job.app, item.aggregate_id) == "rejected"
    decide(job, item, resend=True)
    assert claim_state(job.app, item.aggregate_id) == "new"
    job._steps("scrub.check")
    later(job, 20)
    first, second = submissions(job.app, item.aggregate_id)
    assert (first.close_reason, first.version, second.version) == ("rejected_277ca", 1, 1)
    assert first.pcn != second.pcn
    assert second.state == "adjudicated"
    assert claim_state(job.app, item.aggregate_id) == "paid"
    assert sorted(job.sandbox.report().received.values()) == [1, 1, 1]
    assert not [one for one in prove(job.app.store, job.app.settings) if one.exceptions]


def test_a_claim_whose_set_a_999_rejected_goes_out_again(
    begin: Begun, decide: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 999 that rejects one of two sets closes its claim's submission; the other claim is not touched."""
    monkeypatch.setattr(batch, "SET_CLAIMS", 1)
    job = begin(reject_set=2)
    item = item_of(job.app, "rejected.999")
    decide(job, item, resend=True)
    job._steps("scrub.check")
    later(job, 20)
    first, second = submissions(job.app, item.aggregate_id)
    assert (first.close_reason, second.state) == ("rejected_999", "adjudicated")
    with job.app.store.view() as view:
        assert view.submissions.find().__len__() == 3
        assert view.claims.tally() == {"paid": 2}


def test_a_denied_claim_goes_out_corrected(begin: Begun, decide: Callable[..., None]) -> None:
    """A claim that its payer has denied goes out as a replacement: frequency 7, the payer's claim number, a new
    version with line control numbers of its own; the version that went before stays as it was."""
    job = begin(days=16, outcomes={MEMBER.format(1): "co16", MEMBER.format(2): "pay"})
    item = item_of(job.app, "denial.")
    decide(job, item, resend=True)
    job._steps("scrub.check")
    later(job, 2)
    with job.app.store.view() as view:
        versions = {
            row.col("version"): row.record for row in view.claim_versions.find(claim_id=item.aggregate_id)
        }
        paid = view.remit_claims.find(claim_id=item.aggregate_id)[0].record
        file = view.files.newest(1, kind="837P")[0]
        body = view.blobs.content(file.blob_id).decode()
    assert (versions[1].frequency, versions[2].frequency) == ("1", "7")
    assert not {one.control_number for one in versions[1].lines} & {
        one.control_number for one in versions[2].lines
    }
    assert ":B:7*" in body
    assert f"REF*F8*{paid.payer_control_number}~" in body
    later(job, 20)
    first, second = submissions(job.app, item.aggregate_id)
    assert (first.state, second.state, second.version) == ("adjudicated", "adjudicated", 2)
    assert not [one for one in prove(job.app.store, job.app.settings) if one.exceptions]


def test_nothing_goes_out_while_a_submission_is_open(begin: Begun) -> None:
    """A claim that waits for its payer is refused with what to do: promise 3."""
    job = begin(days=4)
    with job.app.store.view() as view:
        claim = view.claims.find(state="accepted")[0]
    with pytest.raises(Refused, match="still open"), job.app.store.begin("work.resolve") as tx:
        act.corrections.resend(tx, job.app.settings, claim, "ada")


def test_what_was_corrected_at_the_source_goes_out_with_it(begin: Begun, decide: Callable[..., None]) -> None:
    """A rejected claim takes the member id that its source says today, as a new version, still an original."""
    job = begin(reject_every=2)
    item = item_of(job.app, "rejected.277ca")
    with job.app.store.view() as view:
        row = view.claims.get(item.aggregate_id)
    assert row is not None
    number = int(row.record.coverage.member_id[-1])
    body = bundle(number).replace(MEMBER.format(number).encode(), b"NEW99999999")
    job._day(job.clock.now().date() + timedelta(days=1), [("fhir", "again.json", body)])
    decide(job, item, resend=True)
    with job.app.store.view() as view:
        after = view.claims.get(item.aggregate_id)
    assert after is not None
    assert after.record.coverage.member_id == "NEW99999999"
    assert (after.record.version, after.record.frequency) == (2, "1")


def test_a_submission_that_never_arrived_is_given_up_by_a_person(
    begin: Begun, decide: Callable[..., None]
) -> None:
    """Silence past its time is an item; a person's recorded reason closes the submission and the claim goes again."""
    job = begin(days=12, silent=frozenset({"999", "277CA", "TA1", "835"}))
    with job.app.store.view() as view:
        items = view.work.list(reason_prefix="overdue.claim_ack")
        claim_id = next(iter(view.submissions.find(id=items[0].aggregate_id))).claim_id
    decide(job, items[0], resend=True)
    (closed,) = submissions(job.app, claim_id)
    assert closed.close_reason == "person"
    assert claim_state(job.app, claim_id) == "new"
    with job.app.store.view() as view:
        told = view.events.find(kind="submission.closed")
    assert [(one.actor, one.detail["reason"]) for one in told] == [("ada", "mended")]


def test_an_unbalanced_remittance_is_released_into_variance(begin: Begun, decide: Callable[..., None]) -> None:
    """A remittance that does not add up is held until a person signs; then cash is its BPR02, and what its claims
    and PLBs lack stands in the variance account."""
    job = begin(days=16, unbalance=True)
    item = item_of(job.app, "remit.unbalanced")
    with job.app.store.view() as view:
        assert view.book.total(account=AccountKind.CASH_CLEARING) == 0
    decide(job, item, release=True)
    job._steps("posting.post")
    with job.app.store.view() as view:
        (remit,) = view.remits.find(id=item.aggregate_id)
        about = {"remit_id": remit.id}
        assert remit.state == "posted"
        assert view.book.total(account=AccountKind.CASH_CLEARING, **about) == remit.col("amount_cents")
        assert view.book.total(account=AccountKind.REMITTANCE_VARIANCE, **about) == -100
        assert view.events.find(kind="remit.released")[0].actor == "ada"
    with pytest.raises(Refused, match="not held"), job.app.store.begin("work.resolve") as tx:
        release(tx, remit, "ada")
