"""JSON Schema of the settings, for editors, and the reference page that is made from the same models."""

from __future__ import annotations

from typing import Any

from hub.config.settings import FILES, Settings


def json_schema(file: str = "") -> dict[str, Any]:
    """JSON Schema (2020-12) of all settings side by side, or of one file's top-level keys."""
    schema = Settings.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Billing Hub settings"
    if file:
        schema["title"] = f"Billing Hub {file}"
        schema["properties"] = {key: schema["properties"][key] for key in FILES[file]}
    return schema
