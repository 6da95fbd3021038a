"""`audio.transcribe`: speech or singing as text with times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from avstudio_audio.media.length import memory_mb
from avstudio_audio.model_choice import AUTO, choose_device, choose_model, choose_threads, declared
from avstudio_audio.sound_params import SoundParams
from avstudio_audio.speech.languages import CODES, whisper_language
from avstudio_audio.speech.prompt import LIMIT, surely_too_long
from avstudio_core import Artifact, CodedWarning, Context, MediaFacts, Needs, Processor, Result, Review
from avstudio_core.documents import subtitles
from avstudio_core.documents.transcript import MEDIA_TYPE, Transcript
from avstudio_core.errors import NotFound

if TYPE_CHECKING:
    from avstudio_audio.speech.whisper import Options, Whisper

FAMILY = "whisper"
UNDECLARED_MB = 2000
"""Memory of a model from the user."""
SOUND_MB_A_SECOND = 0.2
"""Memory of the sound and its features, as measured."""
UNCERTAIN = 0.5
"""A language with a lower probability is a guess."""

SubtitleFormat = Literal["srt", "vtt", "txt"]
MEDIA_TYPES: dict[str, str] = {**subtitles.MEDIA_TYPES, "txt": "text/plain"}


class TranscribeParams(SoundParams):
    """How to transcribe, and which files to write."""

    model: str = Field(
        default=AUTO,
        description="A model's name, a folder with a model, or 'auto' for the best installed one.",
        examples=[AUTO],
        json_schema_extra={"weights": [FAMILY]},
    )
    language: str | None = Field(
        default=None,
        description="A code such as en, or a name; detected if not given or 'auto'.",
        examples=[AUTO, *CODES.split()],
    )
    task: Literal["transcribe", "translate"] = Field(default="transcribe", description="'translate' writes English.")
    format: list[SubtitleFormat] = Field(
        default=["srt"], description="Files to write in addition to the JSON transcript."
    )
    beam_size: int = Field(default=5, ge=1, le=20, description="Number of hypotheses in the search.")
    word_timestamps: bool = Field(
        default=True, description="Add the times of each word, which also improves subtitles."
    )
    vad: bool = Field(
        default=False, description="Skip what Silero VAD does not recognise as speech; do not use it for singing."
    )
    prompt: str | None = Field(
        default=None, description=f"A text that precedes the transcript: it sets spelling and style. {LIMIT}"
    )
    hotwords: list[str] = Field(default=[], description=f"Names and terms to expect. {LIMIT}")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where the model runs.")
    compute_type: Literal["auto", "int8", "int8_float16", "float16", "float32"] = Field(
        default="auto", description="The model's arithmetic; 'auto' is int8 on a CPU."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if wrong := surely_too_long(self.prompt, self.hotwords):
            raise ValueError(wrong)
        return self

    @field_validator("language")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        try:
            return whisper_language(value) if value is not None else None
        except NotFound as error:
            raise ValueError(str(error)) from None


class TranscribeResult(Result):
    """The transcript with times, and the files made from it."""

    transcript: Artifact = Field(description="The transcript as JSON.")
    subtitles: dict[str, Artifact] = Field(description="Subtitle and text files by format.")
    language: str = Field(description="Code of the language.")
    language_probability: float = Field(ge=0, le=1, description="Probability of the language.")
    duration: float = Field(ge=0, description="Length of the sound.", json_schema_extra={"unit": "s"})
    text: str = Field(description="The words without times.")
    _findings: list[CodedWarning] = PrivateAttr(default=[])
    """Used only by the review."""

    def records(self) -> Mapping[str, Mapping[str, Any]]:
        row = {"model": self.effective["model"], "language": self.language}
        return {"transcriptions": {**row, "duration": self.duration, "text": self.text}}


class Transcribe(Processor[TranscribeParams, TranscribeResult]):
    """Transcribe speech or singing to words with times, and write subtitles.

    A transcript that loops, has words in near silence, or is empty although there is speech, is made again once with
    other settings; if it still looks wrong, `warnings` say so. Words in digital silence, and repeats that are faster
    than speech, are left out with a warning.
    """

    name: ClassVar[str] = "audio.transcribe"
    version: ClassVar[str] = "3"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: TranscribeParams) -> dict[str, str]:
        return {"transcript": MEDIA_TYPE} | {name: MEDIA_TYPES[name] for name in params.format}

    def needs(self, params: TranscribeParams, source: Artifact | None) -> Needs:
        model = choose_model(self.shelf, (FAMILY,), params.model)
        weights = declared(self.shelf, (FAMILY,), model)
        return Needs(
            family=FAMILY,
            model=model,
            memory_mb=(weights.memory_mb if weights else UNDECLARED_MB) + memory_mb(source, SOUND_MB_A_SECOND),
            device=choose_device(params.device, ("cuda", "cpu")),
        )

    def run(self, source: Artifact, params: TranscribeParams, context: Context) -> TranscribeResult:
        from avstudio_audio.media.decode import decode
        from avstudio_audio.media.limits import Limits
        from avstudio_audio.speech.transcript_review import Recording, raised, review, without_inventions
        from avstudio_audio.speech.whisper import RATE

        context.progress(0.0, "load")
        arithmetic = _arithmetic(params, context.needs.device)
        whisper = context.model(arithmetic, lambda: _load(context, arithmetic))
        sound = decode(
            source.path,
            rate=RATE,
            channels=1,
            track=params.track,
            progress=lambda part: context.progress(0.05 * part, "decode"),
            warn=context.warn,
            limits=Limits.of(context.settings),
        )
        gain = raised(sound.data)
        options = _options(params, context.feedback)
        found = whisper.transcribe(
            sound.data,
            options,
            progress=lambda part: context.progress(0.05 + 0.95 * part, "transcribe"),
            cancelled=context.cancelled,
        )
        recording = Recording(sound.data[0], sound.start, gain)
        transcript, dropped = without_inventions(found.shifted(sound.start), recording)
        findings = review(transcript, recording)
        dropped = [*_no_speech(transcript), *_uncertain_language(transcript, params), *dropped]
        final = context.feedback is not None or not findings
        for finding in [*dropped, *findings] if final else []:
            context.warn(finding.code, finding.message)
        result = TranscribeResult(
            **_files(transcript, source, params, context),
            language=transcript.language,
            language_probability=transcript.language_probability,
            duration=sound.duration,
            text=transcript.text,
            effective={
                **_effective(options, whisper, context),
                "language": transcript.language,
                "track": params.track,
                "gain_db": round(gain, 1),
            },
        )
        result._findings = findings
        return result

    def review(self, result: TranscribeResult, context: Context) -> Review:
        """Send a transcript that looks wrong back once; the second one is accepted, with its warnings."""
        if result._findings and context.feedback is None:
            return Review.send_back(" ".join(finding.message for finding in result._findings))
        return Review.accept()


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


def _options(params: TranscribeParams, feedback: str | None) -> Options:
    """Options from the parameters; after a review, without the previous text, which can sustain a loop."""
    from avstudio_audio.speech.whisper import Options

    return Options(
        language=params.language,
        task=params.task,
        beam_size=params.beam_size,
        word_timestamps=params.word_timestamps,
        vad=params.vad and feedback is None,  # it may have removed the words
        prompt=params.prompt,
        hotwords=tuple(params.hotwords),
        condition_on_previous_text=feedback is None,
    )


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


def _files(transcript: Transcript, source: Artifact, params: TranscribeParams, context: Context) -> dict[str, Any]:
    """The transcript and the subtitles as artifacts, named after the recording."""
    writers = {"srt": subtitles.to_srt, "vtt": subtitles.to_vtt, "txt": subtitles.to_txt}

    def publish(text: str, suffix: str, media_type: str) -> Artifact:
        name = source.name_for(f".{suffix}")
        path = context.new_path(name)
        path.write_text(text, encoding="utf-8")
        return context.publish(path, name, media_type, MediaFacts(duration=transcript.duration))

    return {
        "transcript": publish(transcript.written(), "json", MEDIA_TYPE),
        "subtitles": {name: publish(writers[name](transcript), name, MEDIA_TYPES[name]) for name in params.format},
    }


def _effective(options: Options, whisper: Whisper, context: Context) -> dict[str, Any]:
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(options).items()}
    model = {"model": context.needs.model, "device": context.needs.device, "compute_type": whisper.compute_type}
    return {**listed, **model}
