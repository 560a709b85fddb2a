"""What a pull remembers between two calls beside its cursor, in the connector's state."""

from __future__ import annotations

from datetime import datetime

from hub.plugin.api.ports import State
from hub_ehr_fhir.pull.lacking import Lacking
from hub_ehr_fhir.pull.revisiting import Revisits
from hub_ehr_fhir.pull.seen import Seen
from hub_ehr_fhir.pull.sending import Sent
from hub_ehr_fhir.pull.shared import Shared
from hub_ehr_fhir.pull.vanished import Vanished
from hub_ehr_fhir.settings_pull import PullSettings


class Kept:
    """Its parts, as they stand in a look that `began` then."""

    def __init__(self, state: State, began: str, settings: PullSettings) -> None:
        self.shared, self.seen = Shared(state, began), Seen(state, settings.late_hours)
        self.again = Revisits(state, settings.look_again_days)
        self.lacking = Lacking(state)
        self.sent = Sent(state)
        self.vanished = Vanished(state, settings)

    def save(self, now: datetime) -> None:
        """Put what changed into the state."""
        self.seen.save()
        self.shared.save()
        self.again.save(now)
        self.lacking.save()
        self.sent.save()
        self.vanished.save()
