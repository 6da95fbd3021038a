"""A page with the scenes and events of a video, which needs no other file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import chain
from pathlib import Path

from avstudio_core.documents.scenes import Scenes
from avstudio_video.exports.cut_list import CutList

STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}
table{border-collapse:collapse;margin-bottom:2rem}
th,td{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #8884}
td:not(:last-child){font-variant-numeric:tabular-nums}img{display:block;max-width:20rem}"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


Row = Iterable[str]
"""Cells of HTML, in parts."""


def report(
    scenes: Scenes, cuts: CutList, pictures: Sequence[Sequence[Path]], events: Sequence[tuple[str, float, float]]
) -> Iterator[str]:
    """HTML in parts, because all pictures may not fit into memory.

    `pictures` are the JPEG files of each scene, or empty, and `events` have a kind, a start and an end.
    """
    title = escape(cuts.title)
    yield f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<p>{len(scenes.scenes)} scenes, {scenes.duration:.3f} s</p>
"""
    yield from _table(("Scene", "Timecode", "Start (s)", "End (s)", "Begins with", ""), _scenes(scenes, cuts, pictures))
    if events:
        yield from _table(("Event", "Start (s)", "End (s)"), map(_event, events))
    yield "</body>\n</html>\n"


def _scenes(scenes: Scenes, cuts: CutList, pictures: Sequence[Sequence[Path]]) -> Iterator[Row]:
    shown = pictures or [()] * len(scenes.scenes)
    for one, clip, files in zip(scenes.scenes, cuts.clips, shown, strict=True):
        label = cuts.count.label(cuts.first + clip.start)
        texts = (f"{clip.number}", label, f"{one.start:.3f}", f"{one.end:.3f}", one.transition)
        yield chain(map(_cell, texts), ["<td>"], map(_image, files), ["</td>"])


def _event(event: tuple[str, float, float]) -> Row:
    kind, start, end = event
    return map(_cell, (escape(kind), f"{start:.3f}", f"{end:.3f}"))


def _cell(text: str) -> str:
    return f"<td>{text}</td>"


def _image(file: Path) -> str:
    return f'<img alt="" src="data:image/jpeg;base64,{b64encode(file.read_bytes()).decode()}">'


def _table(heads: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    yield f"<table>\n<tr>{''.join(f'<th>{one}</th>' for one in heads)}</tr>\n"
    for row in rows:
        yield from chain(["<tr>"], row, ["</tr>\n"])
    yield "</table>\n"
