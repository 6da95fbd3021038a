"""One run of `video.effects`: the source opened, the chain applied, the file written and described."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, get_args

from avstudio_core import Artifact, Context, MediaFacts
from avstudio_video.effects.adaptation import adapt
from avstudio_video.effects.chain import written
from avstudio_video.effects.effect import Effect
from avstudio_video.effects.materials import Materials
from avstudio_video.effects.rendition import Output, Rendition
from avstudio_video.effects.source import PictureSource, SoundSource
from avstudio_video.effects.streams import SoundShape
from avstudio_video.effects_params import AppliedEffect, EffectsParams, EffectsResult
from avstudio_video.encoding.containers import CONTAINERS, VideoFormat, chosen_codec, chosen_sound
from avstudio_video.encoding.pixel_formats import tell_reduced
from avstudio_video.encoding.sound_codecs import sound_encoder
from avstudio_video.encoding.sound_track import SoundEncoding
from avstudio_video.encoding.tone_map import peak_of
from avstudio_video.encoding.video_track import VideoEncoding
from avstudio_video.media.container import open_media
from avstudio_video.media.damage import Ending, tell_timecode
from avstudio_video.media.file_end import cut_short
from avstudio_video.media.indexed import index_stream
from avstudio_video.media.limits import Limits
from avstudio_video.media.sound_end import sound_ends
from avstudio_video.media.streams import is_cover
from avstudio_video.media.tags import file_tags
from avstudio_video.media.timecode import later, timecode_of, uncounted
from avstudio_video.muxer.labels import tell_marks
from avstudio_video.sound.tracks import DEFAULT, chosen_tracks
from avstudio_video.timeline.parts import Part, Timeline
from avstudio_video.timeline.texts import TextTrack, moved_texts, tell_texts, texts_of

if TYPE_CHECKING:
    from av.container import InputContainer

EARLIER = 0.1
"""Seconds of sound before the picture that are left out without a warning."""
LONGER = 0.5
"""Seconds by which sound may be longer than the picture without a warning."""


class EffectsRun:
    """The parameters are those with the preset."""

    def __init__(self, source: Artifact, params: EffectsParams, context: Context) -> None:
        self._source, self._params, self._context = source, params, context
        self._limits = Limits.of(context.settings)
        self._container = params.container
        self._encoding = VideoEncoding(
            chosen_codec(self._container, params.codec),
            50 if params.quality is None else params.quality,
            params.effort or "balanced",
            params.encoder,
            key_interval=params.key_interval,
        )

    def render(self, effects: Sequence[Effect]) -> EffectsResult:
        """Apply the effects, and write the file. Raises `InvalidInput`, `StorageError` and those of the source."""
        rendition = Rendition(effects, self._picture, self._sound, self._materials())
        adapt(rendition, self._encoding, self._source.name, self._context.warn)
        output = self._output(rendition)
        rendition.write(output, lambda part: self._context.progress(0.98 * part, "render"))
        self._tell_damage()
        self._tell_pixels(rendition)
        return self._result(rendition, output, effects)

    @cached_property
    def _picture(self) -> PictureSource:
        check, warn, name = self._context.check, self._context.warn, self._source.name
        stream = index_stream(self._source.path, self._params.stream, self._limits, check)
        picture = PictureSource(self._source.path, stream, self._limits, check)
        stream.tell(name, warn)
        if (drawn := self._params.subtitles) and drawn.path != self._source.path:
            Ending(missing=cut_short(drawn.path)).tell(drawn.name, warn)
        return picture

    @cached_property
    def _sound(self) -> SoundSource | None:
        track, path = self._params.track, self._source.path
        if not self._params.sound or not CONTAINERS[self._container].sound:
            return None
        with open_media(path, self._limits) as container:
            if track == DEFAULT and not container.streams.audio:
                return None
            chosen = chosen_tracks(container, path, track)[0]
            self._tell_end(chosen.index)
            self._tell_early(chosen)
            return SoundSource(path, chosen.index, self._limits, self._context.check)

    def _tell_end(self, number: int) -> None:
        """Tell that sound ends after the picture, or too early."""
        picture, name, warn = float(self._picture.clip.until), self._source.name, self._context.warn
        end = sound_ends(self._source.path, [number], picture, self._limits)[number]
        end.tell_short(name, picture, warn)
        if (longer := end.real - picture) > LONGER:
            warn("sound_cut", f"The sound of '{name}' is {longer:.1f} s longer than its picture, and ends with it.")

    def _tell_early(self, track: Any) -> None:
        """Tell that sound begins before the picture, with which the new film begins."""
        start = (track.start_time or 0) * Fraction(track.time_base) - self._picture.stream.origin
        if (early := float(self._picture.lead - max(start, Fraction(0)))) > EARLIER:
            message = f"{early:.2f} s of sound before its first picture"
            self._context.warn("sound_left_out", f"'{self._source.name}' has {message}, which is left out.")

    def _tell_tracks(self, container: InputContainer, texts: int) -> None:
        """Tell which tracks the new file does not have; it has so many of text."""
        covers = sum(map(is_cover, container.streams.video))
        counts = {
            "video": len(container.streams.video) - covers - 1,
            "audio": (len(container.streams.audio) - (self._sound is not None)) * self._params.sound,
            "subtitle": len(container.streams.subtitles) - texts,
            "cover": covers,
            "attachment": len(container.streams.attachments),
        }
        left = [f"{count} {kind}" for kind, count in counts.items() if count > 0]
        if left:
            self._context.warn("tracks_left_out", f"Tracks of '{self._source.name}' are left out: {', '.join(left)}.")

    def _materials(self) -> Materials:
        context, params = self._context, self._params
        files = params.lut, params.subtitles, params.font, params.overlays
        warn = cache(context.warn)  # what comes before an effect that looks ahead is computed, and told, again
        peak = peak_of(self._picture.first) if self._picture.stream.hdr else None
        return Materials(warn, context.check, self._limits, context.new_path, *files, peak)

    def _output(self, rendition: Rendition) -> Output:
        with open_media(self._source.path, self._limits) as container:
            tags = file_tags(container.metadata, changed=True)
            code = timecode_of(*(one.metadata for one in container.streams), container.metadata)
            stated = container.streams[self._picture.stream.number].metadata
            labels = {name: stated[name] for name in ("language", "title") if stated.get(name)}
            chapters, texts = [*container.chapters()], self._texts(rendition)
            self._tell_tracks(container, len(texts))
        path = self._context.new_path(self._source.name_for(f".effects.{self._container}"))
        sound = chosen_sound(self._container, self._params.sound_codec)
        bit_rate = self._params.sound_bit_rate * 1000 if self._params.sound_bit_rate else None

        def encoding(shape: SoundShape) -> SoundEncoding:
            assert sound
            encoder = sound_encoder(sound, shape.bits)
            return SoundEncoding(encoder, shape.rate, shape.layout, bit_rate=bit_rate)

        heard = encoding if sound else None
        tell_marks(self._sound.uses if self._sound else [], self._container, self._context.warn)
        labels |= {"timecode": code} if (code := self._timecode(rendition, code)) else {}
        others = [partial(one.added, name=self._container) for one in texts]
        return Output(path, self._container, self._encoding, heard, tags, chapters, labels, others)

    def _texts(self, rendition: Rendition) -> list[TextTrack]:
        """The subtitles that are text, at their new times, unless the picture has some. Warns with `styles_lost`."""
        drawn = any(one.type == "subtitles" for one in rendition.effects)
        if drawn or rendition.is_reversed or not CONTAINERS[self._container].texts:
            return []
        clip, check = rendition.clip, self._context.check
        tracks = texts_of(self._source.path, self._picture.stream, self._limits, check)
        tell_texts(tracks, self._container, self._context.warn)
        kept = Timeline((Part(clip.since, clip.until, range(0)),))
        return [one.faster(clip.pace) for one in moved_texts([tracks], kept)]

    def _timecode(self, rendition: Rendition, stated: str | None) -> str | None:
        """That of the first frame after the effects, of what the source states. Warns with `timecode_left_out`."""
        rate = self._picture.rate
        if not stated or self._container not in get_args(VideoFormat):
            return None
        since = max(Fraction(0), rendition.clip.since - self._picture.stream.start)
        found = later(stated, rate, since) if rate and rendition.keeps_pace else None
        if found is None:
            moved = "" if rendition.keeps_pace or not rate else "frames do not follow each other as in the source"
            tell_timecode(self._source.name, moved or uncounted(stated, rate), self._context.warn)
        return found

    def _tell_damage(self) -> None:
        sound, name, warn = self._sound, self._source.name, self._context.warn
        self._picture.tell(name, warn)
        if sound and sound.lost:
            warn("damaged", f"The sound of '{name}' is damaged: {sound.lost} packets are lost.")
        if sound and sound.silent:
            warn("damaged", f"The sound of '{name}' has gaps: {sound.silent:.2f} s are replaced by silence.")

    def _tell_pixels(self, rendition: Rendition) -> None:
        """Tell that the codec keeps fewer bits or less colour; pictures with a palette always do."""
        given, written = rendition.clip.pixels, rendition.pixels
        if written.startswith(("yuv", "nv", "p0")):
            tell_reduced(self._encoding.codec, written, self._source.name, given, self._context.warn)

    def _result(self, rendition: Rendition, output: Output, effects: Sequence[Effect]) -> EffectsResult:
        clip, path, length = rendition.clip, output.path, float(rendition.end)
        shown = {"duration": length, "width": clip.width, "height": clip.height}
        sound = rendition.sound
        heard = {"rate": sound.rate, "channels": sound.channels} if sound else {}
        facts = MediaFacts.model_validate(shown | heard)
        return EffectsResult.model_validate(
            {
                **shown,
                "video": self._context.publish(path, path.name, CONTAINERS[output.container].media_type, facts),
                "preset": self._saved(effects),
                "frames": rendition.written,
                "rate": str(clip.rate) if clip.rate else None,
                "chain": written(effects),
                "applied": _applied(rendition),
                "effective": self._effective(rendition),
            }
        )

    def _effective(self, rendition: Rendition) -> dict[str, Any]:
        return {
            "format": self._container,
            "codec": self._encoding.codec,
            "encoder": rendition.encoder,
            "quality": self._encoding.quality,
            "effort": self._encoding.effort,
            "key_interval": self._encoding.key_interval,
            "sound_codec": chosen_sound(self._container, self._params.sound_codec) if rendition.sound else None,
            "longest_frame": rendition.longest,
        }

    def _saved(self, effects: Sequence[Effect]) -> Artifact | None:
        """The effects as a file that can be used again."""
        if not self._params.save:
            return None
        name = f"{self._params.save}.json"
        path = self._context.new_path(name)
        listed = [one.model_dump(mode="json", exclude_defaults=True) | {"type": one.type} for one in effects]
        path.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return self._context.publish(path, name, "application/json")


def _applied(rendition: Rendition) -> list[AppliedEffect]:
    return [
        AppliedEffect(
            type=one.type, settings=written([one]), width=clip.width, height=clip.height, length=float(clip.length)
        )
        for one, clip in zip(rendition.effects, rendition.clips[1:], strict=True)
    ]
