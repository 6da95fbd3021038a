"""`audio.normalize`: recordings, measured and brought to a level."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from avstudio_audio.encoding_params import check_encoding, differing, encoding_of, tell_encoding
from avstudio_audio.file_labels import kept_labels, labelled_encoder, tell_lost_labels
from avstudio_audio.file_levels import Curves, Levels, Measured, measured
from avstudio_audio.loudness.gain import Gain, exceeds, reached
from avstudio_audio.loudness.targets import UNITS, Target
from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.progress import told_before
from avstudio_audio.normalize_params import ACCEPTED, FileLevels, NormalizeParams, NormalizeResult, target_of
from avstudio_audio.vocabulary import NormalizeWords
from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from avstudio_audio.loudness.meter import Reading
    from avstudio_audio.media.progress import Progress

SOUND = "sound"
ATTEMPTS = 4
"""How often a file is written at most, until its measured level is right."""
SHORTEST = 0.4
"""Seconds: a shorter sound has no loudness."""
UNCHANGED = Gain(0.0)


class Normalize(NormalizeWords, Processor[NormalizeParams, NormalizeResult]):
    """Bring recordings to a loudness or a peak level, or measure them: integrated loudness, range, true peak.

    The gain is the same for all of the sound, so its dynamics do not change; only 'linear_then_limit' lowers single
    peaks. The written files are measured again.
    """

    name: ClassVar[str] = "audio.normalize"
    accepts: ClassVar[tuple[str, ...]] = ACCEPTED

    def outputs(self, params: NormalizeParams) -> dict[str, str]:
        if params.measure_only:
            return {}
        return dict.fromkeys(_names(params), "audio/*" if params.keep_format else params.format.media_type)

    def needs(self, params: NormalizeParams, source: Artifact | None) -> Needs:
        check_encoding(params)
        target_of(params)
        return Needs()

    def run(self, source: Artifact, params: NormalizeParams, context: Context) -> NormalizeResult:
        from avstudio_audio.loudness.meter import joined

        work = _Work(dict(zip(_names(params), [source, *params.others], strict=True)), params, context)
        sources = work.measure(1.0 if params.measure_only else 0.3)
        before = joined([one.meter for one in sources.values()])
        target = target_of(params)
        level, peak = target.level_in(before), before.true_peak
        if params.measure_only:
            if level is None or peak is None:
                context.warn("no_level", _without_level(source, before, sources)[0])
            return work.result("measured", before, None)
        if level is None or peak is None:
            message, hint = _without_level(source, before, sources)
            raise InvalidInput(message, hint=hint)
        gain = Gain.reaching(target, level, peak, limits=params.strategy == "linear_then_limit")
        if _is_left(params, target.level - level) and not exceeds(target, before):
            work.write(UNCHANGED, 0.3, 1.0)
            return work.result("skipped", before, reached(target, work.after or before))
        if params.lower_only and gain.db > 0:
            gain = Gain(0.0, gain.limit)
        return work.result("normalized", before, work.reach(target, gain))


def _names(params: NormalizeParams) -> list[str]:
    return [SOUND, *(f"{SOUND}_{number + 2}" for number in range(len(params.others)))]


def _is_left(params: NormalizeParams, wanted: float) -> bool:
    return abs(wanted) <= params.skip_within or (params.lower_only and wanted > 0)


def _without_level(source: Artifact, before: Reading, sources: Mapping[str, Measured]) -> tuple[str, str]:
    """Why sound has no level, and what to do."""
    what = f"'{source.name}'" if len(sources) == 1 else "The album"
    if before.sample_peak is None:
        return f"{what} is digital silence: it has no level.", "Check the recording, or the choice of the track."
    hint = "Use the mode 'peak' or 'rms'."
    if max(one.duration for one in sources.values()) < SHORTEST:
        return f"{what} is shorter than {SHORTEST} s: it has no loudness.", hint
    return f"{what} is quieter than −70 LUFS everywhere: it has no loudness.", hint


@dataclass(frozen=True, slots=True)
class _Output:
    """How a file is written."""

    path: Path
    format: AudioFormat
    kept: bool
    """Whether the format is that of the source."""


class _Work:
    """The files of one run while they are measured and written."""

    def __init__(self, inputs: Mapping[str, Artifact], params: NormalizeParams, context: Context) -> None:
        from avstudio_audio.media.limits import Limits

        self._inputs, self._params, self._context = inputs, params, context
        self._limits = Limits.of(context.settings)
        self._sources: dict[str, Measured] = {}
        self._outputs: dict[str, _Output] = {}
        self._made: dict[str, Measured] = {}
        self._gain, self._limited = UNCHANGED, 0.0

    def measure(self, until: float) -> Mapping[str, Measured]:
        """Measure the sources; this is the part of the work up to `until`."""
        for number, (name, source) in enumerate(self._inputs.items()):
            self._sources[name] = measured(
                source.path,
                track=self._params.track,
                dual_mono=self._params.dual_mono,
                progress=self._progress("measure", number, 0.0, until),
                warn=self._context.warn,
                limits=self._limits,
            )
        return self._sources

    def reach(self, target: Target, gain: Gain) -> bool:
        """Write the files until they have the level of the target, and return whether they do."""
        wanted: Gain | None = gain
        for _ in range(ATTEMPTS):
            if wanted is None:
                break
            gain = wanted
            self.write(gain, 0.3, 1.0)
            assert self.after is not None
            wanted = gain.corrected(target, self.after)
        assert self.after is not None
        success = reached(target, self.after)
        if not success:
            self._tell_missed(target, self.after)
        return success

    @property
    def after(self) -> Reading | None:
        """The levels of the written files together."""
        from avstudio_audio.loudness.meter import joined

        return joined([one.meter for one in self._made.values()]) if self._made else None

    def write(self, gain: Gain, since: float, until: float) -> None:
        """Write all files with a gain, and measure them."""
        self._gain, self._limited = gain, 0.0
        middle = (since + until) / 2
        for number, name in enumerate(self._inputs):
            output = self._outputs.setdefault(name, self._output(number, name))
            self._write(name, output, self._progress("write", number, since, middle))
            self._made[name] = measured(
                output.path,
                dual_mono=self._params.dual_mono,
                progress=self._progress("check", number, middle, until),
                warn=told_before,
                limits=self._limits,
            )

    def result(
        self, status: Literal["normalized", "skipped", "measured"], before: Reading, ok: bool | None
    ) -> NormalizeResult:
        params, target = self._params, target_of(self._params)
        after = self.after
        if self._outputs and all(one.kept for one in self._outputs.values()) and differing(params, ("format",)):
            message = "'format' has no effect: with 'keep_format', each file has the format of its source."
            self._context.warn("parameter_ignored", message)
        curves = {
            name: Curves.of(one.meter, dict.fromkeys(params.curves), params.curve_step)
            for name, one in self._sources.items()
        }
        return NormalizeResult(
            files={name: self._published(name) for name in self._outputs},
            status=status,
            gain=round(self._gain.db, 3),
            limited=round(self._limited, 3),
            target_reached=ok,
            before=Levels.of(before),
            after=Levels.of(after) if after else None,
            levels={name: self._levels(name) for name in self._inputs},
            curves=curves if params.curves else {},
            effective={
                "mode": target.mode,
                "target": target.level,
                "ceiling": target.ceiling,
                "format": self._outputs[SOUND].format if self._outputs else params.format,
                "track": params.track,
            },
        )

    def _write(self, name: str, output: _Output, progress: Progress) -> None:
        """Write one file: the second pass over its source."""
        from avstudio_audio.loudness.limiter import Limiter
        from avstudio_audio.media.stream import open_stream

        source, found, gain = self._inputs[name], self._sources[name], self._gain
        if self._is_copied(output):
            shutil.copyfile(source.path, output.path)
            return
        labels = kept_labels(source, self._limits, changed=gain != UNCHANGED, wanted=self._params.tags)
        encoding = self._encoding(output.format, found.bits)
        first = name not in self._made
        if first:
            tell_encoding(self._params, found.bits, encoding, source.name, self._context.warn)
        limiter = None if gain.limit is None else Limiter(found.rate, found.channels, gain.limit)
        factor, warn = 10 ** (gain.db / 20), self._context.warn if first else told_before
        shape = found.rate, found.channels, max(1, round(found.duration * found.rate))
        with (
            open_stream(
                source.path, track=self._params.track, progress=progress, warn=told_before, limits=self._limits
            ) as stream,
            labelled_encoder(output.path, encoding, *shape, labels=labels, warn=warn) as put,
        ):
            for block in stream.blocks_from():
                louder = block * factor if factor != 1 else block
                put(limiter.feed(louder) if limiter else louder)
            if limiter:
                put(limiter.rest())
                self._limited = max(self._limited, limiter.reduction)
        if first:
            tell_lost_labels(output.path, labels, self._context)

    def _is_copied(self, output: _Output) -> bool:
        """Whether nothing of the source changes: then a lossy format is not encoded again."""
        encoding = differing(self._params, ("track", "bits", "bit_rate", "quality", "tags"))
        return output.kept and self._gain == UNCHANGED and not encoding

    def _encoding(self, format: AudioFormat, bits: int | None) -> Any:
        params = self._params.model_copy(update={"format": format})
        return encoding_of(params, bits, changed=self._gain != UNCHANGED)

    def _output(self, number: int, name: str) -> _Output:
        """Where a file is written, and in which format."""
        source = self._inputs[name]
        kept = self._kept_format(name) if self._params.keep_format else None
        format = kept or self._params.format
        ending = f".normalized{format.suffix}"
        if source.name in [one.name for one in list(self._inputs.values())[:number]]:
            ending = f".{number + 1}{ending}"
        return _Output(self._context.new_path(source.name_for(ending)), format, kept is not None)

    def _kept_format(self, name: str) -> AudioFormat | None:
        from avstudio_audio.media.contents import probe
        from avstudio_audio.media.source_format import source_format

        source, fallback = self._inputs[name], self._params.format
        found = source_format(probe(source.path, self._limits), self._sources[name].channels)
        if found is None:
            self._context.warn(
                "format_changed", f"The format of '{source.name}' cannot be kept: it is '{fallback}' now."
            )
        return found

    def _published(self, name: str) -> Artifact:
        output, made = self._outputs[name], self._made[name]
        facts = MediaFacts(duration=made.duration, rate=made.rate, channels=made.channels)
        return self._context.publish(output.path, output.path.name, output.format.media_type, facts)

    def _levels(self, name: str) -> FileLevels:
        made = self._made.get(name)
        return FileLevels(
            name=self._inputs[name].name,
            before=Levels.of(self._sources[name].reading),
            after=Levels.of(made.reading) if made else None,
        )

    def _tell_missed(self, target: Target, after: Reading) -> None:
        level = target.level_in(after)
        found = "no level" if level is None else f"{level:.1f} {UNITS[target.mode]}"
        if exceeds(target, after):
            message = f"The true peak is {after.true_peak:.1f} dBTP, above the ceiling of {target.ceiling} dBTP"
            self._context.warn("ceiling_exceeded", f"{message}: the codec moves the peaks.")
        elif level is None or level < target.level:
            why = "'lower_only' is set" if self._params.lower_only else "the true peak is at the ceiling"
            self._context.warn("target_missed", f"The level is {found} instead of {target}: {why}.")
        else:
            self._context.warn("target_missed", f"The level is {found} instead of {target}.")

    def _progress(self, stage: str, number: int, since: float, until: float) -> Progress:
        share = (until - since) / len(self._inputs)
        return lambda part: self._context.progress(since + share * (number + part), stage)
