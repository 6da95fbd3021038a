"""The contract tests what all backends must do; the other tests are about this one's answers."""

from __future__ import annotations

import avstudio_eliza
import pytest

from avstudio_core import Studio
from avstudio_core.errors import Unsupported
from avstudio_core.testing import BackendContract


class TestEliza(BackendContract):
    plugin = avstudio_eliza
    backend = avstudio_eliza.Eliza

    @pytest.mark.parametrize(
        ("said", "answered"),
        [
            ("I am sad about my work.", "How long have you been sad about your work?"),
            ("Well, I need you to hear me!", "What would it mean to you if you got me to hear you?"),
            ("It rains.", "Please go on."),
        ],
    )
    def test_it_answers_with_a_question(self, studio: Studio, said: str, answered: str) -> None:
        stream = studio.stream(said, model="eliza/doctor")
        assert "".join(delta.text for delta in stream) == answered
        assert stream.answer.text == answered
        assert stream.answer.cost == 0.0

    def test_it_refuses_what_it_cannot_do(self, studio: Studio) -> None:
        with pytest.raises(Unsupported, match="it does not support temperature"):
            studio.chat("Hello", model="eliza/doctor", temperature=1.0)
