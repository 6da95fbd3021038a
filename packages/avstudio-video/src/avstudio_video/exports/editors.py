"""Cut lists for editors: EDL (CMX 3600), OpenTimelineIO, Final Cut Pro XML, and QP files for encoders."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from avstudio_video.exports.cut_list import Clip, CutList

MOST_EVENTS = 999
"""Events of an EDL, whose numbers have three digits."""


def edl(cuts: CutList, reel: str) -> str:
    """CMX 3600; the end of an event is exclusive."""
    mode = "DROP FRAME" if cuts.count.drop else "NON-DROP FRAME"
    lines = [f"TITLE: {_plain(cuts.title)}", f"FCM: {mode}", ""]
    for clip in cuts.clips[:MOST_EVENTS]:
        low, high = (cuts.count.label(cuts.first + frame) for frame in (clip.start, clip.end))
        lines += [f"{clip.number:03}  {reel:<8} V     C        {low} {high} {low} {high}"]
        lines += [f"* FROM CLIP NAME: {_plain(cuts.title)}"]
    return "\n".join(lines) + "\n"


def otio(cuts: CutList) -> str:
    """A timeline of OpenTimelineIO with one clip for each scene."""
    whole = _range(cuts, cuts.first, cuts.clips[-1].end - cuts.clips[0].start if cuts.clips else 0)
    media = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": cuts.title,
        "available_range": whole,
        "available_image_bounds": None,
        "target_url": quote(cuts.title),
    }
    clips = [
        {
            "OTIO_SCHEMA": "Clip.2",
            "metadata": {},
            "name": f"Scene {clip.number}",
            "source_range": _range(cuts, cuts.first + clip.start, clip.end - clip.start),
            "effects": [],
            "markers": [],
            "enabled": True,
            "media_references": {"DEFAULT_MEDIA": media},
            "active_media_reference_key": "DEFAULT_MEDIA",
        }
        for clip in cuts.clips
    ]
    track = _composition("Track.1", "Video", clips) | {"kind": "Video"}
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "metadata": {},
        "name": cuts.title,
        "global_start_time": _time(cuts, cuts.first),
        "tracks": _composition("Stack.1", "tracks", [track]),
    }
    return json.dumps(timeline, indent=1, ensure_ascii=False)


def _composition(schema: str, name: str, children: list[dict[str, object]]) -> dict[str, object]:
    empty: dict[str, object] = {"metadata": {}, "source_range": None, "effects": [], "markers": [], "enabled": True}
    return {"OTIO_SCHEMA": schema, "name": name, **empty, "children": children}


def _range(cuts: CutList, start: int, length: int) -> dict[str, object]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": _time(cuts, start), "duration": _time(cuts, length)}


def _time(cuts: CutList, frames: int) -> dict[str, object]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(cuts.rate), "value": float(frames)}


def fcpxml(cuts: CutList, size: tuple[int, int]) -> str:
    """Final Cut Pro XML 1.9; all times are on the frame grid."""
    name, step = quoteattr(cuts.title), 1 / cuts.rate
    shape = "DF" if cuts.count.drop else "NDF"
    length = cuts.clips[-1].end if cuts.clips else 0
    begin, whole = _seconds(cuts.first, step), _seconds(length, step)
    clips = "\n".join(f"            {_asset_clip(clip, cuts, shape)}" for clip in cuts.clips)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.9">
  <resources>
    <format id="r1" frameDuration="{_seconds(1, step)}" width="{size[0]}" height="{size[1]}"/>
    <asset id="r2" name={name} start="{begin}" duration="{whole}" hasVideo="1" format="r1">
      <media-rep kind="original-media" src="file:./{quote(cuts.title)}"/>
    </asset>
  </resources>
  <library>
    <event name={name}>
      <project name={name}>
        <sequence format="r1" tcStart="{begin}" tcFormat="{shape}" duration="{whole}">
          <spine>
{clips}
          </spine>
        </sequence>
      </project>
    </event>
  </library>
</fcpxml>
"""


def _asset_clip(clip: Clip, cuts: CutList, shape: str) -> str:
    step = 1 / cuts.rate
    place, length = _seconds(cuts.first + clip.start, step), _seconds(clip.end - clip.start, step)
    offset = _seconds(clip.start, step)
    return (
        f'<asset-clip ref="r2" name="Scene {clip.number}" offset="{offset}" start="{place}" '
        f'duration="{length}" format="r1" tcFormat="{shape}"/>'
    )


def _seconds(frames: int, step: Fraction) -> str:
    """A time as Final Cut Pro writes it: a fraction of seconds with the denominator of the rate."""
    return f"{frames * step.numerator}/{step.denominator}s"


def qp_file(cuts: CutList) -> str:
    """The frames that an encoder must make key frames, for `x264 --qpfile`."""
    return "".join(f"{clip.start} I -1\n" for clip in cuts.clips)


def _plain(text: str) -> str:
    """A name in one line of ASCII."""
    return re.sub(r"[^ -~]+", "_", text)
