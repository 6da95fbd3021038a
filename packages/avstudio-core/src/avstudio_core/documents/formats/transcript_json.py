"""Cues as JSON, in the form of a transcript: any program that reads transcripts can read it."""

from __future__ import annotations

from avstudio_core.documents.cues import Cue
from avstudio_core.documents.formats.captions import Captions
from avstudio_core.documents.transcript import Segment, Word

MEDIA_TYPE = "application/json"


def written(captions: Captions) -> str:
    """A transcript whose segments are the cues."""
    segments = [_segment(number, cue) for number, cue in enumerate(captions.cues)]
    return captions.transcript.model_copy(update={"segments": segments}).written()


def _segment(number: int, cue: Cue) -> Segment:
    words = [Word(start=word.start, end=word.end, text=word.text) for word in cue.words]
    return Segment(id=number, start=cue.start, end=cue.end, text=cue.text, words=words, speaker=cue.speaker)
