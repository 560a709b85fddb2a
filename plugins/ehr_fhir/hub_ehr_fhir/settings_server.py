"""`[connectors.NAME.settings.server]`: which FHIR server, and how to sign in there."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ServerSettings(BaseModel):
    """One FHIR R4 server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="base address of the FHIR R4 server, such as https://fhir.example.org/r4")
