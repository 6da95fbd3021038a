"""The exit codes of the `avstudio` command: one table, ordered like the tree of errors."""

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
    NotAllowed,
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
    FAILED: "a task or a model failed",
    INVALID: "the input is invalid: the command line, a name, a parameter or a file",
    UNAVAILABLE: "something is missing: an extra, weights, memory, a working plugin, a language model or its key",
    STORAGE: "the data folder or the output is full, locked, damaged or not writable, or a file already exists",
    WAITING: "a task is blocked, or waits for a review by a person",
    DEGRADED: "--strict turned a warning into an error",
    OVER_BUDGET: "the call would exceed a budget",
    REFUSED: "the policy forbids sending data to that host, or the user may not do that",
    DEFECT: "an error in AV-Studio or a plugin",
    CANCELLED: "cancelled or interrupted",
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
    NotAllowed: REFUSED,
}


def exit_code(error: AVStudioError) -> int:
    """The exit code of an error; a failed task has the code of its cause, if that is known."""
    kind = type(error)
    if isinstance(error, TaskFailed):
        kind = _codes(AVStudioError).get(error.base, TaskFailed)
    return next(TABLE[one] for one in kind.__mro__ if one in TABLE)


def error_data(error: AVStudioError) -> dict[str, Any]:
    """An error as JSON data."""
    from avstudio_server.cli.hints import hint_of

    code = error.cause if isinstance(error, TaskFailed) else error.code
    return problem_data(code, error.message, hint_of(error), exit_code(error))


def problem_data(code: str, message: str, hint: str, exits: int) -> dict[str, Any]:
    """An error as JSON data, from its parts."""
    return {"error": {"code": code, "message": message, "hint": hint, "exit": exits}}


def _codes(root: type[AVStudioError]) -> dict[str, type[AVStudioError]]:
    """Every loaded error class by its code; if two share a code, the more general one."""
    classes = {root.code: root}
    for kind in root.__subclasses__():
        classes = _codes(kind) | classes
    return classes
