"""The processor that transcribes: any one that makes a transcript of a sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avstudio_core.documents.transcript import MEDIA_TYPE
from avstudio_core.errors import NotFound

if TYPE_CHECKING:
    from avstudio_core import Catalogue, Declaration, Shelf

PREFERRED = "audio.transcribe"
AUTO = "auto"
ALIASES = ("whisper-1", "gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""OpenAI's names, which stand for the default model of this machine."""


@dataclass(frozen=True, slots=True)
class Transcriber:
    """The processor that transcribes, and the models that it can use."""

    declaration: Declaration
    shelf: Shelf

    def has(self, name: str) -> bool:
        """Whether the processor has a parameter of that name."""
        return name in self.declaration.params.get("properties", {})

    def models(self) -> list[str]:
        """The models whose files are on this machine."""
        return [name for name in self._known() if self.shelf.at_hand(name)]

    def model(self, given: str) -> dict[str, Any]:
        """The parameter that chooses a model. Raises `NotFound`."""
        if given == AUTO or given in ALIASES:
            return {}
        known = self._known() if self.has("model") else []
        if given not in known:
            raise NotFound.among("transcription model", given, [AUTO, *ALIASES, *known], see="See the list of models.")
        return {"model": given}

    def _known(self) -> list[str]:
        families = self.declaration.params.get("properties", {}).get("model", {}).get("weights", ())
        return [weights.name for family in families for weights in self.shelf.known(family)]


def transcriber(catalogue: Catalogue, shelf: Shelf) -> Transcriber | None:
    """`audio.transcribe`, or else the first processor that needs only a sound and makes a transcript of it."""
    found = {name: one for name, one in catalogue.processors.items() if _transcribes(one)}
    chosen = found.get(PREFERRED) or next(iter(found.values()), None)
    return None if chosen is None else Transcriber(chosen, shelf)


def _transcribes(one: Declaration) -> bool:
    hears = {"audio/*", "*/*"} & set(one.accepts)
    return bool(hears) and MEDIA_TYPE in one.outputs.values() and not one.params.get("required")
