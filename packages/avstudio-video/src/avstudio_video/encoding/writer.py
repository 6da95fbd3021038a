"""The writer of one finished file: its container, its pictures and its sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput, StorageError
from avstudio_video.encoding.containers import CONTAINERS, ContainerName
from avstudio_video.encoding.sound_track import SoundEncoding, SoundTrack
from avstudio_video.encoding.video_track import VideoEncoding, VideoShape, VideoTrack

if TYPE_CHECKING:
    from av.container import OutputContainer

REPEATABLE = {"fflags": "+bitexact"}
"""Without it, FFmpeg writes random numbers and its version into files."""
ABOUT_THE_PLACE = (2, 13, 21, 27, 28, 30)
"""Errors of the system that are about the place of a file, and not about what is written."""


@contextmanager
def new_file(path: Path, muxer: str, options: Mapping[str, str], what: str) -> Iterator[OutputContainer]:
    """A new file of one of FFmpeg's formats, which is removed if writing it fails.

    Raises `StorageError`, and `InvalidInput` if the format cannot store what is written: `what` names both.
    """
    import av

    try:
        with av.open(str(path), "w", format=muxer, container_options={**REPEATABLE, **options}) as container:
            yield container
    except av.FFmpegError as error:
        _remove(path)
        if error.errno in ABOUT_THE_PLACE:
            raise StorageError.of(OSError(error.errno, error.strerror), path) from error
        raise InvalidInput(f"{what}: {error.strerror}.") from error
    except BaseException:
        _remove(path)
        raise


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


class Writer:
    """Writes tracks to a file; all of them are added before the first frame or sample is written.

    Write pictures and sound in turn, as their times advance: what comes too early is kept in memory.
    """

    def __init__(self, container: OutputContainer, name: ContainerName) -> None:
        self.container = container
        """For streams that are copied."""
        self.name = name

    def add_video(self, encoding: VideoEncoding, shape: VideoShape) -> VideoTrack:
        """A track of pictures; finish it with the end of its last frame. Raises `InvalidInput`."""
        return VideoTrack(self.container, self.name, encoding, shape)

    def add_sound(self, encoding: SoundEncoding) -> SoundTrack:
        """A track of sound; finish it after its last sample."""
        return SoundTrack(self.container, encoding)


@contextmanager
def open_writer(
    path: Path, name: ContainerName, *, tags: Mapping[str, str] | None = None, chapters: Sequence[Any] = ()
) -> Iterator[Writer]:
    """A writer of a new file, which is complete when the block ends, and removed if the block raises.

    `chapters` are those of PyAV. Raises `StorageError` and `InvalidInput`.
    """
    container = CONTAINERS[name]
    with new_file(path, container.muxer, container.options, f"This video cannot be written as '{name}'") as file:
        file.metadata.update(tags or {})
        if chapters:
            file.set_chapters([*chapters])
        yield Writer(file, name)
