"""A search of the library finds every text of an owner's work, and nothing of others."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import Field
from sqlalchemy import text

from avstudio_core import (
    Artifact,
    Context,
    Hit,
    InvalidInput,
    NotFound,
    Params,
    Principal,
    Processor,
    Result,
    Studio,
    TaskOptions,
    hookimpl,
)
from avstudio_core.access.session import Session
from avstudio_core.documents.search_words import phrases_of
from avstudio_core.documents.snippets import snippet
from avstudio_core.documents.transcript import MEDIA_TYPE, Segment, Transcript
from avstudio_core.reach import Reach
from avstudio_core.storage.search import Wanted
from avstudio_core.storage.sqlite.search import query
from avstudio_core.testing import exercises, media


class HearParams(Params):
    said: list[str] = Field(default=[], description="The sentences, one in each second.")
    answer: str = Field(default="", description="A text about them.")


class HearResult(Result):
    transcript: Artifact = Field(description="The sentences.")
    answer: str = Field(description="The text.", json_schema_extra={"view": "text"})


class Hear(Processor[HearParams, HearResult]):
    """Write a transcript of given sentences."""

    name = "exercise.hear"
    accepts = ("*/*",)

    def run(self, source: Artifact, params: HearParams, context: Context) -> HearResult:
        parts = [Segment(id=at, start=at, end=at + 1, text=f" {one}") for at, one in enumerate(params.said)]
        path = context.new_path("transcript")
        path.write_text(Transcript(language="en", duration=len(parts), segments=parts).written(), encoding="utf-8")
        made = context.publish(path, source.name_for(".json"), MEDIA_TYPE)
        return HearResult(transcript=made, answer=params.answer)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    plugin = ModuleType("hear")
    plugin.__dict__["register_processors"] = hookimpl(lambda: [Hear])
    home = tmp_path_factory.mktemp("library")
    with Studio(home=home, executor="inline", offline=True, plugins="", add=[exercises, plugin]) as made:
        yield made


@pytest.fixture
def session(shared: Studio, request: pytest.FixtureRequest) -> Session:
    return shared.session(Principal(f"owner {request.node.name}"))


def hear(
    session: Session, folder: Path, *said: str, name: str = "talk.wav", project: str = "default", **more: Any
) -> Any:
    path = folder / name
    path.write_bytes(name.encode())
    return session.run("exercise.hear", path, said=list(said), options=TaskOptions(project=project), **more)


def found(session: Session, words: str, **conditions: Any) -> list[Hit]:
    return session.library.search(words, **conditions).items


def test_a_word_is_found_with_its_moment_and_its_recording(session: Session, tmp_path: Path) -> None:
    made = hear(session, tmp_path, "Good morning.", "Ask not what your country can do for you.")
    (hit,) = found(session, "COUNTRY ask")
    assert (hit.kind, hit.start, hit.end, hit.name, hit.processor) == ("speech", 1, 2, "talk.wav", "exercise.hear")
    assert [hit.snippet[start:end] for start, end in hit.highlights] == ["Ask", "country"]
    assert (hit.artifact, hit.task) == (made.transcript.id, made.provenance.task_id)
    assert hit.source == session.media.page().items[0].id


def test_answers_and_names_are_found_too(session: Session, tmp_path: Path) -> None:
    hear(session, tmp_path, name="zebra.wav", answer="A zebra is striped.")
    assert {hit.kind: hit.snippet for hit in found(session, "zebra")} == {
        "text": "A zebra is striped.",
        "name": "zebra.wav",
    }
    assert [hit.kind for hit in found(session, "zebra", kind="name")] == ["name"]


@pytest.mark.parametrize(
    ("said", "words", "marked"),
    [
        ("Das Café in der Straße", "cafe STRASSE", ["Café", "Straße"]),
        ("我住在东京都", "东京", ["东京"]),
        ("東京でカレーを食べた", "カレー", ["カレー"]),
        ("학교에서 만나요", "학교", ["학교"]),
        (unicodedata.normalize("NFD", "Ein schöner Gruß"), "schöner", [unicodedata.normalize("NFD", "schöner")]),
        ("मैं हिन्दी बोलता हूँ", "हिन्दी", ["हिन्दी"]),
        ("don't stop me now", "DON'T", ["don't"]),
        ("it was the best of times", '"best of times" it', ["it", "best of times"]),
        ("under_scores count_as spaces", "scores as", ["scores", "as"]),
    ],
)
def test_words_of_any_language_are_found(
    session: Session, tmp_path: Path, said: str, words: str, marked: list[str]
) -> None:
    hear(session, tmp_path, said, "something else")
    (hit,) = found(session, words)
    assert [hit.snippet[start:end] for start, end in hit.highlights] == marked


@pytest.mark.parametrize(
    "words",
    [
        '"',
        '"unclosed',
        "a OR b",
        "NOT a",
        "a NEAR/2 b",
        "words : a",
        "a* ^b",
        "(a",
        "-a",
        "a\0b",
        "'; DROP",
        "place : o6c",
    ],
)
def test_no_query_has_operators(session: Session, words: str) -> None:
    try:
        assert found(session, words) == []
    except InvalidInput as error:
        assert "has no words to search for" in str(error)


@pytest.mark.parametrize("words", ["", " ", "*", "x" * 1001, "x" * 1_000_000, "x " * 51, "\ud800"])
def test_a_query_without_words_or_too_long_is_refused(session: Session, words: str) -> None:
    with pytest.raises(InvalidInput):
        session.library.search(words)


def test_pages_have_each_text_once_the_newest_first(session: Session, tmp_path: Path) -> None:
    hear(session, tmp_path, *(f"number {one}" for one in range(5)))
    starts, cursor = [], None
    while True:
        page = session.library.search("number", 2, before=cursor)
        starts += [hit.start for hit in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert starts == [4, 3, 2, 1, 0]


def test_nobody_finds_the_words_of_others(shared: Studio, session: Session, tmp_path: Path) -> None:
    hear(session, tmp_path, "the secret is safe", project="film")
    owner = session.principal.owner
    assert found(shared.session(Principal("somebody else")), "secret") == []
    assert found(shared.session(Principal(owner, project="other")), "secret") == []
    assert len(found(shared.session(Principal(owner, project="film")), "secret")) == 1
    with pytest.raises(NotFound, match="No project is named 'other'"):
        found(shared.session(Principal(owner, project="film")), "secret", project="other")
    assert [hit.owner for hit in found(shared, "secret")] == [owner]


def test_times_and_processors_narrow_a_search(session: Session, tmp_path: Path) -> None:
    hear(session, tmp_path, "narrow")
    (hit,) = found(session, "narrow", processor="exercise.hear", until=1e308)
    assert (
        found(session, "narrow", since=hit.created_at + 1) == found(session, "narrow", processor="exercise.copy") == []
    )


def test_the_words_of_given_subtitles_are_found_with_their_moments(session: Session, tmp_path: Path) -> None:
    (tmp_path / "film.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\n<i>The country</i>\nstands still.\n")
    (tmp_path / "film.vtt").write_text("WEBVTT\n\n00:03.000 --> 00:04.000\nA country &amp; a town.\n")
    (tmp_path / "broken.srt").write_text("1\n00:00:01 -> 2\nNo country.\n")
    for name in ("film.srt", "film.vtt", "broken.srt"):
        session.take_in(tmp_path / name)
    found = session.library.search("country").items
    assert [(hit.name, hit.start, hit.snippet) for hit in found] == [
        ("film.vtt", 3.0, "A country & a town."),
        ("film.srt", 1.0, "The country stands still."),
    ]
    assert {hit.kind for hit in found} == {"speech"}


def test_media_types_narrow_a_search(session: Session, tmp_path: Path) -> None:
    media.tone(tmp_path / "walk.wav")
    (tmp_path / "walk.txt").write_text("walk\n")
    session.run("exercise.hear", tmp_path / "walk.wav", said=["A walk."])
    session.take_in(tmp_path / "walk.txt")

    def found(media_type: str) -> list[tuple[str, str | None]]:
        return [(hit.kind, hit.name) for hit in session.library.search("walk", media_type=media_type).items]

    assert found("text/plain") == [("name", "walk.txt")]
    assert found("audio/*") == [("speech", "walk.wav"), ("name", "walk.wav")]
    assert found("video/*") == found("audio/x_") == []
    with pytest.raises(InvalidInput, match="'sound' is not a media type"):
        session.library.search("walk", media_type="sound")


def test_what_is_deleted_is_not_found(session: Session, tmp_path: Path) -> None:
    made = hear(session, tmp_path, "forget it", name="forget.wav", answer="forget")
    assert len(found(session, "forget")) == 3
    session.delete_artifact(made.transcript.id)
    assert sorted(hit.kind for hit in found(session, "forget")) == ["name", "text"]
    session.tasks.delete(made.provenance.task_id)
    assert found(session, "forget") == []


def test_the_same_content_under_another_name_is_found_under_both(session: Session, tmp_path: Path) -> None:
    first = hear(session, tmp_path, "twice heard")
    (tmp_path / "copy.wav").write_bytes(b"talk.wav")
    again = session.run("exercise.hear", tmp_path / "copy.wav", said=["twice heard"])
    assert again.cache_hit
    assert [hit.name for hit in found(session, "twice heard")] == ["copy.wav", "talk.wav"]
    session.tasks.delete(first.provenance.task_id)
    assert found(session, "twice heard")[0].name == "copy.wav"


def test_a_cached_answer_is_found_as_long_as_one_task_has_it(session: Session, tmp_path: Path) -> None:
    first = hear(session, tmp_path, answer="a lasting word")
    hear(session, tmp_path, answer="a lasting word")
    session.tasks.delete(first.provenance.task_id)
    assert len(found(session, "lasting")) == 1


def test_a_search_reads_the_index_and_no_table(shared: Studio) -> None:
    """Neither rows that do not match, nor a sort: the plan has the index, and look-ups by number."""
    wanted = Wanted([["word"]], Reach("owner", "film"), kind="speech", before=10)
    with shared._database.read() as connection:
        made = query(wanted).limit(20).compile(connection, compile_kwargs={"literal_binds": True})
        steps = [
            row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {str(made).replace(':', chr(92) + ':')}"))
        ]
    assert steps[0].startswith("SCAN texts_index VIRTUAL TABLE INDEX")
    assert all(step.startswith("SEARCH ") for step in steps[1:]), steps


def test_a_snippet_of_a_long_text_is_around_the_match() -> None:
    long = "lead " * 100 + "the needle " + "tail\n" * 100
    shown = snippet(long, phrases_of("needle"))
    assert len(shown.text) <= 203
    assert (shown.text[:5], shown.text[-1]) == ("…lead", "…")
    assert "\n" not in shown.text
    assert [shown.text[start:end] for start, end in shown.highlights] == ["needle"]
