"""What only a dental claim says (837D): teeth, braces, prostheses."""

from __future__ import annotations

from decimal import Decimal

from hub.model.people import Record


class Tooth(Record, frozen=True, kw_only=True):
    """A tooth by its number and the surfaces that were treated (TOO)."""

    number: str
    surfaces: tuple[str, ...] = ()


class ToothStatus(Record, frozen=True, kw_only=True):
    """A tooth that is missing (M) or to be extracted (E) (DN2)."""

    number: str
    status: str


class Orthodontic(Record, frozen=True, kw_only=True):
    """Braces (DN1): months of treatment, months that remain, and what else the payer is told."""

    months: Decimal | None = None
    remaining: Decimal | None = None
    indicator: str = ""
    description: str = ""


class Dental(Record, frozen=True, kw_only=True):
    """What the claim says of the mouth as a whole."""

    orthodontic: Orthodontic | None = None
    teeth: tuple[ToothStatus, ...] = ()


class DentalService(Record, frozen=True, kw_only=True):
    """What a dental line adds (SV3, TOO): areas of the mouth, prosthesis (I initial, R replacement), teeth."""

    areas: tuple[str, ...] = ()
    prosthesis: str = ""
    teeth: tuple[Tooth, ...] = ()
