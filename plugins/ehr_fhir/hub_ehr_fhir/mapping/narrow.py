"""Records that take less than fhir.resources takes: what one of them decodes needs no second opinion.

fhir.resources makes Python objects for half a millisecond where a decoder needs microseconds. So each of its R4B
models gives a record whose every rule is the model's own rule or a narrower one: the same elements and no others,
required where the model requires, values of the ordinary kind (a whole date, printable ASCII in a code), one of
several `value[x]`, no null, nothing nested without end. What such a record takes, the model takes; what it does not
take is undecided, and the model is asked. No element of R4 is written down here: the models are read when they are
first needed, so that another version of fhir.resources gives other records.
"""

from __future__ import annotations

import re
import threading
import types
import typing
from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

Models = Callable[[str], type[BaseModel]]

_DEEPEST = 3
_CONTAINED = (
    "Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "RelatedPerson", "Coverage",
    "Condition", "ServiceRequest", "Medication",
)  # fmt: skip
"""What may be contained; another resource there is for the model to judge."""

_MONTH = r"(?:19|20)[0-9][0-9]-(?:0[1-9]|1[0-2])"
_DAY = (
    r"(?:19|20)[0-9][0-9]-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_AT = "T" + _CLOCK + r"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"


_LETTER = (
    r"[!-~\u00c0-\u024f\u0370-\u0373\u0388-\u038a\u038e-\u03a1\u03a3-\u052f\u0620-\u064a"
    r"\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]"
)
"""What makes a text one: a printable ASCII character, or a letter of a Latin, Greek, Cyrillic, Arabic, Japanese,
Chinese or Korean name."""


def _text(pattern: str, most: int | None = None) -> Any:
    return Annotated[str, msgspec.Meta(pattern=pattern, max_length=most)]


def _number(least: int) -> Any:
    return Annotated[int, msgspec.Meta(ge=least, le=2147483647)]


_PRIMITIVES: dict[str, Any] = {
    "string": _text(_LETTER),
    "code": _text(r"^[!-~]+(?: [!-~]+)*\Z"),
    "id": _text(r"^[A-Za-z0-9.-]+\Z", 64),
    "uri": str,
    "canonical": str,
    "markdown": str,
    "xhtml": str,
    "url": _text(r"^https?://[a-z]{2,40}(?:\.[a-z]{2,40})+(?:/[A-Za-z0-9._-]+)*/?\Z", 500),
    "integer": _number(-2147483648),
    "unsignedInt": _number(0),
    "positiveInt": _number(1),
    "decimal": float,
    "date": _text(rf"^(?:{_DAY}|{_MONTH}|(?:19|20)[0-9][0-9])\Z"),
    "dateTime": _text(rf"^(?:{_DAY}(?:{_AT})?|{_MONTH}|(?:19|20)[0-9][0-9])\Z"),
    "instant": _text(rf"^{_DAY}{_AT}\Z"),
    "time": _text(rf"^{_CLOCK}\Z"),
}
"""By the type names of FHIR; one that is not here (base64Binary, oid, uuid) is for the model to judge."""

_PLAIN: dict[str, Any] = dict.fromkeys(("string", "code"), Annotated[str, msgspec.Meta(min_length=1)])
"""What is left to ask of these in JSON that is plain (`_is_plain`), which needs no pattern and is twice as fast."""

_RARE = frozenset((
    "Annotation", "Attachment", "CodeableReference", "ContactDetail", "Contributor", "Count", "DataRequirement",
    "Distance", "Dosage", "Expression", "ParameterDefinition", "RatioRange", "RelatedArtifact", "SampledData",
    "Signature", "Timing", "TriggerDefinition", "UsageContext",
))  # fmt: skip
"""What an extension seldom holds; left to the model, since each costs something in every extension."""

_VANISHING = re.compile(rb"-[0-9]{19}")
"""An exponent that no decimal has, and that makes zero of a float."""

_EDGES = re.compile(rb' (?:[" ]|(?<=" ))')
"""A blank beside a quote or another blank; a pattern that begins with a letter of its own is fast."""


class Narrow:
    """The narrow records of some models, made when they are first asked for; safe in several threads."""

    def __init__(self, models: Models) -> None:
        self._plain, self._careful = _Records(models, _PRIMITIVES | _PLAIN), _Records(models, _PRIMITIVES)

    def takes(self, kind: str, raw: bytes) -> bool:
        """Whether a resource is valid beyond doubt; False says nothing of it."""
        try:
            (self._plain if _is_plain(raw) else self._careful).decoder(kind).decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return not _VANISHING.search(raw)


def _is_plain(raw: bytes) -> bool:
    """Whether no text of this JSON begins or ends with a blank, has two in a row, or any other white space: true of
    most of what machines write, without blanks between its marks.
    """
    return raw.isascii() and b"\\" not in raw and not _EDGES.search(raw)


class _Records:
    """Records and decoders with one choice of primitive types."""

    def __init__(self, models: Models, primitives: dict[str, Any]) -> None:
        self._models, self._primitives = models, primitives
        self._records: dict[tuple[str, int], type[msgspec.Struct]] = {}
        self._begun: set[tuple[str, int]] = set()
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}
        self._making = threading.Lock()

    def decoder(self, kind: str) -> msgspec.json.Decoder[Any]:
        """The decoder of a kind of resource."""
        found = self._decoders.get(kind)
        if found is not None:
            return found
        with self._making:
            if kind not in self._decoders:
                self._decoders[kind] = msgspec.json.Decoder(self._record(kind, 0))
            return self._decoders[kind]

    def _record(self, name: str, level: int) -> type[msgspec.Struct]:
        """The record of a model at a level of nesting: extensions, and what is contained, are one deeper each."""
        key = (name, level)
        if key in self._records:
            return self._records[key]
        self._begun.add(key)
        model = self._models(name)
        facts = _Facts(model)
        fields = [made for one in model.model_fields.items() if (made := self._field(name, level, facts, *one))]
        known = {field[0] for field in fields}
        namespace = {"__post_init__": _one_of_each(facts, known)} if facts.choices else {}
        tag = name if facts.is_resource else None
        record = msgspec.defstruct(
            f"{name}{level}", fields, namespace=namespace, rename=facts.written, kw_only=True, gc=False,
            forbid_unknown_fields=True, tag=tag, tag_field="resourceType" if tag else None,
        )  # fmt: skip
        self._records[key] = record
        return record

    def _field(self, owner: str, level: int, facts: _Facts, name: str, field: FieldInfo) -> Any:
        """An element as msgspec says it; None for one that the record does not know."""
        made = self._type(owner, level, field.annotation)
        if made is None:
            return None
        needed = name in facts.required or field.alias in facts.required or field.is_required()
        needed |= (owner, name) == ("FHIRPrimitiveExtension", "extension")  # the model takes its id alone as well
        return (name, made) if needed else (name, made, None)

    def _type(self, owner: str, level: int, annotation: Any) -> Any:
        kind, many = _unwrapped(annotation)
        if kind is bool:
            made: Any = bool
        elif isinstance(kind, type) and hasattr(kind, "get_model_klass"):
            made = self._complex(owner, level, str(kind.get_model_klass().__name__))
        else:
            made = self._primitives.get(_primitive(kind))
        if made is None or not many:
            return made
        return Annotated[list[made], msgspec.Meta(min_length=1)]

    def _complex(self, owner: str, level: int, name: str) -> Any:
        """Level 0 holds what a resource has by itself. What could hold itself is one level deeper."""
        if name == "Resource":
            if level:
                return None
            return typing.Union[tuple(self._record(kind, 1) for kind in _CONTAINED)]  # noqa: UP007 - made of a tuple
        if owner == "Extension" and name in _RARE:
            return None
        deeper = level + (name == "Extension" or (owner, name) == ("Identifier", "Reference"))
        known = (name, deeper) in self._records
        if deeper > _DEEPEST or (not known and (name, deeper) in self._begun):
            return None
        return self._record(name, deeper)


class _Facts:
    """What a model says of itself outside its fields."""

    def __init__(self, model: type[BaseModel]) -> None:
        empty: Any = model.model_construct()
        self.is_resource = bool(empty.has_resource_base())
        self.required = {name for name, _ in empty.get_required_fields()}
        self.choices = [
            (tuple(names), bool(_extra(model, names[0]).get("one_of_many_required")))
            for names in empty.get_one_of_many_fields().values()
        ]
        self.written = {name: field.alias or name for name, field in model.model_fields.items()}


def _extra(model: type[BaseModel], name: str) -> dict[str, Any]:
    found = model.model_fields[name].json_schema_extra
    return found if isinstance(found, dict) else {}


def _one_of_each(facts: _Facts, known: set[str]) -> Callable[[object], None]:
    """What a record does when it was decoded: refuse two of one choice, and none of a choice that is required."""
    rules = []
    for names, needed in facts.choices:
        present = tuple(name for name in names if name in known)
        rules.append((attrgetter(*present, "__class__"), len(present), needed))

    def check(record: object) -> None:
        for values, most, needed in rules:
            found = most - values(record).count(None)
            if found > 1 or (needed and not found):
                raise ValueError

    return check


def _unwrapped(annotation: Any) -> tuple[Any, bool]:
    """The type within `Optional[List[Optional[X]]]`, and whether there may be many; None for other unions."""
    many = False
    while True:
        origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in (typing.Union, types.UnionType):
            left = [each for each in inner if each is not types.NoneType]
            if len(left) != 1:
                return None, False
            annotation = left[0]
        elif origin is list and not many:
            annotation, many = inner[0], True
        else:
            return annotation, many


def _primitive(annotation: Any) -> str:
    """The FHIR name of `Annotated[str, Code()]`."""
    if typing.get_origin(annotation) is not Annotated:
        return ""
    marks = (getattr(mark, "__visit_name__", "") for mark in typing.get_args(annotation)[1:])
    return next((name for name in marks if name), "")
