"""`[connectors.NAME.settings.pull]`: how the server is asked by REST."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class PullSettings(BaseModel):
    """Settings of this part."""

    model_config = ConfigDict(frozen=True, extra="forbid")
