"""Presets: files that an owner keeps under names, and gives as sources."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Principal, Session, Studio
from avstudio_core.errors import AVStudioError, InvalidInput, NotAllowed, NotFound
from avstudio_core.testing import exercises


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [exercises]


@pytest.fixture
def anna(studio: Studio) -> Session:
    return studio.session(Principal("anna"))


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "chain.txt"
    path.write_text("reverb 0.5")
    return path


def test_a_preset_is_a_source_by_its_name(anna: Session, chain: Path) -> None:
    anna.presets.save("my voice", chain)
    chain.write_text("changed")
    for _ in range(2):
        assert anna.run("exercise.copy", "preset:my voice").copied.path.read_text() == "reverb 0.5"
    assert [(one.name, one.artifact.name) for one in anna.presets.page().items] == [("my voice", "my voice.txt")]


def test_the_newest_file_has_the_name(anna: Session, chain: Path) -> None:
    for text in ("one", "two"):
        chain.write_text(text)
        anna.presets.save("a", anna.take_in(chain))
    assert anna.presets.get("a").artifact.path.read_text() == "two"
    assert len(anna.presets.page().items) == 1
    assert anna.presets.delete("a").files == 1
    with pytest.raises(NotFound, match="No preset is named 'a'"):
        anna.given("preset:a")


def test_presets_are_listed_in_pages_by_name(anna: Session, chain: Path) -> None:
    for name in "cab":
        anna.presets.save(name, chain)
    first = anna.presets.page(2)
    assert [one.name for one in (*first.items, *anna.presets.page(after=first.next).items)] == ["a", "b", "c"]


def test_a_preset_of_another_owner_is_unknown(studio: Studio, anna: Session, chain: Path) -> None:
    anna.presets.save("a", chain)
    for other in (studio.session(Principal("ben")), studio):
        assert other.presets.page().items == []
        for attempt in (other.presets.get, other.presets.delete, lambda name, at=other: at.given(f"preset:{name}")):
            with pytest.raises(NotFound):
                attempt("a")


def test_a_preset_stays_if_a_plan_with_it_is_refused(anna: Session, chain: Path) -> None:
    anna.presets.save("a", chain)
    with pytest.raises(AVStudioError):
        anna.submit("exercise.copy", "preset:a", nonsense=1)
    assert anna.presets.get("a").artifact.path.exists()


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\nb", "x" * 300])
def test_a_name_that_is_not_one_is_refused(anna: Session, chain: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        anna.presets.save(name, chain)


def test_saving_needs_the_scopes_to_run_and_to_name_files(studio: Studio, chain: Path) -> None:
    for scopes in ({"read"}, {"read", "run"}):
        with pytest.raises(NotAllowed):
            studio.session(Principal("anna", scopes=scopes)).presets.save("a", chain)  # type: ignore[arg-type]
