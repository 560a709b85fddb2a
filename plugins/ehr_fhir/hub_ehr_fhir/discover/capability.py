"""What a server's CapabilityStatement declares; only what is needed is decoded, and one bad part spoils no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from hub_ehr_fhir.discover.answers import UNREADABLE
from hub_ehr_fhir.discover.offered import Ability

T = TypeVar("T")
_RELEASES = {"0": "DSTU2", "1": "DSTU2", "3": "STU3", "5": "R5", "6": "R6"}
_BALLOTS = ("4.2", "4.4", "4.5", "4.6")  # of R5


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared: `fhir_version` as it is written, abilities by type, levels of `$export`, formats, whether
    batches are taken, the software's name, and `warnings`: sentences for a person. `readable` is False where the
    answer was no CapabilityStatement at all.
    """

    readable: bool = True
    fhir_version: str = ""
    software: str = ""
    formats: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    batch: bool = False
    abilities: dict[str, Ability] = {}
    warnings: tuple[str, ...] = ()


class _Named(msgspec.Struct, frozen=True):
    name: str = ""
    code: str = ""
    definition: str = ""


class _Software(msgspec.Struct, frozen=True):
    name: str = ""
    version: str = ""


class _Resource(msgspec.Struct, frozen=True, rename="camel"):
    type: str = ""
    interaction: list[msgspec.Raw] | None = None
    search_param: list[msgspec.Raw] | None = None
    search_include: list[str] | None = None
    search_rev_include: list[str] | None = None
    operation: list[msgspec.Raw] | None = None
    versioning: str = ""
    conditional_read: str = ""


class _Rest(msgspec.Struct, frozen=True, rename="camel"):
    mode: str = ""
    resource: list[msgspec.Raw] | None = None
    interaction: list[msgspec.Raw] | None = None
    search_param: list[msgspec.Raw] | None = None
    operation: list[msgspec.Raw] | None = None


class _Statement(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""
    fhir_version: str = ""
    software: msgspec.Raw = msgspec.Raw(b"{}")
    format: msgspec.Raw = msgspec.Raw(b"[]")
    instantiates: msgspec.Raw = msgspec.Raw(b"[]")
    rest: msgspec.Raw = msgspec.Raw(b"[]")


def declared(body: bytes) -> Declared:
    """What the answer to `/metadata` says; never raises."""
    statement = _one(msgspec.Raw(body), _Statement)
    if statement is None or statement.resource_type not in ("CapabilityStatement", "Conformance"):
        return Declared(readable=False, warnings=(_no_statement(body),))
    version = statement.fhir_version or ("1.0" if statement.resource_type == "Conformance" else "")
    told = _one(statement.rest, list[msgspec.Raw])
    rests = [rest for rest in _each(told, _Rest) if rest.mode in ("server", "")]
    abilities = dict(_abilities(rests))
    software = _one(statement.software, _Software) or _Software()
    return Declared(
        fhir_version=version,
        software=f"{software.name} {software.version}".strip()[:80],
        formats=tuple(_one(statement.format, list[str]) or ()),
        exports=tuple(sorted(set(_exports(rests, abilities, _one(statement.instantiates, list[str]) or [])))),
        batch=any(each.code == "batch" for rest in rests for each in _each(rest.interaction, _Named)),
        abilities=abilities,
        warnings=tuple(_warnings(version, abilities)),
    )


def release(fhir_version: str) -> str:
    """The name of the FHIR release, where it is another one than R4 (4.0, 4.1) or R4B (4.3); else empty."""
    if fhir_version.startswith(_BALLOTS):
        return "a ballot of R5"
    return _RELEASES.get(fhir_version[:1], "")


def _abilities(rests: Iterable[_Rest]) -> Iterator[tuple[str, Ability]]:
    found: dict[str, Ability] = {}
    for rest in rests:
        everywhere = [each.name for each in _each(rest.search_param, _Named)]
        for resource in _each(rest.resource, _Resource):
            one = _ability(resource, everywhere)
            found[one.type] = _both(found[one.type], one) if one.type in found else one
    yield from ((name, one) for name, one in found.items() if name)


def _ability(resource: _Resource, everywhere: list[str]) -> Ability:
    parameters = [each.name for each in _each(resource.search_param, _Named)]
    return Ability(
        type=resource.type,
        declared=True,
        interactions=_unique(each.code for each in _each(resource.interaction, _Named)),
        parameters=_unique((*parameters, *everywhere)),
        includes=_unique(resource.search_include or ()),
        revincludes=_unique(resource.search_rev_include or ()),
        operations=_unique(_operation(each) for each in _each(resource.operation, _Named)),
        versioning=resource.versioning,
        conditional_read=resource.conditional_read,
    )


def _both(one: Ability, other: Ability) -> Ability:
    """A type that two parts of the statement describe."""
    return msgspec.structs.replace(
        one,
        interactions=_unique((*one.interactions, *other.interactions)),
        parameters=_unique((*one.parameters, *other.parameters)),
        includes=_unique((*one.includes, *other.includes)),
        revincludes=_unique((*one.revincludes, *other.revincludes)),
        operations=_unique((*one.operations, *other.operations)),
        versioning=one.versioning or other.versioning,
        conditional_read=one.conditional_read or other.conditional_read,
    )


def _operation(named: _Named) -> str:
    """`group-export`, `patient-export` or `export`, whatever a server calls it; another one by its name."""
    told = named.definition.rsplit("/", 1)[-1].split("|", 1)[0] or named.name
    for level in ("group", "patient"):
        if "export" in told and level in told:
            return f"{level}-export"
    return "export" if "export" in f"{told} {named.name}" else named.name.lstrip("$")


def _exports(rests: Iterable[_Rest], abilities: dict[str, Ability], instantiates: Iterable[str]) -> Iterator[str]:
    told = {_operation(each) for rest in rests for each in _each(rest.operation, _Named)}
    if "export" in told:
        yield "system"
    for level, type_ in (("group", "Group"), ("patient", "Patient")):
        own = abilities.get(type_, Ability(type=type_)).operations
        if f"{level}-export" in told or any("export" in each for each in own):
            yield level
    if not told and any("bulkdata" in each for each in instantiates):
        yield "group"  # what the guide of Bulk Data asks of everyone who says to follow it


def _warnings(version: str, abilities: dict[str, Ability]) -> Iterator[str]:
    if not version:
        yield "The server does not say which FHIR version it speaks; R4 is assumed."
    if not abilities:
        yield "The server's CapabilityStatement names no resource type; only what is tried counts."


def _no_statement(body: bytes) -> str:
    kind = "XML" if body.lstrip()[:1] == b"<" else "something else"
    return f"The server answers {kind} instead of a CapabilityStatement in JSON; only what is tried counts."


def _each(parts: Iterable[msgspec.Raw] | None, type_: type[T]) -> Iterator[T]:
    for part in parts or ():
        one = _one(part, type_)
        if one is not None:
            yield one


def _one(part: msgspec.Raw, type_: type[T]) -> T | None:
    try:
        return msgspec.json.decode(part, type=type_)
    except UNREADABLE:
        return None


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
