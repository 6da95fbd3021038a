"""The transcript of one channel, and what looks wrong in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from avstudio_audio.speech.transcript_review import Recording, raised, review, without_inventions
from avstudio_audio.speech.word_times import without_silence
from avstudio_core import CodedWarning
from avstudio_core.documents.transcript import Transcript
from avstudio_core.spans import WHOLE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.speech.options import Options
    from avstudio_audio.speech.voice import Voice
    from avstudio_audio.speech.whisper import Whisper

IMPROBABLE = -1.0
"""A segment whose tokens have a lower mean log probability is doubted."""
SKIPPED_SECONDS = 1.0
"""A shorter voice may be skipped without a warning."""


@dataclass(frozen=True, slots=True)
class Take:
    """The transcript of a channel."""

    transcript: Transcript
    dropped: list[CodedWarning]
    """What was left out, and why."""
    findings: list[CodedWarning]
    """What looks wrong, so that another run is worth while."""
    gain_db: float
    """The gain with which the channel was amplified."""


def taken(  # noqa: PLR0913
    whisper: Whisper,
    channel: NDArray[np.float32],
    start: float,
    options: Options,
    *,
    voice: Voice | None,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Take:
    """Transcribe a channel, `(samples,)` at 16 kHz, that begins at `start` seconds; a very quiet one is amplified."""
    gain = raised(channel)
    if voice is not None:
        voice.raise_by(gain)
    found = whisper.transcribe(channel, options, progress=progress, cancelled=cancelled, voice=voice)
    recording = Recording(channel, start, gain)
    transcript, dropped = without_inventions(found.shifted(start), recording)
    dropped += _skipped(channel, options, voice)
    timed = without_silence(transcript, channel, start)
    clip = [(start + begin, start + end) for begin, end in options.clip]
    return Take(timed, dropped, review(timed, recording, clip or [WHOLE]), gain)


def _skipped(channel: NDArray[np.float32], options: Options, voice: Voice | None) -> list[CodedWarning]:
    """A warning about a voice that is heard where nothing was transcribed."""
    if voice is None or not options.vad:
        return []
    seconds = voice.skipped_seconds(channel, options.vad_settings.silero())
    if seconds < SKIPPED_SECONDS:
        return []
    message = f"A voice is heard for {seconds:.1f} s that are not recognised as speech: they are not transcribed."
    hint = "If it is singing, set 'isolate_speech' to 'auto' or 'full'."
    return [CodedWarning(code="voice_skipped", message=f"{message} {hint}")]


def low_confidence(transcript: Transcript) -> list[CodedWarning]:
    """A warning about words that the model itself doubts."""
    doubted = [one for one in transcript.segments if one.avg_logprob < IMPROBABLE]
    if not doubted:
        return []
    first = doubted[0]
    place = f"first '{first.text}' at {first.start:.1f} s"
    message = f"{len(doubted)} of {len(transcript.segments)} segments are improbable, {place}."
    return [CodedWarning(code="low_confidence", message=message)]
