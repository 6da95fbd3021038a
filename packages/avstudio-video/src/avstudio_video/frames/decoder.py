"""The decoder of some frames to pictures, which reads them as a request says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from avstudio_video.encoding.tone_map import DEEP, ToneMap
from avstudio_video.frames.opencv_reader import OpenCVReader
from avstudio_video.frames.pyav_reader import PyAVReader
from avstudio_video.frames.reader import Backend, BackendRefused, Reader, Source
from avstudio_video.frames.torchcodec_reader import TorchcodecReader
from avstudio_video.media.planes import is_transparent

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from avstudio_video.frames.picture import Picture, Pixels, Shape

READERS: dict[Backend, type[Reader]] = {
    "auto": PyAVReader,
    "pyav": PyAVReader,
    "opencv": OpenCVReader,
    "torchcodec": TorchcodecReader,
}


@dataclass
class Decoder:
    """Decodes frames of a stream to pictures of one shape."""

    source: Source
    size: tuple[int, int]
    """Width and height of the first picture of the stream, as it is stored."""
    shape: Shape
    wish: Backend
    warn: Callable[[str, str], None]
    to_sdr: bool = False
    """Whether colours of HDR are converted to BT.709."""
    backend: str = ""
    """The decoder that was used."""
    corrupt: set[int] = field(default_factory=set)
    """The time stamps of frames that the decoder found damaged."""
    transparent: bool = False
    """Whether a frame has a pixel that is not opaque, as far as its decoder tells it."""

    def pictures(self, stamps: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
        """The frames with these time stamps, which are in order, as RGB of `(height, width, 3)`.

        If the decoder has other frames than the file, or cannot convert their colours, PyAV takes over (warning
        `backend_refused`). Frames of another size than the first one of the file are scaled to it (`size_changed`).
        """
        from av.video.reformatter import VideoReformatter

        scaler, changed, tones = VideoReformatter(), 0, None
        for picture in self._read(stamps):
            self.transparent = self.transparent or is_transparent(picture.frame)
            frame = self._alike(picture.frame)
            changed += frame is not picture.frame
            if self.to_sdr:
                tones = tones or ToneMap(frame, DEEP)
                frame = tones.of(frame)
            yield picture.stamp, self.shape.pixels(frame, scaler)
        if changed:
            size = "{}x{}".format(*self.size)
            self.warn("size_changed", f"{changed} of these frames have another size than {size}, and are scaled to it.")

    def _alike(self, frame: VideoFrame) -> VideoFrame:
        """The frame in the size of the first one."""
        if (frame.width, frame.height) == self.size:
            return frame
        return frame.reformat(*self.size, interpolation="BICUBIC", threads=1)

    def _read(self, stamps: Sequence[int]) -> Iterator[Picture]:
        """The frames of the wished decoder, and those that it does not have from PyAV."""
        reader, done = READERS[self.wish](self.source), set[int]()
        try:
            for picture in self._told(reader, stamps):
                done.add(picture.stamp)
                yield picture
        except BackendRefused as error:
            self.warn("backend_refused", f"'{reader.name}' cannot be used here, and PyAV took over: {error}")
            yield from self._told(PyAVReader(self.source), [one for one in stamps if one not in done])

    def _told(self, reader: Reader, stamps: Sequence[int]) -> Iterator[Picture]:
        if self.to_sdr and not reader.tagged:
            raise BackendRefused("It does not tell the colours of HDR.")
        self.backend = reader.name
        for picture in reader.read(stamps):
            if picture.corrupt:
                self.corrupt.add(picture.stamp)
            yield picture
