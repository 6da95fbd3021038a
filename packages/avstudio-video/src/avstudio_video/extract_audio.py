"""`video.extract_audio`: the sound of a video as files of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from avstudio_core import Artifact, Context, MediaFacts, Needs, Params, Processor, Result
from avstudio_core.errors import InvalidParams
from avstudio_core.spans import checked_spans, one_span, span_of
from avstudio_core.time_param import Time
from avstudio_video.sound.formats import FORMATS, SoundFormat
from avstudio_video.vocabulary import ExtractAudioWords

if TYPE_CHECKING:
    from avstudio_video.sound.copied_sound import CopiedSound
    from avstudio_video.sound.extraction import Extraction, Written
    from avstudio_video.sound.plan import TrackPlan, Wish

SLACK = 0.001
"""Seconds by which a cut may differ from the requested one without a warning."""
PRESETS: dict[str, dict[str, Any]] = {
    "asr": {"format": "wav", "rate": 16_000, "channels": "mono", "bits": 16},
    "separation": {"format": "wav", "rate": 44_100, "channels": "stereo", "bits": 32},
}
"""Parameters by preset: for the recognition of speech, and for the separation of music."""


class ExtractAudioParams(Params):
    """Which sound, and as what."""

    track: str = Field(
        default="default", description="The audio track: its number in video.probe, its language, 'default' or 'all'."
    )
    mode: Literal["auto", "copy", "transcode"] = Field(
        default="auto", description="Copy the encoded sound, encode it, or copy it if nothing of it has to change."
    )
    format: Literal["auto", "m4a", "mka", "flac", "wav", "mp3", "opus"] = Field(
        default="auto", description="Format of the files; by default one that takes the sound as it is."
    )
    preset: Literal["none", "asr", "separation"] = Field(
        default="none", description="Mono at 16 kHz for speech recognition, or stereo at 44.1 kHz for separation."
    )
    channels: Literal["keep", "mono", "stereo", "split"] = Field(
        default="keep", description="The channels to make; 'split' writes each to a file of its own."
    )
    rate: int | None = Field(
        default=None, ge=8_000, le=384_000, description="Sample rate.", json_schema_extra={"unit": "Hz"}
    )
    bits: Literal[16, 24, 32] | None = Field(
        default=None, description="Bits of a sample of flac, mka and wav; 32 is floating point, and only in wav."
    )
    bit_rate: int | None = Field(
        default=None, ge=8, le=1024, description="Bit rate of m4a, mp3 and opus.", json_schema_extra={"unit": "kbit/s"}
    )
    start: Time = Field(default=0.0, description="Start of the part.", json_schema_extra={"unit": "s"})
    end: Time | None = Field(default=None, description="End of the part, half-open.", json_schema_extra={"unit": "s"})
    parts: list[str] = Field(
        default=[],
        max_length=500,
        description="Several parts, each in a file of its own.",
        examples=["10-20.5", "1:30-2:00"],
    )
    offset: Literal["keep", "drop"] = Field(
        default="keep", description="Keep the time by which sound starts after the picture, or leave it out."
    )

    @field_validator("parts")
    @classmethod
    def _are_spans(cls, value: list[str]) -> list[str]:
        return checked_spans(value)

    @field_validator("track", mode="before")
    @classmethod
    def _numbers_too(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class ExtractedTrack(BaseModel):
    """One file, and the track from which it was made."""

    model_config = ConfigDict(frozen=True)

    file: str = Field(description="The name of the file in `files`.")
    index: int = Field(description="The track's number among all streams of the video.")
    language: str | None = Field(description="ISO 639-2 code, if the file gives one.")
    title: str | None = Field(description="Name of the track.")
    codec: str = Field(description="FFmpeg's name of the track's codec.")
    layout: str = Field(description="Layout of the track's speakers.")
    rate: int = Field(description="Sample rate of the file.", json_schema_extra={"unit": "Hz"})
    channels: int = Field(description="Channels of the file.")
    start: float = Field(description="When its sound begins in the video.", json_schema_extra={"unit": "s"})
    duration: float = Field(description="Length.", json_schema_extra={"unit": "s"})
    copied: bool = Field(description="Whether the encoded sound was copied as it was.")


class ExtractAudioResult(Result):
    """The sound."""

    files: dict[str, Artifact] = Field(
        description="`sound`, or one for each track, part and channel.", json_schema_extra={"view": "player"}
    )
    tracks: list[ExtractedTrack] = Field(description="What each file has.")


class ExtractAudio(ExtractAudioWords, Processor[ExtractAudioParams, ExtractAudioResult]):
    """Extract the sound of a video: copied without loss where possible, or encoded; one track, several, or parts.

    A file begins with the video: if the sound starts later, its copy has that start in its time stamps, and encoded
    sound begins with silence. Parts are exact to the sample, unless `mode` is `copy`.
    """

    name: ClassVar[str] = "video.extract_audio"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "audio/*", "application/octet-stream")
    errors: ClassVar[tuple[str, ...]] = ("no_audio_stream",)

    def outputs(self, params: ExtractAudioParams) -> dict[str, str]:
        given = _with_preset(params)
        kind = "audio/*" if given.format == "auto" else FORMATS[given.format].media_type
        if given.track == "all":
            return {}
        parts = [f"part_{number}" for number in range(1, len(given.parts) + 1)] if len(given.parts) > 1 else [""]
        names = ["left", "right"] if given.channels == "split" else [""]
        return {"_".join(filter(None, (part, name))) or "sound": kind for part in parts for name in names}

    def needs(self, params: ExtractAudioParams, source: Artifact | None) -> Needs:
        given = _with_preset(params)
        one_span(given.start, given.end)
        if given.parts and (given.start, given.end) != (0.0, None):
            raise InvalidParams(
                "'parts' cannot be combined with 'start' and 'end'.", hint="Give all parts with 'parts'."
            )
        if given.mode == "copy" and _wish(given).changed:
            hint = "Leave out channels, rate, bits, bit_rate and preset, or allow to transcode."
            raise InvalidParams("The sound cannot be changed if mode is 'copy'.", hint=hint)
        if (given.bits and given.format not in ("flac", "wav", "mka")) or (given.bits == 32 and given.format != "wav"):
            raise InvalidParams(f"'{given.format}' does not support {given.bits} bits.", hint="Give the format 'wav'.")
        if given.bit_rate and given.format not in ("m4a", "mp3", "opus"):
            raise InvalidParams(f"'{given.format}' has no bit rate to choose.", hint="Give the format 'm4a'.")
        return Needs()

    def run(self, source: Artifact, params: ExtractAudioParams, context: Context) -> ExtractAudioResult:
        from avstudio_video.media.limits import Limits
        from avstudio_video.sound.extraction import Extraction

        context.progress(0.0, "read")
        given = _with_preset(params)
        extraction = Extraction(
            source.path,
            lambda key, format: context.new_path(
                source.name_for(f".{key}.{format}" if key != "sound" else f".{format}")
            ),
            Limits.of(context.settings),
            lambda part: context.progress(0.98 * part, "extract"),
        )
        written = extraction.run(lambda container: _plans(container, source, given, context))
        _tell(extraction, source, context)
        files = {one.output.key: _published(one, source, context) for one in written}
        return ExtractAudioResult(files=files, tracks=[_facts(one) for one in written])


def _with_preset(params: ExtractAudioParams) -> ExtractAudioParams:
    """The parameters with those of the preset, where they have their default."""
    defaults = type(params)()
    chosen = PRESETS.get(params.preset, {})
    return params.model_copy(
        update={name: value for name, value in chosen.items() if getattr(params, name) == getattr(defaults, name)}
    )


def _wish(params: ExtractAudioParams) -> Wish:
    from avstudio_video.sound.plan import Wish

    spans = [span_of(text) for text in params.parts] or [one_span(params.start, params.end)]
    whole = not params.parts and params.start == 0 and params.end is None
    format: SoundFormat | None = None if params.format == "auto" else params.format
    bit_rate = params.bit_rate * 1000 if params.bit_rate else None
    offset = params.offset == "keep"
    return Wish(params.mode, format, params.rate, params.channels, params.bits, bit_rate, offset, spans, whole)


def _plans(container: Any, source: Artifact, params: ExtractAudioParams, context: Context) -> list[TrackPlan]:
    from avstudio_video.media.streams import origin_of
    from avstudio_video.sound.plan import plan_track
    from avstudio_video.sound.tracks import ALL, DEFAULT, chosen_tracks, tell_others

    tracks = chosen_tracks(container, source.path, params.track)
    if params.track == DEFAULT:
        tell_others(source.name, container, tracks[0], context.warn)
    plans = []
    for track in tracks:
        prefix = f"track_{track.index}" if params.track == ALL else ""
        plans.append(plan_track(track, origin_of(container), _wish(params), prefix))
    return plans


def _tell(extraction: Extraction, source: Artifact, context: Context) -> None:
    """Warn about what differs from the source or the request."""
    from avstudio_video.media.damage import Ending
    from avstudio_video.media.file_end import cut_short
    from avstudio_video.sound.copied_sound import CopiedSound

    if not any(_tells_end(file, extraction, source, context) for file in extraction.written):  # only the first tells
        Ending(missing=cut_short(source.path)).tell(source.name, context.warn)
    if extraction.corrupt:
        context.warn("damaged", f"'{source.name}' is damaged: {extraction.corrupt} packets are corrupt.")
    for index, decoder in extraction.decoders.items():
        silent = decoder.silent / decoder.rate
        if decoder.lost or silent:
            message = f"{decoder.lost} packets are lost, and {silent:.2f} s are replaced by silence."
            context.warn("damaged", f"Track {index} of '{source.name}' is damaged: {message}")
    for file in extraction.written:
        _tell_mix(file, source, context)
        if isinstance(file.sound, CopiedSound):
            _tell_holes(file.sound, file.path.name, context)
        else:
            file.sound.overload.tell(file.path.name, context.warn)
        if file.track.copied:
            _tell_cut(file, context)


def _tell_holes(sound: CopiedSound, name: str, context: Context) -> None:
    if sound.lost:
        context.warn("damaged", f"{sound.lost} packets are too damaged to be copied to '{name}'.")
    if sound.silent:
        context.warn("gaps", f"'{name}' has gaps of {sound.silent:.2f} s between its packets.")


def _tells_end(file: Written, extraction: Extraction, source: Artifact, context: Context) -> bool:
    """Warn with `truncated` about a track that is taken as a whole and ends too early; whether it does."""
    from avstudio_video.media.damage import Ending

    track, whole = file.track.source, file.track.wish.whole
    stated = track.stated_end if whole else 0.0
    return Ending(extraction.ends.get(track.index, 0.0), stated).tell(source.name, context.warn)


def _tell_mix(file: Written, source: Artifact, context: Context) -> None:
    mixdown = file.output.mixdown
    if mixdown and mixdown.cancelled > mixdown.mixed / 20:
        message = "where the loudest of them is used instead of their mean."
        context.warn("phase_cancelled", f"The channels of '{source.name}' cancel each other out for a time, {message}")


def _tell_cut(file: Written, context: Context) -> None:
    from avstudio_video.sound.copied_sound import CopiedSound

    begin, end = file.output.span
    if not isinstance(file.sound, CopiedSound) or file.sound.first is None:
        return
    first, last = file.sound.first, file.sound.last
    if begin - first > SLACK or last - end > SLACK:
        wanted = f"not {begin:g} s to {end:g} s: it can only be cut between its packets."
        context.warn("cut_moved", f"'{file.path.name}' has the sound from {first:.3f} s to {last:.3f} s, {wanted}")
    if begin == 0 and first > SLACK and file.track.wish.offset and not FORMATS[file.track.format].offset:
        message = f"'{file.track.format}' cannot store that the sound starts {first:.3f} s after the picture."
        context.warn("offset_lost", message)


def _published(file: Written, source: Artifact, context: Context) -> Artifact:
    sound = file.sound
    facts = MediaFacts(duration=sound.duration, rate=sound.rate, channels=sound.channels)
    return context.publish(file.path, file.path.name, FORMATS[file.track.format].media_type, facts)


def _facts(file: Written) -> ExtractedTrack:
    track, sound = file.track.source, file.sound
    return ExtractedTrack(
        file=file.output.key,
        index=track.index,
        language=track.language,
        title=track.title,
        codec=track.codec,
        layout=track.layout,
        rate=sound.rate,
        channels=sound.channels,
        start=sound.first or 0.0,
        duration=sound.duration,
        copied=file.track.copied,
    )
