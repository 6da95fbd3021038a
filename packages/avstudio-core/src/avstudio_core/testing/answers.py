"""A studio's answers to the same work, given twice: several tests of a contract judge the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact
    from avstudio_core.results import Result
    from avstudio_core.studio import Studio


@dataclass(frozen=True)
class Answers:
    """Two results of equal work, and what became of its files."""

    first: Result
    second: Result | AVStudioError
    damaged: list[str]
    """The files of the first result that are not what their digests say."""
    source: str
    """The digest of the source, or nothing."""
    source_changed: bool
    """Whether the source had other content after the first run."""


def answers(studio: Studio, processor: str, sample: Path | None, params: Mapping[str, Any]) -> Answers:
    """Have a studio do the same work twice. Raises the error of the first run."""
    from avstudio_core.artifact import artifacts_in

    source = studio.take_in(sample) if sample else None
    before = _content(sample)
    first = studio.run(processor, source, **params)
    changed = _content(sample) != before or (source is not None and _damaged(studio, source))
    damaged = [name for name, made in artifacts_in(first).items() if _damaged(studio, made)]
    try:
        second = studio.run(processor, source, **params)
    except AVStudioError as error:  # judged by the test of the second run, not by those of the first
        second = error
    return Answers(first, second, damaged, source.sha256 if source else "", changed)


def _content(file: Path | None) -> bytes:
    return file.read_bytes() if file else b""


def _damaged(studio: Studio, artifact: Artifact) -> bool:
    """Whether a file is not what its digest says."""
    try:
        studio.verify(artifact)
    except AVStudioError:
        return True
    return False
