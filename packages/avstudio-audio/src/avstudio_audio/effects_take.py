"""The take of one run of `audio.effects`: its sound, played, measured and written."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from avstudio_audio.effects_params import AppliedEffect, EffectsParams, EffectsResult
from avstudio_audio.encoding_params import encoding_of, tell_encoding
from avstudio_audio.file_labels import kept_labels, labelled_encoder, tell_lost_labels
from avstudio_audio.file_levels import Levels
from avstudio_audio.loudness.gain import Gain, exceeds
from avstudio_audio.loudness.targets import Target
from avstudio_audio.media.ahead import ahead
from avstudio_audio.media.progress import told_before
from avstudio_core import Artifact, Context, MediaFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.loudness.limiter import Limiter
    from avstudio_audio.loudness.meter import Meter, Reading
    from avstudio_audio.media.limits import Limits
    from avstudio_audio.media.stream import SoundStream
    from avstudio_audio.rack.catalogue import AnyEffect
    from avstudio_audio.rack.player import Player
    from avstudio_audio.rack.tape import Tape

    Block = NDArray[np.float32]

ATTEMPTS = 5
"""How often the sound is written at most, until its loudness is right."""
WITHIN = 0.05
"""In LU: how near the loudness comes to that of the source, where a limiter lowers it."""
PLAYED = 0.6
"""The part of the progress at which the sound has been played, if it is written afterwards."""


class Take:
    """One sound with its effects."""

    def __init__(
        self,
        source: Artifact,
        params: EffectsParams,
        context: Context,
        stream: SoundStream,
        player: Player,
        limits: Limits,
    ) -> None:
        self._source, self._params, self._context = source, params, context
        self._stream, self._player = stream, player
        self._encoding = encoding_of(params, stream.bits, changed=True)
        self._labels = kept_labels(source, limits, changed=True, wanted=params.tags)
        self._path = context.new_path(source.name_for(f".effects{params.format.suffix}"))
        self._before: Reading | None = None
        self._after: Reading | None = None
        self._gain, self._limited, self._length = Gain(0.0, params.ceiling), 0.0, 0

    def record(self) -> None:
        """Play the sound and write it, as loud as it should be."""
        stream, context = self._stream, self._context
        tell_encoding(self._params, stream.bits, self._encoding, self._source.name, context.warn)
        if self._params.match_loudness:
            self._match()
        else:
            self._write(self._played())
        if self._player.cut:
            seconds = self._player.tail / stream.rate
            message = f"The echoes do not end; they are cut after {seconds:.0f} s. Set 'tail' to choose the time."
            context.warn("tail_cut", message)
        tell_lost_labels(self._path, self._labels, context)

    def result(self, effects: Sequence[AnyEffect]) -> EffectsResult:
        from avstudio_audio.rack.expression import written

        stream, player, params = self._stream, self._player, self._params
        duration = self._length / stream.rate
        facts = MediaFacts(duration=duration, rate=stream.rate, channels=stream.channels)
        applied = [
            AppliedEffect(type=one.effect.type, settings=written([one.effect]), latency=one.latency)
            for one in player.delays
        ]
        return EffectsResult(
            sound=self._context.publish(self._path, self._path.name, params.format.media_type, facts),
            preset=self._saved(effects) if params.save else None,
            duration=duration,
            tail=player.tail / stream.rate,
            rate=stream.rate,
            channels=stream.channels,
            chain=written(effects),
            applied=applied,
            gain=round(self._gain.db, 3),
            limited=round(self._limited, 3),
            before=Levels.of(self._before) if self._before else None,
            after=Levels.of(self._after) if self._after else None,
            effective={
                "bits": self._encoding.bits,
                "dither": str(self._encoding.dither),
                "preset": params.preset,
                "tempo": params.tempo,
                "track": params.track,
            },
        )

    def _played(self) -> Generator[Block, None, None]:
        """What comes out of the effects; if levels are measured, so is the source."""
        meter = self._meter()
        with ahead(self._paced(_metered(self._stream.blocks_from(), meter))) as read:
            yield from self._player.played(read, self._params.tail)
        self._before = meter.finish() if meter else None

    def _paced(self, blocks: Generator[Block, None, None]) -> Generator[Block, None, None]:
        """The source at its new speed."""
        from avstudio_audio.rack.devices import stretcher
        from avstudio_audio.rack.windows import windowed

        tempo = self._params.tempo
        return blocks if tempo == 1 else windowed(blocks, stretcher(self._stream.rate, tempo))

    def _match(self) -> None:
        """Record the sound on a tape, then write it with the gain that matches the loudness of the source."""
        from avstudio_audio.rack.tape import Tape

        tape = Tape(self._context.new_path("played.raw"), self._stream.channels)
        meter = self._new_meter()
        with closing(self._played()) as sound:
            tape.record(_metered(sound, meter))
        played = meter.finish()
        level = self._before.integrated if self._before else None
        if level is None or played.integrated is None or played.true_peak is None:
            message = f"'{self._source.name}' has no loudness to match, before or after the effects."
            self._context.warn("no_level", f"{message} It is silent, too short or too quiet.")
            self._write(tape.played())
            return
        target = Target("lufs", level, self._params.ceiling)
        self._reach(target, tape, Gain.reaching(target, played.integrated, played.true_peak, limits=True))

    def _reach(self, target: Target, tape: Tape, gain: Gain) -> None:
        """Write the sound until it has the loudness of a target."""
        for number in range(ATTEMPTS):
            self._context.progress(PLAYED + (0.98 - PLAYED) * number / ATTEMPTS, "write")
            self._gain = gain
            self._write(tape.played(), again=number > 0)
            assert self._after is not None
            missing = target.level - (self._after.integrated or target.level)
            if gain.limit is None or (abs(missing) <= WITHIN and not exceeds(target, self._after)):
                return
            gain = Gain(gain.db + missing, gain.limit)
        self._context.warn("target_missed", f"The loudness differs by {missing:.1f} LU: the peaks are at the ceiling.")

    def _write(self, sound: Generator[Block, None, None], *, again: bool = False) -> None:
        """Write sound with the gain, and measure it if levels are measured."""
        from avstudio_audio.loudness.limiter import Limiter

        stream, gain, meter = self._stream, self._gain, self._meter()
        limiter = None if gain.limit is None else Limiter(stream.rate, stream.channels, gain.limit)
        warn = told_before if again else self._context.warn
        shape = stream.rate, stream.channels, max(1, round(stream.length / self._params.tempo))
        self._length = 0
        with (
            ahead(sound) as played,
            labelled_encoder(self._path, self._encoding, *shape, labels=self._labels, warn=warn) as put,
        ):
            leveled = _leveled(played, 10 ** (gain.db / 20), limiter)
            for block in _metered(leveled, meter):
                self._length += block.shape[1]
                put(block)
        self._after = meter.finish() if meter else None
        self._limited = limiter.reduction if limiter else 0.0

    def _meter(self) -> Meter | None:
        """A meter, if levels are measured."""
        return self._new_meter() if self._params.measure or self._params.match_loudness else None

    def _new_meter(self) -> Meter:
        from avstudio_audio.loudness.meter import Meter

        return Meter(self._stream.rate, self._stream.channels, self._stream.speakers)

    def _saved(self, effects: Sequence[AnyEffect]) -> Artifact:
        """The effects as a file that can be used again."""
        name = f"{self._params.save}.json"
        path = self._context.new_path(name)
        listed = [one.model_dump(mode="json") for one in effects]
        path.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return self._context.publish(path, name, "application/json")


def _metered(blocks: Iterable[Block], meter: Meter | None) -> Generator[Block, None, None]:
    for block in blocks:
        if meter:
            meter.add(block)
        yield block


def _leveled(blocks: Iterable[Block], factor: float, limiter: Limiter | None) -> Iterator[Block]:
    for block in blocks:
        louder = block * factor if factor != 1 else block
        yield limiter.feed(louder) if limiter else louder
    if limiter:
        yield limiter.rest()
