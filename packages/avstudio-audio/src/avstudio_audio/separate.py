"""`audio.separate`: a recording taken apart into its stems."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from avstudio_audio.choosing import AUTO, choose_device, choose_model, declared
from avstudio_audio.media.formats import AudioFormat
from avstudio_core import Artifact, Context, MediaFacts, Needs, Params, Processor, Result, Review
from avstudio_core.errors import NotFound

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.media.samples import Samples
    from avstudio_audio.separation.engine import Engine

FAMILIES = ("demucs", "spleeter")
VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"
UNDECLARED_MB = 2500
"""Memory of a model that a user brought."""
PIECE = 1 << 16
"""Samples."""
SILENT_DBFS = -80.0
LEAST_AUDIBLE_DBFS = -50.0


class SeparateParams(Params):
    """How to take a recording apart."""

    model: str = Field(default=AUTO, description="A model's name, a folder with one, or 'auto' for the best at hand.")
    stems: list[str] = Field(default=[], description="The stems wanted, such as vocals; all when none is named.")
    shifts: int | None = Field(
        default=None, ge=0, le=20, description="Shifted predictions to average; 0 is the quickest."
    )
    overlap: float | None = Field(default=None, ge=0, lt=1, description="The part that chunks share.")
    seed: int = Field(default=0, ge=0, description="Equal seeds give equal stems.")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="Where the model runs.")
    format: AudioFormat = Field(default=AudioFormat.FLAC, description="The format of the stems' files.")


class StemFacts(BaseModel):
    """How loud a stem is."""

    model_config = ConfigDict(frozen=True)

    peak_dbfs: float | None = Field(description="Highest sample; none in silence.", json_schema_extra={"unit": "dBFS"})
    rms_dbfs: float | None = Field(description="Root mean square; none in silence.", json_schema_extra={"unit": "dBFS"})
    silent: bool = Field(description="Whether there is nothing to hear.")


class SeparateResult(Result):
    """The stems, each as long as the recording."""

    stems: dict[str, Artifact] = Field(description="The stems by name.")
    facts: dict[str, StemFacts] = Field(description="How loud each stem is.")
    rate: int = Field(description="Sample rate of the stems.", json_schema_extra={"unit": "Hz"})
    duration: float = Field(description="Length of each stem.", json_schema_extra={"unit": "s"})
    reconstruction_db: float | None = Field(
        default=None,
        description="What is left of the recording when all stems are taken from it, against the recording.",
        json_schema_extra={"unit": "dB"},
    )

    def records(self) -> Mapping[str, Mapping[str, Any]]:
        row = {"model": self.effective["model"], "stems": ",".join(self.stems), "duration": self.duration}
        return {"stem_separations": row}


class Separate(Processor[SeparateParams, SeparateResult]):
    """Separate a recording into stems: vocals and accompaniment, or vocals, drums, bass and other.

    `auto` takes the best model whose files are here and says which in `effective`. With any model that knows
    vocals, `accompaniment` is the recording without them.
    """

    name: ClassVar[str] = "audio.separate"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: SeparateParams) -> dict[str, str]:
        model = choose_model(self.shelf, FAMILIES, params.model)
        return dict.fromkeys(_wanted(params, self._stems(model)), params.format.media_type)

    def needs(self, params: SeparateParams, source: Artifact | None) -> Needs:
        model = choose_model(self.shelf, FAMILIES, params.model)
        weights = declared(self.shelf, FAMILIES, model)
        return Needs(
            family=weights.family if weights else FAMILIES[0],
            model=model,
            memory_mb=weights.memory_mb if weights else UNDECLARED_MB,
            device=choose_device(params.device, ("cuda", "mps", "cpu")),
        )

    def run(self, source: Artifact, params: SeparateParams, context: Context) -> SeparateResult:
        from concurrent.futures import ThreadPoolExecutor

        from avstudio_audio.media.decode import decode
        from avstudio_audio.separation.engine import Options

        context.progress(0.0, "load")
        engine = context.model("engine", lambda: _load(context))
        wanted = _wanted(params, engine.stems)
        asked = tuple(stem for stem in engine.stems if stem in wanted or (stem == VOCALS and _derived(wanted, engine)))
        options = engine.settle(Options(asked, params.shifts, params.overlap, params.seed))
        mix = decode(
            source.path,
            rate=engine.rate,
            channels=2,
            progress=lambda part: context.progress(0.05 * part, "decode"),
            warn=context.warn,
        )
        stems = engine.separate(
            mix.data,
            options,
            progress=lambda part: context.progress(0.05 + 0.85 * part, "separate"),
            cancelled=context.cancelled,
        )
        with ThreadPoolExecutor() as beside:
            whole = len(stems) == len(engine.stems)
            left = beside.submit(_reconstruction_db, mix.data, dict(stems)) if whole else None
            if _derived(wanted, engine):
                stems[ACCOMPANIMENT] = mix.data - stems[VOCALS]
            stems = {stem: stems[stem] for stem in wanted}
            written = _written(stems, mix, source, params, context, beside)
        return SeparateResult(
            stems={stem: artifact for stem, (artifact, _) in written.items()},
            facts={stem: facts for stem, (_, facts) in written.items()},
            rate=engine.rate,
            duration=mix.duration,
            reconstruction_db=left.result() if left else None,
            effective={
                "model": context.needs.model,
                "device": context.needs.device,
                "stems": list(stems),
                "shifts": options.shifts,
                "overlap": options.overlap,
                "seed": options.seed,
                "source_peak_dbfs": _peak_dbfs(mix.data),
            },
        )

    def review(self, result: SeparateResult, context: Context) -> Review:
        """Stems that are all silent, out of a recording that is not, are not what anybody asked for."""
        peak = result.effective["source_peak_dbfs"]
        audible = isinstance(peak, float) and peak > LEAST_AUDIBLE_DBFS
        if audible and result.reconstruction_db is not None and all(one.silent for one in result.facts.values()):
            return Review.send_back("Every stem is silent, and the recording is not.")
        return Review.accept()

    def _stems(self, model: str) -> tuple[str, ...]:
        weights = declared(self.shelf, FAMILIES, model)
        if weights is not None:
            return tuple(weights.options["stems"].split(","))
        from avstudio_audio.separation.demucs_files import stems_in

        return stems_in(self.shelf.folder(model))


def _wanted(params: SeparateParams, known: tuple[str, ...]) -> list[str]:
    """The stems asked for, in their order, each once; all that the model gives when none was. Raises `NotFound`."""
    possible = [*known, ACCOMPANIMENT] if VOCALS in known else list(known)
    for stem in params.stems:
        if stem not in possible:
            raise NotFound.among("stem", stem, set(possible))
    return list(dict.fromkeys(params.stems)) or list(known)


def _derived(wanted: list[str], engine: Engine) -> bool:
    """Whether the accompaniment is to be made by taking the vocals from the mix."""
    return ACCOMPANIMENT in wanted and ACCOMPANIMENT not in engine.stems


def _load(context: Context) -> Engine:
    model, device = context.needs.model, context.needs.device
    assert model is not None
    folder = context.weights(model)
    if context.settings.threads:
        import torch

        torch.set_num_threads(context.settings.threads)
    if context.needs.family == "spleeter":
        from avstudio_audio.separation.spleeter import Spleeter

        return Spleeter.load(folder, device)
    from avstudio_audio.separation.demucs import Demucs

    return Demucs.load(folder, device)


def _written(
    stems: Mapping[str, NDArray[np.float32]],
    mix: Samples,
    source: Artifact,
    params: SeparateParams,
    context: Context,
    writers: Executor,
) -> dict[str, tuple[Artifact, StemFacts]]:
    """The stems as files, named after the recording, written side by side."""
    from avstudio_audio.media.encode import encode

    context.progress(0.9, f"write {', '.join(stems)}")
    facts = MediaFacts(duration=mix.duration, rate=mix.rate, channels=2)

    def write(stem: str, data: NDArray[np.float32]) -> tuple[Artifact, StemFacts]:
        name = source.name_for(f".{stem}{params.format.suffix}")
        path = context.new_path(name)
        encode(replace(mix, data=data), path, params.format, warn=context.warn)
        return context.publish(path, name, params.format.media_type, facts), _facts(data)

    return dict(zip(stems, writers.map(write, stems.keys(), stems.values()), strict=True))


def _facts(data: NDArray[np.float32]) -> StemFacts:
    rms = _dbfs(math.sqrt(_energy(_pieces(data)) / data.size)) if data.size else None
    return StemFacts(peak_dbfs=_peak_dbfs(data), rms_dbfs=rms, silent=rms is None or rms < SILENT_DBFS)


def _peak_dbfs(data: NDArray[np.float32]) -> float | None:
    return _dbfs(max(float(data.max(initial=0.0)), -float(data.min(initial=0.0))))


def _reconstruction_db(mix: NDArray[np.float32], stems: Mapping[str, NDArray[np.float32]]) -> float | None:
    energy = _energy(_pieces(mix))
    parts = zip(*(_pieces(data) for data in stems.values()), strict=True)
    left = _energy(whole - sum(part) for whole, part in zip(_pieces(mix), parts, strict=True))
    return 10 * math.log10(max(left, energy * 1e-20) / energy) if energy else None


def _pieces(data: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Channel by channel, as much as the processor's cache holds."""
    for channel in data:
        for start in range(0, len(channel), PIECE):
            yield channel[start : start + PIECE]


def _energy(pieces: Iterator[NDArray[np.float32]]) -> float:
    """The sum of the squares. A long sum in single precision would lose its small parts; one of a piece does not."""
    import numpy as np

    return sum(float(np.vdot(piece, piece)) for piece in pieces)


def _dbfs(level: float) -> float | None:
    return 20 * math.log10(level) if level > 0 else None
