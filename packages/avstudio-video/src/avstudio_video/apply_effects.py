"""`video.effects`: a video through a chain of effects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Review
from avstudio_core.errors import InvalidParams
from avstudio_video.effects.presets import PRESETS
from avstudio_video.effects_params import AppliedEffect, EffectsParams, EffectsResult
from avstudio_video.encoding.containers import (
    CONTAINERS,
    USUAL_CONTAINERS,
    ContainerName,
    chosen_codec,
    chosen_sound,
)
from avstudio_video.vocabulary import EffectsWords

if TYPE_CHECKING:
    from fractions import Fraction

    from avstudio_video.effects.catalogue import AnyEffect
    from avstudio_video.effects.rendition import Output, Rendition
    from avstudio_video.effects.source import PictureSource, SoundSource
    from avstudio_video.effects.streams import SoundShape
    from avstudio_video.encoding.sound_track import SoundEncoding
    from avstudio_video.encoding.video_track import VideoEncoding
    from avstudio_video.media.limits import Limits

MEMORY_MB = 600
TAGS = ("title", "artist", "album", "date", "comment", "description", "copyright", "genre", "location")
"""The tags of a file that are about its content, and are kept."""


class Effects(EffectsWords, Processor[EffectsParams, EffectsResult]):
    """Edit a video: trim, crop, scale, rotate, change the speed, colour, text, subtitles, sound; encode it.

    All effects are applied in their order, in one pass. The picture is as players show it: upright, with square
    pixels. A constant frame rate stays the same, and a variable one stays variable, unless the chain has `fps`.
    Times of effects are those of the source. Sound follows the picture, and ends with it.
    """

    name: ClassVar[str] = "video.effects"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "image/*", "application/octet-stream")
    errors: ClassVar[tuple[str, ...]] = ("no_video_stream", "invalid_input", "missing_dependency")

    def outputs(self, params: EffectsParams) -> dict[str, str]:
        saved = {"preset": "application/json"} if params.save else {}
        return {"video": CONTAINERS[_container(with_preset(params))].media_type} | saved

    def needs(self, params: EffectsParams, source: Artifact | None) -> Needs:
        given = with_preset(params)
        chosen_codec(_container(given), given.codec)
        chosen_sound(_container(given), given.sound_codec)
        return Needs(memory_mb=MEMORY_MB)

    def run(self, source: Artifact, params: EffectsParams, context: Context) -> EffectsResult:
        from avstudio_video.media.limits import Limits

        context.progress(0.0, "read")
        given, limits = with_preset(params), Limits.of(context.settings)
        effects = _effects(given)
        picture, sound = _picture(source, given, context, limits), _sound(source, given, context, limits)
        rendition = _rendition(effects, picture, sound, given, context, limits)
        output = _output(source, given, context)
        length = rendition.write(output, lambda part: context.progress(0.98 * part, "render"))
        _tell_damage(source, picture, sound, context)
        saved = _saved(effects, given, context)
        return _result(effects, rendition, output, length, saved, context)

    def review(self, result: EffectsResult, context: Context) -> Review:
        """Open the file, and compare its length and the ends of its picture and its sound."""
        from avstudio_video.effects.inspection import fault

        if result.video.media_type in ("image/webp", "image/png"):
            return Review.accept()  # their last frame has no length, and FFmpeg cannot read animated WebP
        longest = float(result.effective.get("longest_frame") or 0.0)  # type: ignore[arg-type]
        if result.applied and abs(result.applied[-1].length - result.duration) > longest:
            return Review.send_back(f"It is {result.duration:.3f} s long and not {result.applied[-1].length:.3f} s.")
        reason = fault(result.video.path, result.duration, longest, sound=result.video.facts.channels is not None)
        return Review.send_back(reason) if reason else Review.accept()


def with_preset(params: EffectsParams) -> EffectsParams:
    """The parameters with those of the preset, where they have their default."""
    if params.preset is None:
        return params
    fields = type(params).model_fields
    changed = {
        name: value
        for name, value in PRESETS[params.preset].output.items()
        if getattr(params, name) == fields[name].default
    }
    return params.model_copy(update=changed)


def _container(params: EffectsParams) -> ContainerName:
    return params.format or (USUAL_CONTAINERS[params.codec] if params.codec else "mp4")


def _effects(params: EffectsParams) -> list[AnyEffect]:
    """All effects in their order. Raises `InvalidParams`, `InvalidInput`."""
    from avstudio_video.effects.chain import effects_of, read_file

    preset = effects_of(PRESETS[params.preset].chain) if params.preset else []
    file = read_file(params.chain_file) if params.chain_file else []
    effects = [*preset, *file, *params.chain]
    if not effects and not (params.preset or params.format or params.codec):
        hint = "Give a 'chain' such as 'trim 5 20, crop 9:16', a 'preset', a 'chain_file', or a 'format'."
        raise InvalidParams("There is nothing to do.", hint=hint)
    return effects


def _picture(source: Artifact, params: EffectsParams, context: Context, limits: Limits) -> PictureSource:
    from avstudio_video.effects.source import PictureSource
    from avstudio_video.media.damage import tell_guessed, tell_short
    from avstudio_video.media.indexed import index_stream

    stream = index_stream(source.path, params.stream, limits, context.check)
    picture = PictureSource(source.path, stream, limits, context.check)
    tell_guessed(source.name, stream.index, stream.rate, context.warn)
    tell_short(source.name, float(picture.clip.until), stream.stated_end, context.warn)
    return picture


def _sound(source: Artifact, params: EffectsParams, context: Context, limits: Limits) -> SoundSource | None:
    from avstudio_video.effects.source import SoundSource
    from avstudio_video.media.container import open_media
    from avstudio_video.sound.tracks import DEFAULT, chosen_tracks

    if not params.sound or not CONTAINERS[_container(params)].sound:
        return None
    with open_media(source.path, limits) as container:
        if params.track == DEFAULT and not container.streams.audio:
            return None
        tracks = chosen_tracks(container, source.path, params.track)
        return SoundSource(source.path, tracks[0].index, limits, context.check)


def _rendition(
    effects: list[AnyEffect],
    picture: PictureSource,
    sound: SoundSource | None,
    params: EffectsParams,
    context: Context,
    limits: Limits,
) -> Rendition:
    from avstudio_video.effects.materials import Materials
    from avstudio_video.effects.rendition import Rendition

    materials = Materials(context.warn, context.check, limits, context.new_path, lut=params.lut)
    rendition = Rendition(effects, picture, sound, materials)
    encoding = _encoding(params)
    codec = encoding.codec
    if rendition.make_sdr(encoding):
        context.warn("hdr_to_sdr", f"'{codec}' is written with 8 bits here: HDR is converted to BT.709.")
    if rendition.make_even(codec):
        message = f"'{codec}' needs an even width and height: a row or a column at the edge is cut."
        context.warn("odd_size", message)
    if picture.stream.interlaced and not any(one.type == "deinterlace" for one in rendition.effects):
        context.warn("interlaced", "The video is interlaced, and stays so: give the effect 'deinterlace'.")
    return rendition


def _encoding(params: EffectsParams) -> VideoEncoding:
    from avstudio_video.encoding.video_track import VideoEncoding

    codec = chosen_codec(_container(params), params.codec)
    return VideoEncoding(codec, params.quality, params.effort, params.encoder, None, params.key_interval)


def _output(source: Artifact, params: EffectsParams, context: Context) -> Output:
    from avstudio_video.effects.rendition import Output
    from avstudio_video.encoding.sound_codecs import SOUND_ENCODERS
    from avstudio_video.encoding.sound_track import SoundEncoding
    from avstudio_video.media.container import open_media

    name = _container(params)
    codec = chosen_sound(name, params.sound_codec)
    bit_rate = params.sound_bit_rate * 1000 if params.sound_bit_rate else None
    with open_media(source.path) as container:
        tags = {key: value for key, value in container.metadata.items() if key.lower() in TAGS}
        chapters = [*container.chapters()]
    path = context.new_path(source.name_for(f".effects.{name}"))

    def encoding(shape: SoundShape) -> SoundEncoding:
        assert codec
        return SoundEncoding(SOUND_ENCODERS[codec], shape.rate, shape.layout, bit_rate=bit_rate)

    return Output(path, name, _encoding(params), encoding if codec else None, tags, chapters)


def _tell_damage(source: Artifact, picture: PictureSource, sound: SoundSource | None, context: Context) -> None:
    if picture.corrupt or (sound and sound.lost):
        lost = sound.lost if sound else 0
        message = f"'{source.name}' is damaged: {picture.corrupt} frames, and {lost} packets of sound."
        context.warn("damaged", message)
    if picture.resized:
        context.warn(
            "size_changed", f"{picture.resized} frames have another size, and are scaled to that of the first."
        )


def _result(
    effects: list[AnyEffect],
    rendition: Rendition,
    output: Output,
    length: Fraction,
    saved: Artifact | None,
    context: Context,
) -> EffectsResult:
    from avstudio_video.effects.chain import written

    clip, sound = rendition.clip, rendition.sound
    facts = MediaFacts(
        duration=float(length),
        width=clip.width,
        height=clip.height,
        rate=sound.rate if sound else None,
        channels=sound.channels if sound else None,
    )
    path = output.path
    return EffectsResult(
        video=context.publish(path, path.name, CONTAINERS[output.container].media_type, facts),
        preset=saved,
        duration=float(length),
        frames=rendition.frames,
        width=clip.width,
        height=clip.height,
        rate=str(clip.rate) if clip.rate else None,
        chain=written(effects),
        applied=_applied(rendition),
        effective={
            "format": output.container,
            "codec": output.video.codec,
            "encoder": rendition.encoder,
            "longest_frame": rendition.longest,
        },
    )


def _applied(rendition: Rendition) -> list[AppliedEffect]:
    from avstudio_video.effects.chain import written

    pairs = zip(rendition.effects, rendition.clips[1:], strict=True)
    return [
        AppliedEffect(
            type=one.type, settings=written([one]), width=clip.width, height=clip.height, length=float(clip.length)
        )
        for one, clip in pairs
    ]


def _saved(effects: list[AnyEffect], params: EffectsParams, context: Context) -> Artifact | None:
    """The effects as a file that can be used again."""
    if not params.save:
        return None
    name = f"{params.save}.json"
    path = context.new_path(name)
    listed = [one.model_dump(mode="json", exclude_defaults=True) | {"type": one.type} for one in effects]
    path.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return context.publish(path, name, "application/json")
