"""Makes X12 of any guide: trees that keep its rows, valid sets in which all is true, and files as big as wanted.

    generate(guide, random)             what the rows allow; sums and pointers by chance
    valid(guide, random)                a set that the strict check finds nothing in, for `write_interchange`
    interchange(guide, random, sets=2)  the bytes of a file of such sets
    big(guide, random, claims=10_000)   a file of many claims or payments, as a stream of blocks

The same chance (`random.Random(seed)`) gives the same data. Names, numbers and codes are invented.
"""

from __future__ import annotations

from random import Random

from hub.x12.generate.big import big
from hub.x12.generate.rows import Plan, from_rows
from hub.x12.generate.valid import KINDS, interchange, valid, written
from hub.x12.grammar import Guide
from hub.x12.tree import Node

__all__ = ["KINDS", "big", "generate", "interchange", "valid", "written"]


def generate(guide: Guide, random: Random, *, often: float = 0.3) -> Node:
    """A tree for what stands between ST and SE; `often` is the chance of each situational row."""
    return from_rows(guide, Plan(random=random, often=often))
