"""Extensions that settings name, by their whole URL or the last part of it, and the text that one carries."""

from __future__ import annotations

from collections.abc import Iterable

from hub_ehr_fhir.mapping import shapes


def named(extensions: Iterable[shapes.Extension], names: tuple[str, ...]) -> list[shapes.Extension]:
    """Those of one of these names."""
    return [one for one in extensions if one.url in names or one.url.rpartition("/")[2] in names]


def text_of(one: shapes.Extension) -> str:
    """The text, code or number of a thing that an extension carries; empty for another kind of value."""
    if one.value_identifier is not None:
        return one.value_identifier.value.strip()
    return (one.value_string or one.value_code or next(iter(codes_of(one)), "")).strip()


def codes_of(one: shapes.Extension) -> list[str]:
    """The codes of a concept or coding."""
    concept = one.value_codeable_concept or shapes.CodeableConcept()
    codings = [*concept.coding, *([one.value_coding] if one.value_coding else [])]
    return [coding.code for coding in codings if coding.code]
