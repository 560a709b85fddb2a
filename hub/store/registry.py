"""The one place that hands out numbers to the outside world, writes down each, and never hands one out twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Index, Table, Text, bindparam, select, update

from hub.errors import Misconfigured
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Instant, clear
from hub.store.session import Session
from hub.store.upsert import insert_for

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HALF_BITS = 20
_HALF = (1 << _HALF_BITS) - 1
PCN_CHARACTERS = 20
#: ISA13, GS06 and ST02 have nine digits; starting again would hand a number out twice.
_CEILINGS = {"isa13": 999_999_999, "gs06": 999_999_999, "st02": 999_999_999}

COUNTERS = Table(
    "counters",
    METADATA,
    clear("scope", Text, primary_key=True, why="what is counted: a number and a mailbox of ours"),
    clear("next", BigInteger, why="the number that is handed out next"),
)
CONTROL_NUMBERS = Table(
    "control_numbers",
    METADATA,
    clear("scope", Text, primary_key=True, why="what is counted: a number and a mailbox of ours"),
    clear("value", Text, primary_key=True, why="an opaque number of ours; partners see it"),
    clear("ref", Text, why="the id of ours that it was used for"),
    clear("at", Instant, why="when it was handed out"),
    Index("ix_control_numbers_ref", "ref"),
)


class Registry:
    """Counters by scope (`isa13:MAILBOX`, `gs06:MAILBOX`, `st02`, `pcn`, `line`, `statement`)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def take(self, scope: str, n: int = 1, *, ref: str | Sequence[str] = "") -> range:
        """The next `n` numbers of `scope`, from 1, each recorded with `ref` (one for all, or one for each)."""
        numbers = self._advance(scope, n)
        self._record(scope, [str(number) for number in numbers], ref)
        return numbers

    def pcn(self, ref: str, prefix: str = "") -> str:
        """A patient control number for one submission: see `pcns`."""
        return self.pcns([ref], prefix)[0]

    def pcns(self, refs: Sequence[str], prefix: str = "") -> list[str]:
        """One patient control number for each of `refs`: `prefix` and eight characters that tell nothing.

        They are a keyed permutation of a counter: distinct by construction, without showing its count. At most
        20 characters, the least that every payer returns (CLM01).
        """
        if len(prefix) > PCN_CHARACTERS - 8 or not (prefix == "" or prefix.isalnum()):
            raise Misconfigured("the control number prefix must be at most 12 letters or digits")
        values = [prefix + _spell(self._scramble(number)) for number in self._advance("pcn", len(refs))]
        self._record("pcn", values, refs)
        return values

    def start_at(self, scope: str, n: int) -> None:
        """Hand out `n` next, above an old system's numbers; going back raises `Misconfigured`."""
        insert = insert_for(self._session, COUNTERS).values(scope=scope, next=n)
        upsert = insert.on_conflict_do_update(
            index_elements=["scope"], set_={"next": n}, where=COUNTERS.c.next <= n
        ).returning(COUNTERS.c.next)
        if self._session.conn.execute(upsert).first() is None:
            raise Misconfigured(f"{scope} is already above {n}", fix="numbers are never reused: start higher")

    def at_least(self, scope: str, n: int) -> None:
        """Hand out `n` next if nothing as high was handed out yet: how a new mailbox begins above an old system."""
        insert = insert_for(self._session, COUNTERS).values(scope=scope, next=n)
        self._session.conn.execute(
            insert.on_conflict_do_update(index_elements=["scope"], set_={"next": n}, where=COUNTERS.c.next < n)
        )

    def assign(self, scope: str, refs: Mapping[str, str]) -> None:
        """Say what numbers that were taken without a `ref` are used for: value to ref; said once only."""
        free = (CONTROL_NUMBERS.c.scope == scope) & (CONTROL_NUMBERS.c.ref == "")
        statement = update(CONTROL_NUMBERS).where(free, CONTROL_NUMBERS.c.value == bindparam("v"))
        rows = [{"v": value, "r": ref} for value, ref in refs.items()]
        done = self._session.conn.execute(statement.values(ref=bindparam("r")), rows)
        if done.rowcount != len(rows):
            raise ValueError(f"{scope}: a number was not taken, or is in use")

    def used_for(self, scope: str, value: str | int) -> str | None:
        """What a number was used for (empty when not said), or None if it was never handed out."""
        where = (CONTROL_NUMBERS.c.scope == scope, CONTROL_NUMBERS.c.value == str(value))
        return self._session.conn.scalar(select(CONTROL_NUMBERS.c.ref).where(*where))

    def numbers_of(self, ref: str) -> dict[str, list[str]]:
        """Every number that was handed out for `ref`, by scope."""
        found: dict[str, list[str]] = {}
        query = select(CONTROL_NUMBERS.c.scope, CONTROL_NUMBERS.c.value).where(CONTROL_NUMBERS.c.ref == ref)
        for scope, value in self._session.conn.execute(query.order_by(*query.selected_columns)):
            found.setdefault(scope, []).append(value)
        return found

    def _advance(self, scope: str, n: int) -> range:
        if n == 0:
            return range(0)
        counted = self._session.conn.execute(_advancing(self._session), {"scope": scope, "next": 1 + n, "n": n})
        end = int(counted.scalar_one())
        if end - 1 > _CEILINGS.get(scope.partition(":")[0], end):
            raise Misconfigured(f"{scope} has no number left", fix="give this mailbox a new sender id")
        return range(end - n, end)

    def _record(self, scope: str, values: list[str], ref: str | Sequence[str]) -> None:
        refs = [ref] * len(values) if isinstance(ref, str) else list(ref)
        now = self._session.now
        rows = [(scope, value, of, now) for value, of in zip(values, refs, strict=True)]
        Bulk(self._session).insert(CONTROL_NUMBERS, ("scope", "value", "ref", "at"), rows)

    def _scramble(self, number: int) -> int:
        """A four-round Feistel permutation of 40 bits under the database's digest key."""
        left, right = number >> _HALF_BITS & _HALF, number & _HALF
        for turn in range(4):
            mixed = int(self._session.keys.digest(f"pcn{turn}", str(right))[:5], 16)
            left, right = right, left ^ mixed
        return left << _HALF_BITS | right


_ADVANCING: dict[str, Any] = {}


def _advancing(session: Session) -> Any:
    """The one statement that counts a scope on, or begins it: the database lets nobody in between."""
    if session.dialect not in _ADVANCING:
        counted = insert_for(session, COUNTERS).on_conflict_do_update(
            index_elements=["scope"], set_={"next": COUNTERS.c.next + bindparam("n", type_=BigInteger)}
        )
        _ADVANCING[session.dialect] = counted.returning(COUNTERS.c.next)
    return _ADVANCING[session.dialect]


def _spell(number: int) -> str:
    return "".join([_CROCKFORD[number >> shift & 31] for shift in range(35, -1, -5)])
