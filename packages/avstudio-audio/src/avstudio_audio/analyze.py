"""`audio.analyze`: tempo, beats, key, structure, loudness, silence and speech of a recording, and pictures of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from avstudio_audio.file_levels import Levels
from avstudio_audio.sound_params import SoundParams
from avstudio_audio.vocabulary import AnalyzeWords
from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Result
from avstudio_core.errors import MissingDependency

if TYPE_CHECKING:
    from collections.abc import Collection

    from avstudio_audio.analysis.measurements import Measured, Measurements
    from avstudio_audio.media.stream import SoundStream
    from avstudio_audio.pictures.chart import Chart

Analysis = Literal["tempo", "onsets", "key", "structure", "loudness", "spectrum", "silence", "speech"]
PictureName = Literal["waveform", "spectrogram", "chroma", "loudness"]
BeatFormat = Literal["csv", "labels"]

NEEDED: dict[str, Measured] = {
    "tempo": "onsets",
    "onsets": "onsets",
    "key": "chroma",
    "structure": "chroma",
    "loudness": "loudness",
    "spectrum": "spectrum",
    "silence": "silence",
    "speech": "speech",
    "waveform": "extremes",
    "spectrogram": "spectrogram",
    "chroma": "chroma",
}
MEDIA_TYPES = {"csv": "text/csv", "labels": "text/plain", "png": "image/png", "svg": "image/svg+xml"}
MEMORY_MB = 300


class AnalyzeParams(SoundParams):
    """What to measure, and which files to write."""

    analyses: list[Analysis] = Field(
        default=["tempo", "onsets", "key", "loudness", "spectrum", "silence"],
        description="What to measure. 'structure' is for songs of 20 s to 20 min; 'speech' needs the extra "
        "avstudio-audio[whisper].",
    )
    min_bpm: float = Field(
        default=50.0, ge=30, le=300, description="The slowest possible tempo.", json_schema_extra={"unit": "BPM"}
    )
    max_bpm: float = Field(
        default=220.0, ge=30, le=300, description="The fastest possible tempo.", json_schema_extra={"unit": "BPM"}
    )
    silence_below: float = Field(
        default=-60.0,
        ge=-120,
        le=0,
        description="A span whose samples all stay below this level is silent.",
        json_schema_extra={"unit": "dBFS"},
    )
    min_silence: float = Field(
        default=0.5, ge=0.01, le=3600, description="The shortest silence.", json_schema_extra={"unit": "s"}
    )
    beats: list[BeatFormat] = Field(
        default=[], description="Files with the beats: CSV, or labels that Audacity imports."
    )
    pictures: list[PictureName] = Field(default=[], description="Pictures to draw.")
    picture_format: Literal["png", "svg"] = Field(default="png", description="File format of the pictures.")
    picture_width: int = Field(
        default=1200, ge=200, le=8000, description="Width of the pictures.", json_schema_extra={"unit": "px"}
    )
    picture_height: int = Field(
        default=300, ge=100, le=4000, description="Height of the pictures.", json_schema_extra={"unit": "px"}
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_bpm < 2 * self.min_bpm:
            message = f"max_bpm '{self.max_bpm:g}' must be at least twice min_bpm '{self.min_bpm:g}', an octave."
            raise ValueError(message)
        if self.beats and "tempo" not in self.analyses:
            raise ValueError("Files with beats need 'tempo' in analyses.")
        return self


class TempoCandidate(BaseModel):
    """A tempo that the music may have."""

    model_config = ConfigDict(frozen=True)

    bpm: float = Field(description="Beats per minute.", json_schema_extra={"unit": "BPM"})
    regularity: float = Field(ge=0, le=1, description="How regularly onsets repeat at this tempo.")


class Tempo(BaseModel):
    """The tempo, and how sure it is."""

    model_config = ConfigDict(frozen=True)

    bpm: float = Field(description="Beats per minute.", json_schema_extra={"unit": "BPM"})
    confidence: float = Field(
        ge=0, le=1, description="Low if the pulse is irregular, or if another candidate fits almost as well."
    )
    candidates: list[TempoCandidate] = Field(description="The likely tempos, the best first: also half and double.")
    beats: int = Field(description="Number of beats.")
    variation: float = Field(
        description="Standard deviation of the time between beats, relative to its mean.",
        json_schema_extra={"unit": "%"},
    )
    method: str = Field(description="How it was estimated.")


class KeyCandidate(BaseModel):
    """A key that the music may have."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Tonic and mode, such as `A minor`.")
    confidence: float = Field(ge=0, le=1, description="Low if the next key fits almost as well.")


class KeyFacts(KeyCandidate):
    """The key and the tuning."""

    candidates: list[KeyCandidate] = Field(description="Other keys, the best first.")
    tuning_cents: float = Field(
        description="Deviation of the tuning from A4 = 440 Hz.", json_schema_extra={"unit": "cents"}
    )


class Part(BaseModel):
    """A section of a song, such as a verse or a chorus."""

    model_config = ConfigDict(frozen=True)

    start: float = Field(ge=0, description="Begin.", json_schema_extra={"unit": "s"})
    end: float = Field(ge=0, description="End.", json_schema_extra={"unit": "s"})
    letter: str = Field(description="The same for sections with the same harmony.")
    confidence: float = Field(ge=0, le=1, description="Low if it resembles a section with another letter.")


class SpectrumFacts(BaseModel):
    """A summary of the spectrum of the mono mix."""

    model_config = ConfigDict(frozen=True)

    centroid_hz: float = Field(description="Its centre of gravity: how bright it sounds.")
    bandwidth_hz: float = Field(description="Its spread around the centre.")
    rolloff_hz: float = Field(description="85 % of the energy is below.")
    highest_hz: float = Field(description="The highest frequency above −90 dB: lossy codecs cut at 16 to 20 kHz.")
    flatness: float = Field(ge=0, description="0 for a tone, 1 for white noise.")


class Span(BaseModel):
    """A half-open range of time."""

    model_config = ConfigDict(frozen=True)

    start: float = Field(ge=0, description="Begin.", json_schema_extra={"unit": "s"})
    end: float = Field(ge=0, description="End.", json_schema_extra={"unit": "s"})


class AnalyzeResult(Result):
    """What was measured; a field is empty if it was not requested, or if the sound has no such thing."""

    analysis: Artifact = Field(description="All of it as JSON, with every beat, onset and the chroma.")
    duration: float = Field(description="Length of the sound.", json_schema_extra={"unit": "s"})
    tempo: Tempo | None = Field(default=None, description="Tempo; empty without a regular pulse.")
    onsets: int | None = Field(default=None, description="Number of onsets.")
    key: KeyFacts | None = Field(default=None, description="Key; empty if none fits.")
    structure: list[Part] | None = Field(
        default=None, description="Sections; empty if none comes again.", json_schema_extra={"view": "table"}
    )
    loudness: Levels | None = Field(default=None, description="Loudness and peaks.")
    spectrum: SpectrumFacts | None = Field(default=None, description="Spectrum; empty for digital silence.")
    silence: list[Span] | None = Field(default=None, description="Silent spans.", json_schema_extra={"view": "table"})
    silence_total: float | None = Field(
        default=None, description="Length of all silent spans.", json_schema_extra={"unit": "s"}
    )
    speech: list[Span] | None = Field(
        default=None, description="Spans with speech.", json_schema_extra={"view": "table"}
    )
    speech_total: float | None = Field(
        default=None, description="Length of all spans with speech.", json_schema_extra={"unit": "s"}
    )
    beats: dict[str, Artifact] = Field(default={}, description="Files with the beats by format.")
    pictures: dict[str, Artifact] = Field(default={}, description="Pictures by name.")


class Analyze(AnalyzeWords, Processor[AnalyzeParams, AnalyzeResult]):
    """Analyse music or speech: tempo, beats, key, loudness, spectrum, silence, and pictures.

    The file is decoded once for all of it, block by block. Tempo has candidates, because half and double tempo are
    both right for some music. Without a regular pulse there is no tempo, and a warning.
    """

    name: ClassVar[str] = "audio.analyze"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: AnalyzeParams) -> dict[str, str]:
        named = {name: MEDIA_TYPES[name] for name in params.beats}
        pictures = dict.fromkeys(params.pictures, MEDIA_TYPES[params.picture_format])
        return {"analysis": "application/json"} | named | pictures

    def needs(self, params: AnalyzeParams, source: Artifact | None) -> Needs:
        from importlib.util import find_spec

        if "speech" in params.analyses and find_spec("faster_whisper") is None:
            raise MissingDependency.extra("The analysis 'speech'", "avstudio-audio", "whisper")
        if params.pictures and find_spec("PIL") is None:
            raise MissingDependency.extra("Drawing pictures", "avstudio-audio", "pictures")
        return Needs(memory_mb=MEMORY_MB)

    def run(self, source: Artifact, params: AnalyzeParams, context: Context) -> AnalyzeResult:
        from avstudio_audio.analysis.measurements import Measurements
        from avstudio_audio.analysis.summary import Summary
        from avstudio_audio.media.limits import Limits
        from avstudio_audio.media.stream import open_stream

        with open_stream(
            source.path,
            track=params.track,
            progress=lambda part: context.progress(0.9 * part, "measure"),
            warn=context.warn,
            limits=Limits.of(context.settings),
        ) as stream:
            wanted = {NEEDED[name] for name in (*params.analyses, *params.pictures)}
            measurements = Measurements(stream, wanted, (params.silence_below, params.min_silence))
            _measure(stream, measurements, context)
            duration, start = measurements.samples / stream.rate, stream.start
            if stream.silent:
                context.warn("silent", f"'{source.name}' is digital silence: there is nothing to analyse.")
        context.progress(0.9, "summarise")
        summary = Summary.of(measurements, params.analyses, (params.min_bpm, params.max_bpm), start)
        if "tempo" in params.analyses and summary.tempo is None:
            context.warn("no_pulse", f"'{source.name}' has no regular pulse, so it has no tempo.")
        if "key" in params.analyses and summary.key is None:
            context.warn("no_key", f"No key fits '{source.name}'.")
        if summary.structure == ():
            why = "nothing in it comes again, or it does not have 20 s to 20 min"
            context.warn("no_structure", f"'{source.name}' has no sections: {why}.")
        return AnalyzeResult(
            **summary.fields(),
            duration=duration,
            analysis=_published(context, source, "analysis.json", summary.written(duration), "application/json"),
            beats={
                name: _published(context, source, f"beats.{'csv' if name == 'csv' else 'txt'}", text, MEDIA_TYPES[name])
                for name, text in summary.beat_files(params.beats).items()
            },
            pictures=_pictures(params, measurements, duration, source, context),
            effective={"track": params.track, "analyses": list(params.analyses)},
        )


def _measure(stream: SoundStream, measurements: Measurements, context: Context) -> None:
    for block in stream.blocks():
        measurements.feed(block)
        context.check()
    measurements.finish()


def _pictures(
    params: AnalyzeParams, measurements: Measurements, duration: float, source: Artifact, context: Context
) -> dict[str, Artifact]:
    from avstudio_audio.pictures.chart import png, svg

    width, height, format = params.picture_width, params.picture_height, params.picture_format
    made = {}
    for name, chart in _charts(params.pictures, measurements, duration).items():
        content = png(chart, width, height) if format == "png" else svg(chart, width, height).encode()
        made[name] = _published(context, source, f"{name}.{format}", content, MEDIA_TYPES[format])
    return made


def _charts(names: Collection[str], measurements: Measurements, duration: float) -> dict[str, Chart]:
    from avstudio_audio.pictures import charts

    made: dict[str, Chart] = {}
    if "waveform" in names and measurements.extremes:
        made["waveform"] = charts.waveform(*measurements.extremes.finished(), duration)
    if "spectrogram" in names and (spectrogram := measurements.spectrogram):
        made["spectrogram"] = charts.spectrogram(spectrogram.finished(), spectrogram.frequencies, duration)
    if "chroma" in names and measurements.chroma:
        made["chroma"] = charts.chroma(measurements.chroma.classes()[0], duration)
    if "loudness" in names and measurements.loudness:
        made["loudness"] = charts.loudness(measurements.loudness.short_term(), duration)
    return made


def _published(context: Context, source: Artifact, name: str, content: str | bytes, media_type: str) -> Artifact:
    """A file named after the recording."""
    named = source.name_for(f".{name}")
    path = context.new_path(named)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return context.publish(path, named, media_type, MediaFacts())
