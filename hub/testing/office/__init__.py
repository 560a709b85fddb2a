"""A billing office of many practices, each with EHR folders, contracts and a mailbox of its own, and its nodes.

For what a single practice cannot show: how the work of many lanes spreads over threads, processes and kills.
"""

from hub.testing.office.asking import Elsewhere as Elsewhere
from hub.testing.office.nodes import NodeProcess as NodeProcess
from hub.testing.office.nodes import SharedClock as SharedClock
from hub.testing.office.nodes import cpu_seconds as cpu_seconds
from hub.testing.office.nodes import stop as stop
from hub.testing.office.partners import Partners as Partners
from hub.testing.office.settings import Office as Office
