"""Runs a Demucs network over a recording in overlapping chunks, and holds only those chunks in memory.

The result equals that of `demucs.apply.apply_model`: the same grid, the same triangular cross-fades.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from avstudio_audio.separation.mix import Mix

if TYPE_CHECKING:
    from torch import Tensor


class NormalisedMix:
    """The mix at the loudness that Demucs expects, as in demucs.api; silent before and after its ends."""

    def __init__(self, mix: Mix) -> None:
        self._mix, self.length = mix, mix.length
        self._mean, deviation = mix.mean_and_deviation()
        self._deviation = deviation + 1e-8

    def part(self, start: int, stop: int) -> Tensor:
        """`(2, stop - start)`."""
        import torch

        part = torch.from_numpy(self._mix.part(start, stop))
        inside = part[:, max(-start, 0) : max(self.length - start, 0)]
        inside.sub_(self._mean).div_(self._deviation)
        return part

    def restored(self, stem: Tensor) -> Tensor:
        """A stem at its loudness in the mix."""
        return stem * self._deviation + self._mean


@dataclass(frozen=True, slots=True)
class Grid:
    """The times at which chunks begin, in samples."""

    start: int
    """0 or earlier: a shifted grid begins before the mix."""
    end: int
    length: int
    """Of a chunk."""
    stride: int
    """From one chunk to the next."""

    @property
    def chunks(self) -> range:
        return range(self.start, self.end, self.stride)


class Lane:
    """The stems of one network on one grid, read in the order of time."""

    def __init__(
        self,
        run: Callable[[Tensor], Tensor],
        valid_length: Callable[[int], int],
        sound: NormalisedMix,
        grid: Grid,
        stems: Sequence[int],
        batch: int,
    ) -> None:
        """`run` takes `(batch, 2, samples)` and returns `(batch, stems, 2, samples)`, of which `stems` are kept;
        `valid_length` is the number of samples that the network wants for a chunk of so many."""
        import torch

        self._run, self._valid_length, self._sound, self._grid = run, valid_length, sound, grid
        self._stems, self._batch = list(stems), batch
        self._chunks = list(grid.chunks)
        self._weight = _triangle(grid.length)
        self._sum = torch.zeros(len(self._stems), 2, grid.length)
        self._weights = torch.zeros(grid.length)
        self._finished: list[Tensor] = []
        self._end = 0
        """Until this time, the stems are finished."""

    def read(self, stop: int, progress: Callable[[int], None]) -> Tensor:
        """The next part, until `stop`: `(stems, 2, samples)`. `progress` is called with a number of finished chunks."""
        import torch

        while self._end < stop:
            chunks = self._next_batch()
            for chunk, answer in zip(chunks, self._answers(chunks), strict=True):
                self._add(chunk, answer)
            progress(len(chunks))
        whole = torch.cat(self._finished, dim=-1) if len(self._finished) > 1 else self._finished[0]
        rest = self._end - stop
        cut = whole.shape[-1] - rest
        self._finished = [whole[..., cut:].clone()] if rest else []
        return whole[..., :cut]

    def _next_batch(self) -> list[int]:
        """The next chunks of one length."""
        first = self._size(self._chunks[0])
        chunks = [chunk for chunk in self._chunks[: self._batch] if self._size(chunk) == first]
        del self._chunks[: len(chunks)]
        return chunks

    def _size(self, chunk: int) -> int:
        return min(self._grid.length, self._grid.end - chunk)

    def _answers(self, chunks: list[int]) -> Tensor:
        """`(chunks, stems, 2, samples)`, each in the middle of what the network read."""
        import torch

        size = self._size(chunks[0])
        valid = self._valid_length(size)
        around = (valid - size) // 2
        parts = [self._sound.part(chunk - around, chunk - around + valid) for chunk in chunks]
        return self._run(torch.stack(parts))[:, self._stems, :, around : around + size].to("cpu", torch.float32)

    def _add(self, chunk: int, answer: Tensor) -> None:
        """Cross-fade a chunk into the ones before; what no later chunk overlaps is finished."""
        size = answer.shape[-1]
        self._sum[..., :size] += answer * self._weight[:size]
        self._weights[:size] += self._weight[:size]
        done = min(self._grid.stride, size) if chunk + self._grid.stride < self._grid.end else size
        part = self._sum[..., :done] / self._weights[:done]
        before = max(0, -chunk)
        if before < done:
            self._finished.append(part[..., before:])
        self._end = max(self._end, chunk + done)
        for buffer in (self._sum, self._weights):
            rest = buffer[..., done:].clone()
            buffer.zero_()
            buffer[..., : rest.shape[-1]] = rest


def _triangle(length: int) -> Tensor:
    """The weight of the samples of a chunk: the most in its middle."""
    import torch

    rising = torch.arange(1, length // 2 + 1)
    weight = torch.cat([rising, torch.arange(length - length // 2, 0, -1)])
    return weight / weight.max()
