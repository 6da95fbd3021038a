"""Frames decoded by torchcodec, with the FFmpeg libraries of the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from avstudio_video.frames.picture import Picture
from avstudio_video.frames.reader import BackendRefused, Reader
from avstudio_video.libraries import torchcodec
from avstudio_video.media.cores import usable_cores

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

FAILURES = (RuntimeError, ValueError, IndexError, TypeError, OSError)
"""What torchcodec raises for files that it cannot decode."""


class TorchcodecReader(Reader):
    """Reads frames by number; first it must have the first, the middle and the last frame of the file's packets."""

    name: ClassVar[str] = "torchcodec"

    def read(self, wanted: Sequence[int]) -> Iterator[Picture]:
        index, decoder = self.source.index, self._opened()
        last = len(index.shown) - 1
        for number in (0, last // 2, last):
            self._frame(decoder, number)
        turned = round(decoder.metadata.rotation or 0) // 90
        for stamp in wanted:
            self.source.check()
            yield Picture(stamp, _stored(self._frame(decoder, index.number_at(stamp)), turned))

    def _opened(self) -> Any:
        path, stream, threads = str(self.source.path), self.source.stream, usable_cores(self.source.threads)
        decoders = torchcodec("Decoding with torchcodec")
        if self.source.index.guessed:
            raise BackendRefused("It cannot read a file without time stamps.")
        try:
            return decoders.VideoDecoder(path, stream_index=stream, dimension_order="NHWC", num_ffmpeg_threads=threads)
        except FAILURES as error:
            raise BackendRefused("It cannot open the file.") from error

    def _frame(self, decoder: Any, number: int) -> Any:
        """Raise `BackendRefused` if torchcodec has another frame with that number, or none."""
        index = self.source.index
        due = float(index.shown[number] * index.unit)
        try:
            frame = decoder.get_frame_at(number)
        except FAILURES as error:
            raise BackendRefused(f"It cannot decode the frame {number}.") from error
        if abs(frame.pts_seconds - due) > float(index.unit) / 2:
            raise BackendRefused(f"It has another frame {number}.")
        return frame


def _stored(frame: Any, turned: int) -> VideoFrame:
    """The picture as it is stored: torchcodec turns it for the screen."""
    import av
    import numpy as np

    return av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(frame.data.numpy(), -turned)), "rgb24")
