"""Scenes of a document that are kept or removed, by their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from avstudio_core import Artifact
from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted
from avstudio_video.media.scene_document import read_scenes
from avstudio_video.timeline.choice import Choice

NUMBERS = r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6}))?\s*"
"""A number of a scene, or the first and the last one."""


def scene_choices(document: Artifact, numbers: Sequence[str]) -> Iterator[Choice]:
    """The scenes with these numbers of the document, from 0. Raises `UnreadableMedia`, `InvalidInput`."""
    scenes = read_scenes(document).scenes if numbers else []
    wanted: set[int] = set()
    for first, last in map(number_range, numbers):
        if last >= len(scenes):
            raise InvalidInput(
                f"'{document.name}' does not have the scene {last}.", hint=f"It has the scenes 0 to {len(scenes) - 1}."
            )
        wanted.update(range(first, last + 1))
    for scene in (scenes[number] for number in sorted(wanted)):
        yield Choice((scene.start, scene.end), "scene", f"{scene.id}")


def number_range(text: str) -> tuple[int, int]:
    """The first and the last number. Raises `ValueError`, as a validator of parameters must."""
    found = re.fullmatch(NUMBERS, text)
    if found and int(found[2] or found[1]) < int(found[1]):
        raise ValueError(f"The range of scenes {quoted(text)} ends before it begins")
    if found is None:
        raise ValueError(f"{quoted(text)} is not a number of a scene, such as '3', or a range, such as '3-5'")
    return int(found[1]), int(found[2] or found[1])
