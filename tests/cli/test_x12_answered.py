"""`hub x12 validate --answer`: what a receiver said stands at its place in the file that was sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Named = Callable[[str], Path]

X12 = Path(__file__).parents[1] / "x12"
BAD = sorted((X12 / "fail").glob("837p_*.x12"))


def said(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings that an answer gave."""
    return [one for one in found if one["code"].startswith("answer.")]


def answer(hub: Run, sent: Path, kind: str, folder: Path) -> Path:
    """What a receiver says of a file that was sent."""
    path = folder / f"answer.{kind}"
    hub("x12", "ack", sent, "--kind", kind, "--output", path)
    return path


def same(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Whether both stand at one place; of what is missing a 999 says the number of its loop only."""
    loops = (ours["loop"],) if theirs["element"] else (ours["loop"], ours["loop"][:4])
    at = ("line", "element", "claim")
    same_segment = theirs["segment"] == ours["segment"].upper()
    return same_segment and theirs["loop"] in loops and all(theirs[key] == ours[key] for key in at)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_each_fault_of_a_999_stands_where_it_is(hub: Run, path: Path, tmp_path: Path) -> None:
    """Lines, loops, elements and claims that a 999 leads to are those of the faults that it was made of."""
    found = hub("x12", "validate", path, "--answer", answer(hub, path, "999", tmp_path), "--json").json[
        "findings"
    ]
    ours = [one for one in found if not one["code"].startswith("answer.") and one["position"] > 1]
    theirs = [one for one in said(found) if one["segment"] not in ("ST", "ISA")]
    assert all(any(same(one, other) for other in ours) for one in theirs)
    assert len(theirs) > 0 or all(one["ik3"] == "" for one in ours)


def test_a_claim_that_a_277ca_rejects_is_found_by_its_number(hub: Run, good: Named, tmp_path: Path) -> None:
    """The claim with the CLM01 that the answer names is the one that is told, and no other."""
    path = good("837p_three_sets")
    data = path.read_bytes()
    at = data.rindex(b"*627011234~")
    broken = tmp_path / "broken.x12"
    broken.write_bytes(data[:at] + b"*62701~" + data[at + len(b"*627011234~") :])
    told = answer(hub, broken, "277CA", tmp_path)
    found = said(hub("x12", "validate", path, "--answer", told, "--json").json["findings"])
    (ours,) = hub("x12", "validate", broken, "--json").json["findings"]
    assert found
    assert {one["claim"] for one in found} >= {ours["claim"]}
    assert all(path.read_text().splitlines()[one["line"] - 1].startswith("CLM*") for one in found)
    assert {one["code"] for one in found} == {"answer.277ca"}


def test_a_ta1_that_rejects_stands_at_the_isa(hub: Run, good: Named, tmp_path: Path) -> None:
    """A TA1 speaks of the whole file."""
    path = good("837p_accident")
    ta1 = answer(hub, path, "TA1", tmp_path)
    assert hub("x12", "validate", path, "--answer", ta1).code == 0
    ta1.write_bytes(ta1.read_bytes().replace(b"*A*000~", b"*R*024~"))
    ran = hub("x12", "validate", path, "--answer", ta1, "--json")
    (found,) = ran.json["findings"]
    assert (ran.code, found["segment"], found["line"], found["code"]) == (1, "ISA", 1, "answer.ta1")


def test_an_answer_to_another_file_says_so(hub: Run, good: Named, bad: Named, tmp_path: Path) -> None:
    """What the answer says of other files is counted, and no fault of this one."""
    other = tmp_path / "other.x12"
    other.write_bytes(bad("837p_npi_check_digit").read_bytes().replace(b"ST*837*0001*", b"ST*837*7777*"))
    ran = hub("x12", "validate", good("837p_accident"), "--answer", answer(hub, other, "999", tmp_path))
    assert ran.code == 0
    assert "speak of 1 more" in ran.err


def test_what_is_no_answer_is_refused(hub: Run, good: Named) -> None:
    """A file of claims is no answer."""
    ran = hub("x12", "validate", good("837p_accident"), "--answer", good("837p_two_claims"))
    assert ran.code == 2
    assert "is no answer" in ran.err
