"""Opens a media file, without access to any other file."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from avstudio_audio.media.layouts import replace_custom_layouts
from avstudio_audio.media.tag_count import MOST, too_many_tags
from avstudio_core.errors import UnreadableMedia

if TYPE_CHECKING:
    from av.container import InputContainer

SEALED = {"protocol_whitelist": "none"}
"""FFmpeg gets an open file, and cannot open other files or connections, for example from a playlist."""
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"[playlist]")
UNLIMITED = (1 << 31) - 1
"""A number of streams that does not limit FFmpeg."""
_BUFFER = 1 << 16
_UNSTATED = (1 << 31, 1 << 32)
"""Programs that do not know the size yet write about the largest number of 32 bits, with or without a sign."""


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
        options = _options(file) | {"max_streams": str(min(streams + 1, UNLIMITED) if streams else UNLIMITED)}
        try:
            container = av.open(file, "r", container_options=options, metadata_errors="replace", buffer_size=_BUFFER)
        except av.MemoryError as error:
            raise _too_many(path, streams) from error
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UnreadableMedia(_refusal(path)) from error
        with container:
            if len(container.streams) > streams > 0:  # some formats leave out those that FFmpeg does not allow
                raise _too_many(path, streams)
            replace_custom_layouts(container)
            try:
                yield container
            except av.FFmpegError as error:
                raise UnreadableMedia(f"'{path}' cannot be decoded: {error.strerror}.") from error


def ends_early(path: Path) -> bool:
    """Whether a file of chunks (WAV, AVI, Wave64, CAF) is shorter than its header states; FFmpeg does not report it."""
    with path.open("rb") as file:
        head = file.read(24).ljust(24, b"\0")
        if head[:4] == b"RIFF":
            size = int.from_bytes(head[4:8], "little")
            stated = 0 if any(abs(size - one) <= _BUFFER for one in _UNSTATED) else size + 8
        elif head[:4] == b"riff":
            stated = int.from_bytes(head[16:24], "little")
        else:
            stated = _caf_end(file) if head[:4] == b"caff" else 0
    return path.stat().st_size + 1 < stated < 1 << 62


def _caf_end(file: BinaryIO) -> int:
    """The stated end of the chunk with the sound of a CAF file; 0 if it is not stated."""
    at = 8
    while len(head := (file.seek(at), file.read(12))[1]) == 12:
        size = int.from_bytes(head[4:], signed=True)
        if head[:4] == b"data" or size < 0:
            return max(0, at + 12 + size) if size >= 0 else 0
        at += 12 + size
    return 0


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
