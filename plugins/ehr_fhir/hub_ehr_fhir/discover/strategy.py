"""From what a server offers to how it is asked, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from hub.errors import Problem
from hub_ehr_fhir.discover.offered import Offered

Kind = Literal["incremental", "patients", "follow", "bulk"]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """How one resource type is asked for.

    `changed`: how those that changed since a time are found: `_lastUpdated`, `_history`, or empty (not at all: they
    come with their encounter or patient). `joined`: how those of an encounter are found, the best first: search
    parameters (`encounter`, `context`, `account`, `patient`, `_id`, ...) and `read` (GET Type/id). `narrowed`: the
    parameters of `joined` to which `_lastUpdated=ge...` may be added. `listed`: the parameters that take several
    values, divided by commas. `included` and `revincluded`: values of `_include` and `_revinclude` that bring
    something when this type is searched. `counted`: `_count` is honoured; `sorted`: `_sort=_lastUpdated` works;
    `paged`: next links come; `etag`: If-None-Match is answered by 304; `totals`: `_total=accurate`/`Bundle.total`.
    """

    type: str
    changed: str = ""
    joined: tuple[str, ...] = ()
    narrowed: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    included: tuple[str, ...] = ()
    revincluded: tuple[str, ...] = ()
    counted: bool = False
    sorted: bool = False
    paged: bool = False
    etag: bool = False
    totals: bool = False


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is asked: its `kind`, `why` in sentences for a person, `searches` by type (types that cannot be
    had are not in it), `export` (the level of `$export` for kind bulk: `group`, `patient`, `system`), and `gaps`:
    what billing will not get from this server, each with what to do.
    """

    kind: Kind
    why: tuple[str, ...]
    searches: Mapping[str, Search]
    export: str = ""
    gaps: tuple[Problem, ...] = ()


def choose(offered: Offered, settings: Any) -> Strategy:
    """The strategy for a server under these settings (`FhirSettings`)."""
    raise NotImplementedError
