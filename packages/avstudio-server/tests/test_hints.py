from __future__ import annotations

import re
from pathlib import Path

import pytest

import avstudio_core
from avstudio_core.errors import AVStudioError, DataFolderError, Degraded, NoModel, NotFound, OutputExists, TaskFailed
from avstudio_server.cli.hints import LISTS, hint_of, shown


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OutputExists("x", hint="Allow overwriting."), "Add --overwrite, or choose another folder with --output."),
        (Degraded("x"), "Leave out --strict to accept the result with its warning."),
        (TaskFailed("x", cause="degraded"), "Leave out --strict to accept the result with its warning."),
        (DataFolderError("x", hint="Choose another with the setting 'home'."), "Choose another with AVSTUDIO_HOME."),
        (NotFound("x", hint="See the list of tasks."), "See them: avstudio tasks list"),
        (AVStudioError("x", hint="Fetch the weights 'a.b-c'."), "Run: avstudio models pull a.b-c"),
        (AVStudioError("x", hint="Wait, or raise the budget."), "Wait, or raise it: avstudio budgets set"),
        (
            AVStudioError("x", hint="Set the secret 'MY_KEY', or the environment variable of that name."),
            "Set it with 'avstudio secrets set MY_KEY', or as the environment variable of that name.",
        ),
        (AVStudioError("x", hint="Try again."), "Try again."),
        (AVStudioError("x"), ""),
    ],
)
def test_a_hint_names_what_a_person_types(error: AVStudioError, expected: str) -> None:
    assert hint_of(error) == expected
    assert shown(error) == f"x {expected}".rstrip()


def test_each_list_that_the_library_names_has_a_command() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(avstudio_core.__file__).parent.rglob("*.py"))
    named = set(re.findall(r"See the list of ([a-z ]+)\.", sources))
    assert named - {*LISTS} == {"webhooks"}  # which only HTTP has
    assert named >= {"media files", "models", "projects", "settings", "tasks"}


def test_a_missing_key_is_set_by_a_command() -> None:
    error = NoModel("No model can answer. But openai/x: no key: set the secret 'A_KEY', or the environment variable.")
    assert "no key: set it with 'avstudio secrets set A_KEY', or as the environment variable." in shown(error)
