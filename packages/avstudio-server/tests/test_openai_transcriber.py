"""`/v1/audio` with a processor of another plugin that transcribes, and with forms that are not valid."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from types import ModuleType
from typing import Any

import httpx2
import pytest

from avstudio_core import Artifact, Context, Params, Processor, Result, Studio, hookimpl
from avstudio_core.documents.transcript import MEDIA_TYPE, Segment, Transcript
from avstudio_core.testing import until
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
PLACE = "/v1/audio/transcriptions"


class DictateParams(Params):
    """How to write."""

    seconds: float = 0.0


class DictateResult(Result):
    """What was written."""

    written: Artifact


class Dictate(Processor[DictateParams, DictateResult]):
    """Write down one word after some seconds."""

    name = "sound.dictate"
    accepts = ("audio/*", "application/octet-stream")

    def outputs(self, params: DictateParams) -> dict[str, str]:
        return {"written": MEDIA_TYPE}

    def run(self, source: Artifact, params: DictateParams, context: Context) -> DictateResult:
        end = time.monotonic() + params.seconds
        while time.monotonic() < end:
            context.check()
            time.sleep(0.01)
        transcript = Transcript(language="en", duration=1.0, segments=[Segment(id=0, start=0, end=1, text="Yes.")])
        path = context.new_path("written.json")
        path.write_text(transcript.written(), encoding="utf-8")
        return DictateResult(written=context.publish(path, "written.json", MEDIA_TYPE))


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    plugin = ModuleType("dictation")
    plugin.__dict__["register_processors"] = hookimpl(lambda: [Dictate])
    return [plugin]


def send(server: HttpServer, files: Any, **fields: Any) -> httpx2.Response:
    return server.client(server.key()).post(PLACE, files=files, data=fields)


SOUND = ("a.wav", b"RIFF")


def test_any_processor_that_makes_a_transcript_is_used(server: HttpServer, studio: Studio) -> None:
    answer = send(server, {"file": SOUND}, model="whisper-1")
    assert (answer.status_code, answer.json()["text"]) == (200, "Yes.")
    task = studio.tasks.get(answer.headers["x-avs-task"])
    assert (task.processor, task.state) == ("sound.dictate", "COMPLETED")


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("text", "Yes.\n"),
        ("srt", "1\n00:00:00,000 --> 00:00:01,000\nYes."),
        ("vtt", "WEBVTT\n"),
        ("ass", "[Script Info]"),
        ("lrc", "["),
        ("ttml", "<?xml"),
        ("tsv", "start\tend\t"),
    ],
)
def test_a_transcript_is_answered_as_any_subtitles(server: HttpServer, form: str, beginning: str) -> None:
    answer = send(server, {"file": SOUND}, response_format=form)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith(beginning)
    assert "Yes." in answer.text


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"language": "en"}, "language"),
        ({"keywords[]": ["a", "b"]}, "keywords"),
        ({"keywords": ["a", "b"]}, "keywords"),
        ({"seconds": "soon"}, "seconds"),
        ({"stream": "perhaps"}, "stream"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"response_format": "doc"}, "response_format"),
        ({"timestamp_granularities[]": "word", "response_format": "verbose_json"}, "timestamp_granularities"),
        ({"file": "a text"}, "file"),
        ({"a[": "x"}, "a["),
    ],
)
def test_a_field_that_cannot_be_followed_is_named(server: HttpServer, fields: dict[str, Any], param: str) -> None:
    answer = send(server, {"file": SOUND}, **fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("files", "param"),
    [
        ([("file", SOUND), ("file", SOUND)], "file"),
        ([("sound", SOUND)], "sound"),
        ([("model", (None, b"whisper-1"))], "file"),
        ([("file", SOUND), ("known_speaker_references[]", ("b.wav", b"RIFF"))], "known_speaker_references"),
    ],
)
def test_there_is_one_file(server: HttpServer, studio: Studio, files: Any, param: str) -> None:
    answer = send(server, files)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert studio.media.page().items == []


def test_the_name_of_a_file_cannot_do_harm(server: HttpServer, studio: Studio) -> None:
    for name in ("../../etc/passwd", "a.wav\0.html", "x" * 5000, "<img src=x>.svg", "CON", " ", "a\r\nb"):
        assert send(server, {"file": (name, b"RIFF")}).status_code in (200, 400), name
    for file in (one.artifact for one in studio.media.page().items):
        assert not {"/", "\0", "\n"} & set(file.name)


def test_what_is_too_large_or_not_a_form_is_refused(server: HttpServer) -> None:
    client = server.client(server.key())
    assert send(server, {"file": SOUND}, prompt="x" * (3 << 20)).status_code == 413
    for kind in ("application/json", "multipart/form-data", "multipart/form-data; boundary=x"):
        answer = client.post(PLACE, content=b"{}", headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_client_that_leaves_cancels_its_task(server: HttpServer, studio: Studio) -> None:
    client = server.client(server.key())
    request = client.build_request("POST", PLACE, files={"file": SOUND}, data={"seconds": "600"})
    connection = HTTPConnection("127.0.0.1", int(server.address.rpartition(":")[2]))
    connection.request("POST", PLACE, request.read(), dict(request.headers))
    (task,) = until(studio.tasks.find)
    connection.close()
    assert until(lambda: studio.tasks.get(task.id).error).code == "cancelled"


def test_a_key_that_may_not_run_is_refused(server: HttpServer) -> None:
    answer = server.client(server.key("read")).post(PLACE, files={"file": SOUND})
    assert answer.status_code == 403


def test_without_a_translator_there_is_no_translation(server: HttpServer) -> None:
    answer = server.client(server.key()).post("/v1/audio/translations", files={"file": SOUND})
    assert (answer.status_code, "does not translate" in answer.text) == (404, True)


def test_without_a_transcriber_it_says_what_to_install(tmp_path: Any) -> None:
    with Studio(home=tmp_path / "empty", executor="inline", plugins="") as studio, HttpServer(studio) as server:
        answer = send(server, {"file": SOUND})
    assert (answer.status_code, "pip install" in answer.json()["error"]["message"]) == (404, True)
