"""`audio.trim`: parts of a recording, cut and joined."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from avstudio_audio.encoding_params import check_copied, check_encoding, encoding_of, tell_encoding
from avstudio_audio.file_labels import kept_labels, labelled_encoder, tell_lost_labels
from avstudio_audio.media.progress import told_before
from avstudio_audio.spoken_cuts import removed_words, words_left
from avstudio_audio.trim_params import TrimParams
from avstudio_audio.vocabulary import TrimWords
from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Result
from avstudio_core.documents.transcript import MEDIA_TYPE
from avstudio_core.errors import InvalidInput
from avstudio_core.spans import Span, kept_spans

if TYPE_CHECKING:
    from pathlib import Path

    from avstudio_audio.media.labels import Labels
    from avstudio_audio.media.limits import Limits

SLACK = 0.001
"""Seconds by which a cut may differ from the requested one without a warning."""


class TrimResult(Result):
    """The trimmed recording."""

    sound: Artifact = Field(description="The kept parts.", json_schema_extra={"view": "player"})
    duration: float = Field(description="Length.", json_schema_extra={"unit": "s"})
    kept: list[tuple[float, float]] = Field(
        description="The parts of the source that were kept, half-open.", json_schema_extra={"unit": "s"}
    )
    words: Artifact | None = Field(
        default=None, description="The transcript of the trimmed recording, if one was given for the source."
    )
    copied: bool = Field(description="Whether the encoded sound was copied as it was.")


class Trim(TrimWords, Processor[TrimParams, TrimResult]):
    """Cut a recording: keep or remove parts or words, join what is left, and trim silence at both ends.

    Cuts are exact to the sample. The words are those of a transcript.
    """

    name: ClassVar[str] = "audio.trim"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: TrimParams) -> dict[str, str]:
        words = {"words": MEDIA_TYPE} if params.transcript else {}
        return {"sound": params.format.media_type} | words

    def needs(self, params: TrimParams, source: Artifact | None) -> Needs:
        check_copied(params)
        check_encoding(params)
        params.check()
        params.spans()
        return Needs()

    def run(self, source: Artifact, params: TrimParams, context: Context) -> TrimResult:
        from avstudio_audio.media.limits import Limits

        context.progress(0.0, "read")
        limits = Limits.of(context.settings)
        labels = kept_labels(source, limits, changed=True, wanted=params.tags)
        made = (_copied if params.stream_copy else _encoded)(source, params, labels, limits, context)
        if params.transcript is None:
            return made
        return made.model_copy(update={"words": words_left(params.transcript, made.kept, source, context)})


def _copied(source: Artifact, params: TrimParams, labels: Labels, limits: Limits, context: Context) -> TrimResult:
    from avstudio_audio.media.contents import probe
    from avstudio_audio.media.stream_copy import copy_stream

    [span] = params.spans()
    path = context.new_path(source.name_for(f".trim{params.format.suffix}"))
    _, last = copy_stream(
        source.path,
        path,
        params.format,
        labels=labels,
        track=params.track,
        span=span,
        progress=lambda at: context.check(),
        streams=limits.streams,
    )
    contents = probe(path)
    duration = _decoded_length(path)
    first = last - duration  # players leave out a part of the first packets, as many codecs require it
    early, late = span[0] - first, last - span[1]
    if early > SLACK or late > SLACK:
        message = f"'{path.name}' has the sound from {first:.3f} s to {last:.3f} s, not {span[0]:g} s to {span[1]:g} s"
        context.warn("cut_moved", f"{message}: the stream can only be cut between its packets.")
    tell_lost_labels(path, labels, context)
    facts = contents.facts().model_copy(update={"duration": duration})
    file = context.publish(path, path.name, params.format.media_type, facts)
    return TrimResult(sound=file, duration=duration, kept=[(first, last)], copied=True)


def _decoded_length(path: Path) -> float:
    """In seconds."""
    from avstudio_audio.media.stream import open_stream

    with open_stream(path, warn=told_before) as stream:
        return float(sum(block.shape[1] for block in stream.blocks()) / stream.rate)


def _encoded(source: Artifact, params: TrimParams, labels: Labels, limits: Limits, context: Context) -> TrimResult:
    from avstudio_audio.media.spans import cut, moved_chapters
    from avstudio_audio.media.stream import open_stream

    spans = _wanted(source, params, limits, context)
    name = source.name_for(f".trim{params.format.suffix}")
    path, done = context.new_path(name), 0
    with open_stream(
        source.path,
        span=(spans[0][0], spans[-1][1]),
        track=params.track,
        progress=lambda part: context.progress(0.98 * part, "trim"),
        warn=context.warn,
        limits=limits,
    ) as stream:
        rate, channels = stream.rate, stream.channels
        encoding = encoding_of(params, stream.bits, changed=bool(params.fade or params.fade_in or params.fade_out))
        tell_encoding(params, stream.bits, encoding, source.name, context.warn)
        labels = replace(labels, chapters=tuple(moved_chapters(labels.chapters, spans)))
        cuts = [(round(low * rate), sys.maxsize if high == math.inf else round(high * rate)) for low, high in spans]
        blocks = cut(stream.blocks_from(spans[0][0]), cuts[0][0], cuts, _fades(params, cuts, rate, context.warn))
        length = max(1, stream.length)
        with labelled_encoder(path, encoding, rate, channels, length, labels=labels, warn=context.warn) as write:
            for block in blocks:
                context.check()
                write(block)
                done += block.shape[1]
            if not done:
                raise InvalidInput(f"'{source.name}' does not have sound in these parts.")
    kept = _reached(spans, cuts, done, rate)
    if SLACK < spans[-1][1] - kept[-1][1] < math.inf:
        message = f"'{source.name}' ends before {spans[-1][1]:g} s, where the parts to keep end"
        context.warn("span_shortened", f"{message}: the last one ends at {kept[-1][1]:.3f} s.")
    tell_lost_labels(path, labels, context)
    file = context.publish(
        path, name, params.format.media_type, MediaFacts(duration=done / rate, rate=rate, channels=channels)
    )
    return TrimResult(
        sound=file,
        duration=done / rate,
        kept=kept,
        copied=False,
        effective={"bits": encoding.bits, "dither": str(encoding.dither), "track": params.track},
    )


def _reached(spans: Sequence[Span], cuts: Sequence[tuple[int, int]], done: int, rate: int) -> list[Span]:
    """The spans, up to the end of the sound: `done` samples of their ranges were written."""
    found: list[Span] = []
    for (start, end), (low, high) in zip(spans, cuts, strict=True):
        if done > 0:
            found.append((start, end if high - low <= done else start + done / rate))
        done -= high - low
    return found


def _wanted(source: Artifact, params: TrimParams, limits: Limits, context: Context) -> list[Span]:
    """The parts to keep, with an exact end where that is needed."""
    spans = params.spans(removed_words(params, context))
    exact = params.silence is not None or params.fade_out
    return _within(spans, source, params, limits, context) if exact else list(spans)


def _within(
    spans: Sequence[Span], source: Artifact, params: TrimParams, limits: Limits, context: Context
) -> list[Span]:
    """The parts that are inside the sound, without the silence at both ends if that is wanted."""
    import numpy as np

    from avstudio_audio.media.stream import open_stream

    first, last, end = math.inf, 0.0, 0.0
    level = 0.0 if params.silence is None else 10 ** (params.silence / 20)
    with open_stream(source.path, track=params.track, limits=limits, warn=told_before) as stream:
        begin = round(stream.start * stream.rate)
        for block in stream.blocks():
            context.progress(0.0, "measure")
            loud = np.flatnonzero((np.abs(block) >= level).any(axis=0))
            if len(loud):
                first, last = min(first, begin + int(loud[0])), begin + int(loud[-1]) + 1
            begin += block.shape[1]
        end, rate = begin / stream.rate, stream.rate
    inside = (first / rate, last / rate) if params.silence is not None else (0.0, end)
    kept = kept_spans(spans, [(-1.0, inside[0]), (inside[1], math.inf)]) if inside[0] < inside[1] else []
    if not kept:
        raise InvalidInput(f"'{source.name}' does not have sound above {params.silence or -math.inf:g} dBFS there.")
    return kept


def _fades(
    params: TrimParams, cuts: Sequence[tuple[int, int]], rate: int, warn: Callable[[str, str], None]
) -> list[tuple[int, int]]:
    """The fades at the start and the end of each range, in samples; two fades never overlap.

    Warns with `fade_shortened`.
    """
    rises = [params.fade_in, *[params.fade] * (len(cuts) - 1)]
    falls = [*[params.fade] * (len(cuts) - 1), params.fade_out]
    most = [500 * (high - low) / rate for low, high in cuts]
    if short := [end for rise, fall, end in zip(rises, falls, most, strict=True) if max(rise, fall) > end]:
        warn("fade_shortened", f"A fade takes at most half of its part, so the shortest one takes {min(short):.3g} ms.")
    limited = [(min(rise, end), min(fall, end)) for rise, fall, end in zip(rises, falls, most, strict=True)]
    return [(round(rise * rate / 1000), round(fall * rate / 1000)) for rise, fall in limited]
