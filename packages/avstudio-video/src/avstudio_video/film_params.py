"""The parameters of all processors that write a video of parts."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pydantic import Field

from avstudio_core import Params
from avstudio_core.time_param import Time
from avstudio_video.encoding.containers import CONTAINERS, VideoCodec
from avstudio_video.encoding.video_codecs import Effort
from avstudio_video.timeline.film_format import FilmCodec, FilmFormat

if TYPE_CHECKING:
    from avstudio_video.timeline.film_plan import FilmWish


class FilmParams(Params):
    """How the new video is written."""

    format: FilmFormat = Field(default="auto", description="Container; by default that of the source, if possible.")
    codec: FilmCodec = Field(
        default="auto", description="Codec of encoded pictures; by default that of the source, if possible."
    )
    quality: int = Field(default=65, ge=0, le=100, description="Quality of encoded pictures; 50 is good for viewing.")
    effort: Effort = Field(default="balanced", description="How long the encoder looks for a small file.")
    fade: float = Field(
        default=5.0,
        ge=0,
        le=50,
        description="Length of the fades of sound at each cut, so that it does not click.",
        json_schema_extra={"unit": "ms"},
    )
    crossfade: Time = Field(
        default=0.0,
        le=5,
        description="Length of the cross-fades of picture and sound, by which parts overlap.",
        json_schema_extra={"unit": "s"},
    )

    @property
    def media_type(self) -> str:
        """The media type of the new video, or `video/*` if that depends on the source."""
        return "video/*" if self.format == "auto" else CONTAINERS[self.format].media_type

    @property
    def likely_codec(self) -> VideoCodec:
        """The codec of a request, or one that most videos have."""
        if self.codec != "auto":
            return self.codec
        return "h264" if self.format == "auto" else CONTAINERS[self.format].video[0]

    def wish(self) -> FilmWish:
        """How the new video is written, for the timeline."""
        from avstudio_video.timeline.film_plan import FilmWish

        return FilmWish(self.format, self.codec, self.quality, self.effort, Fraction(self.fade) / 1000)
