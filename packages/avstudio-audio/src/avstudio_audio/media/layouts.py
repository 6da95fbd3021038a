"""The layouts of speakers that a file states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.media.downmix import SPEAKERS

if TYPE_CHECKING:
    from av.audio.layout import AudioLayout
    from av.audio.stream import AudioStream
    from av.container import InputContainer

LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""FFmpeg's layouts by the number of channels, in the order of WAV and FLAC."""
NOTE = "avstudio_speakers"
"""The name under which the speakers of a replaced layout are kept in the metadata of their stream."""


def replace_custom_layouts(container: InputContainer) -> None:
    """Replace layouts with an order of their own, before anything is decoded: PyAV frees the memory of these twice."""
    for stream in container.streams.audio:
        codec = stream.codec_context
        layout = codec.layout if codec else None
        if codec and layout and _is_custom(layout):
            count = layout.nb_channels
            stream.metadata[NOTE] = "+".join(channel.name for channel in layout.channels)
            codec.layout = LAYOUTS[count - 1] if count <= len(LAYOUTS) else f"{count} channels"


def speakers_of(stream: AudioStream, layout: AudioLayout) -> tuple[str, ...]:
    """FFmpeg's names of the speakers of a decoded stream."""
    count = layout.nb_channels
    noted = tuple(stream.metadata.get(NOTE, "").split("+"))
    if len(noted) == count and noted[0]:
        return noted
    if layout.name == f"{count} channels":
        return SPEAKERS.get(count, ("?",) * count)
    return tuple(channel.name for channel in layout.channels)


def layout_name(layout: AudioLayout) -> str:
    """The name of a layout: FFmpeg has none for one or two channels if the file names no speakers."""
    return {"1 channels": "mono", "2 channels": "stereo"}.get(layout.name, layout.name)


def _is_custom(layout: AudioLayout) -> bool:
    """Whether FFmpeg names the channels one by one: `3 channels (FC+FL+FR)`."""
    return " channels (" in layout.name
