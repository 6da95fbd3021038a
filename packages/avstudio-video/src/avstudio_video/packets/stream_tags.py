"""The tags of a stream in another file."""

from __future__ import annotations

from collections.abc import Mapping

OLD = ("encoder", "duration", "handler_name", "vendor_id", "number_of_", "bps", "_statistics_", "filename", "mimetype")
"""The beginnings of tags that are about the file of a track."""


def tags_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """The tags of a stream that it keeps in another file."""
    kept = {key: value for key, value in metadata.items() if not key.lower().startswith(OLD)}
    if (name := kept.pop("name", None)) and "title" not in kept:  # as FFmpeg reads the title of MP4
        kept["title"] = name
    return kept
