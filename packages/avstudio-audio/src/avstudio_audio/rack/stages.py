"""What sound goes through: effects of pedalboard, blends, parallel branches; late by as much as each of them needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from avstudio_audio.rack.catalogue import AnyEffect, Parallel, each
from avstudio_audio.rack.curve import STEP, Curve, Window
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.rack.effect import Effect

    Block = NDArray[np.float32]

LARGEST = 1e30
"""The highest energy of a block; single precision cannot hold much more."""
FREQUENCIES = ("cutoff_frequency_hz", "cutoff_hz", "centre_frequency_hz")
HIGHEST = 0.49
"""Of the sample rate: filters are not stable at half of it."""


class Stage(Protocol):
    """Something that sound goes through."""

    def feed(self, block: Block) -> Block:
        """What comes out for the next `(channels, samples)`: in step with what went in, but it may come later."""


@dataclass(slots=True)
class Delays:
    """An effect, and how many samples later its sound comes out than it went in; that is compensated."""

    effect: Effect
    latency: int = 0


class Device:
    """One effect of pedalboard."""

    def __init__(self, effect: Effect, plugin: Any, rate: int, delays: Delays) -> None:
        self._effect, self._plugin, self._rate, self._delays = effect, plugin, rate, delays
        moving = [one for one in effect.automation if effect.blends or one.param != "mix"]
        self._curves = {effect.attributes[one.param]: Curve(one, rate) for one in moving}
        self._fed = 0

    def feed(self, block: Block) -> Block:
        import numpy as np

        begin, end = self._fed, self._fed + block.shape[1]
        if any(curve.moves(begin, end) for curve in self._curves.values()):
            parts = [self._played(block[:, at : at + STEP], begin + at) for at in range(0, end - begin, STEP)]
            out = np.concatenate(parts, axis=1)
        else:
            out = self._played(block, begin)
        self._fed = end
        self._delays.latency += block.shape[1] - out.shape[1]
        self._check(out)
        return out

    def _played(self, block: Block, begin: int) -> Block:
        for name, curve in self._curves.items():
            setattr(self._plugin, name, limited(name, float(curve.at(begin)), self._rate))
        try:
            out: Block = self._plugin(block, self._rate, reset=False)
        except (ValueError, RuntimeError) as error:
            raise InvalidInput(f"The effect '{self._effect.type}' cannot play this sound: {error}") from error
        return out

    def _check(self, out: Block) -> None:
        """Raises `InvalidInput` for values that are not numbers."""
        import numpy as np

        flat = out.ravel()
        if not float(np.vdot(flat, flat)) < LARGEST:
            what = f"After {self._fed / self._rate:.1f} s, the effect '{self._effect.type}' gives values"
            hint = "Lower its resonance, its feedback or its gain, or what comes before it."
            raise InvalidInput(f"{what} that are not numbers, or that are too large.", hint=hint)


class Blend:
    """A stage through which only a part of the sound goes, or only for some time; the rest is added."""

    def __init__(self, stage: Stage, effect: Effect, rate: int) -> None:
        self._stage = stage
        mix = next((one for one in effect.automation if one.param == "mix" and not effect.blends), None)
        self._curve = Curve(mix, rate) if mix else None
        self._mix = 1.0 if effect.blends else effect.mix
        self._window = Window(effect.start, effect.end, rate)
        self._waiting = Queue()
        self._parts = Queue()
        self._fed = 0

    def feed(self, block: Block) -> Block:
        import numpy as np

        length = block.shape[1]
        open = self._window.open(self._fed, length)
        parts = self._curve.at(np.arange(self._fed, self._fed + length)) if self._curve else np.full(length, self._mix)
        parts = parts.astype(np.float32)[None, :]
        self._fed += length
        wet = self._stage.feed(block * open)
        self._waiting.put(block * (1 - parts * open))
        self._parts.put(parts)
        done = wet.shape[1]
        return self._waiting.take(done) + wet * self._parts.take(done)


class Branches:
    """Stages that get the same sound; their sum comes out."""

    def __init__(self, branches: Sequence[Stage]) -> None:
        self._branches = branches
        self._waiting = [Queue() for _ in branches]

    def feed(self, block: Block) -> Block:
        for branch, queue in zip(self._branches, self._waiting, strict=True):
            queue.put(branch.feed(block))
        ready = min(queue.length for queue in self._waiting)
        first, *rest = [queue.take(ready) for queue in self._waiting]
        return sum(rest, first)


class Row:
    """Stages one after another."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages

    def feed(self, block: Block) -> Block:
        for stage in self._stages:
            if not block.shape[1]:
                return block
            block = stage.feed(block)
        return block

    def split(self, count: int) -> list[Row]:
        """Rows of its stages, at most so many, one after another."""
        size = max(1, -(-len(self._stages) // count))
        return [Row(self._stages[at : at + size]) for at in range(0, max(1, len(self._stages)), size)]


class Queue:
    """Samples that wait."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self.length = 0

    def put(self, block: Block) -> None:
        self._blocks.append(block)
        self.length += block.shape[1]

    def take(self, length: int) -> Block:
        """The first samples, as many as are wanted."""
        import numpy as np

        whole = self._blocks[0] if len(self._blocks) == 1 else np.concatenate(self._blocks, axis=1)
        self._blocks = [whole[:, length:]]
        self.length -= length
        return whole[:, :length]


Build = Callable[["Effect"], Any]
"""Makes the plugin of pedalboard for an effect."""


def row(effects: Sequence[AnyEffect], rate: int, build: Build, delays: list[Delays]) -> Row:
    """The stages of a chain; its delays are added to those of others."""
    return Row([_stage(one, rate, build, delays) for one in effects if not one.bypass])


def _stage(effect: AnyEffect, rate: int, build: Build, delays: list[Delays]) -> Stage:
    stage: Stage
    if isinstance(effect, Parallel):
        stage = Branches([row(branch, rate, build, delays) for branch in effect.branches])
    else:
        delays.append(Delays(effect))
        stage = Device(effect, build(effect), rate, delays[-1])
    timed = effect.start or effect.end is not None
    blended = not effect.blends and (effect.mix != 1 or any(one.param == "mix" for one in effect.automation))
    return Blend(stage, effect, rate) if timed or blended else stage


def limited(attribute: str, value: float, rate: int) -> float:
    """A value of pedalboard's attribute that is possible at a sample rate."""
    return min(value, HIGHEST * rate) if attribute in FREQUENCIES else value


def too_high(effects: Sequence[AnyEffect], rate: int) -> Mapping[str, float]:
    """The effects with a frequency that is not possible at a sample rate, and that frequency in Hz."""
    found: dict[str, float] = {}
    for one in each(effects):
        values = {name: getattr(one, name) for name, attribute in one.attributes.items() if attribute in FREQUENCIES}
        for point in (point for curve in one.automation if curve.param in values for point in curve.points):
            values["automation"] = max(point[1], values.get("automation", 0.0))
        highest = max(values.values(), default=-math.inf)
        if highest > HIGHEST * rate and not one.bypass:
            found[one.type] = highest
    return found
