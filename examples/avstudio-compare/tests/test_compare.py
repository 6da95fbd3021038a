"""The contract gets a second file; the tests here compare recordings whose difference is known."""

from __future__ import annotations

from pathlib import Path

import avstudio_compare
import pytest

from avstudio_core import Studio
from avstudio_core.errors import InvalidPlan, TaskFailed
from avstudio_core.testing import ProcessorContract
from avstudio_core.testing.fixtures import Tone


class TestCompare(ProcessorContract):
    plugin = avstudio_compare
    processor = "audio.compare"
    required = frozenset({"reference"})

    @pytest.fixture
    def files(self, tone: Tone) -> dict[str, Path | list[Path]]:
        return {"reference": tone(level=0.25)}

    def test_half_the_level_is_left(self, studio: Studio, tone: Tone) -> None:
        result = studio.run("audio.compare", tone(level=0.5), reference=tone(level=0.25), others=[tone(level=0.5)])
        assert result.levels == pytest.approx([-12.04, -200.0], abs=0.05)
        assert [one.media_type for one in result.differences] == ["audio/wav"] * 2

    def test_a_plan_compares_what_another_step_made(self, studio: Studio, tone: Tone) -> None:
        plan = f"audio.compare:differences.0 reference={tone(level=0.25)} | audio.compare reference=@source"
        levels = studio.run_plan(plan, tone(level=0.5))["compare2"].levels
        assert levels == pytest.approx([-12.04], abs=0.05)

    def test_recordings_that_do_not_fit_are_refused(self, studio: Studio, tone: Tone) -> None:
        with pytest.raises(TaskFailed, match="has another length, sample rate or number of channels"):
            studio.run("audio.compare", tone(), reference=tone(seconds=3.5))
        with pytest.raises(InvalidPlan, match="The plan has no source"):
            studio.run_plan("audio.compare reference=@source")
