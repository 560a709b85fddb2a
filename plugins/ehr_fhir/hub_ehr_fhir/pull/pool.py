"""What one batch of fetching brought: resources by key, what they belong to, what is missing and what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from hub.plugin.api import HubError
from hub_ehr_fhir.pull.links import encounters_of, followed, patient_of
from hub_ehr_fhir.pull.resources import Found, keys_at

_BY_ENCOUNTER = ("Condition", "Procedure", "Immunization", "ServiceRequest", "ChargeItem", "Claim")


class Pool:
    """Resources of one server by `Type/id`. `absent`: keys that the server does not have or does not show us;
    `unknown`: those of them that it knows nothing of (404), which may be there later; `gone`: those that it says were
    deleted, with when (by its Date); `failed`: keys that could not be fetched now, and why.
    """

    def __init__(self, base: str, *, claims: bool = False) -> None:
        self.base, self._claims = base, claims
        self.found: dict[str, Found] = {}
        self.absent: set[str] = set()
        self.unknown: set[str] = set()
        self.gone: dict[str, str] = {}
        self.failed: dict[str, HubError] = {}
        self._trees: dict[str, dict[str, Any]] = {}
        self._links: dict[str, tuple[str, ...]] = {}
        self._of_encounter: dict[str, set[str]] = defaultdict(set)
        self._of_patient: dict[str, set[str]] = defaultdict(set)

    def add(self, resources: Iterable[Found]) -> None:
        """Take them in; of two versions the last that came."""
        for one in resources:
            self.found[one.key] = one
            self._trees.pop(one.key, None)
            self._links.pop(one.key, None)
            if one.kind in _BY_ENCOUNTER:
                for name in encounters_of(one.kind, self.tree(one.key), self.base):
                    self._of_encounter[name].add(one.key)
            if patient := patient_of(one.kind, self.tree(one.key), self.base):
                self._of_patient[patient].add(one.key)

    def tree(self, key: str) -> dict[str, Any]:
        """A resource, decoded once."""
        if key not in self._trees:
            self._trees[key] = self.found[key].tree()
        return self._trees[key]

    def patient(self, encounter: str) -> str:
        """The id of an encounter's patient."""
        return patient_of("Encounter", self.tree(f"Encounter/{encounter}"), self.base)

    def accounts(self, encounter: str) -> list[str]:
        """The ids of an encounter's accounts."""
        keys = keys_at(self.tree(f"Encounter/{encounter}"), "account", self.base)
        return [key.partition("/")[2] for key in keys if key.startswith("Account/")]

    def around(self, encounter: str) -> set[str]:
        """Keys of what belongs to an encounter, itself first of all; not yet what those refer to."""
        accounts = {f"Account/{name}" for name in self.accounts(encounter)}
        keys = {f"Encounter/{encounter}"} | {k for k in self._of_encounter[encounter] if self._wanted(k)}
        for key in self._of_patient[self.patient(encounter)]:
            kind = key.partition("/")[0]
            alone = kind == "ChargeItem" and self._charged_to(key, accounts)
            if alone or kind == "Coverage" or (kind == "Account" and not accounts):
                keys.add(key)
        return keys | self._responses(keys, self.patient(encounter))

    def of_patient(self, patient: str) -> set[str]:
        """Keys of a patient and of what belongs to no single encounter of theirs."""
        kinds = ("Coverage", "Account")
        return {f"Patient/{patient}"} | {k for k in self._of_patient[patient] if k.partition("/")[0] in kinds}

    def closure(self, keys: Iterable[str]) -> tuple[set[str], set[str]]:
        """The keys with all that they refer to, as far as it is here; and what is not here nor known to be absent."""
        here, missing, waiting = set[str](), set[str](), list(keys)
        while waiting:
            key = waiting.pop()
            if key in here or key in missing or key in self.absent:
                continue
            if key not in self.found:
                missing.add(key)
                continue
            here.add(key)
            waiting += self._followed(key)
        return here, missing

    def unknown_to(self, keys: Iterable[str]) -> list[str]:
        """What the keys refer to and the server does not know (yet), sorted."""
        if not self.unknown:
            return []
        return sorted(self.unknown.intersection(one for key in keys for one in self._followed(key)))

    def _followed(self, key: str) -> tuple[str, ...]:
        """What a resource refers to, found once."""
        if key not in self._links:
            self._links[key] = tuple(followed(key.partition("/")[0], self.tree(key), self.base))
        return self._links[key]

    def _wanted(self, key: str) -> bool:
        """A Claim only as a request for authorization: what others billed is not ours, unless claims are charges."""
        return self._claims or not key.startswith("Claim/") or self.tree(key).get("use") == "preauthorization"

    def _charged_to(self, key: str, accounts: set[str]) -> bool:
        """A charge that names no encounter, and an account of this one."""
        tree = self.tree(key)
        return "context" not in tree and not accounts.isdisjoint(keys_at(tree, "account", self.base))

    def _responses(self, keys: set[str], patient: str) -> set[str]:
        """What payers answered to the requests among the keys."""
        answers = (key for key in self._of_patient[patient] if key.startswith("ClaimResponse/"))
        return {key for key in answers if not keys.isdisjoint(keys_at(self.tree(key), "request", self.base))}
