"""The decoder of some frames to pictures, which reads them as a request says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from avstudio_video.frames.opencv_reader import OpenCVReader
from avstudio_video.frames.pyav_reader import PyAVReader
from avstudio_video.frames.reader import BackendRefused, Reader, Source

if TYPE_CHECKING:
    from avstudio_video.frames.picture import Picture, Pixels, Shape

READERS: dict[str, type[Reader]] = {"auto": PyAVReader, "pyav": PyAVReader, "opencv": OpenCVReader}


@dataclass
class Decoder:
    """Decodes frames of a stream to pictures of one shape."""

    source: Source
    shape: Shape
    wish: Literal["auto", "pyav", "opencv"]
    warn: Callable[[str, str], None]
    backend: str = ""
    """The decoder that was used."""
    corrupt: set[int] = field(default_factory=set)
    """The time stamps of frames that the decoder found damaged."""

    def pictures(self, stamps: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
        """The frames with these time stamps, which are in order, as RGB of `(height, width, 3)`.

        If the decoder has other frames than the file, PyAV takes over (warning `backend_refused`).
        """
        from av.video.reformatter import VideoReformatter

        scaler = VideoReformatter()
        for picture in self._read(stamps):
            if picture.corrupt:
                self.corrupt.add(picture.stamp)
            yield picture.stamp, self.shape.pixels(picture.frame, scaler)

    def _read(self, stamps: Sequence[int]) -> Iterator[Picture]:
        reader = READERS[self.wish](self.source)
        self.backend, done = reader.name, set()
        try:
            for picture in reader.read(stamps):
                done.add(picture.stamp)
                yield picture
        except BackendRefused as error:
            self.warn("backend_refused", f"'{reader.name}' cannot be used here, and PyAV took over: {error}")
            other = PyAVReader(self.source)
            self.backend = other.name
            yield from other.read([one for one in stamps if one not in done])
