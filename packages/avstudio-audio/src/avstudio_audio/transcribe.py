"""`audio.transcribe`: speech or singing as text with times."""

from __future__ import annotations

import shlex
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from avstudio_audio.decode_params import DecodeParams
from avstudio_audio.media.length import memory_mb
from avstudio_audio.model_choice import AUTO, choose_device, choose_model, choose_threads, declared
from avstudio_audio.sound_params import SoundParams
from avstudio_audio.subtitle_params import SubtitleParams
from avstudio_audio.vocabulary import TranscribeWords
from avstudio_core import Artifact, CodedWarning, Context, MediaFacts, Needs, Processor, Result, Review
from avstudio_core.documents.subtitle_formats import FORMATS
from avstudio_core.documents.subtitle_report import SubtitleReport
from avstudio_core.documents.transcript import MEDIA_TYPE, Transcript
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    from avstudio_audio.media.samples import Samples
    from avstudio_audio.speech.options import Options
    from avstudio_audio.speech.take import Take
    from avstudio_audio.speech.whisper import Whisper

FAMILY = "whisper"
UNDECLARED_MB = 2000
"""Memory of a model from the user."""
SOUND_MB_A_SECOND = 0.2
"""Memory of the sound and its features, as measured."""
UNCERTAIN = 0.5
"""A language with a lower probability is a guess."""


class TranscribeParams(SoundParams, DecodeParams, SubtitleParams):
    """How to transcribe, and which files to write."""

    model: str = Field(
        default=AUTO,
        description="A model's name, a folder with a model, or 'auto' for the best installed one.",
        examples=[AUTO],
        json_schema_extra={"weights": [FAMILY]},
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where the model runs.")
    compute_type: Literal["auto", "int8", "int8_float16", "float16", "float32"] = Field(
        default="auto", description="The model's arithmetic; 'auto' is int8 on a CPU."
    )
    channel_as_speaker: bool = Field(
        default=False, description="Transcribe the two channels of a call one by one: each is a speaker."
    )
    speakers: list[str] = Field(
        default=["Left", "Right"], min_length=2, max_length=2, description="The names of the speakers of the channels."
    )
    isolate_speech: Literal["off", "vad_only", "align_only", "full", "auto"] = Field(
        default="off",
        description="Separate the voice first, to find where speech is (vad_only), when words are spoken (align_only), "
        "or to transcribe only it (full); 'auto' uses it for times, and where there is a voice, if there is music.",
    )
    speech: Artifact | None = Field(
        default=None,
        description="The separated voice of the recording, as audio.separate makes it; made first if it is needed.",
        json_schema_extra={"accepts": ["audio/*"]},
    )

    @model_validator(mode="after")
    def _voice_is_used(self) -> Self:
        if self.speech is not None and self.isolate_speech == "off":
            raise ValueError("a separated voice is given, but isolate_speech is 'off'")
        return self


class TranscribeResult(Result):
    """The transcript with times, and the files made from it."""

    transcript: Artifact = Field(description="The transcript as JSON.")
    subtitles: dict[str, Artifact] = Field(description="Subtitle and text files by format.")
    report: SubtitleReport = Field(
        default=SubtitleReport(cues=0), description="The cues that break a rule.", json_schema_extra={"view": "table"}
    )
    language: str = Field(description="Code of the language.")
    language_probability: float = Field(ge=0, le=1, description="Probability of the language.")
    duration: float = Field(ge=0, description="End of the sound.", json_schema_extra={"unit": "s"})
    text: str = Field(description="The words without times.", json_schema_extra={"view": "hidden"})
    _findings: list[CodedWarning] = PrivateAttr(default=[])
    """Used only by the review."""


class Transcribe(TranscribeWords, Processor[TranscribeParams, TranscribeResult]):
    """Transcribe speech or singing to words with times, and write subtitles.

    A transcript that loops, has words in near silence, or is empty although there is speech, is made again once with
    other settings; if it still looks wrong, `warnings` say so. Words in digital silence, and repeats that are faster
    than speech, are left out with a warning.
    """

    name: ClassVar[str] = "audio.transcribe"
    version: ClassVar[str] = "7"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: TranscribeParams) -> dict[str, str]:
        return {"transcript": MEDIA_TYPE} | {name: FORMATS[name].media_type for name in params.format}

    def needs(self, params: TranscribeParams, source: Artifact | None) -> Needs:
        model = choose_model(self.shelf, (FAMILY,), params.model)
        weights = declared(self.shelf, (FAMILY,), model)
        return Needs(
            family=FAMILY,
            model=model,
            memory_mb=(weights.memory_mb if weights else UNDECLARED_MB) + memory_mb(source, SOUND_MB_A_SECOND),
            device=choose_device(params.device, ("cuda", "cpu")),
        )

    def prerequisites(self, params: TranscribeParams) -> dict[str, str]:
        if params.isolate_speech == "off":
            return {}
        track = f" track={shlex.quote(params.track)}" if params.track else ""
        return {"speech": f"audio.separate:vocals stems=vocals{track}"}

    def run(self, source: Artifact, params: TranscribeParams, context: Context) -> TranscribeResult:
        from avstudio_audio.speech.channel_sound import channel_sound
        from avstudio_audio.subtitles.files import SubtitleFiles

        sound = channel_sound(source, params.track, context, apart=params.channel_as_speaker)
        _refuse_late(params, sound, source)
        context.progress(0.05, "load")  # after the decoding, which an unreadable file ends at once
        arithmetic = _arithmetic(params, context.needs.device)
        whisper = context.model(arithmetic, lambda: _load(context, arithmetic))
        options = _options(params, sound, context)
        takes = _takes(whisper, sound, options, params, context)
        transcript = _joined([take.transcript for take in takes], params)
        findings = [finding for take in takes for finding in take.findings]
        subtitles = SubtitleFiles.of(transcript, params)
        if context.feedback is not None or not findings:  # there is no other run
            _tell(transcript, takes, params, context)
            subtitles.tell_breaches(params, context)
        result = TranscribeResult(
            transcript=_published(transcript, source, context),
            subtitles=subtitles.publish(source, params, context),
            report=subtitles.report,
            language=transcript.language,
            language_probability=transcript.language_probability,
            duration=transcript.duration,
            text=transcript.text,
            effective={
                **_effective(options, whisper, context),
                **subtitles.effective(params),
                "language": transcript.language,
                "track": params.track,
                "clip": params.clip,
                "isolate_speech": params.isolate_speech,
                "gain_db": round(max(take.gain_db for take in takes), 1),
            },
        )
        result._findings = findings
        return result

    def review(self, result: TranscribeResult, context: Context) -> Review:
        """Send a transcript that looks wrong back once; the second one is accepted, with its warnings."""
        if result._findings and context.feedback is None:
            return Review.send_back(" ".join(finding.message for finding in result._findings))
        return Review.accept()


def _refuse_late(params: TranscribeParams, sound: Samples, source: Artifact) -> None:
    end = sound.start + sound.duration
    if params.clip and params.clip[0] >= end:
        raise InvalidInput(f"'{source.name}' ends at {end:g} s: 'clip' begins after it.", hint="Give earlier spans.")


def _load(context: Context, arithmetic: str) -> Whisper:
    from avstudio_audio.speech.whisper import Whisper

    assert context.needs.model is not None
    folder = context.weights(context.needs.model)
    threads = choose_threads(context.settings.threads)
    return Whisper.load(folder, context.needs.device, arithmetic, threads)


def _arithmetic(params: TranscribeParams, device: str) -> str:
    if params.compute_type != "auto":
        return params.compute_type
    return "int8" if device == "cpu" else "float16"


def _options(params: TranscribeParams, sound: Samples, context: Context) -> Options:
    """Options from the parameters; after a review, without what can sustain a loop or remove words."""
    from avstudio_audio.speech.options import Options

    first = context.feedback is None
    aligned = params.isolate_speech in ("align_only", "auto")  # in batches, words cannot be aligned elsewhere
    batched = first and not aligned and params.in_batches(sound.duration, context.needs.device)
    for name in params.without_effect(batched) if first else ():
        context.warn("parameter_ignored", f"'{name}' has no effect with the other parameters: it is not used.")
    names = Options.__dataclass_fields__.keys() & DecodeParams.model_fields.keys()
    named = {name: getattr(params, name) for name in names}
    listed = {name: tuple(value) if isinstance(value, list) else value for name, value in named.items()}
    changes: dict[str, Any] = {
        "mode": "batched" if batched else "accurate",
        "vad": first and (params.vad or params.isolate_speech in ("vad_only", "auto")),
        "vad_settings": params.vad_settings(),
        "clip": params.spans(sound.start),
        "condition_on_previous_text": first and params.condition_on_previous_text,
    }
    return Options(**{**listed, **changes})


def _takes(
    whisper: Whisper, sound: Samples, options: Options, params: TranscribeParams, context: Context
) -> list[Take]:
    """The transcript of each channel."""
    from avstudio_audio.speech.channel_sound import separated, voice_of
    from avstudio_audio.speech.take import taken

    isolation, count = params.isolate_speech, sound.channels
    voice = separated(params.speech, sound, context) if params.speech is not None else None
    takes = []
    for number in range(count):
        channel, helped = sound.data[number], None
        if voice is not None and isolation == "full":
            channel = voice.data[number]
        elif voice is not None:
            helped = voice_of(isolation, channel, voice.data[number])
        one = options
        if isolation == "auto" and helped is None:
            one = replace(options, vad=params.vad and options.vad)

        def progress(part: float, number: int = number) -> None:
            context.progress(0.05 + 0.95 * (number + part) / count, "transcribe")

        takes.append(
            taken(whisper, channel, sound.start, one, voice=helped, progress=progress, cancelled=context.cancelled)
        )
    return takes


def _joined(transcripts: list[Transcript], params: TranscribeParams) -> Transcript:
    from avstudio_audio.speech.channels import together

    return together(transcripts, params.speakers) if params.channel_as_speaker else transcripts[0]


def _tell(transcript: Transcript, takes: list[Take], params: TranscribeParams, context: Context) -> None:
    """Warn about what may be wrong in the transcript."""
    from avstudio_audio.speech.take import low_confidence

    found = [*_no_speech(transcript), *_uncertain_language(transcript, params)]
    for take in takes:
        found += [*take.dropped, *take.findings]
    for one in [*found, *low_confidence(transcript)]:
        context.warn(one.code, one.message)


def _no_speech(transcript: Transcript) -> list[CodedWarning]:
    """A warning about a transcript without words."""
    if transcript.text:
        return []
    return [CodedWarning(code="no_speech", message="No words were recognised in this recording.")]


def _uncertain_language(transcript: Transcript, params: TranscribeParams) -> list[CodedWarning]:
    """A warning about words in a detected language that may be wrong."""
    if not transcript.text or params.language is not None or transcript.language_probability >= UNCERTAIN:
        return []
    guess = f"The language '{transcript.language}' is a guess, with a probability of "
    message = f"{guess}{transcript.language_probability:.2f}. If it is wrong, set the language."
    return [CodedWarning(code="language_uncertain", message=message)]


def _published(transcript: Transcript, source: Artifact, context: Context) -> Artifact:
    """The transcript as a file, named after the recording."""
    name = source.name_for(".json")
    path = context.new_path(name)
    path.write_text(transcript.written(), encoding="utf-8")
    return context.publish(path, name, MEDIA_TYPE, MediaFacts(duration=transcript.duration))


def _effective(options: Options, whisper: Whisper, context: Context) -> dict[str, Any]:
    vad = {f"vad_{name}": value for name, value in asdict(options.vad_settings).items()} if options.vad else {}
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(options).items()}
    del listed["vad_settings"]
    model = {"model": context.needs.model, "device": context.needs.device, "compute_type": whisper.compute_type}
    return {**listed, **vad, **model}
