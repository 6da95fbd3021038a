"""The pictures that `video.mux` encodes: as players show them, with subtitles drawn on them on request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from avstudio_video.effects.adaptation import adapt
from avstudio_video.effects.captions import Subtitles
from avstudio_video.effects.materials import Materials
from avstudio_video.effects.rendition import Rendition
from avstudio_video.effects.source import PictureSource
from avstudio_video.encoding.pixel_formats import tell_reduced
from avstudio_video.encoding.tone_map import peak_of
from avstudio_video.media.damage import Ending
from avstudio_video.media.file_end import cut_short
from avstudio_video.media.indexed import index_stream
from avstudio_video.media.limits import Limits
from avstudio_video.muxer.picture import TimedFrame

if TYPE_CHECKING:
    from avstudio_core import Context
    from avstudio_video.encoding.video_track import VideoEncoding, VideoShape
    from avstudio_video.mux_params import MuxParams
    from avstudio_video.muxer.inputs import Wanted


@dataclass
class MuxPicture:
    """One video stream of an input. Its `shape` warns about what the encoding changes."""

    wanted: Wanted
    params: MuxParams
    encoding: VideoEncoding
    context: Context

    @cached_property
    def shape(self) -> VideoShape:
        index = self._source.stream.index
        rate = None if index.variable else self._source.stream.rate
        return replace(self._rendition.clip, rate=rate, unit=index.unit)

    def frames(self) -> Iterator[TimedFrame]:
        """All frames at the times of the file; a first one that is late is not shown earlier."""
        first = self._source.stream.start  # from which effects begin, unless it is very late
        for shown in self._rendition.shown():
            if shown.until > first:
                yield TimedFrame(shown.frame, max(shown.since, first), shown.until)

    def tell(self, written: str) -> None:
        """Warn about damaged frames, and about what the pixel format loses in which they were written."""
        name, warn = self.wanted.input.name, self.context.warn
        self._source.tell(name, warn)
        tell_reduced(self.encoding.codec, written, name, self.shape.pixels, warn)

    @cached_property
    def _source(self) -> PictureSource:
        given, context = self.wanted.input, self.context
        limits = Limits.of(context.settings)
        stream = index_stream(given.path, self.wanted.stream.index, limits, context.check)
        stream.tell(given.name, context.warn)
        if (burned := self.params.burned) and burned.path != given.path:
            Ending(missing=cut_short(burned.path)).tell(burned.name, context.warn)
        return PictureSource(given.path, stream, limits, context.check)

    @cached_property
    def _rendition(self) -> Rendition:
        params, context, source = self.params, self.context, self._source
        peak = peak_of(source.first) if source.stream.hdr else None
        materials = Materials(
            context.warn,
            context.check,
            source.limits,
            context.new_path,
            subtitles=params.burned,
            font=params.burned_font,
            peak=peak,
        )
        look = Subtitles(
            track=params.burned_track,
            offset=params.burned_offset,
            style=params.burned_style,
            size=params.burned_size,
            position=params.burned_position,
        )
        made = Rendition([look] if params.burned else [], source, None, materials)
        adapt(made, self.encoding, self.wanted.input.name, context.warn)
        return made
