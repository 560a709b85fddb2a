"""Overlays in the flow: a claim that breaks a rule of its payer or mailbox is held, limits part the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowlab.house import MAILBOX, House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.config.load import load as load_settings
from hub.errors import Misconfigured
from hub.flow import batch
from hub.flow.overlays import overlay_faults
from hub.store import Store

VISIT = (patient_fact(), encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())
SECOND = (
    encounter_fact(patient_key="P2"),
    charge_fact(patient_key="P2", encounter_key="E12"),
    coverage_fact(patient_key="P2"),
)
STRICT = """\
[[rule]]
name = "authorization"
at = "2300 REF[G1] 02"
required = true
message = "this payer takes no claim without an authorization"
"""


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """The practice, on each database."""
    return House(store, clock)


def name(tmp_path: Path, text: str) -> str:
    """The path of an overlay of this text."""
    path = tmp_path / "ours.toml"
    path.write_text(text)
    return str(path)


def with_rules(house: House, mailbox: tuple[str, ...] = (), payer: tuple[str, ...] = ()) -> None:
    """The practice's settings name these overlays for its mailbox and for each payer."""
    known = house.settings
    box = known.mailboxes[MAILBOX].model_copy(update={"overlays": mailbox})
    payers = {key: row.model_copy(update={"overlays": payer}) for key, row in known.payers.items()}
    house.settings = known.model_copy(update={"mailboxes": {MAILBOX: box}, "payers": payers})


def files(house: House) -> list[str]:
    """Every file that was frozen, as text."""
    with house.store.view() as view:
        return [b"".join(view.blobs.read(file.blob_id)).decode() for file in view.files.find(limit=50)]


@pytest.mark.parametrize("whose", ["mailbox", "payer"])
def test_a_claim_that_breaks_a_rule_is_held(house: House, tmp_path: Path, whose: str) -> None:
    """The rule's own message and place stand in the work item; without the rule the claim goes on."""
    rules: dict[str, Any] = {whose: (name(tmp_path, STRICT),)}
    with_rules(house, **rules)
    house.tell(*VISIT)
    house.take_in()
    assert house.states("claims") == {"held": 1}
    with house.store.view() as view:
        (item,) = view.work.list(reason_prefix="scrub.")
    assert (item.reason, item.where) == ("scrub.overlay", "2300 REF (ours.authorization)")
    assert item.why == "this payer takes no claim without an authorization"


def test_a_warning_tells_and_holds_nothing(house: House, tmp_path: Path) -> None:
    """A rule of severity warning opens an item beside a claim that is ready."""
    with_rules(house, (name(tmp_path, STRICT + 'severity = "warning"\n'),))
    house.tell(*VISIT)
    house.take_in()
    assert house.states("claims") == {"ready": 1}
    assert house.work() == {"scrub.overlay.warning": 1}


def test_a_rule_that_came_after_the_scrub_is_kept_by_the_batch(house: House, tmp_path: Path) -> None:
    """What was scrubbed under other rules is held when it is to be frozen, and not sent."""
    house.tell(*VISIT)
    house.take_in()
    with_rules(house, (), (name(tmp_path, STRICT),))
    house.run(batch.freeze, MAILBOX)
    assert house.states("claims") == {"held": 1}
    assert house.work() == {"batch.guide": 1}


def test_a_default_is_filled_in(house: House, tmp_path: Path) -> None:
    """What the claim leaves empty is written as the payer wants it."""
    filled = '[[rule]]\nname = "words"\nat = "2400 SV101-7"\ndefault = "AS ORDERED"\nmessage = "m"\n'
    with_rules(house, (), (name(tmp_path, filled),))
    house.tell(*VISIT)
    house.take_in()
    house.send()
    (text,) = files(house)
    assert ":::::AS ORDERED*" in text


def three_claims(house: House) -> None:
    """Three patients with a visit each, scrubbed."""
    for number in (1, 2, 3):
        patient, visit = f"P{number}", f"E{number}"
        house.tell(
            patient_fact(patient),
            encounter_fact(visit, patient_key=patient),
            charge_fact(f"C{number}", patient_key=patient, encounter_key=visit),
            coverage_fact(f"V{number}", patient_key=patient),
        )
    house.take_in()
    assert house.states("claims") == {"ready": 3}


def test_what_cannot_be_used_holds_and_says_so(house: House, tmp_path: Path) -> None:
    """An overlay that cannot be used judges nothing: a new claim is held, and no file is frozen meanwhile."""
    house.tell(*VISIT)
    house.take_in()
    with_rules(house, (str(tmp_path / "gone.toml"),))
    with pytest.raises(Misconfigured, match="no overlay of this name"):
        house.run(batch.freeze, MAILBOX)
    assert house.states("claims") == {"ready": 1}
    house.tell(patient_fact("P2"), *[replace(one, key=one.key + "2") for one in SECOND])
    house.take_in()
    assert house.states("claims") == {"ready": 1, "held": 1}
    assert house.work() == {"scrub.overlay_unread": 1}


def test_the_check_of_settings_names_an_overlay_that_cannot_be_used(tmp_path: Path) -> None:
    """`hub check` tells each fault of an overlay at the setting that names it, before anything runs."""
    example = Path(__file__).parents[2] / "config"
    for path in example.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text())
    payers = (tmp_path / "payers.toml").read_text()
    first = next(line for line in payers.splitlines() if line.startswith("[") and "." in line)
    (tmp_path / "payers.toml").write_text(payers.replace(first, f'{first}\noverlays = ["mine", "medicare"]', 1))
    loaded = load_settings(tmp_path)
    (fault,) = overlay_faults(loaded)
    assert fault.file == "payers.toml"
    assert "no overlay of this name" in fault.wrong
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "mine.toml").write_text(STRICT)
    assert overlay_faults(loaded) == []


@pytest.mark.parametrize("whose", ["mailbox", "payer"])
@pytest.mark.parametrize(
    ("limit", "shares"),
    [("claims_per_file = 2", [2, 1]), ("claims_per_set = 1", [3]), ("bytes_per_file = 1500", [1, 1, 1])],
)
def test_limits_part_files_and_sets(
    house: House, tmp_path: Path, limit: str, shares: list[int], whose: str
) -> None:
    """A partner or a payer that takes less gets more files, or more sets in one, and every claim once."""
    with_rules(house, **{whose: (name(tmp_path, f"[limits]\n{limit}\n"),)})
    three_claims(house)
    house.send()
    texts = files(house)
    assert sorted((text.count("CLM*") for text in texts), reverse=True) == shares
    assert limit.startswith("claims") or max(len(text) for text in texts) <= 1500
    assert sum(text.count("ST*837") for text in texts) == (2 if limit.startswith("claims_per_file") else 3)
