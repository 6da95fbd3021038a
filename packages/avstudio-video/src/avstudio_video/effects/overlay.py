"""Pictures and videos on the picture, and in place of a colour."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from avstudio_core.errors import InvalidInput
from avstudio_video.effects.effect import Timed
from avstudio_video.effects.layer import Layer, Position, corner
from avstudio_video.effects.layer_file import LayerFile
from avstudio_video.effects.looks import Colour, rgb
from avstudio_video.effects.streams import Clip, Frames, Shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_core import Artifact
    from avstudio_video.effects.materials import Materials

    Rgba = NDArray[np.uint8]


class Overlay(Timed):
    """Draws a picture or a video of the parameter 'overlays' on the picture."""

    type: Literal["overlay"] = "overlay"
    number: int = Field(default=1, ge=1, le=32, description="Which of the files, from 1.")
    position: Position = Field(default="top_right", description="Where on the picture.")
    margin: float = Field(default=0.03, ge=0, le=0.5, description="Distance from the edge, as a part of the picture.")
    width: float = Field(default=0.2, gt=0, le=2, description="Its width, as a part of the picture.")
    x: float | None = Field(default=None, ge=-1, le=1, description="Its left edge, as a part, instead of a position.")
    y: float | None = Field(default=None, ge=-1, le=1, description="Its upper edge, likewise.")
    opacity: float = Field(default=1.0, ge=0, le=1, description="Opacity.")
    key: Colour | None = Field(default=None, description="A colour of it that becomes transparent.")
    similarity: float = Field(default=0.15, gt=0, le=1, description="How far from that colour pixels may be.")
    loop: bool = Field(default=False, description="Begin again when it ends.")

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        if self.number > len(materials.overlays):
            message = f"The overlay '{self.number}' does not exist: the number of files is {len(materials.overlays)}."
            raise InvalidInput(message, hint="Give files with the parameter 'overlays'.")
        file = materials.overlays[self.number - 1]
        playing = self._layers(file, clip, materials)
        layer, until = next(playing)
        begin: Fraction | None = None
        for shown in frames():
            if not self.covers(shown):
                yield shown
                continue
            begin = shown.start if begin is None else begin
            while layer is not None and until is not None and shown.start - begin >= until:
                layer, until = next(playing, (None, None))
            yield shown.with_frame(layer.on(shown.frame, self.opacity)) if layer else shown

    def _layers(
        self, file: Artifact, clip: Clip, materials: Materials
    ) -> Iterator[tuple[Layer | None, Fraction | None]]:
        """Its frames, each with the time at which it ends; without an end for a still picture."""
        at = Fraction(0)
        while True:
            known, count = None, 0
            for picture, time in LayerFile(file, materials).frames(max(2, round(self.width * clip.width))):
                if known:
                    yield known[0], at + time
                known, count = (self._placed(self._keyed(picture), clip), time), count + 1
            if known is None:
                raise InvalidInput(f"No picture of '{file.name}' can be decoded.")
            if count == 1:
                yield known[0], None
                return
            at += known[1] * count / (count - 1)
            yield known[0], at
            if not self.loop:
                return

    def _keyed(self, rgba: Rgba) -> Rgba:
        """With one colour transparent, if one is given."""
        import numpy as np

        if self.key is None:
            return rgba
        away = np.linalg.norm(rgba[..., :3].astype(np.float32) - rgb(self.key), axis=-1) / 441.7
        opacity = np.clip((away - self.similarity) / (self.similarity / 2), 0, 1)
        made = rgba.copy()
        made[..., 3] = np.rint(rgba[..., 3] * opacity)
        return made

    def _placed(self, rgba: Rgba, clip: Clip) -> Layer:
        size, outer = (rgba.shape[1], rgba.shape[0]), (clip.width, clip.height)
        x, y = corner(self.position, size, outer, round(self.margin * min(outer)))
        x = x if self.x is None else round(self.x * clip.width)
        y = y if self.y is None else round(self.y * clip.height)
        return Layer.of(rgba, (x, y), clip)
