"""The loudness of sound (ITU-R BS.1770, EBU R 128), measured by FFmpeg."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from avstudio_video.effects.streams import Heard, SoundShape
from avstudio_video.media.samples import INTERLEAVED, sound_frame

if TYPE_CHECKING:
    from av.filter import Graph

SILENT = -70.0
"""LUFS below which nothing is measured."""


def measured(blocks: Iterator[Heard], shape: SoundShape) -> tuple[float, float]:
    """Integrated loudness in LUFS, `SILENT` for silence, and the true peak as a factor of full scale."""
    from av.filter import Graph

    graph, given = Graph(), 0  # which must outlive its nodes
    nodes = _meter(graph, shape)
    last: dict[str, str] = {}
    for block in blocks:
        last = _pushed(nodes, sound_frame(block.samples, shape.layout, shape.rate, given)) or last
        given += block.samples.shape[1]
    last = _pushed(nodes, None) or last
    peaks = [float(value) for key, value in last.items() if "true_peaks_ch" in key]
    return max(SILENT, float(last.get("lavfi.r128.I", SILENT))), max(peaks, default=0.0)


def _meter(graph: Graph, shape: SoundShape) -> list[Any]:
    nodes: list[Any] = [
        graph.add_abuffer(
            sample_rate=shape.rate, format=INTERLEAVED, layout=shape.layout, time_base=Fraction(1, shape.rate)
        ),
        graph.add("ebur128", metadata="1", peak="true", framelog="quiet"),
        graph.add("abuffersink"),
    ]
    for before, after in pairwise(nodes):
        before.link_to(after)
    graph.configure()
    return nodes


def _pushed(nodes: list[Any], frame: Any) -> dict[str, str]:
    """What is measured so far, after another frame."""
    import av

    found: dict[str, str] = {}
    nodes[0].push(frame)
    with suppress(av.BlockingIOError, av.EOFError):
        while True:
            found = dict(nodes[-1].pull().metadata) or found
    return found
