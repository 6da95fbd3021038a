"""What an encoder needs of the pictures that a chain makes, added at its end and told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from avstudio_video.effects.colours import is_hdr
from avstudio_video.encoding.encoder_choice import chosen_encoder
from avstudio_video.encoding.hdr_options import tell_hdr_notes

if TYPE_CHECKING:
    from avstudio_video.effects.effect import Effect
    from avstudio_video.effects.rendition import Rendition
    from avstudio_video.encoding.video_track import VideoEncoding

DRAWING = {"blur", "fade", "overlay", "stabilize", "subtitles", "text"}
"""Effects that draw on copies of frames."""


def adapt(rendition: Rendition, encoding: VideoEncoding, name: str, warn: Callable[[str, str], None]) -> None:
    """Add the effects that the encoder needs for the video `name`, and warn about what they and the encoder change."""
    codec, stream = encoding.codec, rendition.picture.stream
    if rendition.make_sdr(encoding):
        warn("hdr_to_sdr", f"'{codec}' is written with 8 bits here: HDR is converted to BT.709.")
    elif is_hdr(rendition.clip):
        encoder = chosen_encoder(codec, encoding.encoder, (rendition.clip.width, rendition.clip.height))
        tell_hdr_notes(name, stream.notes, encoder.name, warn)
    if rendition.make_even(codec):
        warn("odd_size", f"'{codec}' needs an even width and height: a row or a column at the edge is cut.")
    if stream.interlaced and not _deinterlaces(rendition.effects):
        message = f"'{name}' is interlaced: its fields are encoded as one picture."
        warn("interlaced", f"{message} The effect 'deinterlace' of video.effects makes frames of them.")


def _deinterlaces(effects: Sequence[Effect]) -> bool:
    """Whether fields become frames: effects that draw on frames lose what `auto` looks at."""
    types = [one.type for one in effects]
    if "deinterlace" not in types:
        return False
    place = types.index("deinterlace")
    return effects[place].mode == "on" or not DRAWING & {*types[:place]}  # type: ignore[attr-defined]
