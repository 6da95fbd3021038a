"""What effects need besides frames and samples: files of the user, and a place for warnings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_video.media.limits import Limits

if TYPE_CHECKING:
    from avstudio_core import Artifact


@dataclass(frozen=True)
class Materials:
    """The files that the effects of a run use."""

    warn: Callable[[str, str], None]
    check: Callable[[], None]
    """Called often; it raises an exception to stop the work."""
    limits: Limits
    new_path: Callable[[str], Path]
    lut: Artifact | None = None
    subtitles: Artifact | None = None
    font: Artifact | None = None
    overlays: list[Artifact] = field(default_factory=list)
    peak: float | None = None
    """cd/m2 of the brightest pixel of a source in HDR."""
