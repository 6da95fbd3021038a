"""The files of decoded frames: pictures, arrays or a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core import Artifact, Context, MediaFacts
from avstudio_core.errors import NotEnoughMemory, UnreadableMedia
from avstudio_video.decode_params import DecodeParams
from avstudio_video.frames.files import MEDIA_TYPES, SUFFIXES, encoded

if TYPE_CHECKING:
    from avstudio_video.frames.choice import FrameTimeline, Wanted
    from avstudio_video.frames.decoder import Decoder
    from avstudio_video.frames.picture import Pixels

TOGETHER = ("npz", "sheet")
"""Formats with all frames in one file."""


@dataclass
class FrameFiles:
    """Decodes frames, and writes them."""

    source: Artifact
    params: DecodeParams
    context: Context
    timeline: FrameTimeline
    decoder: Decoder
    size: tuple[int, int]

    def write(self, wanted: list[Wanted]) -> tuple[list[Wanted], dict[str, Artifact]]:
        """Write the wanted frames; the answer has those that could be decoded, and the files.

        Raises `UnreadableMedia` if none could be, and `NotEnoughMemory`.
        """
        return self._together(wanted) if self.params.format in TOGETHER else self._apart(wanted)

    def _apart(self, wanted: list[Wanted]) -> tuple[list[Wanted], dict[str, Artifact]]:
        """Each frame as a picture of its own, written as soon as it is decoded."""
        suffix, contents = SUFFIXES[self.params.format], dict[int, Path]()
        for stamp, pixels in self._pictures(wanted):
            contents[stamp] = self.context.new_path(f"{stamp}.{suffix}")
            contents[stamp].write_bytes(encoded(pixels, self.params.format, self.params.quality))  # type: ignore[arg-type]
        kept, files = self._found(wanted, contents), {}
        for number, one in enumerate(kept, 1):
            name = self.source.name_for(f".{number:06}.{suffix}")
            path = self.context.new_path(name)
            path.write_bytes(contents[one.stamp].read_bytes())
            files[f"frame_{number:06}"] = self._published(path, self.size)
        return kept, files

    def _together(self, wanted: list[Wanted]) -> tuple[list[Wanted], dict[str, Artifact]]:
        """All frames in one file."""
        need, most = len(wanted) * self.size[0] * self.size[1] * 3 / 1e6, self.context.settings.media_mb
        if 0 < most < need:
            hint = "Ask for fewer or smaller frames, or allow more with the setting 'media_mb'."
            raise NotEnoughMemory(f"These frames take {need:.0f} MB of memory, more than {most}.", hint=hint)
        kept, pixels = self._stacked(wanted)
        path = self.context.new_path(self.source.name_for(f".frames.{SUFFIXES[self.params.format]}"))
        write = self._arrays if self.params.format == "npz" else self._sheet
        return kept, write(path, kept, pixels)

    def _stacked(self, wanted: list[Wanted]) -> tuple[list[Wanted], Pixels]:
        """All pictures as one array of `(frames, height, width, 3)`."""
        import numpy as np

        places = dict[int, int]()
        pixels = np.empty((len({one.stamp for one in wanted}), self.size[1], self.size[0], 3), np.uint8)
        for stamp, picture in self._pictures(wanted):
            places[stamp] = len(places)
            pixels[places[stamp]] = picture
        kept = self._found(wanted, places)
        order = [places[one.stamp] for one in kept]
        return kept, pixels[: len(order)] if order == [*range(len(order))] else pixels[order]

    def _arrays(self, path: Path, kept: list[Wanted], shown: Pixels) -> dict[str, Artifact]:
        import numpy as np

        stamps = [one.stamp for one in kept]
        times = np.array([self.timeline.time(stamp) for stamp in stamps])
        numbers = np.array([self.timeline.index.number_at(stamp) for stamp in stamps])
        np.savez(path, frames=shown, times=times, pts=np.array(stamps), indices=numbers)
        return {"frames": self._published(path, self.size)}

    def _sheet(self, path: Path, kept: list[Wanted], shown: Pixels) -> dict[str, Artifact]:
        from avstudio_video.frames.sheet import contact_sheet

        times = [self.timeline.time(one.stamp) for one in kept]
        sheet = contact_sheet(shown, times, self.params.columns, self.params.labels)
        path.write_bytes(encoded(sheet, "png", self.params.quality))
        return {"sheet": self._published(path, (sheet.shape[1], sheet.shape[0]))}

    def _published(self, path: Path, size: tuple[int, int]) -> Artifact:
        facts = MediaFacts(width=size[0], height=size[1])
        return self.context.publish(path, path.name, MEDIA_TYPES[self.params.format], facts)

    def _pictures(self, wanted: list[Wanted]) -> Iterator[tuple[int, Pixels]]:
        stamps = sorted({one.stamp for one in wanted})
        for number, found in enumerate(self.decoder.pictures(stamps)):
            self.context.progress(0.95 * number / len(stamps), "decode")
            yield found

    def _found(self, wanted: list[Wanted], found: dict[int, Any]) -> list[Wanted]:
        """The frames that could be decoded; the others are told."""
        missing = [f"{self.timeline.time(one.stamp):.3f}" for one in wanted if one.stamp not in found]
        if len(missing) == len(wanted):
            raise UnreadableMedia(f"None of these frames of '{self.source.path}' can be decoded.")
        if missing:
            listed = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
            message = f"{len(missing)} frames of '{self.source.name}' cannot be decoded, and are left out: {listed} s."
            self.context.warn("frames_missing", message)
        return [one for one in wanted if one.stamp in found]
