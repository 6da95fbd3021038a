"""Tiny videos, made by the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import avstudio_video
from avstudio_core import Studio

Picture = NDArray[np.uint8]
Sound = NDArray[np.float32]
SIZE = (64, 48)


def noise(count: int, size: tuple[int, int] = SIZE) -> list[Picture]:
    """Pictures that differ from each other: a coarse pattern that moves, in a colour that changes."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    return [
        np.stack([(x * 4 + 8 * n) % 256, (y * 5 + 3 * n) % 256, np.full_like(x, (n * 7) % 256)], -1).astype(np.uint8)
        for n in range(count)
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a video of pictures: `rate` frames a second, or at `times` in units of 1/rate, or `unit`; with tones of so many Hz."""

    def make(
        name: str,
        pictures: Sequence[Picture] | int = 30,
        *,
        codec: str = "libx264",
        rate: Fraction | int = 25,
        times: Sequence[int] | None = None,
        sound: Sequence[float | Sound] = (),
        **settings: Any,
    ) -> Path:
        shown = noise(pictures) if isinstance(pictures, int) else pictures
        path = tmp_path / name
        with av.open(str(path), "w", options=settings.pop("container", {})) as file:
            stream: Any = _stream(file, codec, shown, rate, settings)
            heard = [_track(file, f"{number}", settings) for number, _ in enumerate(sound)]
            span = Fraction((times or range(len(shown)))[-1] + 1) / rate
            for track, tone in zip(heard, sound, strict=True):
                _sing(file, track, tone, float(span), settings.get("sound_start", 0.0))
            for number, picture in enumerate(shown):
                frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                frame.pts, frame.time_base = (
                    (times[number] if times else number),
                    settings.get("unit", 1 / Fraction(rate)),
                )
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        return path

    return make


def _stream(file: Any, codec: str, shown: Sequence[Picture], rate: Fraction | int, settings: dict[str, Any]) -> Any:
    stream = file.add_stream(codec, rate=rate)
    stream.height, stream.width = shown[0].shape[:2]
    stream.pix_fmt = settings.get("format", "rgb8" if codec == "gif" else "yuv420p")
    stream.options = settings.get(
        "options", {"bf": "2", "g": "10", "sc_threshold": "0"} if codec in ("libx264", "mpeg4") else {}
    )
    stream.codec_context.time_base = settings.get("unit", 1 / Fraction(rate))
    for name in ("color_trc", "color_primaries", "colorspace", "sample_aspect_ratio"):
        if name in settings:
            setattr(stream.codec_context, name, settings[name])
    file.metadata.update(settings.get("tags", {}))
    stream.metadata.update(settings.get("metadata", {}))
    if "rotation" in settings:
        stream.set_display_rotation(settings["rotation"])
    if "chapters" in settings:
        file.set_chapters(settings["chapters"])
    return stream


def _track(file: Any, number: str, settings: dict[str, Any]) -> Any:
    track = file.add_stream(settings.get("sound_codec", "aac"), rate=48_000)
    track.layout = settings.get("layout", "stereo")
    track.metadata.update(settings.get("sound_metadata", {}).get(int(number), {}))
    return track


def _sing(file: Any, track: Any, tone: float | Sound, seconds: float, start: float) -> None:
    from av.audio.frame import AudioFrame

    count = len(track.codec_context.layout.channels)
    time = np.arange(round(48_000 * seconds)) / 48_000
    if isinstance(tone, np.ndarray):
        wave = tone
    else:
        wave = np.repeat(0.5 * np.sin(2 * np.pi * tone * time)[None].astype(np.float32), count, 0)
    mixed = np.ascontiguousarray(wave.T).reshape(1, -1)
    frame = AudioFrame.from_ndarray(mixed, "flt", track.codec_context.layout.name)
    frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), round(start * 48_000)
    file.mux(track.encode(frame))
    file.mux(track.encode(None))


@pytest.fixture(scope="session")
def nasa() -> Path:
    """A real video with two pictures, two sounds and two subtitles."""
    path = Path(__file__).parents[4] / "shared" / "data" / "nasa_13013.mp4"
    if not path.exists():
        pytest.skip("the shared video is not here")
    return path


@pytest.fixture(scope="module")
def shared_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio for all tests of a module, which do not depend on what it did before."""
    home = tmp_path_factory.mktemp("studio")
    with Studio(home=home, executor="inline", offline=True, plugins="", add=[avstudio_video]) as studio:
        yield studio


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[Path, int], Path]:
    """The same video, which an edit list starts some frames later."""

    def make(path: Path, frames: int) -> Path:
        target = tmp_path / "edited.mp4"
        with av.open(str(path)) as source, av.open(str(target), "w") as file:
            stream: Any = source.streams.video[0]
            copy: Any = file.add_stream_from_template(stream)
            late = round(frames / 25 / stream.time_base)
            for packet in source.demux(stream):
                if packet.dts is not None and packet.pts is not None:
                    packet.pts, packet.dts, packet.stream = packet.pts - late, packet.dts - late, copy
                    file.mux(packet)
        return target

    return make


class Films:
    """Videos with effects, made through a studio and read back."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def applied(self, path: Path, *chain: Any, **params: Any) -> Any:
        """The result, without loss of the picture unless a format is given."""
        how = params if "format" in params or "preset" in params else {"format": "mkv", "codec": "ffv1", **params}
        return self.studio.run("video.effects", path, chain=[*chain], **how)

    def frames(self, path: Path) -> tuple[list[NDArray[np.float64]], list[float]]:
        """The pictures of a file as RGB, and their times."""
        with av.open(str(path)) as file:
            found = [*file.decode(video=0)]
            origin = (file.start_time or 0) / 1_000_000
            pictures = [one.to_ndarray(format="rgb24").astype(float) for one in found]
            return pictures, [float(one.time or 0) - origin for one in found]

    def pictures(self, path: Path, *chain: Any, **params: Any) -> list[NDArray[np.float64]]:
        """The pictures after a chain."""
        return self.frames(self.applied(path, *chain, **params).video.path)[0]

    def sound(self, path: Path) -> Sound:
        """The samples of a file, of its first channel."""
        with av.open(str(path)) as file:
            blocks = [one.to_ndarray() for one in file.decode(audio=0)]
            joined = np.concatenate([one if one.dtype == np.float32 else one / 32768 for one in blocks], 1)
            count = len(file.streams.audio[0].layout.channels)
            return joined.reshape(-1)[::count] if joined.shape[0] < count else joined[0]

    def psnr(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        """How alike two pictures are, in dB; 99 for equal ones."""
        error = float(np.mean((one - other) ** 2))
        return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))

    def gradient(self, count: int = 6, size: tuple[int, int] = (64, 48)) -> list[Picture]:
        """Smooth pictures, of which each half and quarter differs, and each frame."""
        y, x = np.mgrid[0 : size[1], 0 : size[0]]
        return [
            np.stack([x * 255 / size[0], y * 255 / size[1], np.full(x.shape, 40 + 20 * n)], -1).astype(np.uint8)
            for n in range(count)
        ]


@pytest.fixture(scope="module")
def films(shared_studio: Studio) -> Films:
    return Films(shared_studio)


@pytest.fixture
def film(films: Films, write: Callable[..., Path]) -> Path:
    """Six smooth pictures without loss."""
    return write("film.mkv", films.gradient(), codec="ffv1", format="yuv444p")
