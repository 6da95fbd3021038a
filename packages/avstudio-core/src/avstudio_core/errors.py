"""What can go wrong, said to a person.

AVStudioError                 one line for a person; `code` for a program
├── InvalidInput              what was given cannot be used
│   ├── NotFound              nothing has that name ("did you mean")
│   ├── InvalidParams         a parameter is out of its declared bounds
│   ├── InvalidPlan           a plan that could not run, with the place marked
│   └── UnreadableMedia       a file that does not decode to what is needed
├── Unavailable               the studio lacks something now
│   ├── MissingDependency     an extra to install
│   ├── WeightsMissing        model files that are not here, and where to get them
│   └── NotEnoughMemory       a model that can never fit the budget
├── StorageError              the data folder or an output folder
│   ├── DataFolderError       locked, corrupt, or made by a newer AV-Studio
│   ├── CorruptFile           content that does not match its sha256
│   ├── OutputExists          refused unless told to overwrite
│   └── DiskFull              no space left; nothing half-written stays
├── TaskError                 a task that did not complete
│   ├── TaskFailed            its run failed; carries the code of the cause
│   ├── TaskBlocked           it cannot run: a dependency failed
│   ├── TaskCancelled         somebody cancelled it
│   └── InvalidTransition     a state change that the table of states forbids
├── ModelError                a language model did not answer; `elsewhere` says whether another may
│   ├── BackendDown           no server, an outage, a time-out
│   ├── RateLimited           asked too often; `retry_after` in seconds, where the server said
│   ├── CredentialsRefused    no key, or a wrong one
│   ├── Unsupported           the model or backend lacks what the request needs
│   ├── ContextTooLong        more than the model can read
│   ├── RequestRefused        the server would not have it
│   ├── BadAnswer             what came back cannot be used, or does not fit the schema
│   ├── PartialAnswer         it broke off; carries the text so far
│   └── NoModel               no model may answer, and why each may not
├── OverBudget                a hard limit has no room for the call
├── EgressRefused             the policy lets nothing out to there
├── Degraded                  `strict` turned a degradation into an error
└── PluginError               a plugin that is broken, or clashes with another
"""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar


class AVStudioError(Exception):
    """The root: `message` says in one line what was given and what is wrong, `hint` what to do, if anything.

    A hint names things, not the options of one interface: each interface words it in its own terms. `str()` gives both.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".rstrip())
        self.message = message
        self.hint = hint


class InvalidInput(AVStudioError):
    """What was given cannot be used as it is."""

    code = "invalid_input"


class NotFound(InvalidInput):
    """Nothing of the given kind has the given name."""

    code = "not_found"

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str], *, see: str = "") -> NotFound:
        """An error that offers the nearest known name, or `see`, the place that lists them."""
        names = sorted(known)
        lowered = {one.casefold(): one for one in names}
        near = get_close_matches(name.casefold(), lowered, n=1, cutoff=0.6)
        if near:
            return cls(f"No {kind} is named '{name}'. Did you mean '{lowered[near[0]]}'?")
        listed = f"Known: {', '.join(names)}." if 0 < len(names) <= 8 else see
        return cls(f"No {kind} is named '{name}'. {listed}".rstrip())


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
    """An optional library is not installed; the message holds the pip command."""

    code = "missing_dependency"

    @classmethod
    def extra(cls, feature: str, distribution: str, extra: str) -> MissingDependency:
        """The error for `feature`, cured by an extra of a distribution."""
        command = f"pip install '{distribution}[{extra}]'"
        return cls(f"{feature} needs an extra that is not installed. Run: {command}")


class WeightsMissing(Unavailable):
    """Model files are neither installed, nor cached, nor to be fetched now."""

    code = "weights_missing"


class NotEnoughMemory(Unavailable):
    """A model needs more memory than the whole budget holds."""

    code = "not_enough_memory"


class StorageError(AVStudioError):
    """Reading or writing what is to last failed."""

    code = "storage"

    @classmethod
    def of(cls, error: OSError, path: Path) -> StorageError:
        """An operating system's refusal, said to a person; `DiskFull` where there is no space."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFull(f"No space is left for '{path}'. Free some, or choose another folder.")
        return cls(f"'{path}' cannot be written: {error.strerror or error}.")


class DataFolderError(StorageError):
    """The data folder is locked, corrupt, unwritable or from a newer version."""

    code = "data_folder"


class CorruptFile(StorageError):
    """A file's content does not match the sha256 on record."""

    code = "corrupt_file"


class OutputExists(StorageError):
    """An output is already there and overwriting was not asked for."""

    code = "output_exists"


class DiskFull(StorageError):
    """There is no space left on the device."""

    code = "disk_full"


class TaskError(AVStudioError):
    """A task did not come to a result."""

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
    """A task may not go from its state to the one asked for."""

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
    """A server is not there, is out of order or does not answer in time."""

    code = "backend_down"
    elsewhere = True


class RateLimited(ModelError):
    """A server was asked too often, or for too much."""

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
    """An answer that cannot be read, or does not fit the schema asked for."""

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
    """No model may answer."""

    code = "no_model"


class OverBudget(AVStudioError):
    """A hard limit has no room; `scope` names it."""

    code = "budget_exceeded"

    def __init__(self, message: str, *, hint: str = "", scope: str = "") -> None:
        super().__init__(message, hint=hint)
        self.scope = scope


class EgressRefused(AVStudioError):
    """The policy lets nothing out to there."""

    code = "egress_refused"


class Degraded(AVStudioError):
    """Something would have run in a lesser way, and `strict` forbids it."""

    code = "degraded"


class PluginError(AVStudioError):
    """A plugin cannot be used."""

    code = "plugin"


def by_code(code: str, message: str, *, hint: str = "", text: str = "") -> AVStudioError:
    """The error of that code, as it was raised in another process."""
    if code == PartialAnswer.code:
        return PartialAnswer(message, hint=hint, text=text)
    return _by_code(AVStudioError).get(code, AVStudioError)(message, hint=hint)


def _by_code(kind: type[AVStudioError]) -> dict[str, type[AVStudioError]]:
    found = {kind.code: kind}
    for narrower in kind.__subclasses__():
        found |= _by_code(narrower)
    return found
