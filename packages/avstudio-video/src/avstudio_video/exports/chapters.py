"""Scenes as chapters for sites: YouTube's description, and the JSON of podcasts."""

from __future__ import annotations

import json

from avstudio_core.documents.scenes import Scene, Scenes

SHORTEST = 10.0
"""The least seconds of a chapter on YouTube."""
FEWEST = 3
"""YouTube shows no chapters if there are fewer."""


def youtube(scenes: Scenes) -> str:
    """Lines for the description of a video; scenes that are too short belong to the chapter before."""
    return "".join(f"{_clock(start)} Scene {one.id + 1}\n" for start, one in youtube_chapters(scenes))


def youtube_chapters(scenes: Scenes) -> list[tuple[float, Scene]]:
    """Where chapters start, the first at 0, each at least ten seconds long."""
    found: list[tuple[float, Scene]] = []
    for one in scenes.scenes:
        start = float(round(one.start)) if found else 0.0
        if not found or (start - found[-1][0] >= SHORTEST and scenes.duration - start >= SHORTEST):
            found.append((start, one))
    return found


def podcast(scenes: Scenes) -> str:
    """The JSON chapters of the Podcast Namespace, version 1.2."""
    chapters = [{"startTime": round(one.start, 3), "title": f"Scene {one.id + 1}"} for one in scenes.scenes]
    return json.dumps({"version": "1.2.0", "chapters": chapters}, indent=1)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
