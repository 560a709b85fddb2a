"""How often Python looks for garbage in a process that stays: seldom, and not among what it began with."""

from __future__ import annotations

import gc

LOOK_AFTER = (10_000, 20, 20)
"""New objects before a look at the youngest, then looks before one at the middle and at the oldest: each row and
record is an object, hardly one is in a circle, and the usual 700 costs a sixth of a step and frees nothing."""


def settle() -> None:
    """Called once, when everything is loaded and runs: what lives then (modules, tables, models, settings) is not
    looked at again. What it holds is still freed as soon as nobody refers to it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*LOOK_AFTER)
