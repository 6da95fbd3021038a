"""Opens a media file, without access to any other file."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from avstudio_core.errors import UnreadableMedia
from avstudio_video.media.file_end import cut_short
from avstudio_video.media.limits import USUAL, Limits

if TYPE_CHECKING:
    from av.container import InputContainer

SEALED = {"protocol_whitelist": "none"}
"""FFmpeg gets an open file, and cannot open other files or connections, for example from a playlist."""
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"[playlist]", b"v=0")
UNLIMITED = (1 << 31) - 1
"""A number of streams that does not limit FFmpeg."""
LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""FFmpeg's layouts by the number of channels."""
_BUFFER = 1 << 16


@contextmanager
def open_media(path: Path, limits: Limits = USUAL) -> Iterator[InputContainer]:
    """The container in a file, identified by its content, not by its name.

    Raises `UnreadableMedia` if the file is missing, not a regular file, not readable, empty, or not media, and if it
    exceeds `limits`.
    """
    import av

    most = limits.streams
    options = SEALED | {"max_streams": str(min(most + 1, UNLIMITED) if most else UNLIMITED)}
    decoder = {"max_pixels": str(limits.pixels)}
    with _open_file(path) as file:
        try:
            container = av.open(
                file, "r", options=decoder, container_options=options, metadata_errors="replace", buffer_size=_BUFFER
            )
        except av.MemoryError as error:
            raise _too_many(path, most) from error
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UnreadableMedia(_refusal(path)) from error
        with container:
            if len(container.streams) > most > 0:  # some formats leave out those that FFmpeg does not allow
                raise _too_many(path, most)
            _replace_custom_layouts(container)
            for stream in container.streams.video:
                if stream.codec_context:
                    limits.check_size(path, stream.codec_context.width, stream.codec_context.height)
                    stream.codec_context.options = decoder
            try:
                yield container
            except av.FFmpegError as error:
                raise UnreadableMedia(f"'{path}' cannot be decoded: {error.strerror}.") from error


def _replace_custom_layouts(container: InputContainer) -> None:
    """Replace layouts that tell no speakers, and those with an order of their own, before anything is decoded.

    Encoders refuse the first ones, and PyAV frees the memory of the others twice.
    """
    for stream in container.streams.audio:
        codec = stream.codec_context
        if codec and codec.layout and " channels" in codec.layout.name:
            count = codec.layout.nb_channels
            codec.layout = LAYOUTS[count - 1] if count <= len(LAYOUTS) else f"{count} channels"


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


def _too_many(path: Path, streams: int) -> UnreadableMedia:
    message = f"'{path}' has more than {streams} streams, or a header that asks for too much memory."
    return UnreadableMedia(message, hint="If it is right, allow more with the setting 'media_streams'.")


def _refusal(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(PLAYLISTS):
        return f"'{path}' is a playlist, and playlists are not followed. Give the files that it names."
    if missing := cut_short(path):
        return f"'{path}' is cut short, and cannot be read: {missing}."
    return f"'{path}' is not an audio or video file, or is too damaged to be recognised."
