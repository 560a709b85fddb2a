"""Fetches encounters and patients with all that billing needs of their neighbours, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hub.plugin.api import HubError, Misconfigured
from hub_ehr_fhir.connect.http import Answer, Call
from hub_ehr_fhir.discover.strategy import Search
from hub_ehr_fhir.pull.links import DIRECTORY, by
from hub_ehr_fhir.pull.pages import instant_of, page_of
from hub_ehr_fhir.pull.pool import Pool
from hub_ehr_fhir.pull.resources import Found, found
from hub_ehr_fhir.pull.shared import Shared
from hub_ehr_fhir.pull.times import written
from hub_ehr_fhir.pull.turn import Timed
from hub_ehr_fhir.pull.walking import Query, Searched, Walker

OF_ENCOUNTER = (
    "Condition",
    "Procedure",
    "ChargeItem",
    "Immunization",
    "ServiceRequest",
    "Claim",
    "ClaimResponse",
)
OF_PATIENT = ("Coverage", "Account")
REVINCLUDED: Mapping[str, str] = {
    "Condition": "Condition:encounter", "Procedure": "Procedure:encounter", "ChargeItem": "ChargeItem:context",
}  # fmt: skip
_LIST = 16
"""How many ids one search names: as many encounters as are fetched side by side."""
_DEPTH = 6
_READ = (200, 403)
_NEEDED = frozenset(("Encounter", "Patient"))


class Gatherer:
    """Fetches into a `Pool`. `searches` says how each type is asked; `revinclude`: whether what comes with an
    encounter by `_revinclude` is taken for all there is; `claims`: whether billed Claims count as charges.
    """

    def __init__(
        self,
        server: Timed,
        walker: Walker,
        searches: Mapping[str, Search],
        shared: Shared,
        *,
        revinclude: bool,
        claims: bool = False,
    ) -> None:
        self._server, self._walker, self._searches, self._shared = server, walker, searches, shared
        self._revinclude, self._claims = revinclude, claims

    def gather(self, units: Sequence[str]) -> Pool:
        """Everything that `Encounter/..`, `Patient/..` and other keys need. Raises `Searched` where the server does
        not take a search that it promised; other trouble stands in `Pool.failed`, by the key that it hurts.
        """
        pool = Pool(self._server.base, claims=self._claims)
        encounters = [unit.partition("/")[2] for unit in units if unit.startswith("Encounter/")]
        covered = self._encounters(pool, encounters)
        self._read(pool, (unit for unit in units if unit not in pool.found))
        here = [name for name in encounters if f"Encounter/{name}" in pool.found]
        patients = [
            unit.partition("/")[2] for unit in units if unit.startswith("Patient/") and unit in pool.found
        ]
        self._neighbours(pool, here, covered)
        self._belongings(pool, [*patients, *(pool.patient(name) for name in here)])
        self._missing(pool, units)
        return pool

    def resources(self, keys: Sequence[str]) -> Pool:
        """Resources alone, by key."""
        pool = Pool(self._server.base)
        self._read(pool, keys)
        return pool

    # the encounters themselves

    def _encounters(self, pool: Pool, names: Sequence[str]) -> frozenset[str]:
        """Search them with `_include` and `_revinclude` where these work; the types that then need no search."""
        search = self._searches.get("Encounter")
        if search is None or "_id" not in search.joined or not (search.included or search.revincluded):
            return frozenset()
        revincluded = search.revincluded if self._revinclude else ()
        extras = {"_include": search.included, "_revinclude": revincluded}
        params = {name: values for name, values in extras.items() if values}
        size = _LIST if "_id" in search.listed else 1
        queries = [
            Query(
                path="Encounter",
                kind="Encounter",
                feature="_include" if search.included else "_revinclude",
                counted=False,
                params={"_id": ",".join(some), **params},
            )
            for some in _lists(names, size)
        ]
        pages = self._walker.many(queries)
        for page in pages:
            if isinstance(page, Searched):
                raise page
            if not isinstance(page, HubError):
                pool.add(page.all)
        whole = not any(isinstance(page, HubError) for page in pages)
        return frozenset(kind for kind, value in REVINCLUDED.items() if whole and value in revincluded)

    # what belongs to them

    def _neighbours(self, pool: Pool, encounters: Sequence[str], covered: frozenset[str]) -> None:
        """What says which encounter it belongs to, each type by the best search there is."""
        asked: list[tuple[Query, list[str]]] = []
        for kind in OF_ENCOUNTER:
            if kind not in covered and kind in self._searches:
                asked += self._joined(pool, self._searches[kind], encounters)
        self._ask(pool, asked)

    def _joined(self, pool: Pool, search: Search, encounters: Sequence[str]) -> list[tuple[Query, list[str]]]:
        way = next((each for each in search.joined if each in _WAYS), "")
        if not way:
            return []
        values: dict[str, list[str]] = {}
        for name in encounters:
            for value in _values(pool, way, name):
                values.setdefault(value, []).append(f"Encounter/{name}")
        return self._by_values(search, way, values)

    def _belongings(self, pool: Pool, patients: Iterable[str]) -> None:
        """Coverages and accounts of patients."""
        asked: list[tuple[Query, list[str]]] = []
        values = {name: [f"Patient/{name}"] for name in dict.fromkeys(patients) if name}
        for kind in OF_PATIENT:
            search = self._searches.get(kind)
            way = next((each for each in search.joined if each in _OF_PATIENT), "") if search else ""
            if search and way:
                asked += self._by_values(search, way, values)
        self._ask(pool, asked)

    def _by_values(
        self, search: Search, way: str, values: Mapping[str, list[str]]
    ) -> list[tuple[Query, list[str]]]:
        """One search for several values where the server takes lists; with whom it matters to."""
        size = _LIST if way in search.listed else 1
        found = []
        for names in _lists(list(values), size):
            query = by(search, search.type, way, *names)
            found.append((query, [unit for name in names for unit in values[name]]))
        return found

    def _ask(self, pool: Pool, asked: Sequence[tuple[Query, list[str]]]) -> None:
        """Ask all at once. A failed search keeps those from being whole for whom it was made."""
        pages = self._walker.many([query for query, _ in asked])
        for (_query, units), page in zip(asked, pages, strict=True):
            if isinstance(page, Searched):
                raise page
            if isinstance(page, HubError):
                pool.failed.update(dict.fromkeys(units, page))
            else:
                pool.add(page.all)

    # what they refer to

    def _missing(self, pool: Pool, units: Sequence[str]) -> None:
        """Read what is referred to and not here, and what that refers to."""
        for _ in range(_DEPTH):
            missing = set[str]()
            for unit in units:
                missing |= pool.closure(roots(pool, unit))[1]
            wanted = sorted(key for key in missing if key not in pool.failed and key not in pool.absent)
            if not wanted:
                return
            self._read(pool, wanted)

    def _read(self, pool: Pool, keys: Iterable[str]) -> None:
        """Read resources by key, those that many share from the store where they were asked for already."""
        wanted = []
        for key in dict.fromkeys(keys):
            known = self._shared.get(key) if key.partition("/")[0] in DIRECTORY else None
            if known is not None:
                pool.add([known])
            elif self._readable(key):
                wanted.append(key)
            else:
                pool.absent.add(key)
        self._read_lists(pool, wanted)
        alone = [key for key in wanted if key not in pool.found]
        calls = [self._call(key) for key in alone]
        for key, answer in zip(alone, self._server.many(calls), strict=True):
            self._took(pool, key, answer)

    def _read_lists(self, pool: Pool, keys: Sequence[str]) -> None:
        """Several of a type by one search, where the server takes lists of ids. What does not come is asked for
        alone: only then it says whether it has it, and one that it cannot give keeps no other from coming.
        """
        queries = list(self._by_kind(keys))
        for query, page in zip(queries, self._walker.many(queries), strict=True):
            if isinstance(page, Searched):
                raise page
            if isinstance(page, HubError):
                continue
            asked = set(str(query.params["_id"]).split(","))
            came = [one for one in page.matches if one.id in asked]
            pool.add(came)
            for one in came if query.kind in DIRECTORY else ():
                self._shared.put(one, f'W/"{one.version}"' if one.version else "")

    def _by_kind(self, keys: Sequence[str]) -> Iterator[Query]:
        names: dict[str, list[str]] = {}
        for key in keys:
            kind, _, name = key.partition("/")
            if "_id" in self._searches[kind].listed:
                names.setdefault(kind, []).append(name)
        for kind, ids in names.items():
            for some in _lists(ids, _LIST) if len(ids) > 1 else ():
                yield by(self._searches[kind], kind, "_id", *some)

    def _readable(self, key: str) -> bool:
        search = self._searches.get(key.partition("/")[0])
        return search is not None and ("read" in search.joined or "_id" in search.joined)

    def _call(self, key: str) -> Call:
        kind, _, name = key.partition("/")
        search = self._searches[kind]
        if "read" not in search.joined:
            return Call(url=kind, params={"_id": name}, expect=_READ)
        etag = self._shared.etag(key) if kind in DIRECTORY else ""
        return Call(url=key, etag=etag, expect=_READ)

    def _took(self, pool: Pool, key: str, answer: Answer | HubError) -> None:
        if not isinstance(answer, HubError) and answer.status == 403 and key.partition("/")[0] in _NEEDED:
            answer = Misconfigured(
                "the token may not read single patients or encounters (HTTP 403)",
                fix="ask who runs the server to allow our client to read Patient and Encounter (its scopes)",
            )
        if isinstance(answer, HubError):
            pool.failed[key] = answer
            return
        shared = key.partition("/")[0] in DIRECTORY
        try:
            one = self._shared.same(key) if answer.status == 304 else _resource(answer, key)
        except HubError as error:
            pool.failed[key] = error
            return
        if one is None:
            pool.absent.add(key)
            if answer.status == 404:
                pool.unknown.add(key)
            if answer.status == 410:
                at = instant_of(answer.headers)
                pool.gone[key] = written(at) if at else ""
            return
        pool.add([one])
        if shared and answer.status == 200:
            self._shared.put(one, answer.headers.get("etag", ""))


def roots(pool: Pool, unit: str) -> set[str]:
    """The keys from which a unit's message grows; of one that is not here, itself."""
    kind, _, name = unit.partition("/")
    if unit not in pool.found:
        return {unit}
    if kind == "Encounter":
        return pool.around(name)
    return pool.of_patient(name) if kind == "Patient" else {unit}


_WAYS = frozenset(("encounter", "context", "account", "patient", "subject"))
_OF_PATIENT = frozenset(("patient", "beneficiary", "subject"))


def _values(pool: Pool, way: str, encounter: str) -> list[str]:
    """The values of a search parameter that lead to an encounter's resources."""
    if way in ("encounter", "context"):
        return [encounter]
    if way == "account":
        return pool.accounts(encounter)
    patient = pool.patient(encounter)
    return [patient] if patient else []


def _resource(answer: Answer, key: str) -> Found | None:
    """What a read, or a search by `_id`, brought: the resource that was asked for and no other."""
    if answer.status != 200:
        return None
    one = found(answer.body)
    if one is None or one.kind == "Bundle":
        page = page_of(answer.body, answer.headers, key.partition("/")[0])
        one = next((each for each in page.matches if each.key == key), None)
    return one if one is not None and one.key == key else None


def _lists(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
