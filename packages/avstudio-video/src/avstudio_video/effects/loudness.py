"""The loudness of sound (ITU-R BS.1770, EBU R 128), measured by FFmpeg."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from typing import Any

from avstudio_video.effects.streams import Heard, SoundShape

SILENT = -70.0
"""LUFS below which nothing is measured."""


def measured(blocks: Iterator[Heard], shape: SoundShape) -> tuple[float, float]:
    """Integrated loudness in LUFS, `SILENT` for silence, and the true peak as a factor of full scale."""
    import av
    import numpy as np
    from av.filter import Graph

    graph, unit, given = Graph(), Fraction(1, shape.rate), 0
    nodes: list[Any] = [
        graph.add_abuffer(sample_rate=shape.rate, format="fltp", layout=shape.layout, time_base=unit),
        graph.add("ebur128", metadata="1", peak="true", framelog="quiet"),
        graph.add("abuffersink"),
    ]
    for before, after in pairwise(nodes):
        before.link_to(after)
    graph.configure()
    last: dict[str, str] = {}
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.samples), "fltp", shape.layout)
        frame.sample_rate, frame.pts, frame.time_base = shape.rate, given, unit
        given += block.samples.shape[1]
        last = _pushed(nodes, frame) or last
    last = _pushed(nodes, None) or last
    peaks = [float(value) for key, value in last.items() if "true_peaks_ch" in key]
    return max(SILENT, float(last.get("lavfi.r128.I", SILENT))), max(peaks, default=0.0)


def _pushed(nodes: list[Any], frame: Any) -> dict[str, str]:
    """What is measured so far, after another frame."""
    import av

    found: dict[str, str] = {}
    nodes[0].push(frame)
    with suppress(av.BlockingIOError, av.EOFError):
        while True:
            found = dict(nodes[-1].pull().metadata) or found
    return found
