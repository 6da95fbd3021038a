"""The decoder of a stream of pictures: for transparent VP8 and VP9 that of libvpx, because FFmpeg's are opaque."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from avstudio_video.media.streams import codec_of

if TYPE_CHECKING:
    from av.stream import Stream
    from av.video.codeccontext import VideoCodecContext

TRANSPARENT = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's names of the decoders."""
PARAMETERS = (
    "extradata", "codec_tag", "width", "height", "pix_fmt", "bits_per_coded_sample", "field_order",
    "sample_aspect_ratio", "color_range", "color_primaries", "color_trc", "colorspace", "options",
)  # fmt: skip


def picture_codec(stream: Stream) -> VideoCodecContext:
    """The decoder of an open stream: its own, or one that seeking in the file does not flush."""
    import av

    codec: Any = stream.codec_context
    if name := TRANSPARENT.get(codec_of(stream)) if states_alpha(stream) else None:
        with suppress(av.codec.codec.UnknownCodecError):
            return another(codec, av.Codec(name, "r"))
    return codec  # type: ignore[no-any-return]


def states_alpha(stream: Stream) -> bool:
    """Whether its header states that its packets have a second picture, of how transparent the first is."""
    return any(name.lower() == "alpha_mode" and value == "1" for name, value in stream.metadata.items())


def another(codec: VideoCodecContext, kind: Any = None) -> VideoCodecContext:
    """A second decoder of the same stream, of the same kind or another, for a decoder that has not begun."""
    import av

    made: Any = av.CodecContext.create(kind or codec.codec, "r")
    for name in PARAMETERS:
        if (value := getattr(codec, name)) is not None:
            setattr(made, name, value)
    made.thread_count = codec.thread_count
    made.reorder_depth = codec.reorder_depth
    return made  # type: ignore[no-any-return]
