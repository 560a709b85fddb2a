"""`[connectors.NAME.settings.bulk]`: Bulk Data export."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class BulkSettings(BaseModel):
    """Settings of this part."""

    model_config = ConfigDict(frozen=True, extra="forbid")
