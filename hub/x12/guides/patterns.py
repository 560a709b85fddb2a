"""Rows that many loops share, said once: who somebody is, where, by which numbers, on which day."""

from __future__ import annotations

from hub.x12.grammar import Loop, Segment, loop, seg

ANYBODY = "02!=1,2 03! 04 05 07"
PERSON = "02!=1 03! 04 05 07"
ORGANIZATION = "02!=2 03!"
UNNAMED_PERSON = "02!=1"
UNNAMED_ORGANIZATION = "02!=2"
UNNAMED = "02!=1,2"

NPI = "08=XX 09"
PLAN_ID = "08!=PI,XV 09!"

# a procedure: qualifier and code, four modifiers, and its description in words
PROCEDURE = "{at:02}{need} {at:02}.1!={kinds} {at:02}.2! {at:02}.3-6 {at:02}.7"
PROFESSIONAL_CODES = "ER,HC,IV,WK"

# six triplets of reason, amount and quantity after the group code
ADJUSTMENT = "02!=@reason 03! 04 " + " ".join(
    f"{at:02}=@reason {at + 1:02} {at + 2:02}" for at in range(5, 20, 3)
)

_REACHED_BY = "EM,FX,TE"


def procedure(at: int, kinds: str, *, need: str = "!") -> str:
    """The tokens of a procedure composite at element `at`; `need` "" where it may be absent."""
    return PROCEDURE.format(at=at, kinds=kinds, need=need)


def named(code: str, name: str, who: str, ids: str = "") -> Segment:
    """NM1 as the opener of a loop: entity codes, what is said of the name, and of its id."""
    return seg("NM1 R 1", name, f"01!={code} {who} {ids}")


def address(use: str = "R") -> tuple[Segment, Segment]:
    """N3 and N4; they are required together or not at all."""
    return (
        seg(f"N3 {use} 1", "Street", "01! 02"),
        seg(f"N4 {use} 1", "City", "01! 02=@state 03 04=@country 07"),
    )


def numbers(use: str, name: str, codes: str, more: str = "") -> Segment:
    """REF: reference numbers of the given kinds, such as `numbers("S 1", "Referral", "9F")`.

    A token in `more` adds an element, or says more of REF02, since the last token of an element counts.
    """
    return seg(f"REF {use}", name, f"01!={codes} 02! {more}")


def contact(use: str, name: str, *, code: str = "IC", kinds: str = _REACHED_BY, need: str = "") -> Segment:
    """PER: a contact with up to three numbers; `need` "!" where the first, never an extension, must be there."""
    more = f"05=EX,{kinds} 06 07=EX,{kinds} 08"
    return seg(f"PER {use}", name, f"01!={code} 02 03{need}={kinds} 04{need} {more}")


def phone(name: str) -> Segment:
    """PER of a property and casualty claim: one telephone number with its extension."""
    return seg("PER S 1", name, "01!=IC 02 03!=TE 04! 05=EX 06")


def days(*known: tuple[str, str], use: str = "S 1", forms: str = "D8") -> tuple[Segment, ...]:
    """DTP rows from pairs of qualifier and name, alike in use and in the forms of date they take."""
    return tuple(seg(f"DTP {use}", name, f"01!={code} 02!={forms} 03!") for code, name in known)


def sums(*known: tuple[str, str], use: str = "S 1") -> tuple[Segment, ...]:
    """AMT rows from pairs of qualifier and name."""
    return tuple(seg(f"AMT {use}", name, f"01!={code} 02!") for code, name in known)


def counts(*known: tuple[str, str], use: str = "S 1") -> tuple[Segment, ...]:
    """QTY rows from pairs of qualifier and name."""
    return tuple(seg(f"QTY {use}", name, f"01!={code} 02!") for code, name in known)


def party(place: str, who: Segment, *rows: Segment) -> Loop:
    """A loop that holds one party and is named as its opener is."""
    return loop(place, who.name, who, *rows)


def spread(listed: str) -> str:
    """Codes with their ranges written out: `A0-A2 CB` gives `A0,A1,A2,CB`; a range runs over the last sign."""
    found: list[str] = []
    for token in listed.split():
        first, _, last = token.partition("-")
        if not last:
            found.append(first)
        elif first.isdigit():
            found.extend(str(number) for number in range(int(first), int(last) + 1))
        else:
            found.extend(first[:-1] + chr(sign) for sign in range(ord(first[-1]), ord(last[-1]) + 1))
    return ",".join(found)
