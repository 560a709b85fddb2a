"""Which guide a transaction set keeps, and what its ST says that does not fit its group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import msgspec

from hub.x12.grammar import Guide
from hub.x12.guides import GUIDES, guide_for
from hub.x12.headers import Group
from hub.x12.tree import Segment

_OUR_RELEASE = "005010"
_LATER_RELEASES = ("006", "007", "008")

# sets that somebody may well send: none of these is a slip of the pen for another
_SETS = frozenset(("269", "270", "271", "274", "275", "276", "277", "278", "820", "824", "834", "835", "837"))
_SETS |= {"841", "864", "997", "999"}

_LINES = {"837P": "SV1", "837I": "SV2", "837D": "SV3"}


class StartFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of an ST, or of the GS that its sets show: then `of_group`, and told once for the group."""

    code: str
    message: str
    element: int
    ik5: str = ""
    of_group: bool = False


def chosen_guide(st: Segment, gs: Segment, ahead: Iterable[str] = ()) -> Guide | None:
    """The guide that ST01 and the version name; where one of them is a slip, the guide that the others name.

    Where ST03 and GS08 name two guides, `ahead`, the texts of the segments that follow, tells which of them is kept.
    """
    version = gs[8]
    of_set, of_group = guide_for(st[1], st[3] or version), guide_for(st[1], version)
    found = of_set or of_group
    if found is not None:
        differ = of_group is not None and of_set is not of_group
        return of_group if differ and of_group is not None and _kept(of_group, ahead) else found
    if st[1] not in _SETS:
        return _by_version().get(st[3] or version)
    if not (st[3] or version) or (not st[3] and _is_slip(version)):
        return _only_ones().get(st[1])
    return None


def _kept(guide: Guide, ahead: Iterable[str]) -> bool:
    """Whether the first line of a claim in `ahead` is of the kind that the guide bills."""
    for text in ahead:
        if text.startswith(("SV", "SE")):
            return text.startswith(_LINES.get(guide.kind, "-"))
    return False


def _is_slip(version: str) -> bool:
    return version.startswith(_OUR_RELEASE) and version not in _by_version()


def start_faults(st: Segment, group: Group, guide: Guide | None) -> Iterator[StartFault]:
    """What is wrong with the control number, the version and the group of a set that begins."""
    if st[2] and st[2] in group.numbers:
        message = "the control number was used before in this group"
        yield StartFault(code="st.duplicate", message=message, element=2, ik5="23")
    if not group.opened:
        return
    yield from _version_faults(st, group, guide)
    if guide is None:
        return
    if group.gs[1] and group.gs[1] != guide.group:
        message = "is not the kind of group that its transaction sets belong in"
        yield StartFault(code="gs.kind", message=message, element=1, of_group=True)


def _version_faults(st: Segment, group: Group, guide: Guide | None) -> Iterator[StartFault]:
    """ST03 against GS08: what is told is the one that the set and its group's other sets do not bear out."""
    of_group = group.gs[8]
    if of_group and of_group not in _by_version():
        if guide is not None or of_group.startswith(_OUR_RELEASE):
            message = "is not a version that is known for its transaction sets"
            yield StartFault(code="gs.version", message=message, element=8, of_group=True)
    elif guide is not None and of_group and st[3] and st[3] != of_group:
        if st[3] == guide.version and all(one.version != of_group for one in group.sets):
            message = "is not the version of its transaction sets"
            yield StartFault(code="gs.version", message=message, element=8, of_group=True)
        else:
            message = "the version is not that of the group"
            yield StartFault(code="st.version", message=message, element=3, ik5="I6")


def unknown_guide(st: Segment, gs: Segment) -> tuple[str, int, str]:
    """Severity, element and message for a set that no guide is known for: a later release only warns."""
    version = st[3] or gs[8]
    if version.startswith(_LATER_RELEASES):
        return "warning", 3 if st[3] else 1, "no guide is known for this release: only its envelope was checked"
    element = 3 if st[3] and version not in _by_version() else 1
    return "error", element, "no guide is known for this transaction set and version"


@cache
def _by_version() -> dict[str, Guide]:
    return {version: found for found in GUIDES for version in (found.version, *found.accepts)}


@cache
def _only_ones() -> dict[str, Guide]:
    sets = [found.transaction for found in GUIDES]
    return {found.transaction: found for found in GUIDES if sets.count(found.transaction) == 1}
