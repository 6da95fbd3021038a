"""Damaged and wrong files give a clear error or a coded warning, and never access another file or host."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings, strategies as st

from avstudio_audio.errors import NoAudio
from avstudio_audio.media.contents import probe
from avstudio_audio.media.decode import decode
from avstudio_core.errors import AVStudioError, Degraded, UnreadableMedia

Make = Callable[[Path], Path]


def text(folder: Path) -> Path:
    (folder / "a.mp3").write_text("These are words, not sound.\n" * 500)
    return folder / "a.mp3"


def empty(folder: Path) -> Path:
    (folder / "a.wav").touch()
    return folder / "a.wav"


def pipe(folder: Path) -> Path:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes on this system")
    os.mkfifo(folder / "a.wav")
    return folder / "a.wav"


def loop(folder: Path) -> Path:
    (folder / "a.wav").symlink_to("a.wav")
    return folder / "a.wav"


def forbidden(folder: Path) -> Path:
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        pytest.skip("no file is unreadable for this user")
    (folder / "a.wav").write_bytes(b"RIFF")
    (folder / "a.wav").chmod(0)
    return folder / "a.wav"


NO_FILES: dict[str, Make] = {
    "does not exist": lambda folder: folder / "a.wav",
    "is a folder": lambda folder: folder,
    "is empty": empty,
    "is not an audio or video file": text,
    "is a device or a pipe": pipe,
    "cannot be read: Too many levels": loop,
    "cannot be read: Permission denied": forbidden,
    "cannot be read: File name too long": lambda folder: folder / ("a" * 300 + ".wav"),
    "cannot be read: embedded null": lambda folder: folder / "a\0.wav",
}


@pytest.mark.parametrize("use", [decode, probe])
@pytest.mark.parametrize("reason", NO_FILES)
def test_what_is_not_a_media_file_is_refused_by_name(tmp_path: Path, use: Callable[[Path], Any], reason: str) -> None:
    path = NO_FILES[reason](tmp_path)
    with pytest.raises(UnreadableMedia) as caught:
        use(path)
    assert str(caught.value).startswith(f"'{path}' {reason}")
    assert "\n" not in str(caught.value)


def test_a_video_without_sound_says_so(write: Any) -> None:
    path = write("mute.mp4", "", np.zeros((0, 1), np.float32), 8_000, picture=True)
    with pytest.raises(NoAudio, match=r"'.*mute\.mp4' has no audio stream"):
        decode(path)
    assert probe(path).audio == []


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
def test_sound_of_no_length_says_so(tmp_path: Path, name: str) -> None:
    sf.write(tmp_path / name, np.zeros((0, 2)), 44_100)
    with pytest.raises(
        UnreadableMedia, match=rf"'.*{name}' (has an audio stream, but none of its sound|is not sound)"
    ) as caught:
        decode(tmp_path / name)
    assert caught.value.hint


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_refused_with_their_time(tmp_path: Path, value: float) -> None:
    data = np.zeros((16_000, 2), np.float32)
    data[12_000, 1] = value
    sf.write(tmp_path / "a.wav", data, 8_000, "FLOAT")
    with pytest.raises(UnreadableMedia, match=r"'.*a\.wav' contains values that are not numbers .* 1\.500 s") as caught:
        decode(tmp_path / "a.wav", rate=16_000)
    assert "Export the sound again" in caught.value.hint


@pytest.mark.parametrize("name", ["Füße 日本語 🎵 it's.mp3", "a:b%20?.mp3", "-i.mp3", "http:x.mp3"])
def test_any_name_will_do(write: Any, music: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    write("plain.mp3", "libmp3lame", music(), 44_100).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert decode(tmp_path / name).duration == decode(Path(name)).duration == 2.0


def test_a_very_long_path_will_do(write: Any, music: Any, tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["long" * 50] * 15)
    folder.mkdir(parents=True)
    path = write("a.flac", "flac", music(), 44_100).rename(folder / "a.flac")
    assert len(str(path)) > 3_000
    assert decode(path).duration == probe(path).duration == 2.0


def test_the_name_does_not_matter(write: Any, music: Any) -> None:
    path = write("a.flac", "flac", music(), 44_100)
    assert decode(path.rename(path.with_name("a.mp3"))).length == 88_200
    assert probe(path.with_name("a.mp3")).container == "flac"


CUT = [
    ("a.wav", "pcm_s16le", {}),
    ("a.flac", "flac", {}),
    ("a.mp3", "libmp3lame", {}),
    ("a.m4a", "aac", {"movflags": "faststart"}),
    ("a.mka", "aac", {}),
    ("a.wv", "wavpack", {}),
    ("a.aiff", "pcm_s16be", {}),
    ("a.avi", "libmp3lame", {}),
]


@pytest.mark.parametrize(("name", "codec", "options"), CUT)
def test_a_truncated_file_is_decoded_with_a_warning(
    write: Any, music: Any, heard: Any, snr: Any, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write(name, codec, music(seconds=4.0), 44_100, options=options)
    whole = decode(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    samples = decode(path, warn=heard)
    assert 0.35 < samples.length / whole.length < 0.65
    assert snr(samples.data[:, :-4608], whole.data) > 30
    assert heard.codes == ["truncated"]
    assert f"'{path}' is cut short: it ends after {samples.duration:.2f} s" in heard.messages[0]


def test_a_file_cut_down_to_its_header_is_an_error(write: Any, music: Any) -> None:
    path = write("a.flac", "flac", music(), 44_100)
    path.write_bytes(path.read_bytes()[:9_000])
    with pytest.raises(NoAudio, match=r"'.*a\.flac' has an audio stream, but none of its sound"):
        decode(path)


def test_a_span_before_the_cut_needs_no_warning(write: Any, music: Any, heard: Any) -> None:
    path = write("a.flac", "flac", music(seconds=4.0), 44_100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    assert decode(path, span=(0.5, 1.0), warn=heard).duration == pytest.approx(0.5)
    assert heard.codes == []


@pytest.mark.parametrize(
    ("name", "codec"), [("a.opus", "libopus"), ("a.mka", "aac"), ("a.m4a", "aac"), ("a.ts", "aac")]
)
def test_after_damage_every_sound_is_still_at_its_time(
    write: Any, music: Any, heard: Any, snr: Any, name: str, codec: str
) -> None:
    path = write(name, codec, music(2, 48_000, 6.0), 48_000)
    whole = decode(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4_000] = bytes(4_000)
    path.write_bytes(content)
    samples = decode(path, warn=heard)
    assert samples.length == pytest.approx(whole.length, abs=48)
    tail = slice(240_000, 280_000)
    late = samples.data[:, 240_000 + samples.length - whole.length :]
    assert snr(late[:, :40_000], whole.data[:, tail]) > 25
    assert heard.codes == ["damaged"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["a.wav", "a.flac", "a.mp3", "a.m4a", "a.mka", "a.ts", "a.opus"]))
def test_whatever_is_damaged_gives_sound_or_our_own_error(
    media: dict[str, bytes], tmp_path: Path, data: st.DataObject, name: str
) -> None:
    content = bytearray(media[name])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=50)):
        content[place] = data.draw(st.integers(0, 255))
    (tmp_path / name).write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        samples = decode(tmp_path / name, channels=1, warn=lambda code, message: None)
    except AVStudioError:
        return
    assert samples.length > 0
    assert np.isfinite(samples.data).all()


@pytest.fixture
def media(write: Any, music: Any) -> dict[str, bytes]:
    """A second of sound in several formats."""
    codecs = {"a.wav": "pcm_s16le", "a.flac": "flac", "a.mp3": "libmp3lame", "a.opus": "libopus"}
    names = [*codecs, "a.m4a", "a.mka", "a.ts"]
    return {name: write(name, codecs.get(name, "aac"), music(2, 48_000, 1.0), 48_000).read_bytes() for name in names}


def test_a_stream_that_appears_on_the_way_is_not_damage(write: Any, music: Any, heard: Any) -> None:
    path = write("a.ts", "aac", music(2, 48_000, 2.0), 48_000)
    content = path.read_bytes()
    packets = [bytearray(content[at : at + 188]) for at in range(0, len(content), 188)]
    sound = [packet for packet in packets if (packet[1] & 31, packet[2]) == (1, 0)]  # without tables of contents
    [packet for packet in sound if packet[1] & 64][-1][2] = 85  # the last part belongs to another stream
    path.write_bytes(b"".join(sound))
    assert 1.9 < decode(path, warn=heard).duration < 2.05
    assert heard.codes == []


def test_strict_callers_can_make_a_warning_an_error(write: Any, music: Any) -> None:
    path = write("a.wav", "pcm_s16le", music(), 44_100)
    path.write_bytes(path.read_bytes()[:100_000])

    def refuse(code: str, message: str) -> None:
        raise Degraded(message)

    with pytest.raises(Degraded, match="cut short"):
        decode(path, warn=refuse)


def test_a_warning_no_one_takes_is_logged(write: Any, music: Any, caplog: pytest.LogCaptureFixture) -> None:
    path = write("a.wav", "pcm_s16le", music(), 44_100)
    path.write_bytes(path.read_bytes()[:100_000])
    decode(path)
    assert "cut short" in caplog.text


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{canary}\n#EXT-X-ENDLIST\n",
    "list.mp3": "ffconcat version 1.0\nfile {canary}\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_does_not_open_another_file(write: Any, music: Any, tmp_path: Path, name: str) -> None:
    write("canary.mp3", "libmp3lame", music(), 44_100)
    path = tmp_path / name
    path.write_text(PLAYLISTS[name].format(canary="canary.mp3"))
    with av.open(str(path)) as unguarded:
        assert unguarded.streams.audio, "the canary is dead: FFmpeg by itself would not have followed the list"
    for use in (decode, probe):
        with pytest.raises(UnreadableMedia, match=f"'.*{name}' is a playlist, and playlists are not followed"):
            use(path)


def test_a_playlist_does_not_open_a_connection(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/canary.ts"
        (tmp_path / "list.m3u8").write_text(PLAYLISTS["list.m3u8"].format(canary=url))
        with pytest.raises(UnreadableMedia, match="playlist"):
            decode(tmp_path / "list.m3u8")
        with pytest.raises(TimeoutError):
            server.accept()
