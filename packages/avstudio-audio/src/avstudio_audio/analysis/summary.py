"""The results of the analyses, as fields and files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from avstudio_audio.analysis.beats import beat_times
from avstudio_audio.analysis.key import likely_keys
from avstudio_audio.analysis.onsets import onset_times
from avstudio_audio.analysis.sections import Section, sections
from avstudio_audio.analysis.tempo import tempo_candidates
from avstudio_audio.file_levels import Levels

if TYPE_CHECKING:
    from avstudio_audio.analysis.measurements import Measurements

METHOD = "onset autocorrelation"
SHOWN = 5
"""The number of candidates in a result."""
CHROMA_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Summary:
    """What was found; times are in seconds of the file."""

    tempo: dict[str, Any] | None = None
    beats: tuple[float, ...] = ()
    onsets: tuple[float, ...] | None = None
    key: dict[str, Any] | None = None
    chroma: tuple[float, ...] | None = None
    structure: tuple[Section, ...] | None = None
    spectrum: dict[str, float] | None = None
    loudness: Levels | None = None
    silence: tuple[tuple[float, float], ...] | None = None
    speech: tuple[tuple[float, float], ...] | None = None

    @classmethod
    def of(cls, measurements: Measurements, analyses: Collection[str], bpm: tuple[float, float], start: float) -> Self:
        """Summarise finished measurements; `start` is the time of the first sample."""
        found: dict[str, Any] = {}
        if measurements.onsets:
            strength = measurements.onsets.strength()
            if "tempo" in analyses:
                found["tempo"], beats = _tempo(strength, bpm)
                found["beats"] = tuple(round(start + time, 4) for time in beats)
            if "onsets" in analyses:
                found["onsets"] = tuple(round(start + time, 4) for time in onset_times(strength))
        if measurements.chroma and "key" in analyses:
            found |= _key(measurements)
        if measurements.chroma and "structure" in analyses:
            parts = sections(measurements.chroma.classes()[0])
            found["structure"] = tuple(replace(one, start=start + one.start, end=start + one.end) for one in parts)
        if measurements.loudness:
            found["loudness"] = Levels.of(measurements.loudness.finish())
        if measurements.spectrum:
            found["spectrum"] = measurements.spectrum.finished()
        for name, spans in (("silence", measurements.silence), ("speech", measurements.speech)):
            if spans:
                found[name] = tuple((round(start + one, 4), round(start + end, 4)) for one, end in spans.spans())
        return cls(**found)

    def fields(self) -> dict[str, Any]:
        """The fields of a result."""
        spans: dict[str, Any] = {}
        for name, found in (("silence", self.silence), ("speech", self.speech)):
            spans[name] = None if found is None else [{"start": start, "end": end} for start, end in found]
            spans[f"{name}_total"] = None if found is None else round(sum(end - start for start, end in found), 4)
        levels = {"spectrum": self.spectrum, "loudness": self.loudness and self.loudness.model_dump()}
        onsets = None if self.onsets is None else len(self.onsets)
        structure = None if self.structure is None else [asdict(one) for one in self.structure]
        return {"tempo": self.tempo, "onsets": onsets, "key": self.key, "structure": structure, **levels, **spans}

    def written(self, duration: float) -> str:
        """All of it as JSON."""
        whole = {
            **self.fields(),
            "duration": duration,
            "beats": self.beats,
            "onsets": self.onsets,
            "chroma": self.chroma,
        }
        return json.dumps(whole, indent=1)

    def beat_files(self, formats: Collection[str]) -> dict[str, str]:
        """The beats as text, by format."""
        writers = {"csv": self._csv, "labels": self._labels}
        return {name: writers[name]() for name in formats}

    def _csv(self) -> str:
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(("beat", "time"))
        writer.writerows(enumerate((f"{time:.4f}" for time in self.beats), 1))
        return file.getvalue()

    def _labels(self) -> str:
        return "".join(f"{time:.4f}\t{time:.4f}\t{number}\n" for number, time in enumerate(self.beats, 1))


def _tempo(strength: Any, bpm: tuple[float, float]) -> tuple[dict[str, Any] | None, list[float]]:
    """The tempo as fields, and its beats; both empty without a regular pulse."""
    import numpy as np

    candidates = tempo_candidates(strength, *bpm)
    if not candidates:
        return None, []
    best = candidates[0]
    beats = beat_times(strength, best.bpm)
    gaps = np.diff(beats)
    steady = gaps[np.abs(gaps - np.median(gaps)) < 0.2 * np.median(gaps)] if gaps.size else gaps
    exact = 60 / float(steady.mean()) if steady.size else best.bpm
    margin = best.score - candidates[1].score if len(candidates) > 1 else 1.0
    return {
        "bpm": round(exact, 2),
        "confidence": round(best.salience * (0.5 + 0.5 * min(1.0, margin)), 3),
        "candidates": [{"bpm": one.bpm, "regularity": round(one.salience, 3)} for one in candidates[:SHOWN]],
        "beats": len(beats),
        "variation": round(100 * float(steady.std() / steady.mean()), 2) if steady.size else 0.0,
        "method": METHOD,
    }, beats


def _key(measurements: Measurements) -> dict[str, Any]:
    assert measurements.chroma
    chroma, cents = measurements.chroma.classes()
    mean = tuple(round(float(value), CHROMA_DIGITS) for value in chroma.mean(axis=1)) if chroma.shape[1] else None
    keys = likely_keys(chroma)
    if not keys:
        return {"chroma": mean}
    named = [{"name": key.name, "confidence": key.confidence} for key in keys]
    return {"chroma": mean, "key": {**named[0], "candidates": named[1:], "tuning_cents": cents}}
