"""The file of a picture or a video that is drawn on another one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avstudio_video.media.container import open_media
from avstudio_video.media.damage import Ending, tell_lost
from avstudio_video.media.file_end import cut_short
from avstudio_video.media.index import PacketIndex
from avstudio_video.media.picture_decoder import left_out, picture_decoder
from avstudio_video.media.streams import chosen_video, display_size, origin_of, rotation_of, square_size, stated_end

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from avstudio_core import Artifact
    from avstudio_video.effects.materials import Materials

    Rgba = NDArray[np.uint8]


@dataclass
class LayerFile:
    """Decodes the frames of a file, and warns about its damage at its end."""

    file: Artifact
    materials: Materials
    _damaged: int = 0

    def frames(self, width: int) -> Iterator[tuple[Rgba, Fraction]]:
        """Upright frames in a width, each with its time after the first one.

        Warns with `truncated`, `damaged` and `gaps`.
        """
        with open_media(self.file.path, self.materials.limits) as container:
            stream: Any = chosen_video(container, self.file.path, None)
            aspect, first, length = stream.sample_aspect_ratio or Fraction(1), None, Fraction(0)
            time, index, self._damaged = Fraction(0), PacketIndex(stream), 0
            for frame in self._decoded(container, stream, index):
                time = Fraction(frame.pts or 0) * Fraction(frame.time_base or 1)
                first = time if first is None else first
                length = Fraction(frame.duration or 0) * Fraction(frame.time_base or 1)
                yield _upright(frame, width, aspect), time - first
            origin, name, warn = origin_of(container), self.file.name, self.materials.warn
            end, stated = float(time + length - origin), stated_end(stream, origin)
            Ending(end, stated, cut_short(self.file.path), index).tell(name, warn)
            tell_lost(name, index, warn)
            if self._damaged:
                warn("damaged", f"'{name}' is damaged: {self._damaged} frames.")

    def _decoded(self, container: Any, stream: Any, index: PacketIndex) -> Iterator[VideoFrame]:
        """All frames that can be decoded."""
        import av

        decoder = picture_decoder(stream)
        with suppress(av.FFmpegError, OSError, IndexError):
            for packet in container.demux(stream):
                self.materials.check()
                if packet.size:
                    index.add(packet)
                try:
                    frames = decoder.decode(packet)
                except av.FFmpegError:
                    self._damaged += 1
                    continue
                self._damaged += sum(bool(one.is_corrupt) for one in frames)
                yield from frames
        self._damaged += left_out(decoder)


def _upright(frame: VideoFrame, width: int, aspect: Fraction) -> Rgba:
    """A frame as players show it, scaled to a width."""
    import numpy as np

    turns = rotation_of(frame) // 90
    given = display_size(*square_size(frame.width, frame.height, aspect), rotation_of(frame))
    size = display_size(width, max(1, round(given[1] * width / given[0])), rotation_of(frame))
    made = frame.reformat(*size, "rgba", interpolation="AREA" if width < given[0] else "BICUBIC")
    return np.rot90(np.asarray(made.to_ndarray(), np.uint8), turns)
