"""The scenes or the edit of a video in one of the formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from avstudio_core.documents.scenes import Scenes
from avstudio_video.exports.chapters import FEWEST, SHORTEST, podcast, youtube, youtube_chapters
from avstudio_video.exports.cut_list import CutList
from avstudio_video.exports.editors import MOST_EVENTS, edl, fcpxml, otio, qp_file
from avstudio_video.exports.lists import edit_table, ffmetadata, table, webvtt
from avstudio_video.exports.media_types import ON_GRID, EditListName, ExportName

COARSE = 0.25
"""Times that are further from the frame grid of an export, in frames, are told."""


def exported(name: ExportName, scenes: Scenes, cuts: CutList, *, reel: str, size: tuple[int, int]) -> str:
    """The text of a file; `size` is that of the picture on the screen."""
    texts = {
        "csv": lambda: table(scenes, cuts),
        "edl": lambda: edl(cuts, reel),
        "otio": lambda: otio(cuts),
        "fcpxml": lambda: fcpxml(cuts, size),
        "webvtt": lambda: webvtt(scenes),
        "ffmetadata": lambda: ffmetadata(scenes, cuts.title),
        "youtube": lambda: youtube(scenes),
        "podcast": lambda: podcast(scenes),
        "qp": lambda: qp_file(scenes),
    }
    return texts[name]()


def exported_edit(name: EditListName, cuts: CutList, *, reel: str, size: tuple[int, int]) -> str:
    """The text of a file with an edit; `size` is that of the picture on the screen."""
    texts: dict[EditListName, Callable[[], str]] = {
        "csv": lambda: edit_table(cuts),
        "edl": lambda: edl(cuts, reel),
        "otio": lambda: otio(cuts),
        "fcpxml": lambda: fcpxml(cuts, size),
    }
    return texts[name]()


def tell_losses(cuts: CutList, names: Sequence[ExportName], warn: Callable[[str, str], None]) -> None:
    """Warn with `vfr_source_rounded` and `events_left_out` about what formats cannot hold."""
    if (cuts.variable or cuts.rounding > COARSE) and (rounded := [name for name in names if name in ON_GRID]):
        off = f"times are up to {cuts.rounding:.2f} of them off"
        message = f"{', '.join(rounded)} count frames of {cuts.rate}/s, and {off}."
        reason = "have different lengths" if cuts.variable else "are not on a grid"
        warn("vfr_source_rounded", f"The frames of '{cuts.title}' {reason}: {message}")
    if "edl" in names and len(cuts.clips) > MOST_EVENTS:
        found = f"{len(cuts.clips)} {cuts.kind.lower()}s"
        warn("events_left_out", f"The EDL has the first {MOST_EVENTS} of {found}.")


def tell_chapters(scenes: Scenes, name: str, warn: Callable[[str, str], None]) -> None:
    """Warn with `few_chapters` if YouTube would not show them."""
    found = len(youtube_chapters(scenes))
    if found < FEWEST:
        needed = f"YouTube shows chapters only if there are {FEWEST} or more, of at least {SHORTEST:g} s each"
        warn("few_chapters", f"{needed}; '{name}' has {found}.")
