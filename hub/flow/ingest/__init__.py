"""Raw message -> facts: stored first, read then, and kept so that their order means nothing.

pull(hub, source)      what a source has is put in the inbox with its cursor
read(hub, source)      what the inbox has becomes facts, and marks the visits that they touch

messages                          both steps
feed_lanes, mending               messages that wait for one before them; what a person does with one
message_faults                    what is wrong with messages becomes work
facts_store, fact_keys, folding   where facts are kept, under which keys, and several of one thing as one
merging, reopening                which visits and persons are one; what a fact touches beyond its own visit
pieces                            resources that come apart, read with what they link to
newcomers                         a source that nobody knows yet: is it another, or one under a new name?
following, errands                what one source told, for another; what a listener left for the next pull
"""

from __future__ import annotations

from hub.flow.ingest.messages import pull, read, replay

__all__ = ["pull", "read", "replay"]
