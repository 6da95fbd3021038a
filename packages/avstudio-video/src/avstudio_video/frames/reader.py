"""The decoders of frames, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from avstudio_video.media.limits import Limits

if TYPE_CHECKING:
    from avstudio_video.frames.picture import Picture
    from avstudio_video.media.index import PacketIndex

Backend = Literal["auto", "pyav", "torchcodec", "opencv"]


@dataclass(frozen=True)
class Source:
    """The video stream of a file that is decoded."""

    path: Path
    stream: int
    """Its number among all streams of the file."""
    video_number: int
    """Its number among the video streams."""
    index: PacketIndex
    limits: Limits
    check: Callable[[], None]
    """Called often, also by several threads; it raises an exception to stop the work."""
    threads: int = 0
    """The threads that a decoder may use; 0 for one on every core."""


class Reader(ABC):
    """Decodes some frames of a stream."""

    name: ClassVar[str]
    tagged: ClassVar[bool] = False
    """Whether its pictures tell their colour space."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @abstractmethod
    def read(self, wanted: Sequence[int]) -> Iterator[Picture]:
        """The frames with these time stamps, which are in order; those that cannot be decoded are left out.

        Frames of damaged files may come later than those after them.

        The pictures are as they are stored, without the rotation for the screen.
        """


class BackendRefused(Exception):
    """A decoder that reads other frames than the file has; the message says which."""
