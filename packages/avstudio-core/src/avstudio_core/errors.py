"""The errors that AV-Studio raises.

AVStudioError                 one line for a person; `code` for a program
├── InvalidInput              what was given cannot be used
│   ├── NotFound              nothing has that name ("did you mean")
│   ├── InvalidParams         a parameter does not fit its declaration
│   ├── InvalidPlan           a plan that cannot run, with the place marked
│   └── UnreadableMedia       a file that cannot be decoded to what is needed
├── Unavailable               the studio lacks something now
│   ├── MissingDependency     an extra to install
│   ├── WeightsMissing        model files are missing; how to get them
│   └── NotEnoughMemory       a model that can never fit the budget
├── StorageError              the data folder or an output folder
│   ├── DataFolderError       locked, corrupt, or made by a newer AV-Studio
│   ├── CorruptFile           content that does not match its sha256
│   ├── OutputExists          a file exists, and overwriting is not allowed
│   └── DiskFull              no space left; nothing half-written stays
├── TaskError                 a task that did not complete
│   ├── TaskFailed            its run failed; carries the code of the cause
│   ├── TaskBlocked           it cannot run: a dependency failed
│   ├── TaskCancelled         somebody cancelled it
│   └── InvalidTransition     a state change that the table of states forbids
├── ModelError                a language model did not answer; `elsewhere` says whether another may
│   ├── BackendDown           no server, an outage, a time-out
│   ├── RateLimited           too many requests; `retry_after` in seconds, if the server gave it
│   ├── CredentialsRefused    no key, or a wrong one
│   ├── Unsupported           the model or backend lacks what the request needs
│   ├── ContextTooLong        more than the model can read
│   ├── RequestRefused        the server refused the request
│   ├── BadAnswer             the answer cannot be used, or does not fit the schema
│   ├── PartialAnswer         the answer broke off; carries the text so far
│   └── NoModel               no model can answer, and why
├── OverBudget                a budget's hard limit leaves too little for the call
├── EgressRefused             the policy forbids sending anything to that address
├── Degraded                  `strict` turned a degradation into an error
└── PluginError               a plugin that is broken, or clashes with another
"""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from avstudio_core.nearest import did_you_mean

OTHER_FOLDER = "choose another data folder with the setting 'home'."
"""The end of a hint for a data folder that cannot be used."""


class AVStudioError(Exception):
    """The root: `message` says in one line what was given and what is wrong, `hint` what to do, if anything.

    A hint names things ("the setting 'home'", "the list of tasks"), never the options, commands or variables of one
    interface: each interface words it in its own terms. `str()` gives both.
    """

    code: ClassVar[str] = "error"
    message = ""
    hint = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(with_hint(message, hint))
        self.message = message
        self.hint = hint


def with_hint(message: str, hint: str) -> str:
    """Both in one text: the hint follows the first line; further lines of a message show a place."""
    first, newline, rest = message.partition("\n")
    return f"{first} {hint}".rstrip() + newline + rest


class InvalidInput(AVStudioError):
    """What was given cannot be used as it is."""

    code = "invalid_input"


class NotFound(InvalidInput):
    """Nothing of the given kind has the given name."""

    code = "not_found"

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str], *, see: str = "") -> NotFound:
        """An error whose hint is the nearest known name, or all names if they are few, or else `see`."""
        names = sorted(known)
        few = f"Known: {', '.join(names)}." if 0 < len(names) <= 8 else see
        return cls(f"No {kind} is named '{name}'.", hint=did_you_mean(name, names) or few)


class InvalidParams(InvalidInput):
    """A parameter breaks its declaration."""

    code = "invalid_params"


class InvalidPlan(InvalidInput):
    """A plan that is refused before anything runs."""

    code = "invalid_plan"


class UnreadableMedia(InvalidInput):
    """A file that does not hold what is needed, or cannot be decoded."""

    code = "unreadable_media"


class Unavailable(AVStudioError):
    """Something that the studio needs is not here now."""

    code = "unavailable"


class MissingDependency(Unavailable):
    """An optional library is not installed; the hint holds the pip command."""

    code = "missing_dependency"

    @classmethod
    def extra(cls, feature: str, distribution: str, extra: str) -> MissingDependency:
        """The error for `feature`, cured by an extra of a distribution."""
        command = f"pip install '{distribution}[{extra}]'"
        return cls(f"{feature} needs an extra that is not installed.", hint=f"Run: {command}")


class WeightsMissing(Unavailable):
    """Model files are neither installed nor cached, and cannot be fetched now."""

    code = "weights_missing"


class NotEnoughMemory(Unavailable):
    """A model needs more memory than the whole budget holds."""

    code = "not_enough_memory"


class StorageError(AVStudioError):
    """Reading or writing a file, a folder or the database failed."""

    code = "storage"

    @classmethod
    def of(cls, error: OSError, path: Path) -> StorageError:
        """What the operating system refused, for a person; `DiskFull` where no space is left."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFull(f"No space is left for '{path}'.", hint="Free some, or choose another folder.")
        return cls(f"'{path}' cannot be written: {error.strerror or error}.")


class DataFolderError(StorageError):
    """The data folder is locked, corrupt, unwritable or from a newer version."""

    code = "data_folder"


class CorruptFile(StorageError):
    """A file's content does not match the sha256 on record."""

    code = "corrupt_file"


class OutputExists(StorageError):
    """An output file already exists, and overwriting is not allowed."""

    code = "output_exists"


class DiskFull(StorageError):
    """There is no space left on the device."""

    code = "disk_full"


class TaskError(AVStudioError):
    """A task did not complete."""

    code = "task"


class TaskFailed(TaskError):
    """A run failed; `cause` is the code of what went wrong, `traceback` for `--debug`."""

    code = "task_failed"

    def __init__(self, message: str, *, hint: str = "", cause: str = "error", traceback: str = "") -> None:
        super().__init__(message, hint=hint)
        self.cause = cause
        self.traceback = traceback


class TaskBlocked(TaskError):
    """A task cannot run, for the reason given."""

    code = "task_blocked"


class TaskCancelled(TaskError):
    """A task was cancelled before it completed."""

    code = "task_cancelled"


class InvalidTransition(TaskError):
    """A task may not go from its state to the requested one."""

    code = "invalid_transition"


class ModelError(AVStudioError):
    """A language model did not answer."""

    code = "model_error"
    elsewhere: ClassVar[bool] = False
    """Whether another backend may succeed where this one failed."""
    worked: bool = False
    """Whether the server took the request on, so that it may charge for it."""
    used: object = None
    """The `Usage` that the server reports all the same."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after: float | None = None,
        waited: float | None = None,
        worked: bool | None = None,
    ) -> None:
        """`retry_after`: seconds that the server asks to wait. `waited`: seconds after which the time was up."""
        self.retry_after = retry_after
        self.waited = waited
        if retry_after:
            hint = f"{hint} Try again in {math.ceil(retry_after)} s.".lstrip()
        super().__init__(message, hint=hint)
        if worked is not None:
            self.worked = worked


class BackendDown(ModelError):
    """A server cannot be reached, reports an outage or does not answer in time."""

    code = "backend_down"
    elsewhere = True


class RateLimited(ModelError):
    """A server received too many requests, or too large ones."""

    code = "rate_limited"
    elsewhere = True


class CredentialsRefused(ModelError):
    """A key is missing, wrong or not allowed to do this."""

    code = "credentials"
    elsewhere = True


class Unsupported(ModelError):
    """A model or backend lacks what the request needs."""

    code = "unsupported"
    elsewhere = True


class ContextTooLong(ModelError):
    """The messages do not fit the model's context."""

    code = "context_too_long"
    elsewhere = True


class RequestRefused(ModelError):
    """A server refuses the request as it is."""

    code = "request_refused"


class BadAnswer(ModelError):
    """An answer that cannot be read, or does not fit the requested schema."""

    code = "bad_answer"
    worked = True


class PartialAnswer(ModelError):
    """An answer that broke off after its first words; `text` is what came."""

    code = "partial"
    worked = True

    def __init__(self, message: str, *, hint: str = "", text: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text


class NoModel(ModelError):
    """No model can answer this request."""

    code = "no_model"


class OverBudget(AVStudioError):
    """A budget's hard limit leaves too little for a call; `scope` names the budget."""

    code = "budget_exceeded"

    def __init__(self, message: str, *, hint: str = "", scope: str = "") -> None:
        super().__init__(message, hint=hint)
        self.scope = scope


class EgressRefused(AVStudioError):
    """The policy forbids sending anything to that address."""

    code = "egress_refused"


class Degraded(AVStudioError):
    """The result would have been degraded, and `strict` forbids that."""

    code = "degraded"


class PluginError(AVStudioError):
    """A plugin cannot be used."""

    code = "plugin"


def by_code(code: str, message: str, *, hint: str = "", text: str = "") -> AVStudioError:
    """The error with that code, as another process raised it."""
    if code == PartialAnswer.code:
        return PartialAnswer(message, hint=hint, text=text)
    return _by_code(AVStudioError).get(code, AVStudioError)(message, hint=hint)


def _by_code(kind: type[AVStudioError]) -> dict[str, type[AVStudioError]]:
    classes = {kind.code: kind}
    for narrower in kind.__subclasses__():
        classes |= _by_code(narrower)
    return classes
