"""Fields, repetitions and components by HL7's names (`message.pid.patient_name[0].family`), for people and tools.

Convenient, and some five times slower than by position: what reads feeds keeps to `Segment`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from hub_hl7_adt.message.lookup import kinds_of, names_of, position
from hub_hl7_adt.message.parts import NULL, Frame, Segment, Value


class NamedSegment(Segment, eq=False, gc=False):
    """A segment whose fields are also attributes. Apart, because looking for names slows down all attributes."""

    def named(self, name: str) -> Field[Repetition]:
        """The field that HL7 calls `name`; raises AttributeError with what was meant."""
        at = position(self.name, name)
        return Field(self, at, kinds_of(self.name).get(at, ()))

    if not TYPE_CHECKING:  # mypy sees named.pyi, which knows every name

        def __getattr__(self, name: str) -> Field[Repetition]:
            return self.named(name)


class Text(str):  # noqa: SLOT000 - a text of variable size may have a dictionary
    """A component as text (its first subcomponent), with its subcomponents by name and by number."""

    _value: Value
    _component: int
    _kinds: tuple[str, ...]

    def sub(self, number: int) -> str:
        """Subcomponent `number`, from 1."""
        return self._value.text(self._component, number)

    @property
    def is_null(self) -> bool:
        """Whether the component is HL7's explicit null."""
        value = self._value
        parts = value.written.split(value.frame.component)
        return self._component <= len(parts) and parts[self._component - 1] == NULL

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> str:
            if name.startswith("_"):
                raise AttributeError(name)
            return self.sub(_position_in(self._kinds, name))


class Repetition(Value):
    """One repetition of a field whose data types are known: its components by name."""

    __slots__ = ("_kinds",)

    def __init__(self, written: str, frame: Frame, kinds: tuple[str, ...]) -> None:
        super().__init__(written, frame)
        self._kinds = kinds

    def __str__(self) -> str:
        return self.text()

    def part(self, component: int, kinds: tuple[str, ...] = ()) -> Text:
        """Component `component` as a text that knows its subcomponents."""
        text = Text(self.text(component))
        text._value, text._component, text._kinds = self, component, kinds  # noqa: SLF001 - one module
        return text

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Text:
            if name.startswith("_"):
                raise AttributeError(name)
            kind = next((k for k in self._kinds if _has(k, name)), self._kinds[0] if self._kinds else "ST")
            at = position(kind, name)
            return self.part(at, kinds_of(kind).get(at, ()))


def _has(kind: str, name: str) -> bool:
    known = names_of(kind)
    return name in known or name.removesuffix("_") in known


def _position_in(kinds: tuple[str, ...], name: str) -> int:
    return position(next((k for k in kinds if _has(k, name)), kinds[0] if kinds else "ST"), name)


R_co = TypeVar("R_co", bound=Repetition, covariant=True)


class Field(Generic[R_co]):
    """A field as the sequence of its repetitions, as they are written: an empty one between two is one too."""

    def __init__(self, segment: Segment, position: int, kinds: tuple[str, ...]) -> None:
        self._segment = segment
        self._position = position
        self._kinds = kinds
        text = segment.written(position)
        separator = segment.frame.repetition
        whole = segment._is_header(position)  # noqa: SLF001 - one module
        self._written = ([text] if whole else text.split(separator)) if text else []

    def __len__(self) -> int:
        return len(self._written)

    def __bool__(self) -> bool:
        return any(text not in ("", NULL) for text in self._written)

    def __getitem__(self, index: int) -> R_co:
        """Repetition `index`, from 0; an empty one beyond the last."""
        if index < 0:
            index += len(self._written)
        written = self._written[index] if 0 <= index < len(self._written) else ""
        return Repetition(written, self._segment.frame, self._kinds)  # type: ignore[return-value]

    def __iter__(self) -> Iterator[R_co]:
        return (self[index] for index in range(len(self._written)))

    def __str__(self) -> str:
        return self._segment.text(self._position)

    @property
    def is_null(self) -> bool:
        """Whether the field is HL7's explicit null."""
        return self._segment.is_null(self._position)

    @property
    def at(self) -> str:
        """The place as people write it."""
        return self._segment.at(self._position)


RESERVED = frozenset(name for cls in (Value, Repetition, Text) for name in dir(cls) if not name.startswith("_"))
"""Names of parts that a component of the same name must not hide: `text` of a CWE is `text_`."""
