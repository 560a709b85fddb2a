"""Conformance kits: subclass one, say how your port is made, and the port's contract runs as your tests.

    class TestMine(ClearinghouseKit):
        @pytest.fixture
        def partner(self, tmp_path): ...          # what the kit uses to look at and disturb the other side

        @pytest.fixture
        def make_port(self, partner): ...         # a function that makes a new object, as after a restart

Each kit's module lists its contract by number; each test cites the number it proves. What a partner cannot
act out (no `cut_after`, say) is skipped, with that reason.
"""

from __future__ import annotations

from hub.testing.kits.clearinghouse import ClearinghouseKit
from hub.testing.kits.listening import ListeningSourceKit
from hub.testing.kits.notifier import NotifierKit
from hub.testing.kits.partner import Partner, outgoing
from hub.testing.kits.piecing import PiecingSourceKit
from hub.testing.kits.printing import PrintVendorKit
from hub.testing.kits.source import EhrSourceKit, Sample
from hub.testing.kits.web import WebSourceKit

__all__ = [
    "ClearinghouseKit",
    "EhrSourceKit",
    "ListeningSourceKit",
    "NotifierKit",
    "Partner",
    "PiecingSourceKit",
    "PrintVendorKit",
    "Sample",
    "WebSourceKit",
    "outgoing",
]
