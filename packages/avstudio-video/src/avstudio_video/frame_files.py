"""The files of decoded frames: pictures, arrays or a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core import Artifact, Context, MediaFacts
from avstudio_core.errors import NotEnoughMemory, UnreadableMedia
from avstudio_video.decode_params import DecodeParams
from avstudio_video.frames.archive import FrameArchive
from avstudio_video.frames.files import MEDIA_TYPES, SUFFIXES, encoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
            files[f"frame_{number:06}"] = self._published(path, path.name)
        return kept, files

    def _together(self, wanted: list[Wanted]) -> tuple[list[Wanted], dict[str, Artifact]]:
        """All frames in one file."""
        need, most = len(wanted) * self.size[0] * self.size[1] * 3 / 1e6, self.context.settings.media_mb
        if 0 < most < need:
            hint = "Ask for fewer or smaller frames, or allow more with the setting 'media_mb'."
            raise NotEnoughMemory(f"These frames take {need:.0f} MB, more than {most}.", hint=hint)
        return self._arrays(wanted) if self.params.format == "npz" else self._sheet(wanted)

    def _arrays(self, wanted: list[Wanted]) -> tuple[list[Wanted], dict[str, Artifact]]:
        """Arrays, written as soon as a frame is decoded; once more if the frames are wanted in another order."""
        name = self.source.name_for(".frames.npz")
        decoded = FrameArchive(self.context.new_path(name), len({one.stamp for one in wanted}), self.size)
        with decoded:
            places = {stamp: decoded.add(picture) for stamp, picture in self._pictures(wanted)}
            kept = self._found(wanted, places)
            if is_final := [*places] == [one.stamp for one in wanted]:
                decoded.end(**self._facts(kept))
        if is_final:  # published once it is closed, and all of it is in the file
            return kept, {"frames": self._published(decoded.path, name)}
        with FrameArchive(self.context.new_path(f"ordered.{name}"), len(kept), self.size) as ordered:
            shown = decoded.pictures()
            for one in kept:
                ordered.add(shown[places[one.stamp]])
            ordered.end(**self._facts(kept))
        return kept, {"frames": self._published(ordered.path, name)}

    def _facts(self, kept: list[Wanted]) -> dict[str, NDArray[Any]]:
        """The times, time stamps and numbers of frames."""
        import numpy as np

        stamps = [one.stamp for one in kept]
        times = np.array([self.timeline.time(stamp) for stamp in stamps])
        numbers = np.array([self.timeline.index.number_at(stamp) for stamp in stamps])
        return {"times": times, "pts": np.array(stamps), "indices": numbers}

    def _sheet(self, wanted: list[Wanted]) -> tuple[list[Wanted], dict[str, Artifact]]:
        import numpy as np

        from avstudio_video.frames.sheet import contact_sheet

        found = dict(self._pictures(wanted))
        kept = self._found(wanted, found)
        shown = np.stack([found[one.stamp] for one in kept])
        times = [self.timeline.time(one.stamp) for one in kept]
        sheet = contact_sheet(shown, times, self.params.columns, self.params.labels)
        path = self.context.new_path(self.source.name_for(".frames.png"))
        path.write_bytes(encoded(sheet, "png", self.params.quality))
        return kept, {"sheet": self._published(path, path.name, (sheet.shape[1], sheet.shape[0]))}

    def _published(self, path: Path, name: str, size: tuple[int, int] | None = None) -> Artifact:
        """The artifact of a picture, or of pictures, of the usual size or another one."""
        width, height = size or self.size
        return self.context.publish(path, name, MEDIA_TYPES[self.params.format], MediaFacts(width=width, height=height))

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
