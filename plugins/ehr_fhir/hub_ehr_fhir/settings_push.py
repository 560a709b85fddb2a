"""`[connectors.NAME.settings.push]`: what the server sends by itself."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class PushSettings(BaseModel):
    """Settings of this part."""

    model_config = ConfigDict(frozen=True, extra="forbid")
