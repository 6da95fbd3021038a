"""Frames decoded by OpenCV, which reads a file from its start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from avstudio_video.frames.picture import Picture
from avstudio_video.frames.reader import BackendRefused, Reader
from avstudio_video.libraries import opencv

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


class OpenCVReader(Reader):
    """Reads frame after frame, and checks the time that OpenCV gives each against the file's packets."""

    name: ClassVar[str] = "opencv"

    def read(self, wanted: Sequence[int]) -> Iterator[Picture]:
        index = self.source.index
        numbers = dict(zip(map(index.number_at, wanted), wanted, strict=True))
        capture = self._opened()
        try:
            for number in range(max(numbers) + 1):
                self.source.check()
                if not capture.grab():
                    return
                if number in numbers:
                    self._compare(capture, number)
                    yield Picture(numbers[number], _frame(capture))
        finally:
            capture.release()

    def _opened(self) -> Any:
        if self.source.video_number:
            raise BackendRefused("It reads only the first video stream of a file.")
        cv2 = opencv("Decoding with OpenCV")
        capture = cv2.VideoCapture(str(self.source.path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise BackendRefused("It cannot open the file.")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        return capture

    def _compare(self, capture: Any, number: int) -> None:
        """Raise `BackendRefused` if the frame that OpenCV has is another one."""
        import cv2

        index = self.source.index
        told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        first = 0 if index.guessed else index.shown[0]
        due = float((index.shown[number] - first) * index.unit)
        if abs(told - due) > float(index.usual_gap * index.unit) / 2:
            raise BackendRefused(f"It has another frame at {due:.3f} s.")


def _frame(capture: Any) -> VideoFrame:
    import av

    ok, pixels = capture.retrieve()
    if not ok:
        raise BackendRefused("It cannot decode a frame.")
    return av.VideoFrame.from_ndarray(pixels, "bgr24")
