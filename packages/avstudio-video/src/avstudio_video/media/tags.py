"""The tags of files and streams that they keep in another file."""

from __future__ import annotations

from collections.abc import Mapping

OF_THE_CONTAINER = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration")
OF_THE_TIMES = ("timecode", "creation_time")
"""They are no longer true of a file that shows something else."""
OF_THE_TRACK = (
    "encoder",
    "duration",
    "handler_name",
    "vendor_id",
    "number_of_",
    "bps",
    "_statistics_",
    "filename",
    "mimetype",
)
"""The beginnings of tags that are about the file of a track."""


def without_timecode(metadata: Mapping[str, str]) -> dict[str, str]:
    """Tags of a file or a stream that has no timecode."""
    return {key: value for key, value in metadata.items() if key.lower() != "timecode"}


def file_tags(metadata: Mapping[str, str], *, changed: bool) -> dict[str, str]:
    """The tags of a file that another one keeps; `changed` if that shows something else."""
    old = OF_THE_CONTAINER + (OF_THE_TIMES if changed else ())
    return {key: value for key, value in metadata.items() if key.lower() not in old}


def stream_tags(metadata: Mapping[str, str], *, changed: bool = False) -> dict[str, str]:
    """The tags of a stream that it keeps in another file; `changed` if that shows something else."""
    kept = {key: value for key, value in metadata.items() if not key.lower().startswith(OF_THE_TRACK)}
    if changed:
        kept = {key: value for key, value in kept.items() if key.lower() not in OF_THE_TIMES}
    if (name := kept.pop("name", None)) and "title" not in kept:  # as FFmpeg reads the title of MP4
        kept["title"] = name
    return kept
