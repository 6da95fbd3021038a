"""A transcript of several channels, each with a speaker of its own."""

from __future__ import annotations

from collections.abc import Sequence

from avstudio_core.documents.transcript import Segment, Transcript


def together(transcripts: Sequence[Transcript], speakers: Sequence[str]) -> Transcript:
    """The transcripts of channels of one recording as one, in the order of time.

    Its language is that of the channel with the most words.
    """
    named = [
        segment.model_copy(update={"speaker": speaker})
        for transcript, speaker in zip(transcripts, speakers, strict=True)
        for segment in transcript.segments
    ]
    named.sort(key=lambda segment: (segment.start, segment.end))
    numbered: list[Segment] = [one.model_copy(update={"id": number}) for number, one in enumerate(named)]
    fullest = max(transcripts, key=lambda one: len(one.text))
    return fullest.model_copy(update={"segments": numbered, "duration": max(one.duration for one in transcripts)})
