"""Cut lists for editors: EDL (CMX 3600), OpenTimelineIO, Final Cut Pro XML, and QP files for encoders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from avstudio_core.documents.scenes import Scenes
from avstudio_video.exports.cut_list import Clip, CutList

MOST_EVENTS = 999
"""Events of an EDL, whose numbers have three digits."""


def edl(cuts: CutList, reel: str) -> str:
    """CMX 3600; the end of an event is exclusive."""
    lines = [f"TITLE: {_plain(cuts.title)}", f"FCM: {'' if cuts.count.drop else 'NON-'}DROP FRAME", ""]
    previous: Clip | None = None
    for clip, fall in _with_falls(cuts.clips[:MOST_EVENTS]):
        kind = "C"
        if previous and clip.fade:
            kind, out = f"D    {clip.fade:03}", previous.end - clip.fade
            lines += [_event(cuts, clip.number, reel, "C", (out, out), (clip.at, clip.at))]
        shown = (clip.start, clip.end - fall)
        event = _event(cuts, clip.number, reel, kind, shown, (clip.at, clip.at + shown[1] - shown[0]))
        lines += [event, f"* FROM CLIP NAME: {_plain(cuts.title)}"]
        previous = clip
    return "\n".join(lines) + "\n"


def _event(cuts: CutList, number: int, reel: str, kind: str, source: tuple[int, int], record: tuple[int, int]) -> str:
    labels = " ".join(cuts.count.label(cuts.first + frame) for frame in (*source, *record))
    return f"{number:03}  {reel:<8} {'B' if cuts.sound else 'V'}     {kind:<8} {labels}"


def _with_falls(clips: Sequence[Clip]) -> Iterator[tuple[Clip, int]]:
    """Each clip with the frames of the cross-fade to the next one."""
    return zip(clips, [*(one.fade for one in clips[1:]), 0], strict=True)


def otio(cuts: CutList) -> str:
    """A timeline of OpenTimelineIO; a cross-fade is centred on the cut, with frames of both clips beyond it."""
    media = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": cuts.title,
        "available_range": _range(cuts, cuts.first, cuts.frames),
        "available_image_bounds": None,
        "target_url": quote(cuts.title),
    }
    items: list[dict[str, object]] = []
    for clip, fall in _with_falls(cuts.clips):
        if clip.fade:
            items.append(_cross_fade(cuts, clip.fade))
        start, end = _centred(clip, fall)
        items.append(_clip(cuts, clip, _range(cuts, cuts.first + start, end - start), media))
    kinds = ["Video", "Audio"] if cuts.sound else ["Video"]
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "metadata": {},
        "name": cuts.title,
        "global_start_time": _time(cuts, cuts.first),
        "tracks": _composition(
            "Stack.1", "tracks", [_composition("Track.1", kind, items) | {"kind": kind} for kind in kinds]
        ),
    }
    return json.dumps(timeline, indent=1, ensure_ascii=False)


def _centred(clip: Clip, fall: int) -> tuple[int, int]:
    """The frames of a clip between the middles of its cross-fades."""
    return clip.start + clip.fade // 2, clip.end - (fall - fall // 2)


def _clip(cuts: CutList, clip: Clip, shown: object, media: object) -> dict[str, object]:
    return {
        "OTIO_SCHEMA": "Clip.2",
        "metadata": {},
        "name": f"{cuts.kind} {clip.number}",
        "source_range": shown,
        "effects": [],
        "markers": [],
        "enabled": True,
        "media_references": {"DEFAULT_MEDIA": media},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def _cross_fade(cuts: CutList, frames: int) -> dict[str, object]:
    return {
        "OTIO_SCHEMA": "Transition.1",
        "metadata": {},
        "name": "Cross-fade",
        "transition_type": "SMPTE_Dissolve",
        "in_offset": _time(cuts, frames // 2),
        "out_offset": _time(cuts, frames - frames // 2),
    }


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
    begin, whole = _seconds(cuts.first, step), _seconds(cuts.frames, step)
    clips = "\n".join(f"            {line}" for line in _spine(cuts, shape))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.9">
  <resources>
    <format id="r1" frameDuration="{_seconds(1, step)}" width="{size[0]}" height="{size[1]}"/>
    <asset id="r2" name={name} start="{begin}" duration="{whole}" hasVideo="1"{_heard(cuts)} format="r1">
      <media-rep kind="original-media" src="file:./{quote(cuts.title)}"/>
    </asset>
  </resources>
  <library>
    <event name={name}>
      <project name={name}>
        <sequence format="r1" tcStart="{begin}" tcFormat="{shape}" duration="{_seconds(cuts.length, step)}">
          <spine>
{clips}
          </spine>
        </sequence>
      </project>
    </event>
  </library>
</fcpxml>
"""


def _heard(cuts: CutList) -> str:
    return ' hasAudio="1" audioSources="1"' if cuts.sound else ""


def _spine(cuts: CutList, shape: str) -> Iterator[str]:
    """The clips one after the other, with cross-fades over their cuts."""
    step = 1 / cuts.rate
    for clip, fall in _with_falls(cuts.clips):
        if clip.fade:
            place, length = _seconds(clip.at, step), _seconds(clip.fade, step)
            yield f'<transition name="Cross Dissolve" offset="{place}" duration="{length}"/>'
        start, end = _centred(clip, fall)
        place, offset = _seconds(cuts.first + start, step), _seconds(clip.at + start - clip.start, step)
        yield (
            f'<asset-clip ref="r2" name="{cuts.kind} {clip.number}" offset="{offset}" start="{place}" '
            f'duration="{_seconds(end - start, step)}" format="r1" tcFormat="{shape}"/>'
        )


def _seconds(frames: int, step: Fraction) -> str:
    """A time as Final Cut Pro writes it: a fraction of seconds with the denominator of the rate."""
    return f"{frames * step.numerator}/{step.denominator}s"


def qp_file(scenes: Scenes) -> str:
    """The frames that an encoder must make key frames, for `x264 --qpfile`; it counts those of the file."""
    return "".join(f"{one.start_frame} I -1\n" for one in scenes.scenes)


def _plain(text: str) -> str:
    """A name in one line of ASCII."""
    return re.sub(r"[^ -~]+", "_", text)
