"""The words of a transcript that are cut out of a recording, and those that are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from avstudio_core import Artifact, Context
from avstudio_core.documents.transcript import MEDIA_TYPE
from avstudio_core.spans import Span

if TYPE_CHECKING:
    from avstudio_audio.trim_params import TrimParams


def removed_words(params: TrimParams, context: Context) -> list[Span]:
    """The times of the named words, each with half the pauses beside it, with a warning for a phrase that is missing.

    Raises `UnreadableMedia`, and `InvalidInput` for a transcript without times of words.
    """
    from avstudio_core.documents.spoken_words import SpokenWords

    if params.transcript is None or not params.names_words:
        return []
    words = SpokenWords.read(params.transcript)
    found = [*words.fillers()] if params.fillers else []
    for phrase in params.remove_phrases:
        places = [*words.phrases(phrase, sentences=params.sentences, pauses=True)]
        if not places:
            context.warn("phrase_missing", f"'{phrase}' is not in '{params.transcript.name}'.")
        found += places
    if not found and not params.remove_phrases:
        context.warn("nothing_cut", f"'{params.transcript.name}' does not have filler words.")
    return [one.span for one in found]


def words_left(document: Artifact, kept: Sequence[Span], source: Artifact, context: Context) -> Artifact:
    """The transcript of the trimmed recording, published."""
    from avstudio_core.documents.moved_transcript import moved_transcript
    from avstudio_core.documents.timed_text import transcript_of

    path = context.new_path(source.name_for(".trim.transcript.json"))
    moved = moved_transcript(transcript_of(document), _Times(kept))
    path.write_text(moved.written(), encoding="utf-8")
    return context.publish(path, path.name, MEDIA_TYPE)


@dataclass(frozen=True)
class _Times:
    kept: Sequence[Span]

    @property
    def length(self) -> float:
        return sum(end - start for start, end in self.kept)

    def keeps(self, time: float) -> bool:
        return any(start <= time < end for start, end in self.kept)

    def moved(self, time: float) -> float:
        return sum(max(0.0, min(time, end) - start) for start, end in self.kept)
