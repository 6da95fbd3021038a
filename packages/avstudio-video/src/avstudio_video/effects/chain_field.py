"""The type of a parameter that is a chain of effects; the effects are imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from avstudio_video.effects.catalogue import AnyEffect

    ChainField = list[AnyEffect]
else:

    class ChainField:
        """A list of effects; some may be given as text."""

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
            from avstudio_video.effects.chain import Chain

            return handler.generate_schema(Chain)


def list_effects(schema: dict[str, Any]) -> None:
    """Name all effects in the description of the parameter `chain`."""
    from avstudio_video.effects.catalogue import EFFECTS

    schema["properties"]["chain"]["description"] += f" Effects: {', '.join(EFFECTS)}."
