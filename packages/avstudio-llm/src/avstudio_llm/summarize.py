"""`llm.summarize`: a summary of a long text, and its chapters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from avstudio_core import Artifact, Context, Review, SearchText
from avstudio_core.documents.timed_text import TEXTS, TimedText, read
from avstudio_core.documents.timestamps import clock
from avstudio_llm.model_processor import ModelProcessor, ModelResult, Tally
from avstudio_llm.summarizer import SummarizeParams, Summarizer
from avstudio_llm.text.chapters import Chapter, chapters, in_order
from avstudio_llm.vocabulary import SummarizeWords

MEDIA_TYPE = "application/vnd.avstudio.summary+json"


class SummarizeResult(ModelResult):
    """The summary, and the chapters of the recording."""

    text: str = Field(description="The summary.", json_schema_extra={"view": "text"})
    chapters: list[Chapter] = Field(
        description="In order, without overlap; empty for a text without times.", json_schema_extra={"view": "timeline"}
    )
    duration: float | None = Field(
        default=None, description="Length of the recording, if known.", json_schema_extra={"unit": "s"}
    )
    summary: Artifact = Field(description="Summary and chapters as Markdown.")
    data: Artifact = Field(description="Summary and chapters as JSON.", json_schema_extra={"view": "hidden"})

    def texts(self) -> Iterable[SearchText]:
        yield from super().texts()
        for one in self.chapters:
            yield SearchText(kind="chapter", text=one.title, start=one.start, end=one.end, artifact=self.data.id)


class Summarize(SummarizeWords, ModelProcessor[SummarizeParams, SummarizeResult]):
    """Summarise a transcript, subtitles or a text of any length, with chapters and their times.

    A text that does not fit the model's context is summarised in parts, and then the summaries are summarised. The
    model chooses the lines at which chapters begin; the times come from the lines.
    """

    name: ClassVar[str] = "llm.summarize"
    accepts: ClassVar[tuple[str, ...]] = TEXTS

    def outputs(self, params: SummarizeParams) -> dict[str, str]:
        return {"summary": "text/markdown", "data": MEDIA_TYPE}

    def run(self, source: Artifact, params: SummarizeParams, context: Context) -> SummarizeResult:
        context.progress(0.0, "read")
        transcript = read(source)
        with_chapters = params.chapters and transcript.timed
        tally = Tally(context)
        summarizer = Summarizer(context, params, transcript.passages, with_chapters, tally)
        text = summarizer.summary()
        duration = transcript.duration or 0.0
        found = chapters(summarizer.titles, transcript.passages, duration, params.most_chapters)
        return SummarizeResult(
            text=text,
            chapters=found,
            duration=transcript.duration,
            **_files(text, found, transcript, source, context),
            **tally.result(chapters=with_chapters),
        )

    def review(self, result: SummarizeResult, context: Context) -> Review:
        if not result.text.strip():
            return Review.send_back("The summary is empty.")
        if not in_order(result.chapters, result.duration or 0.0):
            return Review.send_back("The chapters overlap, or lie outside the recording.")
        return Review.accept()


def _files(
    text: str, found: list[Chapter], transcript: TimedText, source: Artifact, context: Context
) -> dict[str, Artifact]:
    def publish(written: str, ending: str, media_type: str) -> Artifact:
        name = source.name_for(ending)
        path = context.new_path(name)
        path.write_text(written, encoding="utf-8")
        return context.publish(path, name, media_type)

    listed = [f"- {clock(chapter.start)} {chapter.title}" for chapter in found]
    markdown = "\n".join(["# Summary", "", text, *(["", "## Chapters", "", *listed] if listed else []), ""])
    data = {"text": text, "duration": transcript.duration, "chapters": [one.model_dump() for one in found]}
    return {
        "summary": publish(markdown, ".summary.md", "text/markdown"),
        "data": publish(json.dumps(data, ensure_ascii=False, indent=1), ".summary.json", MEDIA_TYPE),
    }
