"""The types of parameters that name something: OpenAPI has their values, or the form of their ids.

The session checks whether what they name is known.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import StringConstraints, WithJsonSchema

PLACE = "#/components/schemas/"


def _ids(kind: str) -> Any:
    return StringConstraints(pattern=f"^{kind}_[0-9a-f]{{1,64}}$")


TaskId = Annotated[str, _ids("task")]
PlanId = Annotated[str, _ids("plan")]
RunId = Annotated[str, _ids("run")]
ArtifactId = Annotated[str, _ids("art")]
WebhookId = Annotated[str, _ids("hook")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
TextKind = Annotated[str, StringConstraints(pattern="^[a-z][a-z_]{0,31}$")]
ProcessorName = Annotated[str, WithJsonSchema({"$ref": PLACE + "ProcessorName"})]
EventTypeName = Annotated[str, WithJsonSchema({"$ref": PLACE + "EventTypeName"})]


def named_values(processors: Collection[str], event_types: Collection[str]) -> dict[str, Any]:
    """The schemas of the names that plugins choose."""
    known = {"ProcessorName": processors, "EventTypeName": event_types}
    return {name: {"type": "string", "enum": sorted(values)} for name, values in known.items()}
