"""The errors that AV-Studio raises.

AVStudioError                 `message` and `hint` for people, `code` for programs
├── InvalidInput              an input cannot be used
│   ├── NotFound              nothing has that name ("did you mean")
│   ├── InvalidParams         a parameter is not valid
│   ├── InUse                 what others use cannot be changed or deleted now
│   ├── TooLarge              a file or a request is larger than its limit
│   ├── InvalidPlan           a plan that cannot run, with the place marked
│   └── UnreadableMedia       a file that cannot be read or decoded
├── Unavailable               something that the studio needs is missing
│   ├── MissingDependency     an extra to install
│   ├── WeightsMissing        model files are missing; the hint says how to get them
│   └── NotEnoughMemory       a model needs more memory than the budget
├── StorageError              a problem with the data folder or an output folder
│   ├── DataFolderError       locked, corrupt, or made by a newer AV-Studio
│   ├── CorruptFile           content that does not match its sha256
│   ├── OutputExists          a file exists, and overwriting is not allowed
│   └── DiskFull              no space is left; no partial files remain
├── TaskError                 a task that did not complete
│   ├── TaskFailed            its run failed; has the code of the cause
│   ├── TaskBlocked           it cannot run: a dependency failed
│   ├── TaskCancelled         it was cancelled
│   ├── RunLimitReached       its run has used up its steps, money, tokens or time
│   └── InvalidTransition     a state change that the table of states forbids
├── ModelError                a language model did not answer; `elsewhere` says whether another one may
│   ├── BackendDown           no server, an outage, a time-out
│   ├── RateLimited           too many requests; `retry_after` in seconds, if the server gave it
│   ├── CredentialsRefused    no key, or a wrong one
│   ├── Unsupported           the model or backend lacks what the request needs
│   ├── ContextTooLong        the request does not fit the model's context
│   ├── RequestRefused        the server refused the request
│   ├── BadAnswer             the answer cannot be used, or does not follow the schema
│   ├── PartialAnswer         the answer broke off; has the text so far
│   └── NoModel               no model can answer; the message has the reasons
├── OverBudget                the call would exceed a budget
├── EventsLost                a listener was too slow; `seq` is the number of the last event that it got
├── KeyRefused                an API key is mistyped, unknown, revoked or expired
├── NotAllowed                the principal lacks a scope
├── EgressRefused             the policy forbids sending data to that address
├── Degraded                  `strict` turned a degradation into an error
└── PluginError               a plugin is broken, or conflicts with another
"""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted


class AVStudioError(Exception):
    """The base class: `message` says in one line what was given and what is wrong, `hint` what the user can do.

    A hint names things ("the setting 'home'", "the list of tasks"), but not the options, commands or variables of one
    interface: each interface translates it into its own terms. `str()` returns both.
    """

    code: ClassVar[str] = "error"
    message = ""
    hint = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(with_hint(message, hint))
        self.message = message
        self.hint = hint


def with_hint(message: str, hint: str) -> str:
    """Message and hint as one text: the hint follows the first line; further lines of a message show a place."""
    first, newline, rest = message.partition("\n")
    return f"{first} {hint}".rstrip() + newline + rest


class InvalidInput(AVStudioError):
    """An input cannot be used."""

    code = "invalid_input"
    param: str | None = None
    """The parameter with the error, if one has it."""


class NotFound(InvalidInput):
    """Nothing of that kind has the given name."""

    code = "not_found"

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str], *, see: str = "") -> NotFound:
        """An error whose hint is the nearest known name, or all names if they are few, or `see`."""
        names = sorted(known)
        few = f"Known: {', '.join(names)}." if 0 < len(names) <= 8 else see
        return cls(f"No {kind} is named {quoted(name)}.", hint=did_you_mean(name, names) or few)


class InvalidParams(InvalidInput):
    """A parameter is not valid by its declaration."""

    code = "invalid_params"


class InUse(InvalidInput):
    """What others use, such as a task that has not ended, cannot be changed or deleted now."""

    code = "in_use"


class TooLarge(InvalidInput):
    """A file or a request is larger than its limit."""

    code = "too_large"


class InvalidPlan(InvalidInput):
    """A plan is not valid; it is refused before anything runs."""

    code = "invalid_plan"


class UnreadableMedia(InvalidInput):
    """A file cannot be read or decoded, or lacks what is needed."""

    code = "unreadable_media"


class Unavailable(AVStudioError):
    """Something that the studio needs is missing."""

    code = "unavailable"


class MissingDependency(Unavailable):
    """An optional library is not installed; the hint has the pip command."""

    code = "missing_dependency"

    @classmethod
    def extra(cls, feature: str, distribution: str, extra: str) -> MissingDependency:
        """The error for a feature that needs an extra of a distribution."""
        command = f"pip install '{distribution}[{extra}]'"
        return cls(f"{feature} needs an extra that is not installed.", hint=f"Run: {command}")


class WeightsMissing(Unavailable):
    """Model files are not installed or cached, and cannot be fetched now."""

    code = "weights_missing"


class NotEnoughMemory(Unavailable):
    """A model needs more memory than the whole budget."""

    code = "not_enough_memory"


class StorageError(AVStudioError):
    """Reading or writing a file, a folder or the database failed."""

    code = "storage"

    @classmethod
    def of(cls, error: OSError, path: Path, hint: str = "") -> StorageError:
        """The error for an `OSError`; `DiskFull` if no space is left."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFull(f"No space is left for {quoted(path)}.", hint="Free some, or choose another folder.")
        return cls(f"{quoted(path)} cannot be written: {error.strerror or error}.", hint=hint)

    @classmethod
    def forked(cls) -> StorageError:
        """The error for a studio in a fork of the process that opened it, where its threads do not exist."""
        message = "This studio was opened before this process was forked, and cannot be used here."
        return cls(message, hint="Open a studio in this process.")


class DataFolderError(StorageError):
    """The data folder is locked, damaged, not writable or from a newer version."""

    code = "data_folder"


class CorruptFile(StorageError):
    """A file's content does not match its recorded sha256."""

    code = "corrupt_file"


class OutputExists(StorageError):
    """An output file already exists, and overwriting is not allowed."""

    code = "output_exists"


class DiskFull(StorageError):
    """No space is left on the disk."""

    code = "disk_full"


class TaskError(AVStudioError):
    """A task did not complete."""

    code = "task"


class TaskFailed(TaskError):
    """A run failed; `cause` is the original error's code, `base` that of its class here, `traceback` for debugging."""

    code = "task_failed"

    def __init__(
        self, message: str, *, hint: str = "", cause: str = "error", base: str = "", traceback: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.cause, self.base, self.traceback = cause, base or cause, traceback


class TaskBlocked(TaskError):
    """A task cannot run."""

    code = "task_blocked"


class TaskCancelled(TaskError):
    """A task was cancelled before it completed."""

    code = "task_cancelled"


class RunLimitReached(TaskError):
    """A run has used up its steps or its time, or it was cancelled; or a plan that is not a run grew too large."""

    code = "run_limit"


class InvalidTransition(TaskError):
    """A task cannot change from its state to the requested one."""

    code = "invalid_transition"


class ModelError(AVStudioError):
    """A language model did not answer."""

    code = "model_error"
    elsewhere: ClassVar[bool] = False
    """Whether another backend may succeed where this one failed."""
    worked: bool = False
    """Whether the server began to work on the request, and may charge for it."""
    used: object = None
    """The `Usage` that the server reported with the error."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after: float | None = None,
        waited: float | None = None,
        worked: bool | None = None,
    ) -> None:
        """`retry_after`: the seconds that the server asks to wait. `waited`: the seconds until the timeout."""
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
    """An answer cannot be read, or does not follow the requested schema."""

    code = "bad_answer"
    worked = True


class PartialAnswer(ModelError):
    """An answer broke off after its beginning; `text` is the part that arrived."""

    code = "partial"
    worked = True

    def __init__(self, message: str, *, hint: str = "", text: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text


class NoModel(ModelError):
    """No model can answer this request."""

    code = "no_model"


class OverBudget(AVStudioError):
    """A call would exceed a budget; `scope` names the budget."""

    code = "budget_exceeded"

    def __init__(self, message: str, *, hint: str = "", scope: str = "") -> None:
        super().__init__(message, hint=hint)
        self.scope = scope


class EventsLost(AVStudioError):
    """A listener to events was too slow; `seq` is the number of the last event that it got."""

    code = "events_lost"

    def __init__(self, message: str, *, hint: str = "", seq: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.seq = seq


class KeyRefused(AVStudioError):
    """An API key is mistyped, unknown, revoked or expired."""

    code = "key_refused"


class NotAllowed(AVStudioError):
    """The principal may not do that."""

    code = "not_allowed"


class EgressRefused(AVStudioError):
    """The policy forbids sending data to that address."""

    code = "egress_refused"


class Degraded(AVStudioError):
    """A warning became an error, because the task is `strict`."""

    code = "degraded"


class PluginError(AVStudioError):
    """A plugin cannot be used."""

    code = "plugin"


def by_code(code: str, message: str, *, hint: str = "", text: str = "") -> AVStudioError:
    """An error of that code, to raise again what another process raised."""
    if code == PartialAnswer.code:
        return PartialAnswer(message, hint=hint, text=text)
    return _by_code(AVStudioError).get(code, AVStudioError)(message, hint=hint)


def _by_code(kind: type[AVStudioError]) -> dict[str, type[AVStudioError]]:
    narrower = (_by_code(one) for one in kind.__subclasses__())
    return {kind.code: kind} | {code: found for codes in narrower for code, found in codes.items()}
