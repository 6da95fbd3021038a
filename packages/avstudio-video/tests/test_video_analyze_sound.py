"""What `video.analyze` finds in the sound of a video, in the same pass as its pictures."""

from __future__ import annotations

import errno
import json
import re
import shutil
import subprocess
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from avstudio_core import Studio
from avstudio_core.errors import TaskFailed
from avstudio_video.media.frame_pass import FramePass
from avstudio_video.media.limits import Limits
from avstudio_video.sound.true_peak import TruePeak
from avstudio_video.sound.waveform import Waveform

Make = Callable[..., Path]
RATE = 48_000


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Sound of 4 s: noise that is silent from 0.5 s to 1.25 s in both channels, and from 2.5 s on."""
    sound = np.random.default_rng(0).uniform(-0.2, 0.2, (2, 4 * RATE)).astype(np.float32)
    sound[:, RATE // 2 : RATE * 5 // 4] = 0.0005
    sound[0, RATE * 3 // 2 : RATE * 9 // 4] = 0
    sound[:, RATE * 5 // 2 :] = 0
    return sound


def test_silence_black_and_freeze_are_those_of_ffmpeg(shared_studio: Studio, write: Make, talk: Any) -> None:
    pytest.importorskip("cv2", reason="avstudio-video[opencv] is not installed")
    program = shutil.which("ffmpeg") or pytest.skip("FFmpeg is not installed")
    black, grey = np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 90, np.uint8)
    path = write("a.mkv", [black] * 30 + [grey] * 40 + [black, grey] * 15, sound=[talk], sound_codec="pcm_s16le")
    looks = "blackdetect=d=0.7,freezedetect=d=0.7"
    command = [program, "-i", str(path), "-vf", looks, "-af", "silencedetect=n=-60dB:d=0.7", "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    theirs = {
        (kind, float(start))
        for kind, start in re.findall(r"(black|freezedetect\.freeze|silence)_start: ?([\d.]+)", told)
    }
    result = shared_studio.run(
        "video.analyze", path, analyses=["black", "freeze", "silence"], min_black=0.7, min_freeze=0.7, min_silence=0.7
    )
    names = {"freeze": "freezedetect.freeze"}
    ours = {(names.get(one.type, one.type), one.start) for one in result.events}
    assert sorted(ours) == [(kind, pytest.approx(start, abs=1e-4)) for kind, start in sorted(theirs)]
    assert {kind for kind, _ in ours} == {"black", "freezedetect.freeze", "silence"}
    ends = [float(one) for one in re.findall(r"silence_end: ([\d.]+)", told)]
    assert [one.end for one in result.events if one.type == "silence"] == [pytest.approx(end, abs=1e-4) for end in ends]


def test_a_silence_keeps_its_time_when_the_sound_starts_late(shared_studio: Studio, write: Make, talk: Any) -> None:
    path = write("a.mkv", 30, sound=[talk], sound_codec="pcm_s16le", sound_start=0.5)
    result = shared_studio.run("video.analyze", path, analyses=["silence"], min_silence=0.5)
    assert [(one.start, one.end) for one in result.events] == [
        (pytest.approx(1.0, abs=0.001), pytest.approx(1.75, abs=0.001)),
        (pytest.approx(3.0, abs=0.001), pytest.approx(4.5, abs=0.001)),
    ]


@pytest.mark.parametrize(
    ("level", "spans"), [(-70, [(2.5, 4.0)]), (-60, [(0.5, 1.25), (2.5, 4.0)]), (-13, [(0.0, 4.0)])]
)
def test_sound_below_a_chosen_level_is_silence(
    shared_studio: Studio, write: Make, talk: Any, level: float, spans: list[tuple[float, float]]
) -> None:
    path = write("a.mkv", 30, sound=[talk], sound_codec="pcm_s16le")  # its noise is below -13.9 dBFS, then -66 dBFS
    result = shared_studio.run("video.analyze", path, analyses=["silence"], min_silence=0.5, silence_level=level)
    assert [(one.start, one.end) for one in result.events] == [pytest.approx(span, abs=0.001) for span in spans]


def test_the_loudness_of_a_tone_is_that_of_the_standard(shared_studio: Studio, write: Make) -> None:
    tone = np.repeat(np.sin(2 * np.pi * 997 * np.arange(2 * RATE) / RATE)[None].astype(np.float32) * 0.1, 2, 0)
    path = write("a.mkv", 5, sound=[tone], sound_codec="pcm_s16le")
    loudness = shared_studio.run("video.analyze", path, analyses=["loudness"]).loudness
    assert loudness.integrated == pytest.approx(-20.0, abs=0.1)  # a tone of -20 dBFS in two channels (EBU Tech 3341)
    assert loudness.true_peak == pytest.approx(-20.0, abs=0.1)
    silent = write("b.mkv", 5, sound=[tone * 0], sound_codec="pcm_s16le")
    quiet = shared_studio.run("video.analyze", silent, analyses=["loudness"]).loudness
    assert (quiet.integrated, quiet.true_peak) == (None, None)


@pytest.mark.parametrize(
    ("hertz", "phase", "height", "peak"), [(12_000, 45, 0.5, -6), (8000, 60, 0.5, -6), (12_000, 45, 1.41, 3)]
)
def test_peaks_between_samples_are_those_of_the_standard(
    shared_studio: Studio, write: Make, hertz: int, phase: float, height: float, peak: float
) -> None:
    time = np.arange(RATE) / RATE  # the cases 16, 17 and 19 of EBU Tech 3341
    rise = np.minimum(1, np.minimum(time, time[::-1]) * 20)
    tone = height * rise * np.sin(2 * np.pi * hertz * time + np.deg2rad(phase))
    sound = np.stack([tone, tone / 2]).astype(np.float32)
    path = write("a.mkv", 5, sound=[sound], sound_codec="pcm_f32le")
    found = shared_studio.run("video.analyze", path, analyses=["loudness"]).loudness.true_peak
    assert peak - 0.4 <= found <= peak + 0.2


@pytest.mark.parametrize("length", [1, 7, 45, 200])
def test_the_true_peak_is_found_wherever_it_is(length: int) -> None:
    found = set()
    for place in range(100):
        sound = np.zeros((1, 200), np.float32)
        sound[0, place + 1 : place + 7] = [1, -1, 1, -1, 0.5, -0.25]  # the highest value is before all of them
        meter = TruePeak(RATE, 1)
        for begin in range(0, 200, length):
            meter.feed(sound[:, begin : begin + length])
        meter.finish()
        found.add(round(meter.value, 4))
    assert len(found) == 1
    assert found.pop() > 1.05


@pytest.mark.parametrize("lengths", [[1] * 90, [7, 300, 31, 32, 33, 600], [1003]])
def test_the_true_peak_does_not_depend_on_the_blocks(lengths: list[int]) -> None:
    count = sum(lengths)
    tones = np.random.default_rng(3).standard_normal((2, count // 2 + 1)) * (np.arange(count // 2 + 1) < count * 0.3)
    sound = np.fft.irfft(tones, count).astype(np.float32)
    meter = TruePeak(RATE, 2)
    for block in np.split(sound, np.cumsum(lengths)[:-1], axis=1):
        meter.feed(block)
    meter.finish()
    between = 16 * np.abs(np.fft.irfft(np.fft.rfft(np.pad(sound, ((0, 0), (64, 64)))), 16 * (count + 128))).max()
    assert np.abs(sound).max() * 1.01 < between
    assert meter.value == pytest.approx(between, rel=0.03)


def test_waveform_and_speech_track_have_the_sound(shared_studio: Studio, write: Make, talk: Any) -> None:
    path = write("a.mkv", 5, sound=[talk], sound_codec="pcm_s16le")
    result = shared_studio.run("video.analyze", path, analyses=["waveform", "speech"])
    drawn = json.loads(result.waveform.path.read_text())
    assert (drawn["version"], drawn["samples_per_pixel"], drawn["length"]) == (2, 960, 200)
    highest = np.array(drawn["data"]).reshape(-1, 2)[:, 1]
    assert (highest[:24] > 15).all()
    assert (highest[130:] == 0).all()
    with av.open(str(result.speech.path)) as file:
        [track] = file.streams.audio
        samples = np.concatenate([frame.to_ndarray() for frame in file.decode(track)], axis=1)
        assert (track.rate, track.channels, samples.shape[1]) == (16_000, 1, pytest.approx(64_000, abs=20))


def test_a_video_without_sound_is_told(shared_studio: Studio, write: Make) -> None:
    with pytest.raises(TaskFailed, match="no audio stream"):
        shared_studio.run("video.analyze", write("a.mp4", 2), analyses=["loudness"])


def with_a_gap(path: Path, seconds: int, length: int = 8_000) -> Path:
    """A video of 1 s, with sound of 8 kHz in its first samples and again after some seconds."""
    with av.open(str(path), "w") as file:
        picture: Any = file.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        track: Any = file.add_stream("pcm_f32le", rate=8_000)
        track.layout = "mono"
        for _ in range(25):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        for start in (0, seconds):
            sound = AudioFrame.from_ndarray(np.ones((1, length), np.float32), "flt", "mono")
            sound.sample_rate, sound.time_base, sound.pts = 8_000, Fraction(1, 8_000), 8_000 * start
            file.mux(track.encode(sound))
    return path


def test_hours_without_sound_take_no_memory(shared_studio: Studio, tmp_path: Path) -> None:
    path = with_a_gap(tmp_path / "a.mkv", 7_200)
    tracemalloc.start()
    result = shared_studio.run("video.analyze", path, analyses=["silence"])
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(one.start, one.end) for one in result.events] == [(1, 7_200)]
    assert most < 50e6


@pytest.mark.parametrize("length", [1, 3_999, 4_000, 5_600])
def test_a_gap_begins_where_the_sound_before_it_ends(shared_studio: Studio, tmp_path: Path, length: int) -> None:
    path = with_a_gap(tmp_path / "a.mkv", 3, length)
    result = shared_studio.run("video.analyze", path, analyses=["silence", "speech"])
    assert [(one.start, one.end) for one in result.events] == [(length / 8_000, 3)]
    with av.open(str(result.speech.path)) as file:
        samples = np.concatenate([one.to_ndarray()[0] for one in file.decode(audio=0)])
    assert len(samples) == pytest.approx(2 * (24_000 + length), abs=40)
    assert (np.abs(samples[2 * length + 50 : 47_950]).max(initial=0), samples[-1] > 9_000) == (0, True)


def test_sound_beyond_the_longest_time_is_refused(shared_studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="more than 21600 s"):
        shared_studio.run("video.analyze", with_a_gap(tmp_path / "a.mkv", 10**7), analyses=["silence"])


def test_a_full_disk_does_not_end_the_pictures_in_silence(write: Make) -> None:
    class Full:
        def __init__(self, container: Any, origin: Fraction) -> None:
            self.track = container.streams.audio[0]

        def feed(self, packet: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def finish(self) -> None:
            pass

    passed = FramePass(write("a.mp4", 10, sound=[440]), None, Limits(), lambda part: None, Full)
    with pytest.raises(OSError, match="No space left"):
        list(passed.views(lambda: lambda stamp, frame: None))


@pytest.mark.parametrize(("layout", "channels"), [("7.1", 8), ("hexadecagonal", 16)])
def test_sound_of_many_channels_is_measured_extracted_and_changed(
    shared_studio: Studio, write: Make, layout: str, channels: int
) -> None:
    levels = np.linspace(0.1, 0.8, channels, dtype=np.float32)[:, None]
    sound = np.repeat(levels, RATE, axis=1) * np.sin(np.arange(RATE) / 8).astype(np.float32)
    path = write("a.mkv", 25, sound=[sound], sound_codec="pcm_f32le", layout=layout)
    wanted = ["silence", "loudness", "waveform", "speech"]
    assert shared_studio.run("video.analyze", path, analyses=wanted).loudness.true_peak == pytest.approx(-1.94, abs=0.1)
    extracted = shared_studio.run("video.extract_audio", path, format="wav", mode="transcode").files["sound"]
    lower = shared_studio.run("video.effects", path, chain=["audio gain=-6"], format="mkv", sound_codec="pcm").video
    for file, gain in ((extracted, 1.0), (lower, 0.5)):
        with av.open(str(file.path)) as read:
            packed = [one.to_ndarray().reshape(-1, channels) for one in read.decode(audio=0)]
        assert packed[0].dtype == np.float32  # as in the source
        found = np.abs(np.concatenate(packed)).max(axis=0)
        assert found == pytest.approx(levels[:, 0] * gain, abs=0.01)


def test_samples_that_are_not_numbers_are_0_in_a_waveform() -> None:
    waveform = Waveform(100)
    waveform.feed(np.array([[np.nan, 0.5, np.inf, -1]], np.float32))
    assert json.loads(waveform.json())["data"] == [0, 64, -128, 127]


def test_sound_whose_layout_changes_is_read_to_its_end(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    parts = [write(f"{one}.ts", 60, codec="mpeg2video", sound=[440], layout=one) for one in ("mono", "stereo")]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(one.read_bytes() for one in parts))
    extracted = shared_studio.run("video.extract_audio", path, format="wav", mode="transcode")
    assert extracted.tracks[0].duration > 4.7
    speech = shared_studio.run("video.analyze", path, analyses=["speech"]).speech
    assert speech.size == pytest.approx(32_000 * extracted.tracks[0].duration, abs=640)


def test_waveform_and_speech_begin_with_the_file(shared_studio: Studio, write: Make, talk: Any) -> None:
    path = write("a.mkv", 30, sound=[talk], sound_codec="pcm_s16le", sound_start=1.5)
    result = shared_studio.run("video.analyze", path, analyses=["waveform", "speech"])
    highest = np.array(json.loads(result.waveform.path.read_text())["data"]).reshape(-1, 2)[:, 1]
    assert (len(highest), highest[:74].max(), highest[76:90].min() > 15) == (275, 0, True)
    with av.open(str(result.speech.path)) as file:
        samples = np.concatenate([one.to_ndarray()[0] for one in file.decode(audio=0)])
    assert len(samples) == pytest.approx(5.5 * 16_000, abs=40)
    assert (np.abs(samples[:23_900]).max(), np.abs(samples[24_000:24_800]).max() > 2_000) == (0, True)


def test_gaps_and_samples_that_are_not_numbers_are_told(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    gap = shared_studio.run("video.analyze", with_a_gap(tmp_path / "gap.mkv", 3), analyses=["loudness"])
    assert [one.code for one in gap.warnings] == ["gaps"]
    sound = np.full((2, RATE), 0.1, np.float32)
    sound[0, [5000, 5001, 9000]] = np.inf, -np.inf, np.nan
    path = write("a.mkv", 25, sound=[sound], sound_codec="pcm_f32le")
    result = shared_studio.run("video.analyze", path, analyses=["loudness", "speech", "waveform", "silence"])
    assert [(one.code, one.message.split()[0]) for one in result.warnings] == [("damaged", "3")]
    assert -20.5 < result.loudness.true_peak < -18


@pytest.mark.parametrize(("back", "click"), [(0.3, 1.2), (0.02, 1.5), (1.5, 1.5)])
def test_sound_keeps_its_time_after_time_stamps_that_step_back(
    shared_studio: Studio, tmp_path: Path, back: float, click: float
) -> None:
    path, sound = tmp_path / "a.mkv", np.zeros((1, 20_000), np.float32)
    sound[0, 15_000:15_100] = 0.9
    with av.open(str(path), "w") as file:
        picture: Any = file.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        track: Any = file.add_stream("pcm_f32le", rate=10_000, layout="mono")
        for _ in range(50):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        for start in range(0, 20_000, 1_000):
            frame = AudioFrame.from_ndarray(sound[:, start : start + 1_000], "flt", "mono")
            frame.sample_rate, frame.time_base, frame.pts = 10_000, Fraction(1, 10_000), start
            for packet in track.encode(frame):
                packet.pts -= round(10_000 * back) if start >= 10_000 else 0
                packet.dts = start // 1_000 - 20_000  # the muxer wants times of decoding that increase
                file.mux(packet)
    result = shared_studio.run("video.analyze", path, analyses=["silence", "speech"], min_silence=0.3)
    assert [one.end for one in result.events][:1] == [pytest.approx(click, abs=0.03)]
    assert [one.code for one in result.warnings] == (["damaged"] if back == 0.3 else [])


@pytest.mark.parametrize(
    ("rate", "channels", "impossible", "others"),
    [(2, 1, "loudness", ["speech", "waveform"]), (16_000, 64, "speech", ["loudness", "waveform"])],
)
def test_what_cannot_be_measured_is_told_and_the_rest_is_found(
    shared_studio: Studio, tmp_path: Path, rate: int, channels: int, impossible: str, others: list[str]
) -> None:
    path, layout = tmp_path / "a.mkv", "mono" if channels == 1 else f"{channels} channels"
    with av.open(str(path), "w") as file:
        picture: Any = file.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        track: Any = file.add_stream("pcm_s16le", rate=rate)
        track.layout = layout
        for _ in range(50):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        sound = AudioFrame.from_ndarray(np.full((1, 2 * rate * channels), 9_000, np.int16), "s16", layout)
        sound.sample_rate, sound.pts = rate, 0
        file.mux(track.encode(sound))
    found = shared_studio.run("video.analyze", path, analyses=["black", impossible, *others])
    assert [one.message for one in found.warnings] == [
        f"The sound of 'a.mkv' has {channels} channels at {rate} Hz: {impossible} cannot be measured."
    ]
    assert [name for name in ("loudness", "speech", "waveform") if getattr(found, name)] == others
    assert [one.type for one in found.events] == ["black"]
