"""The special cases of the synthetic practice: what each is, and what must become of it."""

from __future__ import annotations

from datetime import date

from hub.model.people import Record
from hub.testing.practice.calendar import months


class Story(Record, frozen=True, kw_only=True):
    """One special case. `source` is fhir or hl7; `day` the working day (from 0) on which it begins.

    `visits` are the source's keys of its encounters, all of which end in `state` (empty: no encounter is made)
    and give `claims` claims together. `reason` is the code of the work item that must be open for it, empty for
    none; `message` the state of the inbox row that `reason` hangs on, where it is not `read`. `after` is the
    code of the work item that a claim of the story must have when its payer has answered. `outcome` steers the
    simulated partners for the story's `member` (see `hub.sandbox.options`).
    """

    key: str
    source: str
    day: int
    words: str
    visits: tuple[str, ...] = ()
    state: str = "claimed"
    claims: int = 1
    reason: str = ""
    message: str = ""
    after: str = ""
    outcome: str = ""
    member: str = ""


def _fhir(key: str, day: int, words: str, **more: object) -> Story:
    told = {"visits": (f"Encounter/S-{key}",)} | more
    return Story(key=key, source="fhir", day=day, words=words, **told)  # type: ignore[arg-type]


def _hl7(key: str, day: int, words: str, **more: object) -> Story:
    told = {"visits": (f"S-{key}",)} | more
    return Story(key=key, source="hl7", day=day, words=words, **told)  # type: ignore[arg-type]


ONCE = "once"
"""Steers to no outcome: the first claim is paid, and a second one alike is left to the payer's own eye."""
_HELD = {"state": "held", "claims": 0}
_ROWS = (
    _fhir("qmb", 0, "a qualified Medicare beneficiary: what Medicare leaves may never be asked of her",
          member="9A00A00QM00", outcome="pay", after="gate.qmb"),
    _fhir("unmapped-code", 1, "a local code without a row in the charge map", **_HELD,
          reason="coding.charge_unmapped"),
    _fhir("no-diagnosis", 1, "a visit without a diagnosis", **_HELD, reason="claim.no_diagnosis"),
    _fhir("visit-level", 2, "a kind of visit that maps to a level: a proposal for the coder", state="proposal",
          claims=0, reason="coding.proposal"),
    _fhir("bad-resource", 2, "a bundle with one charge that is not R4: its visit waits, for its claim would be "
          "short", state="waiting", claims=0, reason="fhir.shape", message="read_in_part"),
    _fhir("condition-first", 3, "a diagnosis that arrives a day before its visit"),
    _fhir("same-file", 3, "the same file under two names bills once"),
    _fhir("late-charge", 4, "a charge that arrives two days after its visit, within the days of grace: one claim"),
    _fhir("before-go-live", 1, "a visit before bill_from is history", state="history", claims=0),
    _fhir("cancelled", 2, "a cancelled visit", state="cancelled", claims=0),
    _fhir("test-patient", 1, "a test patient never bills", state="test", claims=0),
    _fhir("rental", 0, "a device rented by the month, without a visit: first month KH, then KI",
          visits=("recurring:Patient/S-rental:{0}", "recurring:Patient/S-rental:{1}"), claims=2),
    _fhir("old-rental", 0, "the same in its fourth and fifth month: KJ",
          visits=("recurring:Patient/S-old-rental:{0}", "recurring:Patient/S-old-rental:{1}"), claims=2),
    _fhir("co16", 3, "denied: information is missing (CO-16)",
          outcome="co16", after="denial.CO-16", member="BHP990000001"),
    _fhir("co197", 4, "denied: no authorization (CO-197)",
          outcome="co197", after="denial.CO-197", member="BHP990000002"),
    _fhir("co29", 5, "denied: too late (CO-29)", outcome="co29", after="denial.CO-29", member="BHP990000003"),
    _fhir("pr27", 5, "denied: the coverage had ended, so the patient owes it (PR-27)",
          outcome="pr27", after="denial.PR-27",
          member="BHP990000004"),
    _fhir("reversed", 2, "paid, then reversed and corrected", outcome="reverse", member="BHP990000005"),
    _fhir("rejected", 6, "refused by the clearinghouse",
          outcome="reject", after="rejected.277ca", member="BHP990000006"),
    _fhir("rejected-by-payer", 6, "refused by the payer",
          outcome="reject-payer", after="rejected.277ca", member="BHP990000007"),
    _hl7("unmapped-plan", 1, "a plan that no row maps to a payer", **_HELD, reason="claim.payer_unmapped"),
    _hl7("unknown-provider", 1, "a provider nobody knows, whose NPI fails its check digit", **_HELD,
         reason="claim.npi"),
    _hl7("no-coverage", 2, "nobody says who pays", **_HELD, reason="claim.no_coverage"),
    _hl7("test-message", 2, "a message whose processing id is T leaves nothing behind", visits=(), state="",
         claims=0, message="test"),
    _hl7("result", 3, "an FT1 in an ORU is no charge", visits=(), state="", claims=0, message="informational"),
    _hl7("merge", 3, "one woman under two record numbers, then merged: two visits, two claims, one patient",
         visits=("S-merge", "S-merge-2"), claims=2),
    _hl7("bad-message", 4, "a batch with one message that names no patient; its neighbours bill",
         visits=("S-bad-message", "S-bad-message-2"), claims=2, reason="hl7.patient.key", message="set_aside"),
    _hl7("late-charge-hl7", 4, "a charge that arrives when its visit is billed: a second claim", claims=2),
    _hl7("credit", 5, "a credit undoes one of two charges: the claim has one line"),
    _hl7("injury", 5, "workers' compensation with the day of the injury"),
    _hl7("no-injury-date", 6, "workers' compensation without it: the scrubber holds the claim",
         reason="scrub.injury_date"),
    _hl7("duplicate", 6, "the same service entered twice: the payer denies the second (OA-18)",
         visits=("S-duplicate", "S-duplicate-2"), claims=2, outcome=ONCE, after="denial.OA-18", member="9A00A00EX98"),
    _hl7("copay", 6, "a copay at the front desk (CO), and a payment on account two weeks later (PY)"),
    _hl7("cancelled-hl7", 7, "registered (A04), then cancelled (A11)", state="cancelled", claims=0),
    _hl7("test-patient-hl7", 7, "a test patient by name", state="test", claims=0),
    _hl7("before-go-live-hl7", 7, "a visit before bill_from is history", state="history", claims=0),
    _hl7("self-pay", 7, "nobody but the patient pays: no claim, straight to a statement", state="patient", claims=0),
)  # fmt: skip

STORIES: dict[str, Story] = {story.key: story for story in _ROWS}
"""Every special case by its key."""


def visit_keys(story: Story, start: date) -> tuple[str, ...]:
    """The keys of a story's encounters in a practice that begins on `start`: rentals carry their months."""
    return tuple(key.format(*(f"{day:%Y-%m}" for day in months(start))) for key in story.visits)


OUTCOMES: dict[str, str] = {story.member: story.outcome for story in _ROWS if story.outcome}
"""For `SandboxOptions(outcomes=...)`: what becomes of these members' claims, whatever the seed."""
