"""Which of a sender's messages was said later."""

from __future__ import annotations

import pytest
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings
from msgspec.structs import replace

from hub.flow.ingest.folding import overlaid, placed, repeats
from hub.model.facts import AnyFact, PatientFact

CHICAGO = Hl7Settings(time_zone="America/Chicago")
AT = "20260106120000"


def told(sent: str, control: str = "", number: str = "", phone: str = "", place: int = 0) -> AnyFact:
    """The patient of a message, as it is told, or stored as the `place`th."""
    header = f"MSH|^~\\&|APP|FAC|HUB|SITE|{sent}||ADT^A31|{control}|P|2.5|{number}"
    reading = read(f"{header}\rPID|1||100^^^EAST^MR||QUILL^ADA||||||||{phone}".encode(), CHICAGO)
    (fact,) = reading.facts
    return placed(fact, place) if place else fact


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (told(AT, "9"), told(AT, "10")),
        (told(AT, "99999999"), told(AT, "100000000")),
        (told(AT, "1", "9"), told(AT, "0", "10")),
        (told(AT, "Z", "9"), told(AT, "A", "10")),
        (told(f"{AT}.100", "Z"), told(f"{AT}.2", "A")),
        (told(f"{AT}-0500", "9"), told("20260106113000-0600", "1")),
        (told("20251102005959", "9"), told("20251102010000", "1")),
        (told("20251102015959", "9"), told("20251102020000", "1")),
        (told("", "9"), told(AT, "1")),
    ],
)
def test_what_is_told_of_the_order_decides(first: AnyFact, second: AnyFact) -> None:
    """The instant, then the number of the sequence (MSH-13, else an MSH-10 of digits) say which message is later, and
    not which of them arrived later."""
    assert first.version < second.version
    assert placed(first, 2).version < placed(second, 1).version


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (told(AT, "Q9"), told(AT, "Q10")),
        (told(AT, "f3-77"), told(AT, "0a-12")),
        (told(AT, "1"), told(AT, "1")),
        (told(AT, "0", "0"), told(AT, "", "-1")),
        (told("202601061200", "b"), told("202601061200", "a")),
        (told("20260106", "b"), told("20260106", "a")),
        (told("", "b"), told("", "a")),
        (told("20251102015900", "b"), told("20251102010100", "a")),
        (told(AT, "9" * 40), told(AT, "1" * 40)),
    ],
)
def test_of_messages_that_tie_the_later_arrival_holds(first: AnyFact, second: AnyFact) -> None:
    """Messages of one instant (or of a minute, a day, or the hour that clocks show twice) whose ids say nothing of
    their order tie: the one that arrived later holds, in whichever order they are folded."""
    assert first.version == second.version
    early, late = placed(first, 9), placed(second, 10)
    assert early.version < late.version
    assert overlaid(early, late).version == overlaid(late, early).version == late.version


def test_the_same_words_of_one_moment_are_a_repeat() -> None:
    """A file that comes again under another name brings nothing to look at; another moment or other words do."""
    early, late = placed(told(AT, "Q9"), 9), placed(told(AT, "Q9"), 10)
    assert repeats(early, overlaid(early, late))
    assert not repeats(early, early)
    assert not repeats(early, overlaid(early, placed(told("20260106120001", "Q9"), 10)))
    assert not repeats(early, overlaid(early, placed(told(AT, "Q9", phone="2175550199"), 10)))


def test_the_repeated_hour_is_one_instant_without_an_offset() -> None:
    """With an offset a time of the repeated hour is told exactly; a sender's number orders those without."""
    summer, winter = told("20251102013000-0500"), told("20251102013000-0600")
    assert summer.version < winter.version
    assert told("20251102015900", "7").version < told("20251102010100", "8").version


def test_a_tie_of_values_is_decided_by_arrival() -> None:
    """Two messages of one second that say other things of a patient: what came second is known, either way round."""
    early, late = told(AT, "z", phone="5035550100", place=1), told(AT, "a", phone="5035550199", place=2)
    for known in (overlaid(early, late), overlaid(late, early)):
        assert isinstance(known, PatientFact)
        assert known.patient.phone == "5035550199"


@pytest.mark.parametrize(("sent", "control"), [(AT, "9"), (AT, "z-9"), (AT, ""), ("", "9"), ("", "z-9")])
def test_a_message_that_release_03_read_wins_over_itself(sent: str, control: str) -> None:
    """Release 0.3 ended a version with the control id: the same message, read again after a mend, is newer, and so is
    what it only derives; what a message of a later second said holds against both."""
    moment = "2026-01-06T18:00:00.000000Z" if sent else ""
    old = replace(told(sent, control, phone="5035550199"), version=f"{moment}/{control.zfill(20)}")
    new = told(sent, control, phone="5035550100", place=1)
    for known in (overlaid(old, new), overlaid(new, old, again=True)):
        assert isinstance(known, PatientFact)
        assert known.patient.phone == "5035550100"
    assert f"!{old.version}" < f"!{new.version}" < old.version
    later = replace(old, version=f"2026-01-06T18:00:01.000000Z/{control.zfill(20)}")
    assert new.version < later.version
