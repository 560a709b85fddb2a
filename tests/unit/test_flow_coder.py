"""Coding: what is mapped exactly is coded, what is not is proposed, what is unknown is held with a reason."""

from __future__ import annotations

import pytest
from flowlab.made import D, charge, encounter, settings
from msgspec.structs import replace

from hub.config import Settings
from hub.flow.coder import Coded, code_encounter
from hub.model.encounter import Charge, Coding, Diagnosis, Drug


def coded(*charges: Charge, known: Settings | None = None, **visit: object) -> Coded:
    """These charges of one visit, coded."""
    return code_encounter(encounter(**visit), charges, known or settings(), "lakeside")


def codes(of: Coded) -> tuple[list[str], list[str]]:
    """The reasons that hold an encounter, and those that a coder must look at."""
    return [one.code for one in of.problems], [one.code for one in of.proposals]


def test_hcpcs_stands_as_it_is() -> None:
    """A HCPCS code of the source is billed as it is, at the schedule's fee, pointed at the principal diagnosis."""
    found = coded(charge(code="T1015"))
    assert codes(found) == ([], [])
    assert found.encounter.icd10 == ("E119",)
    one = found.charges[0]
    assert (one.hcpcs, one.amount, one.units, one.pointers, one.proposal) == (
        "T1015",
        D("165.00"),
        D(1),
        (1,),
        False,
    )


def test_exact_rows_code_and_others_propose() -> None:
    """A row that is exact codes; any other is a proposal for the coder, and so is a diagnosis."""
    exact = coded(charge(code="AWV-NEXT", system="LOCAL"))
    assert (exact.charges[0].hcpcs, codes(exact)) == ("G0439", ([], []))
    proposed = coded(charge(code="185345009", system="SNOMED"))
    assert (proposed.charges[0].hcpcs, proposed.charges[0].proposal) == ("T1015", True)
    assert codes(proposed) == ([], ["coding.proposal"])
    sore = (Diagnosis(coding=Coding(system="SNOMED", code="195662009")),)
    assert codes(coded(charge(), diagnoses=sore)) == ([], ["coding.proposal"])


def test_a_coders_word_ends_the_proposals() -> None:
    """With codes_confirmed nothing is proposed any more, and the codes are the proposed ones."""
    found = coded(charge(code="185345009", system="SNOMED"), codes_confirmed=True)
    assert (found.charges[0].hcpcs, codes(found)) == ("T1015", ([], []))


@pytest.mark.parametrize(
    ("minutes", "units"), [(7, 0), (8, 1), (15, 1), (22, 1), (23, 2), (30, 2), (37, 2), (38, 3), (60, 4)]
)
def test_minutes_become_units(minutes: int, units: int) -> None:
    """H0004 counts a unit for each 15 minutes, and for a last part of 8 or more."""
    found = coded(charge(code="COUNSEL", system="LOCAL", units=D(minutes), unit_basis="MJ"))
    one = found.charges[0]
    assert (one.hcpcs, one.units, one.unit_basis, one.amount) == ("H0004", D(units), "UN", D(45) * units)


def test_minutes_without_a_rule_are_held() -> None:
    """Minutes of a code that no rule counts in time are held; they are never taken for units."""
    found = coded(charge(code="T1015", units=D(30), unit_basis="MJ"))
    assert codes(found)[0] == ["coding.no_time_rule"]


def test_prices() -> None:
    """The source's amount for the line goes before the fee; without either, or with a part of a cent, it is held."""
    own, fee, none, part = (
        coded(charge(amount=D("12.34"))),
        coded(charge(code="J1885", units=D(3))),
        coded(charge(code="G0463")),
        coded(charge(code="G8427", units=D("0.5"))),
    )
    assert (own.charges[0].amount, fee.charges[0].amount) == (D("12.34"), D("13.50"))
    assert codes(none)[0] == codes(part)[0] == ["coding.unpriced"]
    rented = coded(charge(code="CPAP-RENT", system="LOCAL"))
    assert (rented.charges[0].modifiers, rented.charges[0].amount) == (("RR",), D("98.00"))


def test_drugs_carry_their_ndc() -> None:
    """A drug's NDC and quantity come from the source, else from the fee schedule by unit."""
    ours = coded(charge(code="J1885", units=D(4))).charges[0].drug
    told = Drug(ndc="99999188599", quantity=D(2), unit="ML")
    theirs = coded(charge(code="J1885", units=D(4), drug=told)).charges[0].drug
    assert (ours, theirs) == (Drug(ndc="99999188501", quantity=D(2), unit="ML"), told)


def test_pointers_follow_the_charges_own_diagnoses() -> None:
    """A charge points at its own diagnoses in its order, four at most; without any, at the principal one."""
    names = ("E11.9", "I10", "E78.5", "J20.9", "J32.9")
    listed = tuple(Diagnosis(coding=Coding(system="ICD10", code=name)) for name in names)
    own = tuple(Coding(system="ICD10", code=name) for name in reversed(names))
    found = coded(charge("C1", diagnoses=own), charge("C2"), charge("C3", diagnoses=own[-2:-1]), diagnoses=listed)
    assert [one.pointers for one in found.charges] == [(5, 4, 3, 2), (1,), (2,)]


def test_everything_unknown_is_said_at_once() -> None:
    """Each unmapped code has a problem with its place, and the charge stays as its source had it."""
    odd = (
        Diagnosis(coding=Coding(system="SNOMED", code="1")),
        Diagnosis(coding=Coding(system="ICD10", code="XX")),
    )
    bare = replace(charge("C3"), codings=())
    found = coded(charge("C1", "FOOT-SOAK", "LOCAL"), charge("C2"), bare, diagnoses=odd)
    assert [(one.code, one.where) for one in found.problems] == [
        ("coding.diagnosis_unmapped", "diagnosis[1]"),
        ("coding.diagnosis_unmapped", "diagnosis[2]"),
        ("coding.charge_unmapped", "charge[1]"),
        ("coding.charge_without_code", "charge[3]"),
    ]
    assert found.charges[0] == charge("C1", "FOOT-SOAK", "LOCAL")
    assert "FOOT-SOAK" not in repr(found.problems)


def test_no_diagnosis_is_ever_made_up() -> None:
    """A visit without a diagnosis has no code and no pointer; building holds it."""
    found = coded(charge(), diagnoses=())
    assert (found.encounter.icd10, found.charges[0].pointers) == ((), ())


@pytest.mark.parametrize("proposed", [False, True])
@pytest.mark.parametrize(
    "one",
    [
        charge(code="COUNSEL", system="LOCAL", units=D(30), unit_basis="MJ"),
        charge(code="185345009", system="SNOMED"),
        charge(code="J1885", units=D(2)),
        charge(code="CPAP-RENT", system="LOCAL"),
    ],
    ids=lambda one: one.codings[0].code,
)
def test_coding_again_changes_nothing(one: Charge, proposed: bool) -> None:
    """What is coded is coded already: a coder's confirmation does not turn units into minutes again."""
    known = settings()
    if proposed:
        rows = tuple(row.model_copy(update={"exact": False}) for row in known.charges)
        known = known.model_copy(update={"charges": rows})
        vars(known).pop("_index", None)  # it was made of the rows as they were
    once = coded(one, known=known)
    again = coded(*once.charges, known=known, codes_confirmed=True)
    assert again.charges == once.charges
    assert codes(again) == ([], [])
