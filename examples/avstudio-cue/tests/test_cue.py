"""The contract tests what all agents must do; the tests here check what this one decides."""

from __future__ import annotations

from typing import Any

import avstudio_cue
import pytest

from avstudio_core.testing import AgentContract


class TestCue(AgentContract):
    plugin = avstudio_cue
    agent = avstudio_cue.Cue
    requests = ("How loud is this?", "Make it LOUD", "Sing!")

    @pytest.fixture
    def processors(self) -> dict[str, Any]:
        return {
            "audio.loudness": {"cues": {"en": ["how loud"], "de": ["wie laut"]}},
            "audio.loudly": {"cues": {"en": ["make it loud"]}},
            "text.sing": {"cues": {"en": ["sing"]}},
        }

    def test_a_cue_gives_a_plan_with_its_reason(self, processors: dict[str, Any]) -> None:
        draft = self.decided("Wie laut ist das?", processors)
        assert (draft.plan, draft.source) == ("audio.loudness", "art_1")
        assert draft.reasons == {"loudness": "The request says 'wie laut'."}

    def test_two_cues_are_a_question(self, processors: dict[str, Any]) -> None:
        question = self.decided("How loud is it? Make it loud.", processors)
        assert (question.about, question.choices) == ("which", ("audio.loudly", "audio.loudness"))

    def test_a_processor_beyond_its_abilities_is_refused(self, processors: dict[str, Any]) -> None:
        assert self.decided("Sing!", processors).reason == "not_possible"
