"""A page with the scenes and events of a video, which needs no other file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from avstudio_core.documents.scenes import Scenes
from avstudio_video.exports.cut_list import CutList

STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}
table{border-collapse:collapse;margin-bottom:2rem}
th,td{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #8884}
td:not(:last-child){font-variant-numeric:tabular-nums}img{display:block;max-width:20rem}"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def report(
    scenes: Scenes, cuts: CutList, pictures: Sequence[Sequence[bytes]], events: Iterable[tuple[str, float, float]]
) -> str:
    """HTML; `pictures` are the JPEG files of each scene, or empty, and `events` have a kind, a start and an end."""
    title = escape(cuts.title)
    shown = pictures or [()] * len(scenes.scenes)
    rows = []
    for one, clip, files in zip(scenes.scenes, cuts.clips, shown, strict=True):
        label = cuts.count.label(cuts.first + clip.start)
        rows.append([f"{clip.number}", label, *_times(one.start, one.end), one.transition, _images(files)])
    found = [[escape(kind), *_times(start, end)] for kind, start, end in events]
    return f"""<!DOCTYPE html>
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
{_table(("Scene", "Timecode", "Start (s)", "End (s)", "Begins with", ""), rows)}
{_table(("Event", "Start (s)", "End (s)"), found) if found else ""}
</body>
</html>
"""


def _times(start: float, end: float) -> tuple[str, str]:
    return f"{start:.3f}", f"{end:.3f}"


def _images(files: Sequence[bytes]) -> str:
    return "".join(f'<img alt="" src="data:image/jpeg;base64,{b64encode(file).decode()}">' for file in files)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML."""
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"
