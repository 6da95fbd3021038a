"""The exit codes of the `avstudio` command: one table, after the tree of errors."""

from __future__ import annotations

from typing import Any

from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    CredentialsRefused,
    Degraded,
    EgressRefused,
    InvalidInput,
    InvalidTransition,
    NoModel,
    OverBudget,
    PluginError,
    StorageError,
    TaskBlocked,
    TaskCancelled,
    TaskFailed,
    Unavailable,
)

DONE, FAILED, INVALID, UNAVAILABLE, STORAGE, WAITING, DEGRADED = 0, 1, 2, 3, 4, 5, 6
OVER_BUDGET, REFUSED, DEFECT, CANCELLED = 7, 8, 70, 130

MEANINGS = {
    DONE: "done",
    FAILED: "the task failed, or a model did",
    INVALID: "what was given cannot be used: the command line, a name, a parameter, a file",
    UNAVAILABLE: "something is missing: an extra, weights, memory, a working plugin, a language model, its key",
    STORAGE: "the data folder or the output: full, locked, damaged, not writable, or there already",
    WAITING: "a task is blocked, or waits for a person's review",
    DEGRADED: "--strict refused a lesser result",
    OVER_BUDGET: "a budget has no room",
    REFUSED: "the policy lets nothing out to there",
    DEFECT: "an error in AV-Studio or a plugin",
    CANCELLED: "cancelled, or interrupted",
}

TABLE: dict[type[AVStudioError], int] = {
    AVStudioError: FAILED,
    InvalidInput: INVALID,
    Unavailable: UNAVAILABLE,
    StorageError: STORAGE,
    TaskBlocked: WAITING,
    TaskCancelled: CANCELLED,
    InvalidTransition: WAITING,
    Degraded: DEGRADED,
    PluginError: UNAVAILABLE,
    NoModel: UNAVAILABLE,
    BackendDown: UNAVAILABLE,
    CredentialsRefused: UNAVAILABLE,
    OverBudget: OVER_BUDGET,
    EgressRefused: REFUSED,
}


def exit_code(error: AVStudioError) -> int:
    """The exit code of an error; a failed task's is that of what made it fail, where that is known."""
    kind = type(error)
    if isinstance(error, TaskFailed):
        kind = _codes(AVStudioError).get(error.cause, TaskFailed)
    return next(TABLE[one] for one in kind.__mro__ if one in TABLE)


def error_data(error: AVStudioError) -> dict[str, Any]:
    """An error, for programs."""
    from avstudio_server.cli.hints import hint_of

    code = error.cause if isinstance(error, TaskFailed) else error.code
    return problem_data(code, error.message, hint_of(error), exit_code(error))


def problem_data(code: str, message: str, hint: str, exits: int) -> dict[str, Any]:
    """What went wrong and what to do, for programs."""
    return {"error": {"code": code, "message": message, "hint": hint, "exit": exits}}


def _codes(root: type[AVStudioError]) -> dict[str, type[AVStudioError]]:
    """Every error class that is loaded, by its code; the more general one where two share a code."""
    classes = {root.code: root}
    for kind in root.__subclasses__():
        classes = _codes(kind) | classes
    return classes
