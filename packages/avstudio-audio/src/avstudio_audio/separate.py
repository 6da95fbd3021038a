"""`audio.separate`: a recording, separated into stems."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from avstudio_audio.media.length import memory_mb, seconds_of
from avstudio_audio.model_choice import choose_device, choose_model, choose_threads, declared
from avstudio_audio.separate_params import FAMILIES, SeparateParams
from avstudio_audio.separation.precision import Precision
from avstudio_audio.separation.stem_choice import ACCOMPANIMENT, RESIDUAL, OtherMethod, StemChoice, possible
from avstudio_audio.stem_files import GainMode, Gains, Spool, StemFiles
from avstudio_audio.stem_outputs import STEM_FILE, StemOutputs, source_labels, tell_lost
from avstudio_audio.vocabulary import SeparateWords
from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Result, Review
from avstudio_core.errors import InvalidParams, NotFound
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.media.limits import Limits
    from avstudio_audio.media.stream import SoundStream
    from avstudio_audio.separation.engine import Engine, Options
    from avstudio_audio.separation.mix import Mix
    from avstudio_audio.stem_files import Piece, Sink

UNDECLARED_MB = 2500
"""Memory of a model from the user."""
MIX_MB_A_SECOND = 44_100 * 2 * 4 / 1e6
"""Memory for a recording that is in memory; its stems are not."""
LONGEST_IN_MEMORY = 600.0
"""In seconds; longer recordings are on the disk while they are separated."""
COMMON_RATE = 48_000
"""In Hz. Up to this rate, the sound that a model at 44.1 kHz loses is inaudible, so there is no warning."""
SILENT_DBFS = -80.0
LEAST_AUDIBLE_DBFS = -50.0
LEAST_CUT_DBFS = -0.001
"""A stem that was cut off at full scale has its peak there, and is not exact to the last bit of a float."""


class StemFacts(BaseModel):
    """The level of a stem."""

    model_config = ConfigDict(frozen=True)

    peak_dbfs: float | None = Field(description="Peak; empty for silence.", json_schema_extra={"unit": "dBFS"})
    rms_dbfs: float | None = Field(
        description="Root mean square; empty for silence.", json_schema_extra={"unit": "dBFS"}
    )
    loudness_lufs: float | None = Field(
        default=None,
        description="Integrated loudness (BS.1770); empty for silence and for less than 0.4 s.",
        json_schema_extra={"unit": "LUFS"},
    )
    silent: bool = Field(description="Whether the stem is silent.")
    gain_db: float = Field(default=0.0, description="The gain that was applied.", json_schema_extra={"unit": "dB"})

    def altered(self, stem: str, gains: Gains) -> bool:
        """Whether it was lowered alone, or cut off at full scale."""
        cut = gains.clamp and self.peak_dbfs is not None and self.peak_dbfs > LEAST_CUT_DBFS
        return cut or gains.each.get(stem, 1.0) < 1

    @classmethod
    def of(cls, stem: str, files: StemFiles, gains: Gains) -> Self:
        reading = files.reading(stem)
        return cls(
            peak_dbfs=reading.sample_peak,
            rms_dbfs=reading.rms,
            loudness_lufs=reading.integrated,
            silent=reading.rms is None or reading.rms < SILENT_DBFS,
            gain_db=decibels(gains.of(stem)),
        )


class SeparateResult(Result):
    """The stems, each as long as the recording."""

    stems: dict[str, Artifact] = Field(description="The stems by name.", json_schema_extra={"view": "mixer"})
    facts: dict[str, StemFacts] = Field(description="Level of each stem.", json_schema_extra={"view": "table"})
    rate: int = Field(description="Sample rate of the stems.", json_schema_extra={"unit": "Hz"})
    source_rate: int | None = Field(
        default=None, description="Sample rate of the recording.", json_schema_extra={"unit": "Hz"}
    )
    duration: float = Field(description="Length of each stem.", json_schema_extra={"unit": "s"})
    stem_file: Artifact | None = Field(
        default=None, description="The recording and its stems in one file, if requested."
    )
    residual: Artifact | None = Field(default=None, description="The recording minus the stems, if requested.")
    reconstruction_error_db: float | None = Field(
        default=None,
        description="Level of the recording minus these stems, relative to the recording; empty for silence, and for "
        "stems that do not cover all of it.",
        json_schema_extra={"unit": "dB"},
    )
    gain_applied_db: float = Field(default=0.0, description="The gain of all stems.", json_schema_extra={"unit": "dB"})

    _source_peak_dbfs: float | None = PrivateAttr(default=None)
    _all_stems: bool = PrivateAttr(default=False)
    """Both are used only by the review."""


class Separate(SeparateWords, Processor[SeparateParams, SeparateResult]):
    """Separate a recording into stems: vocals and accompaniment, or vocals, drums, bass and other.

    `auto` chooses the best installed model; `effective` names it. For any model with vocals, `accompaniment` is the
    recording without them.
    """

    name: ClassVar[str] = "audio.separate"
    version: ClassVar[str] = "6"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: SeparateParams) -> dict[str, str]:
        model = choose_model(self.shelf, FAMILIES, params.model)
        stems = self._stems(model)
        for stem in (*params.stems, *filter(None, [params.two_stems])):
            if stem not in possible(stems) and (others := self._makers(stem)):
                hint = f"Choose a model that makes it: {', '.join(others)}."
                raise NotFound(f"The model {quoted(model)} does not make the stem '{stem}'.", hint=hint)
        outputs = StemOutputs.of(_choice(params, stems), params.audio_format)
        return dict.fromkeys(outputs.parts, outputs.media_type)

    def needs(self, params: SeparateParams, source: Artifact | None) -> Needs:
        model = choose_model(self.shelf, FAMILIES, params.model)
        weights = declared(self.shelf, FAMILIES, model)
        mix_mb = 0 if _on_disk(params, seconds_of(source)) else memory_mb(source, MIX_MB_A_SECOND)
        return Needs(
            family=weights.family if weights else FAMILIES[0],
            model=model,
            memory_mb=(weights.memory_mb if weights else UNDECLARED_MB) + mix_mb,
            device=choose_device(params.device, ("cuda", "mps", "cpu")),
        )

    def run(self, source: Artifact, params: SeparateParams, context: Context) -> SeparateResult:
        from avstudio_audio.media.contents import probe
        from avstudio_audio.media.limits import Limits
        from avstudio_audio.separation.engine import Options

        limits = Limits.of(context.settings)
        source_facts = probe(source.path, limits).facts()  # before the model is loaded: the file may be unreadable
        context.progress(0.0, "load")
        engine = context.model("engine", lambda: _load(context))
        choice = _choice(params, engine.stems)
        outputs = StemOutputs.of(choice, params.audio_format)
        numbers = params.shifts, params.overlap, params.seed, params.segment, params.batch_size
        given = Options(choice.computed, *numbers, params.precision)
        options = engine.settle(given)
        _tell_ignored(params, choice, options, context)
        with _mix(source, params, engine.rate, source_facts.duration or seconds_of(source), limits, context) as mix:
            _tell_losses(source, source_facts, engine.rate, context)
            labels = source_labels(source, limits, wanted=params.tags)
            names = outputs.file_names(source)
            paths = {one: context.new_path(name) for one, name in names.items()}
            sinks = outputs.sinks(paths, labels, engine.rate, mix.length, context)
            pieces = engine.pieces(
                mix,
                given,
                progress=lambda part: context.progress(0.05 + 0.9 * part, "separate"),
                cancelled=context.cancelled,
            )
            made = outputs.with_mix(choice.composed(pieces, mix))
            files, gains = _written(choice, made, sinks, params, engine.rate, context)
            duration = mix.length / engine.rate
        tell_lost(outputs, paths, labels, context)
        facts = {stem: StemFacts.of(stem, files, gains) for stem in choice.names}
        _tell_levels(source, params, files, gains, facts, context)
        context.progress(0.95, f"store {', '.join(choice.names)}")
        published = outputs.publish(paths, names, MediaFacts(duration=duration, rate=engine.rate, channels=2), context)
        result = SeparateResult(
            residual=published.pop(RESIDUAL, None),
            stem_file=published.pop(STEM_FILE, None),
            stems=published,
            facts=facts,
            rate=engine.rate,
            source_rate=source_facts.rate,
            duration=duration,
            reconstruction_error_db=files.reconstruction_error_db if choice.complete else None,
            gain_applied_db=decibels(gains.shared),
            effective=_effective(params, choice, options, context),
        )
        result._source_peak_dbfs = files.mix_level.peak_dbfs
        result._all_stems = set(choice.names) == set(engine.stems)
        return result

    def review(self, result: SeparateResult, context: Context) -> Review:
        """Reject stems that are all silent if the recording is not."""
        peak = result._source_peak_dbfs
        audible = peak is not None and peak > LEAST_AUDIBLE_DBFS
        if audible and result._all_stems and all(one.silent for one in result.facts.values()):
            return Review.send_back("Every stem is silent, but the recording is not.")
        return Review.accept()

    def _makers(self, stem: str) -> list[str]:
        """The known models that make a stem."""
        known = [weights.name for family in FAMILIES for weights in self.shelf.known(family)]
        return [name for name in known if stem in possible(self._stems(name))]

    def _stems(self, model: str) -> tuple[str, ...]:
        weights = declared(self.shelf, FAMILIES, model)
        if weights is not None:
            return tuple(weights.options["stems"].split(","))
        from avstudio_audio.separation.demucs_files import stems_in

        return stems_in(self.shelf.folder(model))


def decibels(factor: float) -> float:
    return round(20 * math.log10(factor), 6)


def _choice(params: SeparateParams, known: tuple[str, ...]) -> StemChoice:
    """The stems to make with a model that has the stems `known`.

    Raises `NotFound`, and `InvalidParams` for parameters that would have no effect.
    """
    named = StemChoice.of(known, params.stems, params.two_stems, params.other_method)
    choice = replace(named, consistency=params.consistency, residual=params.residual)
    if choice.residual and choice.exact:
        hint = "Leave out 'residual', or choose 'other_method' 'add' or 'consistency' 'none'."
        raise InvalidParams("The residual would be silent: these stems sum to the recording.", hint=hint)
    added = params.other_method is OtherMethod.ADD and ACCOMPANIMENT in params.stems
    if params.other_method is not OtherMethod.MINUS and not (params.two_stems or added):
        message = f"'other_method' '{params.other_method}' has no effect without 'two_stems'."
        raise InvalidParams(message, hint="Leave it out, or name one stem with 'two_stems'.")
    return choice


def _on_disk(params: SeparateParams, seconds: float) -> bool:
    """Whether the recording is on the disk, not in memory, while it is separated."""
    if params.long_audio == "auto":
        return seconds > LONGEST_IN_MEMORY
    return params.long_audio == "stream"


def _effective(params: SeparateParams, choice: StemChoice, options: Options, context: Context) -> dict[str, Any]:
    """The parameters that were really used."""
    return {
        **params.model_dump(mode="json"),
        "model": context.needs.model,
        "device": context.needs.device,
        "stems": list(choice.names),
        "shifts": options.shifts,
        "overlap": options.overlap,
        "seed": options.seed,
        "segment": options.segment,
        "batch_size": options.batch_size,
        "precision": str(options.precision),
    }


def _tell_ignored(params: SeparateParams, choice: StemChoice, options: Options, context: Context) -> None:
    for name in ("shifts", "overlap", "seed", "segment", "batch_size"):
        given, used = getattr(params, name), getattr(options, name)
        if given is not None and given != used:
            message = f"The model '{context.needs.model}' does not use '{name}': '{given}' has no effect."
            context.warn("parameter_ignored", message)
    if params.other_method is OtherMethod.ADD and set(choice.names) <= set(choice.known):
        message = f"The model '{context.needs.model}' makes all of these stems: 'other_method' has no effect."
        context.warn("parameter_ignored", message)
    if params.precision not in (Precision.AUTO, options.precision):
        message = f"The model '{context.needs.model}' always uses '{options.precision}', not '{params.precision}'."
        context.warn("parameter_ignored", message)


@contextmanager
def _mix(
    source: Artifact, params: SeparateParams, rate: int, seconds: float, limits: Limits, context: Context
) -> Iterator[Mix]:
    """The recording, about so many seconds, in stereo at a rate, from the start of the file."""
    from avstudio_audio.media.decode import decode
    from avstudio_audio.media.reader import no_sound
    from avstudio_audio.media.stream import open_stream
    from avstudio_audio.separation.mix import MixInMemory, MixOnDisk
    from avstudio_core.spans import WHOLE

    how: dict[str, Any] = {
        "rate": rate,
        "channels": 2,
        "track": params.track,
        "progress": lambda part: context.progress(0.05 * part, "decode"),
        "warn": context.warn,
        "limits": limits,
    }
    if not _on_disk(params, seconds):
        yield MixInMemory(decode(source.path, **how).from_zero().data)
        return
    path = context.new_path("recording.raw")
    with open_stream(source.path, **how) as stream:
        mix = MixOnDisk.write(path, _checked(stream, context))
    if not mix.length:
        raise no_sound(source.path, WHOLE)
    try:
        yield mix
    finally:
        path.unlink()


def _checked(stream: SoundStream, context: Context) -> Iterator[NDArray[np.float32]]:
    """The blocks of a stream from the start of its file, until the task is cancelled."""
    import numpy as np

    if (lead := round(stream.start * stream.rate)) > 0:
        yield np.zeros((2, lead), np.float32)
    for block in stream.blocks():
        context.check()
        yield block


def _tell_losses(source: Artifact, facts: MediaFacts, rate: int, context: Context) -> None:
    """Warn if the stems lose channels beyond two, or audible sound above their sample rate."""
    if facts.channels and facts.channels > 2:
        message = f"'{source.name}' has {facts.channels} channels, but its stems have 2"
        context.warn("downmixed", f"{message}, at a lower level to avoid clipping.")
    if facts.rate and facts.rate > max(rate, COMMON_RATE):
        message = f"'{source.name}' has {facts.rate} Hz, but its stems have {rate} Hz: they lose all sound above"
        context.warn("resampled", f"{message} {rate / 2000:g} kHz.")


def _tell_levels(
    source: Artifact,
    params: SeparateParams,
    files: StemFiles,
    gains: Gains,
    facts: Mapping[str, StemFacts],
    context: Context,
) -> None:
    """Tell silence, and stems that do not sum to the recording any more although that was asked for."""
    if files.mix_level.peak_dbfs is None:
        context.warn("silent", f"'{source.name}' is silent, and so are its stems.")
    if changed := [stem for stem, one in facts.items() if params.consistency != "none" and one.altered(stem, gains)]:
        message = f"The stems do not sum to the recording: 'gain_mode' '{params.gain_mode}' changed"
        context.warn("not_consistent", f"{message} {', '.join(changed)}.")


def _load(context: Context) -> Engine:
    model, device = context.needs.model, context.needs.device
    assert model is not None
    folder = context.weights(model)
    engine = _engine(context.needs.family, folder, device)
    import torch

    torch.set_num_threads(choose_threads(context.settings.threads))
    return engine


def _engine(family: str, folder: Path, device: str) -> Engine:
    if family == "spleeter":
        from avstudio_audio.separation.spleeter import Spleeter

        return Spleeter.load(folder, device)
    from avstudio_audio.separation.demucs import Demucs

    return Demucs.load(folder, device)


def _written(
    choice: StemChoice,
    pieces: Iterator[Piece],
    sinks: Mapping[tuple[str, ...], Sink],
    params: SeparateParams,
    rate: int,
    context: Context,
) -> tuple[StemFiles, Gains]:
    """The stems in their files, and the gains that were applied; their peaks are known only at the end."""
    factor, mode = 10 ** (params.gain / 20), params.gain_mode
    gains, parts = Gains.plain(factor, mode), pieces
    if mode in (GainMode.SHARED_RESCALE, GainMode.PER_STEM_RESCALE):
        spool = Spool(context.new_path)
        again = spool.read_twice(pieces)
        gains, parts = Gains.fitting(factor, mode, spool.peaks), again()
    files = StemFiles(sinks, choice.covering, gains, rate)
    files.write(parts)
    return files, gains
