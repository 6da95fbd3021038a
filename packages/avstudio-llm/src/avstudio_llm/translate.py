"""`llm.translate`: subtitles in another language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from avstudio_core import Artifact, Context, MediaFacts, Review
from avstudio_core.documents import transcript
from avstudio_core.documents.cues import Cue
from avstudio_core.documents.subtitles import MEDIA_TYPES, Subtitles, escaped
from avstudio_core.documents.timed_text import content, read
from avstudio_core.errors import UnreadableMedia
from avstudio_llm.model_processor import ModelProcessor, ModelResult, Tally
from avstudio_llm.text.translation_units import Unit, units
from avstudio_llm.translator import TranslateParams, Translator
from avstudio_llm.vocabulary import TranslateWords


class TranslateResult(ModelResult):
    """The translated subtitles."""

    subtitles: Artifact = Field(description="The file.")
    cues: int = Field(ge=1, description="Number of cues.")
    language: str = Field(description="The requested language.")


class Translate(TranslateWords, ModelProcessor[TranslateParams, TranslateResult]):
    """Translate subtitles; the number of cues, their times and their markup do not change.

    Lines are wrapped again within the given limits. A segment of a transcript becomes as many cues as its translation
    fills. Without `format`, subtitles keep their format; a plan assumes that the output is SRT.
    """

    name: ClassVar[str] = "llm.translate"
    accepts: ClassVar[tuple[str, ...]] = (*MEDIA_TYPES.values(), transcript.MEDIA_TYPE, "application/json")

    def outputs(self, params: TranslateParams) -> dict[str, str]:
        return {"subtitles": MEDIA_TYPES[params.format or "srt"]}

    def run(self, source: Artifact, params: TranslateParams, context: Context) -> TranslateResult:
        context.progress(0.0, "read")
        tally = Tally(context)
        if source.media_type in MEDIA_TYPES.values():
            file, lines = _subtitles(source, params, context, tally)
        else:
            file, lines = _of_transcript(source, params, context, tally)
        written = file.written(["\n".join(one if file.format == "srt" else map(escaped, one)) for one in lines])
        name = source.name_for(
            f".{re.sub(r'[^a-z0-9]+', '-', params.to.lower()).strip('-') or 'translated'}.{file.format}"
        )
        path = context.new_path(name)
        path.write_text(written, encoding="utf-8")
        facts = MediaFacts(duration=max(cue.end for cue in file.cues))
        made = context.publish(path, name, MEDIA_TYPES[file.format], facts)
        return TranslateResult(
            subtitles=made, cues=len(file.cues), language=params.to, **tally.result(format=file.format)
        )

    def review(self, result: TranslateResult, context: Context) -> Review:
        """Check the number of cues in the written file."""
        found = len(Subtitles.parse(content(result.subtitles)).cues)
        if found != result.cues:
            return Review.send_back(f"The file has {found} cues, but {result.cues} were translated.")
        return Review.accept()


def _subtitles(
    source: Artifact, params: TranslateParams, context: Context, tally: Tally
) -> tuple[Subtitles, list[list[str]]]:
    """The cues of a file, with the lines of each in the other language."""
    try:
        file = Subtitles.parse(content(source))
    except UnreadableMedia as error:
        raise UnreadableMedia(f"'{source.name}' cannot be read: {error.message}", hint=error.hint) from None
    found = units(file.words)
    speakers = Counter(unit.cue for unit in found)
    shares = [max(1, params.lines // speakers[unit.cue]) for unit in found]
    lines: list[list[str]] = [[] for _ in file.cues]
    for unit, text in zip(found, _translated(found, shares, params, context, tally), strict=True):
        lines[unit.cue] += unit.lines(text, params.line_length)
    if params.format in (None, file.format):
        return file, lines
    return Subtitles.of(file.cues, params.format), lines


def _of_transcript(
    source: Artifact, params: TranslateParams, context: Context, tally: Tally
) -> tuple[Subtitles, list[list[str]]]:
    """A translated segment as cues, which divide its time in proportion to their text."""
    passages = read(source).passages
    found = [Unit(number, "", passage.text, "") for number, passage in enumerate(passages)]
    cues: list[Cue] = []
    lines: list[list[str]] = []
    texts = _translated(found, [None] * len(found), params, context, tally)
    for passage, unit, text in zip(passages, found, texts, strict=True):
        broken = unit.lines(text, params.line_length)
        groups = [broken[at : at + params.lines] for at in range(0, len(broken), params.lines)]
        cues += _spread(groups, passage.start or 0.0, passage.end or 0.0)
        lines += groups
    return Subtitles.of(cues, params.format or "srt"), lines


def _translated(
    found: Sequence[Unit], most: Sequence[int | None], params: TranslateParams, context: Context, tally: Tally
) -> list[str]:
    if not any(unit.speaks for unit in found):
        raise UnreadableMedia("The source contains no words to translate.")
    return Translator(context, params, found, most, tally).translated()


def _spread(groups: Sequence[Sequence[str]], start: float, end: float) -> list[Cue]:
    sizes = [sum(map(len, group)) for group in groups]
    ends = [start + (end - start) * sum(sizes[: at + 1]) / sum(sizes) for at in range(len(groups))]
    times = zip([start, *ends[:-1]], ends, groups, strict=True)
    return [Cue(begin, end, "\n".join(group)) for begin, end, group in times]
