"""The files of subtitles that a run makes from a transcript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from avstudio_audio.subtitle_params import SubtitleParams
from avstudio_audio.subtitles.cut_times import cut_times
from avstudio_core import Artifact, Context, MediaFacts
from avstudio_core.documents.cues import Cue, cues
from avstudio_core.documents.formats.captions import Captions
from avstudio_core.documents.subtitle_formats import FORMATS, Name
from avstudio_core.documents.subtitle_report import SubtitleReport, report
from avstudio_core.documents.subtitle_rules import SubtitleRules
from avstudio_core.documents.transcript import Transcript

SUFFIXES: dict[Name, str] = {"json": ".cues.json"}
"""The suffixes of names; others are the name of the format."""
RULES = frozenset(("line_length", "lines", "reading_speed", "min_duration", "max_duration", "min_gap", "snap_to"))


@dataclass(frozen=True, slots=True)
class SubtitleFiles:
    """The subtitles of a transcript."""

    transcript: Transcript
    cues: Sequence[Cue]
    rules: SubtitleRules
    report: SubtitleReport

    @classmethod
    def of(cls, transcript: Transcript, params: SubtitleParams) -> SubtitleFiles:
        """Lay out a transcript. Raises `UnreadableMedia` if the document with scenes cannot be read."""
        held = params.rules(transcript.language)
        cuts = [*params.snap_to, *(cut_times(params.scenes) if params.scenes else [])]
        found = cues(transcript, held, cuts=cuts, labels=params.speaker_labels)
        return cls(transcript, found, held, report(found, held, cuts))

    def tell_breaches(self, params: SubtitleParams, context: Context) -> None:
        """Warn if subtitles break rules that were asked for."""
        fields = SubtitleParams.model_fields
        asked = params.preset != "none" or any(getattr(params, name) != fields[name].default for name in RULES)
        if self.report.broken and asked:
            context.warn("subtitle_rules", f"Subtitles break rules: {self.report.summary}. The report says which.")

    def publish(self, source: Artifact, params: SubtitleParams, context: Context) -> dict[str, Artifact]:
        """Write the files, named after the source."""
        captions = Captions(self.transcript, self.cues, params.highlight, params.speaker_labels)
        return {name: self._published(name, captions, source, context) for name in dict.fromkeys(params.format)}

    def effective(self, params: SubtitleParams) -> Mapping[str, Any]:
        """The rules that were used, by the names of their parameters."""
        held = self.rules
        return {
            "preset": params.preset,
            "line_length": held.columns,
            "lines": held.lines,
            "reading_speed": held.reading_speed,
            "min_duration": held.shortest,
            "max_duration": held.longest,
            "min_gap": round(held.gap, 3),
            "close_gaps": round(held.closed_gap, 3),
            "frame_rate": round(held.grid.exact, 3) if params.whole_frames else None,
        }

    def _published(self, format: Name, captions: Captions, source: Artifact, context: Context) -> Artifact:
        name = source.name_for(SUFFIXES.get(format, f".{format}"))
        path = context.new_path(name)
        path.write_text(FORMATS[format].written(captions), encoding="utf-8")
        facts = MediaFacts(duration=self.transcript.duration)
        return context.publish(path, name, FORMATS[format].media_type, facts)
