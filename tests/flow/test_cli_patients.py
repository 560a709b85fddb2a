"""A person's word on who is one with whom, and the appointments of a day, on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flowlab.house import SOURCE, House
from flowlab.made import charge_fact, coverage_fact, encounter_fact, patient_fact

from hub.cli import main
from hub.clock import SystemClock, TurnedClock
from hub.config import SecretStore, load
from hub.flow.visits import assemble
from hub.model.encounter import Coding
from hub.model.facts import AppointmentFact
from hub.store.opening import open_hub_store

Ran = tuple[int, str, str]
NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)


@pytest.fixture
def hub(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs one command line: exit code, standard output, standard error."""
    monkeypatch.delenv("HUB_MASTER_KEY", raising=False)
    monkeypatch.setattr(SystemClock, "now", lambda _: NOW)

    def run(*words: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["hub", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


@pytest.fixture
def folder(hub: Callable[..., Ran], tmp_path: Path) -> Path:
    """The settings of a hub."""
    assert hub("init", tmp_path / "settings")[0] == 0
    assert hub("db", "upgrade", "-c", tmp_path / "settings")[0] == 0
    return tmp_path / "settings"


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    """That hub: two patients who each owe for a visit, and an appointment of the first."""
    store = open_hub_store(load(folder), SecretStore(folder), TurnedClock(NOW))
    house = House(store, TurnedClock(NOW))
    for key in ("A", "B"):
        policy = coverage_fact(f"cov-{key}", plan="SELFPAY", patient_key=key)
        visit = encounter_fact(f"E-{key}", patient_key=key)
        charge = charge_fact(f"C-{key}", patient_key=key, encounter_key=f"E-{key}")
        house.tell(patient_fact(key), policy, visit, charge)
    at = datetime(2026, 3, 3, 15, tzinfo=UTC)
    reason = Coding(system="L", code="CHECKUP")
    house.tell(AppointmentFact(key="S1", version="1", patient_key="A", starts_at=at, place="EAST", reason=reason))
    house.take_in()
    yield house
    store.close()


def test_a_person_merges_and_parts(hub: Callable[..., Ran], folder: Path, house: House) -> None:
    """A dry run tells what would follow and does nothing; the word is recorded once, said twice it is no news, and it
    can be taken back, also against what a source says later of the old merge."""
    one, other = (row.id for row in house.rows("patients"))
    merge = ("patients", "merge", one, other, "--by", "me", "-c", folder)
    assert "would be done" in hub(*merge, "--dry-run")[1]
    assert json.loads(hub("patients", "show", one, "-c", folder, "--json")[1])["now"] == one
    done = json.loads(hub(*merge, "--json")[1])
    assert (done["news"], len(done["before"]), len(done["after"])) == (True, 2, 1)
    assert done["after"][0]["owed"] == sum(each["owed"] for each in done["before"]) > 0
    assert "are one already" in hub(*merge)[1]
    house.run(assemble.assemble, SOURCE)
    house.state_people()
    assert len(house.rows("statements")) == 1
    assert "Merged" in hub("patients", "show", one, "-c", folder)[1]
    parted = json.loads(hub("patients", "unmerge", one, "-c", folder, "--json")[1])
    assert {each["now"] for each in parted["after"]} == {one, other}
    assert "merged into nobody" in hub("patients", "unmerge", one, "-c", folder)[1]
    with house.store.view() as view:
        assert set(view.events.tally(kind=["patient.merged", "patient.parted"]).values()) == {1}


def test_who_is_not_there_is_told(hub: Callable[..., Ran], folder: Path) -> None:
    """An id that nobody has is refused, with where to look."""
    code, _, error = hub("patients", "show", "pat_none", "-c", folder)
    assert code != 0
    assert "there is no patient of this id" in error


def test_what_a_day_brings(hub: Callable[..., Ran], folder: Path, house: House) -> None:
    """The appointments of a local day, under the ids that patients have now; a word that is no day is refused."""
    one, other = (row.id for row in house.rows("patients"))
    hub("patients", "merge", one, other, "-c", folder)
    (told,) = json.loads(hub("appointments", "list", "-c", folder, "--json")[1])
    assert (told["patient"], told["state"], told["reason"], told["place"]) == (other, "booked", "CHECKUP", "EAST")
    assert "CHECKUP" in hub("appointments", "list", "--day", "2026-03-03", "-c", folder)[1]
    assert json.loads(hub("appointments", "list", "--day", "today", "-c", folder, "--json")[1]) == []
    assert "is no day" in hub("appointments", "list", "--day", "someday", "-c", folder)[2]
