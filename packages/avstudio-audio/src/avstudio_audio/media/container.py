"""Opens a media file, without access to any other file."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from avstudio_audio.media.tag_count import MOST, too_many_tags
from avstudio_core.errors import UnreadableMedia

if TYPE_CHECKING:
    from av.container import InputContainer

SEALED = {"protocol_whitelist": "none"}
"""FFmpeg gets an open file, and cannot open other files or connections, for example from a playlist."""
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"[playlist]")
UNLIMITED = (1 << 31) - 1
"""A number of streams that is no limit for FFmpeg."""
_BUFFER = 1 << 16
_UNSTATED = 0x7FFF0000
"""Programs that do not know the size yet write this size or a larger one."""


@contextmanager
def open_media(path: Path, streams: int = 0) -> Iterator[InputContainer]:
    """The container in a file, identified by its content, not by its name.

    Raises `UnreadableMedia` if the file is missing, not a regular file, not readable, empty, or not media, and if it
    has more than `streams` streams (0 sets no limit) or too many tags.
    """
    import av

    with _open_file(path) as file:
        if too_many_tags(file):
            raise UnreadableMedia(f"'{path}' has more than {MOST} tags.", hint="Remove them, or convert the file.")
        options = _options(file) | {"max_streams": str(streams + 1 if streams else UNLIMITED)}
        try:
            container = av.open(file, "r", container_options=options, metadata_errors="replace", buffer_size=_BUFFER)
        except av.MemoryError as error:
            raise _too_many(path, streams) from error
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UnreadableMedia(_refusal(path)) from error
        with container:
            if len(container.streams) > streams > 0:  # some formats leave out those that FFmpeg does not allow
                raise _too_many(path, streams)
            try:
                yield container
            except av.FFmpegError as error:
                raise UnreadableMedia(f"'{path}' cannot be decoded: {error.strerror}.") from error


def ends_early(path: Path) -> bool:
    """Whether a RIFF file (WAV, AVI) is shorter than its header states, which FFmpeg does not report."""
    with path.open("rb") as file:
        mark, size = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
    return bool(mark == b"RIFF" and size < _UNSTATED and size + 8 > path.stat().st_size + 1)


def _open_file(path: Path) -> BinaryIO:
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise UnreadableMedia(f"'{path}' is a folder.", hint="Give a file in it.")
        if not stat.S_ISREG(facts.st_mode):
            raise UnreadableMedia(f"'{path}' is a device or a pipe, not a file.")
        if facts.st_size == 0:
            raise UnreadableMedia(f"'{path}' is empty.")
        return path.open("rb", buffering=0)  # FFmpeg has its own buffer
    except FileNotFoundError:
        raise UnreadableMedia(f"'{path}' does not exist.") from None
    except (OSError, ValueError) as error:
        raise UnreadableMedia(f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def _options(file: BinaryIO) -> dict[str, str]:
    """Options for FFmpeg. It would search 5 MB of a WAV file for hidden DTS, which the first part already shows."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    wav = head[:4] == b"RIFF" and head[8:] == b"WAVE"
    return SEALED | {"probesize": str(_BUFFER)} if wav else SEALED


def _too_many(path: Path, streams: int) -> UnreadableMedia:
    message = f"'{path}' has more than {streams} streams, or a header that asks for too much memory."
    return UnreadableMedia(message, hint="If it is right, allow more with the setting 'media_streams'.")


def _refusal(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(PLAYLISTS):
        return f"'{path}' is a playlist, and playlists are not followed. Give the files that it names."
    return f"'{path}' is not an audio or video file, or is too damaged to be recognised."
