"""`audio.separate`: a recording, separated into stems."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.length import memory_mb
from avstudio_audio.model_choice import AUTO, choose_device, choose_model, choose_threads, declared
from avstudio_audio.separation.level import Level
from avstudio_audio.sound_params import SoundParams
from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Result, Review
from avstudio_core.errors import NotFound
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.media.encode import Write
    from avstudio_audio.media.limits import Limits
    from avstudio_audio.media.progress import Warn
    from avstudio_audio.media.samples import Samples
    from avstudio_audio.separation.engine import Engine, Options

FAMILIES = ("demucs", "spleeter")
VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"
UNDECLARED_MB = 2500
"""Memory of a model from the user."""
MIX_MB_A_SECOND = 44_100 * 2 * 4 / 1e6
"""Memory for a recording: all of it is in memory, but not its stems."""
COMMON_RATE = 48_000
"""In Hz. Up to this rate, the sound that a model at 44.1 kHz loses is inaudible, so there is no warning."""
SILENT_DBFS = -80.0
LEAST_AUDIBLE_DBFS = -50.0


class SeparateParams(SoundParams):
    """How to separate a recording."""

    model: str = Field(
        default=AUTO,
        description="A model's name, a folder with a model, or 'auto' for the best installed one.",
        examples=[AUTO],
        json_schema_extra={"weights": [*FAMILIES]},
    )
    stems: list[str] = Field(
        default=[],
        description="The stems to make, such as vocals; all if none are named.",
        examples=["vocals", "accompaniment", "drums", "bass", "other"],
    )
    shifts: int | None = Field(
        default=None, ge=0, le=20, description="Number of shifted predictions to average; 0 is the fastest."
    )
    overlap: float | None = Field(
        default=None, ge=0, lt=1, description="The fraction of a chunk that the next one overlaps."
    )
    seed: int = Field(default=0, ge=0, description="The same seed gives the same stems.")
    gain: float = Field(
        default=0.0,
        ge=-30,
        le=30,
        description="Change of the level of all stems; lower it if they clip.",
        json_schema_extra={"unit": "dB"},
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="Where the model runs.")
    format: AudioFormat = Field(default=AudioFormat.FLAC, description="File format of the stems.")


class StemFacts(BaseModel):
    """The level of a stem."""

    model_config = ConfigDict(frozen=True)

    peak_dbfs: float | None = Field(description="Peak; empty for silence.", json_schema_extra={"unit": "dBFS"})
    rms_dbfs: float | None = Field(
        description="Root mean square; empty for silence.", json_schema_extra={"unit": "dBFS"}
    )
    silent: bool = Field(description="Whether the stem is silent.")

    @classmethod
    def of(cls, level: Level) -> Self:
        rms = level.rms_dbfs
        return cls(peak_dbfs=level.peak_dbfs, rms_dbfs=rms, silent=rms is None or rms < SILENT_DBFS)


class SeparateResult(Result):
    """The stems, each as long as the recording."""

    stems: dict[str, Artifact] = Field(description="The stems by name.")
    facts: dict[str, StemFacts] = Field(description="Level of each stem.")
    rate: int = Field(description="Sample rate of the stems.", json_schema_extra={"unit": "Hz"})
    source_rate: int | None = Field(
        default=None, description="Sample rate of the recording.", json_schema_extra={"unit": "Hz"}
    )
    duration: float = Field(description="Length of each stem.", json_schema_extra={"unit": "s"})
    reconstruction_db: float | None = Field(
        default=None,
        description="Level of the recording minus all its stems, relative to the recording.",
        json_schema_extra={"unit": "dB"},
    )

    _source_peak_dbfs: float | None = PrivateAttr(default=None)
    """Used only by the review."""

    def records(self) -> Mapping[str, Mapping[str, Any]]:
        row = {"model": self.effective["model"], "stems": ",".join(self.stems), "duration": self.duration}
        return {"stem_separations": row}


class Separate(Processor[SeparateParams, SeparateResult]):
    """Separate a recording into stems: vocals and accompaniment, or vocals, drums, bass and other.

    `auto` chooses the best installed model; `effective` names it. For any model with vocals, `accompaniment` is the
    recording without them.
    """

    name: ClassVar[str] = "audio.separate"
    version: ClassVar[str] = "4"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: SeparateParams) -> dict[str, str]:
        model = choose_model(self.shelf, FAMILIES, params.model)
        stems = self._stems(model)
        for stem in params.stems:
            if stem not in _possible(stems) and (others := self._makers(stem)):
                hint = f"Choose a model that makes it: {', '.join(others)}."
                raise NotFound(f"The model {quoted(model)} does not make the stem '{stem}'.", hint=hint)
        return dict.fromkeys(_wanted(params, stems), params.format.media_type)

    def needs(self, params: SeparateParams, source: Artifact | None) -> Needs:
        model = choose_model(self.shelf, FAMILIES, params.model)
        weights = declared(self.shelf, FAMILIES, model)
        return Needs(
            family=weights.family if weights else FAMILIES[0],
            model=model,
            memory_mb=(weights.memory_mb if weights else UNDECLARED_MB) + memory_mb(source, MIX_MB_A_SECOND),
            device=choose_device(params.device, ("cuda", "mps", "cpu")),
        )

    def run(self, source: Artifact, params: SeparateParams, context: Context) -> SeparateResult:
        from avstudio_audio.media.contents import probe
        from avstudio_audio.media.limits import Limits
        from avstudio_audio.separation.engine import Options

        context.progress(0.0, "load")
        engine = context.model("engine", lambda: _load(context))
        wanted = _wanted(params, engine.stems)
        asked = tuple(stem for stem in engine.stems if stem in wanted or (stem == VOCALS and _derived(wanted, engine)))
        options = engine.settle(Options(asked, params.shifts, params.overlap, params.seed))
        _tell_ignored(params, options, context)
        limits = Limits.of(context.settings)
        mix = _mix(source, params.track, engine.rate, limits, context)
        contents = probe(source.path, limits)
        _tell_losses(source, contents.facts(), engine.rate, context)
        pieces = engine.pieces(
            mix.data,
            options,
            progress=lambda part: context.progress(0.05 + 0.9 * part, "separate"),
            cancelled=context.cancelled,
        )
        names = {stem: source.name_for(f".{stem}{params.format.suffix}") for stem in wanted}
        paths = {stem: context.new_path(name) for stem, name in names.items()}
        made = _Made(paths, params, mix, contents.tags, context.warn)
        made.write(pieces)
        context.progress(0.95, f"store {', '.join(wanted)}")
        result = SeparateResult(
            stems=_published(made.paths, names, params.format, mix, context),
            facts={stem: StemFacts.of(level) for stem, level in made.levels.items()},
            rate=engine.rate,
            source_rate=contents.facts().rate,
            duration=mix.duration,
            reconstruction_db=made.reconstruction_db if len(asked) == len(engine.stems) else None,
            effective={
                "model": context.needs.model,
                "device": context.needs.device,
                "stems": wanted,
                "shifts": options.shifts,
                "overlap": options.overlap,
                "seed": options.seed,
                "gain": params.gain,
                "track": params.track,
            },
        )
        peak = made.mix_level.peak_dbfs
        result._source_peak_dbfs = None if peak is None else peak + params.gain
        return result

    def review(self, result: SeparateResult, context: Context) -> Review:
        """Reject stems that are all silent if the recording is not."""
        peak = result._source_peak_dbfs
        audible = peak is not None and peak > LEAST_AUDIBLE_DBFS
        if audible and result.reconstruction_db is not None and all(one.silent for one in result.facts.values()):
            return Review.send_back("Every stem is silent, but the recording is not.")
        return Review.accept()

    def _makers(self, stem: str) -> list[str]:
        """The known models that make a stem."""
        known = [weights.name for family in FAMILIES for weights in self.shelf.known(family)]
        return [name for name in known if stem in _possible(self._stems(name))]

    def _stems(self, model: str) -> tuple[str, ...]:
        weights = declared(self.shelf, FAMILIES, model)
        if weights is not None:
            return tuple(weights.options["stems"].split(","))
        from avstudio_audio.separation.demucs_files import stems_in

        return stems_in(self.shelf.folder(model))


def _wanted(params: SeparateParams, known: tuple[str, ...]) -> list[str]:
    """The requested stems in their order, each once; all stems of the model if none was named. Raises `NotFound`."""
    possible = _possible(known)
    for stem in params.stems:
        if stem not in possible:
            raise NotFound.among("stem", stem, possible)
    return list(dict.fromkeys(params.stems)) or list(known)


def _possible(known: tuple[str, ...]) -> set[str]:
    """The stems of a model, and the accompaniment, which is the recording without the vocals."""
    return {*known, ACCOMPANIMENT} if VOCALS in known else set(known)


def _derived(wanted: list[str], engine: Engine) -> bool:
    """Whether the accompaniment is the mix minus the vocals."""
    return ACCOMPANIMENT in wanted and ACCOMPANIMENT not in engine.stems


def _tell_ignored(params: SeparateParams, options: Options, context: Context) -> None:
    for name in ("shifts", "overlap", "seed"):
        given, used = getattr(params, name), getattr(options, name)
        if given is not None and given != used:
            message = f"The model '{context.needs.model}' does not use '{name}': '{given}' has no effect."
            context.warn("parameter_ignored", message)


def _mix(source: Artifact, track: str | None, rate: int, limits: Limits, context: Context) -> Samples:
    """The recording in stereo at a rate, from the start of the file."""
    from avstudio_audio.media.decode import decode

    return decode(
        source.path,
        rate=rate,
        channels=2,
        track=track,
        progress=lambda part: context.progress(0.05 * part, "decode"),
        warn=context.warn,
        limits=limits,
    ).from_zero()


def _tell_losses(source: Artifact, facts: MediaFacts, rate: int, context: Context) -> None:
    """Warn if the stems lose channels beyond two, or audible sound above their sample rate."""
    if facts.channels and facts.channels > 2:
        message = f"'{source.name}' has {facts.channels} channels, but its stems have 2"
        context.warn("downmixed", f"{message}, at a lower level to avoid clipping.")
    if facts.rate and facts.rate > max(rate, COMMON_RATE):
        message = f"'{source.name}' has {facts.rate} Hz, but its stems have {rate} Hz: they lose all sound above"
        context.warn("resampled", f"{message} {rate / 2000:g} kHz.")


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


def _published(
    paths: Mapping[str, Path], names: Mapping[str, str], format: AudioFormat, mix: Samples, context: Context
) -> dict[str, Artifact]:
    """The finished files as artifacts, synced to the disk together."""
    from concurrent.futures import ThreadPoolExecutor

    facts = MediaFacts(duration=mix.duration, rate=mix.rate, channels=2)

    def publish(stem: str) -> Artifact:
        return context.publish(paths[stem], names[stem], format.media_type, facts)

    with ThreadPoolExecutor() as beside:
        return dict(zip(names, beside.map(publish, names), strict=True))


class _Made:
    """The stems while they are written to files, with their levels."""

    def __init__(
        self, paths: Mapping[str, Path], params: SeparateParams, mix: Samples, tags: Mapping[str, str], warn: Warn
    ) -> None:
        """`tags` are those of the source."""
        self.paths, self._mix, self._tags, self._warn = paths, mix, tags, warn
        self._format, self._factor = params.format, 10 ** (params.gain / 20)
        self.levels = {stem: Level() for stem in paths}
        self.mix_level, self._left = Level(), Level()

    def write(self, pieces: Iterator[dict[str, NDArray[np.float32]]]) -> None:
        """Write each piece when it arrives, and keep none in memory."""
        from concurrent.futures import ThreadPoolExecutor

        done, mix = 0, self._mix
        with ThreadPoolExecutor() as beside, ExitStack() as open_files:
            writers = {stem: open_files.enter_context(self._encoder(stem, path)) for stem, path in self.paths.items()}

            def put(stem: str, data: NDArray[np.float32]) -> None:
                louder = data * self._factor if self._factor != 1 else data
                writers[stem](louder)
                self.levels[stem].add(louder)

            under_way: list[Future[None]] = []
            for piece in pieces:  # each piece is separated while the one before is written
                begin, done = done, done + len(next(iter(piece.values()))[0])
                whole = mix.data[:, begin:done]
                for job in under_way:
                    job.result()
                under_way = [beside.submit(self._compare, whole, tuple(piece.values()))]
                if ACCOMPANIMENT not in piece and VOCALS in piece:
                    piece[ACCOMPANIMENT] = whole - piece[VOCALS]
                under_way += [beside.submit(put, stem, piece[stem]) for stem in self.paths]
            for job in under_way:
                job.result()

    def _encoder(self, stem: str, path: Path) -> AbstractContextManager[Write]:
        """A writer of a stem, with the tags of the source; the title names the stem too."""
        from avstudio_audio.media.encode import encoder, kept_tags

        tags = kept_tags(self._tags)
        if "title" in tags:
            tags["title"] += f" ({stem})"
        return encoder(path, self._format, self._mix.rate, 2, self._mix.length, tags=tags, warn=self._warn)

    def _compare(self, whole: NDArray[np.float32], parts: Sequence[NDArray[np.float32]]) -> None:
        self.mix_level.add(whole)
        self._left.add(whole - sum(parts))

    @property
    def reconstruction_db(self) -> float | None:
        """The level of the mix minus all stems, relative to the mix, in dB."""
        left, whole = self._left.energy, self.mix_level.energy
        return 10 * math.log10(max(left, whole * 1e-20) / whole) if whole else None
