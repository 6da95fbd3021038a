"""Chains as text and files, presets, and the files that `video.effects` writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avstudio_core import Artifact, MediaFacts, TaskFailed
from avstudio_core.errors import InvalidParams
from avstudio_video.apply_effects import Effects
from avstudio_video.effects.catalogue import EFFECTS
from avstudio_video.effects.chain import effects_of, written
from avstudio_video.effects_params import EffectsParams

Make = Callable[..., Path]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("trim 1:30 100.5s", {"type": "trim", "start": 90, "end": 100.5}),
        ("speed 2x", {"type": "speed", "factor": 2}),
        ("audio −6dB start=500ms", {"type": "audio", "gain": -6, "start": 0.5}),
        ("scale 1280px fit=contain upscale", {"type": "scale", "width": 1280, "upscale": True}),
        ("overlay opacity=50% position=top", {"type": "overlay", "opacity": 0.5, "position": "top"}),
        ('text "Say \\"hi\\",\\nnow" 20', {"type": "text", "text": 'Say "hi",\nnow', "size": 20}),
        ("text 'Hello, world' 20 end=2", {"type": "text", "text": "Hello, world", "size": 20, "end": 2}),
        ("text text='a \\n \"b\"' 20", {"type": "text", "text": 'a \\n "b"', "size": 20}),
        ("text 'It'\\''s'\" on\" 20", {"type": "text", "text": "It's on", "size": 20}),
        ("text Hello\\,\\ world 20", {"type": "text", "text": "Hello, world", "size": 20}),
        ("blur region=0:0:0.5:1", {"type": "blur", "region": [0, 0, 0.5, 1]}),
    ],
)
def test_a_chain_is_written_as_people_say_it(text: str, values: dict[str, Any]) -> None:
    found = effects_of(text)

    assert found == effects_of([values])
    assert effects_of(written(found)) == found


def test_a_chain_as_text_keeps_all_digits_and_characters() -> None:
    chain = effects_of([{"type": "trim", "start": 4321.0625}, {"type": "text", "text": 'a\tb\\n "c"\n\x1f'}])
    assert effects_of(written(chain)) == chain


def test_a_text_that_was_split_at_its_commas_is_one_chain() -> None:
    for quote in "'\"":
        split = [f"text {quote}Hello", f"world{quote}", "flip"]
        assert effects_of(split) == effects_of('text "Hello, world", flip')


BARE = {
    "speed": ["factor"],
    "color": ["brightness", "contrast", "saturation", "gamma", "vibrance"],
    "lut": ["strength"],
    "deband": ["threshold"],
    "sharpen": ["amount"],
    "stabilize": ["zoom"],
    "overlay": ["number", "margin", "width", "x", "y", "opacity", "similarity"],
    "text": ["box_opacity", "margin", "opacity"],
    "subtitles": ["size", "margin", "max_lines"],
}
"""Factors, counts, and parts of the picture or of a range: numbers that are meant to have a bare value."""


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_has_units_bounds_defaults_and_a_description(name: str) -> None:
    schema = EFFECTS[name].model_json_schema()
    assert schema["description"]
    bare = []
    for key, one in schema["properties"].items():
        numbers = [kind for kind in (one, *one.get("anyOf", ())) if kind.get("type") in ("number", "integer")]
        assert all({"minimum", "exclusiveMinimum"} & kind.keys() for kind in numbers), key
        assert all({"maximum", "exclusiveMaximum"} & kind.keys() for kind in numbers), key
        assert key == "type" or one.get("description"), key
        assert "default" in one or key in schema.get("required", ()), key
        bare += [key] * bool(numbers and not one.get("unit"))
    assert bare == BARE.get(name, [])


def test_a_saved_chain_is_used_again(films: Any, film: Path) -> None:
    first = films.applied(film, "crop 1:1, flip vertical", save="my look")
    again = films.applied(film, chain_file=first.preset.path)

    assert json.loads(first.preset.path.read_text())[0] == {"type": "crop", "aspect": "1:1"}
    assert again.chain == first.chain == "crop aspect=1:1, flip direction=vertical"
    assert again.video.sha256 == first.video.sha256


def test_effects_that_are_off_are_left_out(films: Any, film: Path) -> None:
    result = films.applied(film, {"type": "flip", "enabled": False}, "rotate 180")
    assert [one.type for one in result.applied] == ["rotate"]


PRESETS = [
    ("shorts", (1080, 1920), "h264", "mp4"),
    ("web", (64, 48), "h264", "mp4"),
    ("proxy", (64, 48), "h264", "mov"),
    ("gif", (64, 48), "gif", "gif"),
    ("archive", (64, 48), "ffv1", "mkv"),
]


@pytest.mark.parametrize(("preset", "size", "codec", "ending"), PRESETS, ids=[one[0] for one in PRESETS])
def test_presets_make_their_files(
    films: Any, write: Make, preset: str, size: tuple[int, int], codec: str, ending: str
) -> None:
    path = write("a.mp4", 6, sound=[440.0])
    result = films.applied(path, "trim 0 0.12" if preset == "shorts" else "flip", preset=preset, effort="fast")

    assert (result.width, result.height) == size
    assert result.video.name == f"a.effects.{ending}"
    with av.open(str(result.video.path)) as file:
        assert file.streams.video[0].codec_context.codec.canonical_name == codec
        assert bool(file.streams.audio) == (preset != "gif")
        keys = [packet.is_keyframe for packet in file.demux(video=0) if packet.size]
    assert preset != "proxy" or all(keys)


LIMITS = [
    ("square", (160, 100), (1080, 1080)),
    ("web", (1600, 1000), (1152, 720)),
    ("web", (1600, 800), (1280, 640)),
    ("proxy", (800, 600), (720, 540)),
    ("gif", (640, 400), (480, 300)),
    ("archive", (800, 600), (800, 600)),
]


@pytest.mark.parametrize(("preset", "given", "size"), LIMITS)
def test_presets_bring_large_and_small_pictures_to_their_size(
    films: Any, write: Make, preset: str, given: tuple[int, int], size: tuple[int, int]
) -> None:
    result = films.applied(write("a.mp4", films.gradient(3, given)), preset=preset, effort="fast")
    picture = films.frames(result.video.path)[0][0]
    assert (result.width, result.height) == picture.shape[1::-1] == size


def test_the_preset_gif_shows_twelve_frames_a_second(films: Any, write: Make) -> None:
    result = films.applied(write("a.mp4", 25), preset="gif")
    assert (result.rate, result.frames) == ("12", 12)
    assert films.frames(result.video.path)[1] == pytest.approx([n / 12 for n in range(12)], abs=0.011)


def test_the_preset_square_has_the_whole_picture_between_blurred_bars(films: Any, film: Path) -> None:
    made = films.frames(films.applied(film, preset="square", effort="fast", quality=90).video.path)[0][0]
    whole = made[134:944].reshape(6, 135, 8, 135, 3).mean((1, 3))
    assert films.psnr(whole, films.frames(film)[0][0].reshape(6, 8, 8, 8, 3).mean((1, 3))) > 35
    assert min(made[:130].mean(), made[-130:].mean()) > 30, "The bars are not black."


def test_less_detail_than_the_source_has_is_told(films: Any, write: Make) -> None:
    deep = write("a.mov", 3, codec="prores_ks", format="yuv422p10le")
    codes = {
        codec: [one.code for one in films.applied(deep, format="mkv", codec=codec).warnings]
        for codec in ("h264", "hevc", "prores", "ffv1")
    }
    assert codes == {"h264": ["detail_reduced"], "hevc": ["detail_reduced"], "prores": [], "ffv1": []}


def test_what_is_given_counts_also_where_it_is_the_usual_value(films: Any, write: Make) -> None:
    usual = films.applied(write("a.mp4", 3), preset="proxy")
    given = films.applied(write("b.mp4", 3), preset="proxy", quality=50, effort="balanced")
    assert [(one.effective["quality"], one.effective["effort"]) for one in (usual, given)] == [
        (35, "fast"),
        (50, "balanced"),
    ]


def test_a_given_parameter_is_stronger_than_the_preset(films: Any, write: Make) -> None:
    result = films.applied(write("a.mp4", 3), preset="proxy", format="mkv")
    assert result.video.name == "a.effects.mkv"


@pytest.mark.parametrize(
    ("format", "codec"), [("mp4", "hevc"), ("webm", "vp9"), ("mov", "prores"), ("webp", "webp"), ("apng", "apng")]
)
def test_pictures_survive_each_codec(films: Any, film: Path, format: str, codec: str) -> None:
    result = films.applied(film, "flip", format=format, codec=codec, quality=90, effort="fast")
    source = films.frames(film)[0][3][:, ::-1]

    assert (result.frames, result.effective["codec"]) == (6, codec)
    if format == "webp":
        image = pytest.importorskip("PIL.Image", reason="needs the extra 'text'")
        with image.open(result.video.path) as shown:
            shown.seek(3)
            made = np.asarray(shown.convert("RGB"), float)
    else:
        made = films.frames(result.video.path)[0][3]
    assert films.psnr(made, source) > 28


def test_tags_and_chapters_are_kept_at_their_new_times(films: Any, write: Make) -> None:
    chapters = [
        {
            "id": n,
            "start": 400 * n,
            "end": 400 * n + 400,
            "time_base": Fraction(1, 1000),
            "metadata": {"title": f"Part {n}"},
        }
        for n in range(2)
    ]
    result = films.applied(write("a.mkv", 20, chapters=chapters), "trim 0.2 0.8, speed 2", format="mp4")

    with av.open(str(result.video.path)) as file:
        found = [(one["start"], one["end"], one["time_base"], one["metadata"]["title"]) for one in file.chapters()]
    times = [(float(start * (unit or 0)), float(end * (unit or 0)), title) for start, end, unit, title in found]
    assert times == [(0, 0.1, "Part 0"), (0.1, 0.3, "Part 1")]


def test_what_a_truncated_file_only_states_of_its_sound_is_not_cut(films: Any, write: Make) -> None:
    path = write("a.mp4", 75, sound=[440], container={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    codes = [one.code for one in films.applied(path, "flip").warnings]
    assert ("truncated" in codes, "sound_cut" in codes) == (True, False)


def test_frames_that_cannot_be_decoded_and_gaps_of_the_sound_are_told(films: Any, write: Make) -> None:
    path = write("a.mkv", 75, sound=[440])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(3000) + whole[len(whole) // 2 + 3000 :])
    warnings = films.applied(path, "flip").warnings
    assert [one.code for one in warnings] == ["gaps", "damaged", "damaged"]
    assert warnings[1].message == "The sound of 'a.mkv' is damaged: 1 packets are lost."
    assert "sound of 'a.mkv' has gaps" in warnings[2].message


def test_sound_that_is_longer_or_shorter_ends_with_the_picture(films: Any, write: Make) -> None:
    long = write("long.mkv", 10, sound=[np.full((2, 48_000), 0.5, np.float32)], sound_codec="flac")
    short = write("short.mkv", 25, sound=[np.full((2, 9_600), 0.5, np.float32)], sound_codec="flac")

    assert len(films.sound(films.applied(long, sound_codec="flac").video.path)) == 19_200
    heard = films.sound(films.applied(short, sound_codec="flac").video.path)
    assert len(heard) == 48_000
    assert not heard[10_000:].any()


def test_a_codec_that_the_format_does_not_take_is_refused(films: Any, film: Path) -> None:
    with pytest.raises(InvalidParams, match="'webm' does not take the codec 'prores'"):
        films.applied(film, "flip", format="webm", codec="prores")


def test_the_effects_are_found_in_the_library(films: Any, film: Path) -> None:
    result = films.applied(film, "color saturation=0.123")
    assert [one.text for one in result.texts()] == ["color saturation=0.123"]
    (hit,) = films.studio.library.search("saturation 0.123").items
    assert (hit.kind, hit.artifact) == ("effects", result.video.id)


@pytest.mark.parametrize(("format", "codec"), [("webm", None), ("mp4", "alac"), ("mp4", "aac")])
def test_the_six_channels_of_a_film_are_kept_with_their_language(
    films: Any, write: Make, format: str, codec: str | None
) -> None:
    spoken = {0: {"language": "deu"}}
    path = write("a.mkv", 5, sound=[440.0], sound_codec="ac3", layout="5.1(side)", sound_metadata=spoken)

    made = films.applied(path, format=format, sound_codec=codec, effort="fast")

    with av.open(str(made.video.path)) as file:
        track = file.streams.audio[0]
        assert (track.layout.name, track.language) == ("5.1", "deu")


@pytest.mark.parametrize(
    ("layout", "settings", "told"),
    [
        ("5.1", {"format": "mp4", "sound_codec": "mp3"}, "'libmp3lame' takes at most 2 channels, and the sound has 6."),
        ("2.1", {"format": "webm"}, "'libopus' cannot encode sound with the speakers '2.1', 48000 Hz and 192 kbit/s."),
    ],
)
def test_sound_that_an_encoder_does_not_take_is_told(
    films: Any, write: Make, layout: str, settings: dict[str, Any], told: str
) -> None:
    path = write("a.mkv", 5, sound=[440.0], sound_codec="flac", layout=layout)
    with pytest.raises(TaskFailed, match=told):
        films.applied(path, **settings)


@pytest.mark.parametrize("kilobits", [64, 192])
def test_sound_has_the_bit_rate_that_is_given(films: Any, write: Make, kilobits: int) -> None:
    hiss = np.random.default_rng(1).uniform(-0.3, 0.3, (2, 96_000)).astype(np.float32)
    path = write("a.mkv", 50, sound=[hiss], sound_codec="flac")
    made = films.applied(path, format="mkv", sound_codec="mp3", sound_bit_rate=kilobits, effort="fast")
    with av.open(str(made.video.path)) as file:
        size = sum(one.size for one in file.demux(audio=0))
    assert size * 8 / 2 == pytest.approx(kilobits * 1000, rel=0.08)


@pytest.mark.parametrize(("format", "codec"), [("mkv", "flac"), ("mkv", "alac"), ("mov", "pcm")])
def test_sound_of_24_bits_is_kept_without_loss(films: Any, write: Make, format: str, codec: str) -> None:
    fine = np.random.default_rng(1).integers(-(2**23), 2**23, (1, 9600)).astype(np.float32) / 2**23
    path = write("a.mkv", 5, sound=[fine], sound_codec="pcm_s24le", layout="mono")

    made = films.applied(path, format=format, sound_codec=codec, effort="fast")

    with av.open(str(made.video.path)) as file:
        heard = np.concatenate([one.to_ndarray() for one in file.decode(audio=0)], 1)
    assert np.array_equal(heard[0], (fine[0] * 2**31).astype(np.int64))


def test_a_gif_is_the_same_if_its_colours_are_looked_up_again(
    films: Any, write: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.mkv", films.gradient(8), codec="ffv1", format="yuv444p")
    whole = films.applied(path, "flip", format="gif").video.sha256
    monkeypatch.setattr("avstudio_video.encoding.palette.KNOWN", 3 * 64 * 48)
    again = films.applied(path, "flip", format="gif", quality=51).video.sha256  # another run, not the cached one
    monkeypatch.setattr("avstudio_video.encoding.palette.WHOLE", 64 * 48)
    sparse = films.applied(path, "flip", format="gif", quality=52)
    assert (again, sparse.frames) == (whole, 8)


def test_the_memory_of_a_run_follows_the_size_the_codec_and_the_effects() -> None:
    facts = MediaFacts(width=3840, height=2160)
    large = Artifact(id="a", sha256="0" * 64, name="a.mp4", media_type="video/mp4", size=1, facts=facts)

    shelf: Any = None  # it has no models

    def needed(source: Artifact | None, **params: Any) -> int:
        return Effects(shelf).needs(EffectsParams(**params), source).memory_mb

    usual = needed(None, chain=["flip"])
    assert needed(None, chain=["scale 320"]) < usual < needed(large, chain=["flip"])
    assert needed(large, chain=["scale 320"]) < needed(large, chain=["flip"]) < needed(large, codec="av1")
    assert needed(None, chain=["reverse"]) == usual + 400


def test_bits_that_are_lost_are_told(films: Any, write: Make) -> None:
    made = films.applied(write("a.mkv", films.gradient(), codec="ffv1", format="yuv420p12le"), preset="archive")
    assert [one.code for one in made.warnings] == ["detail_reduced"]
    assert "is yuv420p12le, and is decoded as yuv420p10le" in made.warnings[0].message


@pytest.mark.parametrize("opacity", [255, 254])
def test_transparency_is_lost_only_where_a_pixel_is_transparent(films: Any, tmp_path: Path, opacity: int) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs the extra 'text'")
    pixels = np.full((48, 64, 4), 255, np.uint8)
    pixels[-1, -1, 3] = opacity
    image.fromarray(pixels).save(tmp_path / "a.png")
    made = films.applied(tmp_path / "a.png", "flip")
    assert ["transparent in places" in one.message for one in made.warnings] == [True] * (opacity < 255)


@pytest.mark.parametrize(
    ("chain", "told"),
    [
        (["speed 0.1"] * 8, r"The effect 'speed' would make 24000 s of video"),
        (["audio loudness=-20"] * 5, r"The chain has 5 effects that compute all before them once more: audio, audio"),
        (["scale 8000 8000 stretch", "rotate 45"], r"The effect 'rotate' would make frames of 11314x11314 pixels"),
    ],
)
def test_a_chain_that_makes_far_too_much_is_refused(films: Any, film: Path, chain: list[str], told: str) -> None:
    with pytest.raises(TaskFailed, match=told):
        films.applied(film, *chain)


def test_a_preset_is_written_in_another_format(films: Any, film: Path) -> None:
    made = films.applied(film, preset="web", format="webm", effort="fast")
    assert (made.effective["format"], made.effective["codec"]) == ("webm", "vp9")


@pytest.mark.parametrize("format", ["mp4", "webm"])
def test_key_frames_of_a_variable_rate_have_their_interval(films: Any, write: Make, format: str) -> None:
    path = write("a.mkv", 12, times=[n * n for n in range(12)])
    made = films.applied(path, format=format, effort="fast", key_interval=1)
    with av.open(str(made.video.path)) as file:
        packets = [one for one in file.demux(video=0) if one.is_keyframe and one.pts is not None]
        assert {0, 1, 2.56, 4} <= {round(float((one.pts or 0) * one.time_base), 2) for one in packets}


@pytest.mark.parametrize(("container", "codec"), [("ts", "libx264"), ("ts", "mpeg2video"), ("mkv", "libx264")])
@pytest.mark.parametrize("start", [0, 37])
def test_frames_keep_their_order_from_the_first_one_on(
    films: Any, write: Make, container: str, codec: str, start: int
) -> None:
    greys = [np.full((48, 64, 3), 20 + 3 * number, np.uint8) for number in range(70)]
    path = write(f"a.{container}", greys, codec=codec, options={"g": "25", "bf": "2", "sc_threshold": "0"})
    with av.open(str(path)) as file:
        stored = [one.to_ndarray(format="gray").mean() for one in file.decode(video=0)]
    made = films.pictures(path, f"trim {start / 25:g} 10", "color saturation=1")
    assert [one.mean() for one in made] == pytest.approx(stored[start:], abs=1.5)


@pytest.mark.parametrize(("late", "frames"), [(24, 30), (400, 30), (1000, 55)])
def test_a_picture_that_begins_a_little_late_keeps_its_frames(films: Any, write: Make, late: int, frames: int) -> None:
    tone = np.full((2, 48 * (late + 1200)), 0.1, np.float32)
    times = [late + 40 * number for number in range(30)]
    path = write("a.mkv", 30, times=times, unit=Fraction(1, 1000), sound=[tone], sound_codec="pcm_f32le")
    made = films.applied(path, "color saturation=1", format="mkv", sound_codec="pcm")
    assert [one.code for one in made.warnings] == (["sound_left_out"] if late == 400 else [])
    assert len(films.frames(made.video.path)[0]) == frames
    with av.open(str(made.video.path)) as file:
        heard = sum(one.samples for one in file.decode(audio=0))
    assert heard == pytest.approx(1920 * frames, abs=50)


@pytest.mark.parametrize("rate", [10, 8_000])
def test_sound_of_few_samples_is_kept_or_refused(films: Any, tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        picture: Any = file.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        track: Any = file.add_stream("pcm_s16le", rate=rate, layout="mono")
        for number in range(150):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), "rgb24")
            file.mux(picture.encode(frame))
        sound = av.AudioFrame.from_ndarray(np.full((1, 6 * rate), 900, np.int16), "s16", "mono")
        sound.sample_rate, sound.pts = rate, 0
        file.mux([*picture.encode(None), *track.encode(sound), *track.encode(None)])
    if rate < 100:
        with pytest.raises(TaskFailed, match="The sound has 10 samples per second, too few to change its speed"):
            films.applied(path, "speed 2", format="mkv")
    else:
        assert films.applied(path, "speed 2", format="mkv").duration == pytest.approx(3, abs=0.05)
