"""The encoder of a codec on this machine."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from functools import cache
from typing import Any, Literal

from avstudio_core.errors import InvalidInput
from avstudio_video.encoding.containers import VideoCodec
from avstudio_video.encoding.video_codecs import HARDWARE, SOFTWARE, Encoder

EncoderKind = Literal["software", "auto", "hardware"]
SILENT = {"SVT_LOG": "1"}
"""Environment variables without which an encoder would print what it does."""
Size = tuple[int, int]


def chosen_encoder(codec: VideoCodec, kind: EncoderKind, size: Size) -> Encoder:
    """The encoder to use for pictures of a size. Raises `InvalidInput` if there is none of that kind.

    `auto` takes an encoder of a device if it really encodes such a picture here, and software otherwise.
    """
    if kind != "software" and (found := _hardware(codec, size)):
        return found
    if kind == "hardware":
        message = f"No device of this machine encodes '{codec}' in {size[0]}x{size[1]} pixels."
        raise InvalidInput(message, hint="Give 'auto' or 'software'.")
    encoder = SOFTWARE[codec]
    if not _is_built_in(encoder.name):
        hint = "Give another codec, such as 'av1', or install PyAV's wheel for another kind of machine."
        raise InvalidInput(f"PyAV on this machine does not contain an encoder of '{codec}'.", hint=hint)
    return encoder


def open_silently(context: Any) -> None:
    """Open the encoder of a context that is set up. Raises the errors of FFmpeg."""
    before = {name: os.environ.get(name) for name in SILENT}
    os.environ.update(SILENT)
    try:
        context.open()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@cache
def _hardware(codec: VideoCodec, size: Size) -> Encoder | None:
    return next((one for one in HARDWARE.get(codec, ()) if _is_built_in(one.name) and _opens(one, size)), None)


def _is_built_in(name: str) -> bool:
    import av

    with suppress(ValueError):
        return bool(av.Codec(name, "w"))
    return False


def _opens(encoder: Encoder, size: Size) -> bool:
    """Whether an encoder makes a packet of a picture: that it is built in says nothing about a device.

    Devices refuse pictures that are small or very large.
    """
    import av

    context: Any = av.CodecContext.create(encoder.name, "w")
    context.width, context.height = size
    context.pix_fmt, context.time_base = encoder.formats[0], Fraction(1, 25)
    context.options = encoder.options(50, "fast")
    frame = av.VideoFrame(*size, encoder.formats[0])
    frame.pts, frame.time_base = 0, context.time_base
    with suppress(av.FFmpegError, OSError, ValueError):
        return bool([*context.encode(frame), *context.encode(None)])
    return False
