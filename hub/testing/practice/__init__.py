"""The synthetic practice: sixty invented days of one small clinic, as the files that its EHRs would drop."""

from hub.testing.practice.days import make_practice
from hub.testing.practice.load import make_load
from hub.testing.practice.stories import OUTCOMES, STORIES, Story, visit_keys
from hub.testing.practice.told import amiss

__all__ = ["OUTCOMES", "STORIES", "Story", "amiss", "make_load", "make_practice", "visit_keys"]
