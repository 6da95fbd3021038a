"""How encoders are told what an HDR picture has beside its colours."""

from __future__ import annotations

from collections.abc import Callable

from avstudio_video.media.colours import PQ
from avstudio_video.media.hdr_notes import LUMINANCE, POINT, HdrNotes

NAMES = {
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light"),
}
"""The encoders that keep them: the option with their parameters, and the names of two of these."""


def hdr_options(notes: HdrNotes, transfer: int, encoder: str) -> dict[str, str]:
    """The options of an encoder for a picture with the transfer function of a number; empty for any but PQ."""
    if encoder not in NAMES or transfer != PQ:
        return {}
    option, display, light = NAMES[encoder]
    found = [f"{display}={_display(notes, encoder)}"] if notes.points and notes.luminance else []
    found += [f"{light}={notes.light[0]},{notes.light[1]}"] if any(notes.light) else []
    return {option: ":".join(found)} if found else {}


def _display(notes: HdrNotes, encoder: str) -> str:
    whole = encoder == "libx265"  # the other one takes decimal numbers
    points = [str(one) if whole else f"{one / POINT:.5f}" for one in notes.points]
    high, low = (str(one) if whole else f"{one / LUMINANCE:.4f}" for one in notes.luminance)
    pairs = zip(("G", "B", "R", "WP"), points[::2], points[1::2], strict=True)
    return "".join(f"{name}({x},{y})" for name, x, y in pairs) + f"L({high},{low})"


def tell_hdr_notes(name: str, notes: HdrNotes, encoder: str, warn: Callable[[str, str], None]) -> None:
    """Warn with `hdr_metadata_lost` about what the encoder of an HDR picture does not keep."""
    if notes.dolby:
        warn("hdr_metadata_lost", f"'{name}' has metadata of Dolby Vision, which is not kept.")
    elif notes.told and encoder not in NAMES:
        warn("hdr_metadata_lost", f"'{encoder}' keeps the colours of '{name}', but not its metadata of HDR10.")
