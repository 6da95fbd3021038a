"""Scenes as tables and chapters: CSV, WebVTT and FFmpeg's metadata."""

from __future__ import annotations

import csv
import io
import re

from avstudio_core.documents.scenes import Scenes
from avstudio_video.exports.cut_list import CutList

COLUMNS = ("scene", "start", "end", "duration", "start_frame", "end_frame", "start_timecode", "end_timecode", "score")
EDIT_COLUMNS = (
    "part",
    "start",
    "end",
    "start_frame",
    "end_frame",
    "start_timecode",
    "end_timecode",
    "new_start_frame",
    "fade_frames",
)


def table(scenes: Scenes, cuts: CutList) -> str:
    """A CSV table with a header row; times in seconds, frames half-open."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one, clip in zip(scenes.scenes, cuts.clips, strict=True):
        labels = (cuts.count.label(cuts.first + frame) for frame in (clip.start, clip.end))
        times = (f"{value:.6f}" for value in (one.start, one.end, one.end - one.start))
        score = "" if one.score is None else f"{one.score:.3f}"
        rows.writerow([clip.number, *times, one.start_frame, one.end_frame, *labels, score])
    return out.getvalue()


def edit_table(cuts: CutList) -> str:
    """A CSV table of an edit with a header row; times in seconds, frames half-open."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(EDIT_COLUMNS)
    for clip in cuts.clips:
        source = [cuts.count.label(cuts.first + frame) for frame in (clip.start, clip.end)]
        times = (f"{value:.6f}" for value in clip.seconds)
        rows.writerow([clip.number, *times, clip.start, clip.end, *source, clip.at, clip.fade])
    return out.getvalue()


def webvtt(scenes: Scenes) -> str:
    """Chapters for players in browsers."""
    cues = (f"{one.id + 1}\n{_stamp(one.start)} --> {_stamp(one.end)}\nScene {one.id + 1}\n" for one in scenes.scenes)
    return "WEBVTT\n\n" + "\n".join(cues)


def ffmetadata(scenes: Scenes, title: str) -> str:
    """Chapters that FFmpeg writes into a video."""
    parts = [f";FFMETADATA1\ntitle={_escaped(title)}\n"]
    for one in scenes.scenes:
        span = f"START={round(one.start * 1000)}\nEND={round(one.end * 1000)}"
        parts.append(f"[CHAPTER]\nTIMEBASE=1/1000\n{span}\ntitle=Scene {one.id + 1}\n")
    return "".join(parts)


def _stamp(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _escaped(text: str) -> str:
    return re.sub(r"([=;#\\\n])", r"\\\1", text)
