"""The resources of one message, found by what a reference says: a path, an address, a business identifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from hub_ehr_fhir.mapping import shapes
from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.parts import Part, inner_parts

S = TypeVar("S", bound=shapes.Head)


def newest(parts: Iterable[Part], notes: Notes) -> list[Part]:
    """Of several versions of one resource the newest, and of those of one version the last; what belongs to a second
    server under a `Type/id` of the first is set aside.
    """
    found: dict[str, Part] = {}
    strangers: set[str] = set()
    for part in parts:
        known = found.get(part.key)
        if known is None:
            found[part.key] = part
        elif known.base and part.base and known.base != part.base:
            strangers.add(part.base)
        elif part.version >= known.version:
            found[part.key] = part
    if not strangers:
        return list(found.values())
    why = "this message has resources of two servers under one type and id; those of the second were set aside"
    fix = "send the resources of each server in messages of their own, to connectors of their own"
    notes.error("fhir.base", "Bundle.entry", why, fix)
    return [part for part in found.values() if part.base not in strangers]


class Resources:
    """The resources of one message, resolvable by reference."""

    def __init__(self, parts: Iterable[Part], known: Iterable[Part] = ()) -> None:
        """`known`: resources that came in other messages; they are found, and are not `parts`."""
        self.parts = list(parts)
        self._found: dict[str, Part] = {}
        self.at: Callable[[str], Part | None] = self._found.get
        """The resource of a key, if it is here."""
        self._named: dict[str, Part] | None = None
        self._ids: dict[str, Part] | None = None
        self._visits: dict[str, set[str]] | None = None
        self._accounts: list[tuple[Part, shapes.Account]] | None = None
        self._of_patient: dict[str, list[tuple[Part, shapes.Account]]] | None = None
        self._of: dict[type[shapes.Head], list[Any]] = {}
        self._of_what: list[Part] | None = None
        self.tails: dict[str, str | None] = {}
        self.deciders: dict[str, list[Part]] | None = None
        for part in (*known, *self.parts):
            self._found[part.key] = part
            if part.full_url:
                self._found[part.full_url] = part
            if getattr(part.record, "contained", None):
                self._found.update((inner.key, inner) for inner in inner_parts(part))
        self._bases = {part.base for part in self._found.values() if part.base}
        self.kinds = {type(part.record) for part in self._found.values()}

    def of(self, shape: type[S]) -> list[tuple[Part, S]]:
        """Every resource of one type that could be read."""
        if self._of_what is not self.parts:
            self._of, self._of_what = {}, self.parts
            for part in self.parts:
                if part.record is not None:
                    self._of.setdefault(type(part.record), []).append((part, part.record))
        return self._of.get(shape, [])

    def everyone(self) -> Iterable[Part]:
        """Every resource that can be found, each once: also those of other messages, and contained ones."""
        return {id(part): part for part in self._found.values()}.values()

    def accounts(self) -> list[tuple[Part, shapes.Account]]:
        """The accounts that count, the newest last."""
        if shapes.Account not in self.kinds:
            return []
        if self._accounts is None:
            found = [(p, p.record) for p in self.everyone() if isinstance(p.record, shapes.Account)]
            live = [(part, one) for part, one in found if one.status != "entered-in-error"]
            self._accounts = sorted(live, key=lambda pair: (pair[0].version, pair[0].key))
        return self._accounts

    def accounts_of(self, patient_key: str) -> list[tuple[Part, shapes.Account]]:
        """Those of a patient, in the same order."""
        if self._of_patient is None:
            self._of_patient = {}
            for part, one in self.accounts():
                for key in {self.key(subject, "Patient") for subject in one.subject}:
                    self._of_patient.setdefault(key, []).append((part, one))
        return self._of_patient.get(patient_key, [])

    def visits_by_order(self) -> dict[str, set[str]]:
        """By visit the keys of the orders and referrals that it is based on."""
        if self._visits is None:
            self._visits = {
                part.key: {self.key(each, "ServiceRequest") for each in part.record.based_on}
                for part in self.everyone()
                if isinstance(part.record, shapes.Encounter) and part.record.based_on
            }
        return self._visits

    def part(self, reference: shapes.Reference) -> Part | None:
        """The resource of this message that a reference means, if it is here."""
        text = reference.reference
        if text:
            found = self._found.get(text)
            if found is not None:
                return found
            if text.startswith("urn:"):
                return self._by_id().get(text.rpartition(":")[2])
            if "?" in text:
                return self._conditional(text)
            found = self._found.get(tail(text))
            return found if found is None or self._is_of(found, text) else None
        return self._identified(reference) if reference.identifier else None

    def get(self, reference: shapes.Reference, shape: type[S]) -> S | None:
        """The resource that a reference means, if it is here and of that type."""
        part = self.part(reference)
        return part.record if part is not None and isinstance(part.record, shape) else None

    def key(self, reference: shapes.Reference, kind: str) -> str:
        """The key of what a reference means, the same in whatever message it comes: `Type/id`. A business
        identifier alone gives `Type?system|value`; nothing gives nothing.
        """
        text = reference.reference
        if found := self._found.get(text) or self.part(reference):
            return found.key
        if text.startswith("urn:"):
            return f"{kind}/{text.rpartition(':')[2]}"
        if text and not text.startswith("#"):
            return text if self._foreign(text) else tail(text)
        identifier = reference.identifier
        return f"{kind}?{identifier.system}|{identifier.value}" if identifier and identifier.value else ""

    def _is_of(self, found: Part, text: str) -> bool:
        """An address of another server means none of this one's resources, where the message tells both."""
        return not found.base or not self._foreign(text)

    def _foreign(self, text: str) -> bool:
        """Whether an address is of a server that is not this message's. A message that tells several bases shows
        that they are several servers; a single one may be known by several names (behind a gateway).
        """
        if len(self._bases) < 2 or not text.startswith("http"):
            return False
        here = next(iter(part.base for part in self.parts if part.base), "")
        return bool(here) and not text.startswith(here + "/")

    def _identified(self, reference: shapes.Reference) -> Part | None:
        one = reference.identifier
        return self._by_name().get(f"{one.system}|{one.value}") if one and one.value else None

    def _by_id(self) -> dict[str, Part]:
        """Resources by their id alone: of a transaction that was cut, `urn:uuid:ID` means what has that id."""
        if self._ids is None:
            self._ids = {part.key.partition("/")[2]: part for part in self._found.values()}
        return self._ids

    def _conditional(self, text: str) -> Part | None:
        """`Practitioner?identifier=system|value`, as transactions refer to what the server knows."""
        kind, _, query = text.partition("?identifier=")
        found = self._by_name().get(query) if query and "&" not in query else None
        return found if found is not None and found.kind == kind.rpartition("/")[2] else None

    def _by_name(self) -> dict[str, Part]:
        """Resources by `system|value` of their identifiers; one that two resources have means neither."""
        if self._named is None:
            self._named, twice = {}, set()
            for part in self._found.values():
                for one in getattr(part.record, "identifier", ()):
                    name = f"{one.system}|{one.value}"
                    if self._named.setdefault(name, part) is not part:
                        twice.add(name)
            for name in twice:
                del self._named[name]
        return self._named


def tail(text: str) -> str:
    """`Type/id` of an absolute or versioned URL; other texts as they are."""
    if "?" in text or text.count("/") == 1:
        return text
    pieces = text.partition("/_history/")[0].split("/")
    return "/".join(pieces[-2:])
