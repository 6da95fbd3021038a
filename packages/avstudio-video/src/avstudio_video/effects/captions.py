"""Text and subtitles on the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from avstudio_core.errors import InvalidInput
from avstudio_core.time_param import ClockToo
from avstudio_video.effects.effect import DAY, PIXELS, SECONDS, Effect, Timed
from avstudio_video.effects.layer import Layer, Position, corner
from avstudio_video.effects.looks import Colour
from avstudio_video.effects.streams import Clip, Frames, Shown
from avstudio_video.effects.typeface import Lettering, Letters

if TYPE_CHECKING:
    from avstudio_core.documents.cues import Cue
    from avstudio_video.effects.materials import Materials

TEXT_SIZE, CUE_SIZE = 0.08, 0.055
"""Parts of the height of the picture."""
LONGEST = 2000
"""Characters of a text."""
KEPT = 4
"""Pictures of cues that are kept for further frames."""
CueStyle = Literal["outline", "box", "yellow"]
CuePlace = Literal["bottom", "center", "top"]
STROKE = 0.07
"""Width of the outline of subtitles, as a part of the size of letters."""


class Text(Timed):
    """Writes a text on the picture."""

    type: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=LONGEST, description="The text; line breaks are kept.")
    size: int | None = Field(
        default=None,
        ge=4,
        le=2000,
        description="Size of letters; by default 8% of the height.",
        json_schema_extra=PIXELS,
    )
    color: Colour = Field(default="white", description="Colour of letters.")
    stroke: float = Field(default=0.0, ge=0, le=50, description="Width of their outline.", json_schema_extra=PIXELS)
    stroke_color: Colour = Field(default="black", description="Colour of the outline.")
    box: Colour | None = Field(default=None, description="Colour of a box behind the text.")
    box_opacity: float = Field(default=0.6, ge=0, le=1, description="Opacity of the box.")
    position: Position = Field(default="bottom", description="Where on the picture.")
    margin: float = Field(default=0.05, ge=0, le=0.5, description="Distance from the edge, as a part of the picture.")
    opacity: float = Field(default=1.0, ge=0, le=1, description="Opacity of all.")

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        lettering = Lettering(materials.font, materials.warn)
        size = self.size or max(4, round(TEXT_SIZE * clip.height))
        letters = Letters(size, self.color, self.stroke, self.stroke_color, self.box, self.box_opacity)
        lines, letters = lettering.lines(self.text, letters, _inside(clip.width, self.margin), LONGEST)
        align = next((word for word in self.position.split("_") if word in ("left", "right")), "center")
        layer = _placed(lettering.picture(lines, letters, align), self.position, self.margin, clip)
        for shown in frames():
            yield shown.with_frame(layer.on(shown.frame, self.opacity)) if self.covers(shown) else shown


class Subtitles(Effect):
    """Burns in the subtitles of the parameter 'subtitles', whose times are those of the source."""

    type: Literal["subtitles"] = "subtitles"
    style: CueStyle = Field(default="outline", description="Their look.")
    size: float = Field(default=CUE_SIZE, ge=0.01, le=0.3, description="Size of letters, as a part of the height.")
    position: CuePlace = Field(default="bottom", description="Where on the picture.")
    margin: float = Field(
        default=0.06, ge=0, le=0.45, description="What stays free at the edges, as a part of the picture."
    )
    max_lines: int = Field(
        default=2, ge=1, le=10, description="More lines than these, and than are given, make the letters smaller."
    )
    track: str = Field(default="default", description="Of a video with several: the number or the language.")
    offset: Annotated[float, Field(ge=-DAY, le=DAY), ClockToo] = Field(
        default=0.0, description="Delay.", json_schema_extra=SECONDS
    )

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        from avstudio_video.effects.cue_files import cues_of

        if materials.subtitles is None:
            raise InvalidInput("The effect 'subtitles' has no file.", hint="Give one with the parameter 'subtitles'.")
        found = cues_of(materials.subtitles, self.track, materials)
        drawn: dict[str, Layer] = {}
        lettering = Lettering(materials.font, materials.warn)
        for shown in frames():
            text = _said(found, float(shown.since + shown.until) / 2 - self.offset)
            if text and text not in drawn:
                if len(drawn) >= KEPT:
                    del drawn[next(iter(drawn))]
                drawn[text] = self._layer(text, clip, lettering)
            yield shown.with_frame(drawn[text].on(shown.frame)) if text else shown
        if not drawn:
            materials.warn("nothing_drawn", f"No text of '{materials.subtitles.name}' is within the video.")

    def _layer(self, text: str, clip: Clip, lettering: Lettering) -> Layer:
        size = max(4, round(self.size * clip.height))
        stroke = 0.0 if self.style == "box" else max(1.0, STROKE * size)
        color, box = ("yellow" if self.style == "yellow" else "white"), ("black" if self.style == "box" else None)
        letters = Letters(size, color, stroke, box=box)
        lines, letters = lettering.lines(text, letters, _inside(clip.width, self.margin), self.max_lines)
        return _placed(lettering.picture(lines, letters), self.position, self.margin, clip)


def _said(cues: list[Cue], time: float) -> str:
    """The texts at a time, one below the other."""
    return "\n".join(cue.text for cue in cues if cue.start <= time < cue.end)


def _inside(width: int, margin: float) -> int:
    return max(1, round(width * (1 - 2 * margin)))


def _placed(picture: object, position: Position, margin: float, clip: Clip) -> Layer:
    import numpy as np

    rgba = np.asarray(picture, np.uint8)
    edge = round(margin * min(clip.width, clip.height))
    place = corner(position, (rgba.shape[1], rgba.shape[0]), (clip.width, clip.height), edge)
    return Layer.of(rgba, place, clip)
