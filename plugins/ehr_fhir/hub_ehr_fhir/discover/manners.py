"""How a server behaves beside searching: reads and ETags, pages, order, totals, what comes along, history."""

from __future__ import annotations

from functools import partial

from hub_ehr_fhir.discover.answers import Told
from hub_ehr_fhir.discover.tried import FEW, ONE, Found, Tried


def read(one: Tried) -> Found:
    """Whether a resource is given by its id."""
    id_ = one.seen.id if one.seen else one.samples.get(one.type, "")
    if not id_:
        return "unknown", "no id to try it with"
    told = one.asker.ask(one.type, f"{one.type}/{id_}")
    if one.seen is None and told.status in (404, 410) and not one.refusals:
        one.samples.pop(one.type, None)
        return "unknown", "what another resource refers to is not there"
    one.notice(told)
    if not told.well:
        return told.no
    if not told.heads:
        return "refused", "another resource came"
    one.seen = one.seen or told.heads[0]
    if one.wanted.etag:
        one.once("etag", partial(_etag, one, f"{one.type}/{id_}", told.etag))
    return "works", ""


def _etag(one: Tried, path: str, etag: str) -> Found:
    if not etag:
        return "refused", "no ETag came"
    told = one.asker.ask(one.type, path, etag=etag)
    if told.status == 304:
        return "works", ""
    return ("ignored", "the whole resource came again") if told.well else told.no


def include(one: Tried, value: str, brings: str) -> Found:
    """Whether `_include` brings what it names."""
    told = one.ask((*one.here(), ("_include", value)))
    if not told.well:
        return told.no
    if any(head.resource_type == brings for head in told.others):
        return "works", ""
    ignored = brings in one.brought or told.names("_include") is False or told.objects("_include")
    return ("ignored", "nothing came with it") if ignored else ("unknown", "nothing to come with it")


def history(one: Tried) -> Found:
    """Whether the type has a history, the only way to hear of deletions."""
    told = one.asker.ask(one.type, f"{one.type}/_history", ONE if one.counts else ())
    if not told.well:
        return told.no
    return ("works", "") if told.heads else ("unknown", "nothing came")


def sort(one: Tried) -> Found:
    """Whether two orders are told apart."""
    orders = []
    for sign in ("", "-"):
        told = one.ask((*one.base, ("_sort", f"{sign}_lastUpdated")), FEW)
        if not told.well:
            return told.no
        times = [head.updated for head in told.heads if head.updated]
        orders.append(times if sign else times[::-1])
    if any(len(set(order)) < 2 for order in orders):
        return "unknown", "too few to tell"
    ordered = all(order == sorted(order, reverse=True) for order in orders)
    return ("works", "") if ordered else ("ignored", "another order came")


def total(one: Tried) -> Found:
    """Whether a total comes where one is asked for."""
    told = one.ask((*one.base, ("_total", "accurate")))
    if not told.well:
        return told.no
    return ("works", "") if told.total is not None else ("ignored", "no total came")


def paged(one: Tried, told: Told) -> None:
    """What one page shows of `_count` and of next links."""
    more = bool(told.next_url) or (told.total or 0) > len(told.heads)
    if one.counts and "_count" not in one.found:
        few = len({head.id for head in told.heads}) == 1
        one.found["_count"] = "ignored" if not few else "works" if more else "unknown"
    if one.type in ("Encounter", "Patient"):
        one.once("next", partial(_next, one, told, more=more))


def _next(one: Tried, told: Told, *, more: bool) -> Found:
    if not told.next_url:
        return ("refused", "no next link although there is more") if more else ("unknown", "one page only")
    page = one.asker.follow(one.type, told.next_url)
    if not page.well:
        return page.no
    same = [head.id for head in page.heads] == [head.id for head in told.heads]
    return ("ignored", "the same page came again") if same and page.heads else ("works", "")
