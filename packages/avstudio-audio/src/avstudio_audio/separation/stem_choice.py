"""Which stems a separation makes, and how they follow from those that the network estimates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from avstudio_core.errors import NotFound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.separation.mix import Mix

    Stems = dict[str, NDArray[np.float32]]

VOCALS, ACCOMPANIMENT, OTHER, RESIDUAL, MIXDOWN = "vocals", "accompaniment", "other", "residual", "mixdown"


class OtherMethod(StrEnum):
    """How the second of two stems is made."""

    MINUS = "minus"
    """The recording minus the first stem."""
    ADD = "add"
    """The sum of the model's other stems."""
    NONE = "none"
    """It is not made."""


class Consistency(StrEnum):
    """How stems are made to sum to the recording."""

    NONE = "none"
    RESIDUAL = "residual"
    """What is left of the recording is added to `other`, or to the accompaniment."""
    PROJECT = "project"
    """What is left of the recording is added to all stems in equal parts: the smallest possible change."""


@dataclass(frozen=True, slots=True)
class StemChoice:
    """The stems to make with a model that has the stems `known`."""

    known: tuple[str, ...]
    names: tuple[str, ...]
    """The stems to make, in order."""
    partners: Mapping[str, str]
    """The stem of which each derived stem is the opposite: the accompaniment is all but the vocals."""
    method: OtherMethod = OtherMethod.MINUS
    consistency: Consistency = Consistency.NONE
    residual: bool = False

    @classmethod
    def of(cls, known: tuple[str, ...], stems: list[str], two: str | None, method: OtherMethod) -> StemChoice:
        """The requested stems, each once, or a stem and its opposite; all stems if none is named. Raises `NotFound`."""
        if two:
            if two not in possible(known):
                raise NotFound.among("stem", two, possible(known))
            opposite = opposite_of(two, known)
            names = (two,) if method is OtherMethod.NONE else (two, opposite)
            return cls(
                known,
                names,
                {one: other for one, other in ((opposite, two), (two, opposite)) if one not in known},
                method,
            )
        for stem in stems:
            if stem not in possible(known):
                raise NotFound.among("stem", stem, possible(known))
        partners = {} if ACCOMPANIMENT in known else {ACCOMPANIMENT: VOCALS}
        return cls(known, tuple(dict.fromkeys(stems)) or known, partners, method)

    @property
    def computed(self) -> tuple[str, ...]:
        """The stems that the network must estimate."""
        derived = [name for name in self.names if name not in self.known]
        if self.consistency is not Consistency.NONE or (derived and self.method is OtherMethod.ADD):
            return self.known
        needed = {*self.names, *(self.partners[name] for name in derived)}
        return tuple(stem for stem in self.known if stem in needed)

    @property
    def covering(self) -> tuple[str, ...]:
        """The stems whose sum is compared with the recording; a derived stem already contains others."""
        derived = [name for name in self.names if name not in self.known]
        inside = {*derived, *(self.partners[name] for name in derived)}
        return tuple(name for name in self.names if not derived or name in inside)

    @property
    def complete(self) -> bool:
        """Whether the stems cover all of the recording."""
        derived = [name for name in self.names if name not in self.known]
        if derived:
            return any(self.partners[name] in self.names for name in derived)
        return set(self.known) <= set(self.names)

    @property
    def exact(self) -> bool:
        """Whether the stems sum to the recording, whatever the model estimates."""
        subtracted = self.method is not OtherMethod.ADD and any(name not in self.known for name in self.names)
        return self.complete and (subtracted or self.consistency is not Consistency.NONE)

    def composed(self, pieces: Iterator[Stems], mix: Mix) -> Iterator[tuple[NDArray[np.float32], Stems]]:
        """Each piece of the recording, with all its stems: `pieces` are those that the network estimated."""
        done = 0
        for piece in pieces:
            begin, done = done, done + next(iter(piece.values())).shape[1]
            whole = mix.inside(begin, done)
            estimated = self._consistent(piece, whole)
            made = {
                name: estimated[name] if name in piece else self._rest(name, estimated, whole) for name in self.names
            }
            if self.residual:
                made[RESIDUAL] = whole - sum(made[name] for name in self.covering)
            yield whole, made

    def _consistent(self, piece: Stems, whole: NDArray[np.float32]) -> Stems:
        if self.consistency is Consistency.NONE:
            return piece
        import numpy as np

        left = whole - sum(piece.values())
        if self.consistency is Consistency.PROJECT:
            return {name: stem + left / np.float32(len(piece)) for name, stem in piece.items()}
        target = next((name for name in (OTHER, ACCOMPANIMENT) if name in piece), self.known[-1])
        return {name: stem + left if name == target else stem for name, stem in piece.items()}

    def _rest(self, name: str, piece: Stems, whole: NDArray[np.float32]) -> NDArray[np.float32]:
        """A derived stem."""
        partner = self.partners[name]
        if self.method is OtherMethod.ADD:
            total: NDArray[np.float32] = sum(stem for other, stem in piece.items() if other != partner)  # type: ignore[assignment]
            return total
        return whole - piece[partner]


def possible(known: tuple[str, ...]) -> set[str]:
    """The stems of a model, and the accompaniment, which is the recording without the vocals."""
    return {*known, ACCOMPANIMENT} if VOCALS in known else set(known)


def opposite_of(stem: str, known: tuple[str, ...]) -> str:
    """The name of everything but a stem."""
    pair = {VOCALS: ACCOMPANIMENT, ACCOMPANIMENT: VOCALS}
    return pair.get(stem, f"no_{stem}")
