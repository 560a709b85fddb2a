"""At go-live a mailbox begins above the old system's numbers, and never goes back."""

from __future__ import annotations

from hub.store import Store


def test_a_new_mailbox_begins_where_configuration_says(store: Store) -> None:
    """`at_least` moves a counter up, and leaves one alone that is already there or above."""
    with store.begin("admin") as tx:
        tx.registry.at_least("isa13:house", 5_000)
        first = tx.registry.take("isa13:house")[0]
        tx.registry.at_least("isa13:house", 5_000)
        tx.registry.at_least("isa13:house", 10)
        second = tx.registry.take("isa13:house")[0]
    assert (first, second) == (5_000, 5_001)
