"""Of which source and practice facts are kept, and under which digests of the source's keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from hub.flow.ingest.merging import source_key
from hub.model.facts import AnyFact
from hub.store import Tx, View


class Keyed:
    """One source's keys within a transaction; `digests` are those that were asked for already."""

    def __init__(
        self, tx: Tx, source: str, practice: str, digests: dict[tuple[str, str], str] | None = None
    ) -> None:
        self.tx, self.source, self.practice = tx, source, practice
        self._digests: dict[tuple[str, str], str] = {} if digests is None else digests

    def key(self, kind: str, key: str) -> str:
        """The keyed digest under which a source's key is found; asked for several times of each fact."""
        found = self._digests.get((kind, key))
        if found is None:
            found = self._digests[kind, key] = source_key(self.tx, self.source, kind, key)
        return found

    def _about(self) -> dict[str, Any]:
        """What to ask the store for: all of this source."""
        return {"practice": self.practice, "source": self.source, "limit": 1_000_000}

    def _ids(self, keys: Collection[str]) -> dict[str, str]:
        """Our ids of patients by the source's keys; who has none is given one."""
        ids = patient_ids(self.tx, self.source, keys)
        fresh = {key: self.tx.new_id("pat") for key in sorted(keys) if key not in ids}
        self.tx.lookup.put_many("patient", self.source, fresh.items())
        return ids | fresh


def kind_of(fact: AnyFact) -> str:
    """Under which kind a fact is kept."""
    return str(fact.__struct_config__.tag)


def patient_ids(view: View, source: str, keys: Iterable[str]) -> dict[str, str]:
    """Our patient ids for a source's patient keys; keys never seen are left out."""
    return view.lookup.first("patient", source, keys)
