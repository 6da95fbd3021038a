"""The names of the formats of scenes, and their media types."""

from __future__ import annotations

from typing import Literal

ExportName = Literal["csv", "edl", "otio", "fcpxml", "webvtt", "ffmetadata", "youtube", "podcast", "qp", "html"]
EditListName = Literal["csv", "edl", "otio", "fcpxml"]
MEDIA_TYPES: dict[ExportName, str] = {
    "csv": "text/csv",
    "edl": "text/plain",
    "otio": "application/json",
    "fcpxml": "application/xml",
    "webvtt": "text/vtt",
    "ffmetadata": "text/plain",
    "youtube": "text/plain",
    "podcast": "application/json",
    "qp": "text/plain",
    "html": "text/html",
}
SUFFIXES: dict[ExportName, str] = {
    "csv": ".scenes.csv",
    "edl": ".edl",
    "otio": ".otio",
    "fcpxml": ".fcpxml",
    "webvtt": ".chapters.vtt",
    "ffmetadata": ".ffmetadata",
    "youtube": ".chapters.txt",
    "podcast": ".chapters.json",
    "qp": ".qp",
    "html": ".scenes.html",
}
ON_GRID = ("csv", "edl", "otio", "fcpxml")
"""Formats that count frames of a constant rate."""
