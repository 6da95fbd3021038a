"""The scenes of a video in one of the formats."""

from __future__ import annotations

from avstudio_core.documents.scenes import Scenes
from avstudio_video.exports.cut_list import CutList
from avstudio_video.exports.editors import edl, fcpxml, otio, qp_file
from avstudio_video.exports.lists import ffmetadata, table, webvtt
from avstudio_video.exports.media_types import ExportName


def exported(name: ExportName, scenes: Scenes, cuts: CutList, *, reel: str, size: tuple[int, int]) -> str:
    """The text of a file; `size` is that of the picture on the screen."""
    texts = {
        "csv": lambda: table(scenes, cuts),
        "edl": lambda: edl(cuts, reel),
        "otio": lambda: otio(cuts),
        "fcpxml": lambda: fcpxml(cuts, size),
        "webvtt": lambda: webvtt(scenes),
        "ffmetadata": lambda: ffmetadata(scenes, cuts.title),
        "qp": lambda: qp_file(cuts),
    }
    return texts[name]()
