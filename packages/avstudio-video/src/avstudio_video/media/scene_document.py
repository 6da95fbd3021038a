"""The documents of scenes that requests give."""

from __future__ import annotations

from collections.abc import Callable

from avstudio_core import Artifact
from avstudio_core.documents.scenes import Scenes
from avstudio_core.documents.timed_text import content
from avstudio_core.errors import UnreadableMedia

SLACK = 1.0
"""Seconds by which a video may be longer or shorter than the one of a document."""


def read_scenes(document: Artifact) -> Scenes:
    """The scenes of a file. Raises `UnreadableMedia`."""
    try:
        return Scenes.parse(content(document))
    except UnreadableMedia:
        message = f"'{document.name}' is not a document of scenes."
        raise UnreadableMedia(message, hint="Give the one that video.analyze has made.") from None


def tell_other_video(document: Artifact, name: str, end: float, warn: Callable[[str, str], None]) -> None:
    """Warn with `other_video` if the scenes are those of a video of another length than the one that ends at `end`."""
    stated = read_scenes(document).duration
    if abs(stated - end) > SLACK:
        warn("other_video", f"'{document.name}' is of a video of {stated:.2f} s, and '{name}' has {end:.2f} s.")
