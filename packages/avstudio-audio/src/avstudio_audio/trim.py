"""`audio.trim`: parts of a recording, cut and joined."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from avstudio_audio.encoding_params import EncodingParams, check_encoding, encoding_of, tell_fewer_bits
from avstudio_audio.file_labels import kept_labels, labelled_encoder, tell_lost_labels
from avstudio_audio.media.progress import told_before
from avstudio_audio.vocabulary import TrimWords
from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Result
from avstudio_core.errors import InvalidInput, InvalidParams
from avstudio_core.spans import WHOLE, Span, checked_spans, kept_spans, one_span, span_of

if TYPE_CHECKING:
    from pathlib import Path

    from avstudio_audio.media.labels import Labels
    from avstudio_audio.media.limits import Limits

SLACK = 0.001
"""Seconds by which a cut may differ from the requested one without a warning."""


class TrimParams(EncodingParams):
    """Which parts to keep."""

    start: float = Field(default=0.0, ge=0, description="Start of the kept part.", json_schema_extra={"unit": "s"})
    end: float | None = Field(
        default=None, gt=0, description="End of the kept part, half-open.", json_schema_extra={"unit": "s"}
    )
    keep: list[str] = Field(
        default=[], description="Several parts to keep, joined in order.", examples=["10-20.5", "1:30-2:00", "90-"]
    )
    remove: list[str] = Field(default=[], description="Parts to leave out.", examples=["10-20.5", "-5"])
    fade: float = Field(
        default=0.0, ge=0, le=60_000, description="Fades at each join.", json_schema_extra={"unit": "ms"}
    )
    fade_in: float = Field(
        default=0.0, ge=0, le=600_000, description="Fade at the start.", json_schema_extra={"unit": "ms"}
    )
    fade_out: float = Field(
        default=0.0, ge=0, le=600_000, description="Fade at the end.", json_schema_extra={"unit": "ms"}
    )
    silence: float | None = Field(
        default=None,
        ge=-120,
        lt=0,
        description="Remove sound below this level at both ends.",
        json_schema_extra={"unit": "dBFS"},
    )
    stream_copy: bool = Field(
        default=False,
        description="Copy one part without encoding. It is cut between packets, and begins a little earlier.",
    )

    @field_validator("keep", "remove")
    @classmethod
    def _are_spans(cls, value: list[str]) -> list[str]:
        return checked_spans(value)


class TrimResult(Result):
    """The trimmed recording."""

    sound: Artifact = Field(description="The kept parts.", json_schema_extra={"view": "player"})
    duration: float = Field(description="Length.", json_schema_extra={"unit": "s"})
    kept: list[tuple[float, float]] = Field(
        description="The parts of the source that were kept, half-open.", json_schema_extra={"unit": "s"}
    )
    copied: bool = Field(description="Whether the encoded sound was copied as it was.")


class Trim(TrimWords, Processor[TrimParams, TrimResult]):
    """Cut a recording: keep or remove parts to the sample, join what is left, and trim silence at both ends."""

    name: ClassVar[str] = "audio.trim"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: TrimParams) -> dict[str, str]:
        return {"sound": params.format.media_type}

    def needs(self, params: TrimParams, source: Artifact | None) -> Needs:
        check_encoding(params)
        spans = _spans(params)
        processed = params.fade or params.fade_in or params.fade_out or params.silence is not None
        if params.stream_copy and (len(spans) > 1 or processed):
            raise InvalidParams("'stream_copy' copies one part, without fades.", hint="Leave out one of them.")
        return Needs()

    def run(self, source: Artifact, params: TrimParams, context: Context) -> TrimResult:
        from avstudio_audio.media.limits import Limits

        context.progress(0.0, "read")
        limits = Limits.of(context.settings)
        labels = kept_labels(source, limits, changed=True, wanted=params.tags)
        if params.stream_copy:
            return _copied(source, params, labels, limits, context)
        return _encoded(source, params, labels, limits, context)


def _spans(params: TrimParams) -> list[Span]:
    """The kept parts in order. Raises `InvalidParams`."""
    one = one_span(params.start, params.end)
    if params.keep and one != WHOLE:
        raise InvalidParams("'keep' cannot be combined with 'start' and 'end'.", hint="Give all parts with 'keep'.")
    spans = kept_spans([span_of(text) for text in params.keep] or [one], [span_of(text) for text in params.remove])
    if not spans:
        raise InvalidParams("No part is left.", hint="Remove less, or keep more.")
    return spans


def _copied(source: Artifact, params: TrimParams, labels: Labels, limits: Limits, context: Context) -> TrimResult:
    from avstudio_audio.media.contents import probe
    from avstudio_audio.media.stream_copy import copy_stream

    [span] = _spans(params)
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
        tell_fewer_bits(params, stream.bits, encoding, source.name, context.warn)
        labels = replace(labels, chapters=tuple(moved_chapters(labels.chapters, spans)))
        cuts = [(round(low * rate), sys.maxsize if high == math.inf else round(high * rate)) for low, high in spans]
        blocks = cut(stream.blocks_from(spans[0][0]), cuts[0][0], cuts, _fades(params, cuts, rate))
        length = max(1, stream.length)
        with labelled_encoder(path, encoding, rate, channels, length, labels=labels, warn=context.warn) as write:
            for block in blocks:
                context.check()
                write(block)
                done += block.shape[1]
            if not done:
                raise InvalidInput(f"'{source.name}' does not have sound in these parts.")
    last = spans[-1][0] + done / rate - sum(high - low for low, high in spans[:-1])
    if SLACK < spans[-1][1] - last < math.inf:
        context.warn("span_shortened", f"'{source.name}' ends {spans[-1][1] - last:.3f} s before the parts to keep do.")
    tell_lost_labels(path, labels, context)
    file = context.publish(
        path, name, params.format.media_type, MediaFacts(duration=done / rate, rate=rate, channels=channels)
    )
    return TrimResult(
        sound=file,
        duration=done / rate,
        kept=[*spans[:-1], (spans[-1][0], last)],
        copied=False,
        effective={"bits": encoding.bits, "dither": str(encoding.dither), "track": params.track},
    )


def _wanted(source: Artifact, params: TrimParams, limits: Limits, context: Context) -> list[Span]:
    """The parts to keep, with an exact end where that is needed."""
    spans = _spans(params)
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


def _fades(params: TrimParams, cuts: Sequence[tuple[int, int]], rate: int) -> list[tuple[int, int]]:
    """The fades at the start and the end of each range, in samples; two fades never overlap."""
    fades = []
    for number, (low, high) in enumerate(cuts):
        rise = params.fade_in if number == 0 else params.fade
        fall = params.fade_out if number == len(cuts) - 1 else params.fade
        most = (high - low) // 2
        fades.append((min(round(rise * rate / 1000), most), min(round(fall * rate / 1000), most)))
    return fades
