"""Tab-separated values, for spreadsheets."""

from __future__ import annotations

from avstudio_core.documents.formats.captions import Captions

MEDIA_TYPE = "text/tab-separated-values"


def written(captions: Captions) -> str:
    """A line for each cue, with its start and end in milliseconds, after a line with the names of the columns."""
    with_speakers = any(cue.speaker for cue in captions.cues)
    rows = [["start", "end", *(["speaker"] if with_speakers else []), "text"]]
    for cue in captions.cues:
        speaker = [cue.speaker or ""] if with_speakers else []
        rows.append([str(round(cue.start * 1000)), str(round(cue.end * 1000)), *speaker, cue.text])
    return "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in rows)
