"""The contract tests what all interfaces must do; the tests here check what this one does with files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import avstudio_watch
import pytest

from avstudio_core import InvalidInput, Studio
from avstudio_core.testing import InterfaceContract, exercises, until

STEP = "copy2"


class TestWatch(InterfaceContract):
    plugin = avstudio_watch
    interface = avstudio_watch.Watch

    @pytest.fixture
    def studio_plugins(self) -> list[ModuleType]:
        return [avstudio_watch, exercises]

    @pytest.fixture
    def given(self, tmp_path: Path) -> dict[str, Any]:
        (tmp_path / "in").mkdir()
        plan = "exercise.copy suffix=! | exercise.copy suffix=?"
        return {"folder": tmp_path / "in", "plan": plan, "output": tmp_path / "out", "settle": 0.1}

    def test_a_new_file_is_processed_when_it_is_complete(
        self, studio: Studio, given: dict[str, Any], tmp_path: Path
    ) -> None:
        with self.serving(studio, given | {"settle": 1.0}):
            with (tmp_path / "in" / "a.txt").open("wb", buffering=0) as file:
                for _ in range(10):
                    file.write(b"hello ")
                    time.sleep(0.02)
            assert awaited(tmp_path / "out" / "a.txt" / STEP / "result.json")["copied"]["size"] == 62
        assert (tmp_path / "out" / "a.txt" / STEP / "a.txt").read_text() == "hello " * 10 + "!?"

    def test_a_restart_does_not_do_it_again(self, studio: Studio, given: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "in" / "before.txt").write_text("here before")
        for name in ("first", "second"):
            with self.serving(studio, given):
                (tmp_path / "in" / f"{name}.txt").write_text(name)
                (tmp_path / "in" / f"{name}.txt.again").write_text(name)
                for done in (name, "before"):
                    awaited(tmp_path / "out" / f"{done}.txt" / STEP / "result.json")
        assert len(studio.tasks.find()) == 2 * len({"before", "first", "second"})

    def test_a_file_that_fails_does_not_stop_it(
        self, studio: Studio, given: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "in" / "empty.txt").touch()
        with self.serving(studio, given):
            (tmp_path / "in" / "good.txt").write_text("good")
            awaited(tmp_path / "out" / "good.txt" / STEP / "result.json")
        assert "empty.txt' is empty." in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"plan": "exercise.cpy"}, "Did you mean 'exercise.copy'"),
            ({"folder": "nowhere"}, "'nowhere' is not a folder"),
            ({"output": "in"}, "new files of the watched folder"),
        ],
    )
    def test_what_cannot_work_is_refused_at_the_start(
        self,
        studio: Studio,
        given: dict[str, Any],
        change: dict[str, str],
        message: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InvalidInput, match=message), self.serving(studio, given | change) as served:
            served.result(10)


def awaited(path: Path) -> Any:
    """The JSON in a file, as soon as it is there and whole."""

    def read() -> Any:
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError):
            return None

    return until(read)
