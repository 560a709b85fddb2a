"""How each feed does, hour by hour: what came, and what its senders were told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Table, Text

from hub.store.schema import METADATA, Instant, clear
from hub.store.session import Session

_COUNT = "a count of messages, of nobody"

FEED_HOURS = Table(
    "feed_hours",
    METADATA,
    clear("practice", Text, why="whose row it is"),
    clear("source", Text, primary_key=True, why="the connector in our own configuration"),
    clear("peer", Text, primary_key=True, why="an address or a configured name of the sending system"),
    clear("hour", Instant, primary_key=True, why="the hour that is counted"),
    clear("messages", BigInteger, why=_COUNT),
    clear("repeats", BigInteger, why=_COUNT),
    clear("bytes", BigInteger, why="how much came"),
    clear("accepted", BigInteger, why="answers that said yes: AA, CA, 2xx"),
    clear("failed", BigInteger, why="answers AE, CE, 5xx"),
    clear("rejected", BigInteger, why="answers AR, CR, 4xx"),
    clear("slowest_ms", BigInteger, why="the longest time to an answer"),
    clear("began_at", Instant, why="the first message of the hour"),
    clear("ended_at", Instant, why="the last message of the hour"),
    Index("ix_feed_hours_hour", "hour"),
)


class Feeds:
    """The hours of feeds inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session
