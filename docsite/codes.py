"""The pages of codes: errors, causes of failed tasks, exit codes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import avstudio_core
from avstudio_core import errors
from avstudio_core.errors import AVStudioError

CAUSES = {
    "processor_error": "The run raised a foreign error: a defect in the processor. It is retried while retries "
    "are left. The traceback is in `traceback`, and `--debug` shows it.",
    "out_of_memory": "The run needed more memory than is available.",
    "invalid_result": "The run returned a result that does not match its declaration, or cannot be stored.",
    "review": "The processor's review refused the run twice.",
    "worker_died": "The worker process died during the run, at each delivery of the task (`max_deliveries`).",
    "time_limit": "The run took longer than the limit of its processor, or than the setting `limit_seconds`.",
    "executor_silent": "The executor did not report the start or the end of the run, even some time after its limit.",
    "worker_lost": "The studio that ran the task died, each time.",
    "executor": "The executor could not run it: a worker did not start, for example. Retried while retries are left.",
}
"""The codes of failed tasks without an error class."""
OF_THE_COMMAND = {
    "usage": "The command line is wrong: an unknown command or option, or a value that is missing or not valid.",
    "interrupted": "Ctrl-C or SIGTERM ended the command.",
    "defect": "An error in AV-Studio or a plugin; `--debug` shows the traceback.",
}
"""The codes of the JSON document of a command that failed, besides those of errors and causes."""
OF_HTTP = {
    "bad_request": "The request is not valid HTTP, is not complete, or a header is not valid.",
    "precondition_failed": "What is at the address has another `ETag` than `If-Match` names.",
    "headers_too_large": "The address and the headers are too large, or the headers are too many.",
    "internal": "An error in AV-Studio or a plugin; the server's log has the traceback, under the request's id.",
    "method_not_allowed": "The address does not have this method; the header `Allow` has those that it has.",
    "no_range": "No part that `Range` asks for is in the file.",
    "no_route": "The server does not have this address.",
    "request_too_slow": "The client was too slow to send the request.",
    "unsupported_coding": "The body is compressed, or in another coding; it has to come as it is.",
    "wrong_address": "The name in `Host`, or the page in `Origin`, is not allowed.",
}
"""The codes of answers of the server that have no class, because they concern HTTP alone."""
ERRORS_IN_PYTHON = """Every error of AV-Studio is an `AVStudioError`: its text is one line that says what was given and
what to do, its `code` is for programs. Those marked * are in `avstudio_core`, the others in `avstudio_core.errors`.
Whoever catches one catches those set in below it, too.

```python
from avstudio_core import AVStudioError, Studio, TaskFailed

with Studio() as studio:
    try:
        studio.run("audio.probe", "song.mp3")
    except TaskFailed as error:  # it began, and failed
        print(error.cause, error, error.traceback)
    except AVStudioError as error:  # refused, blocked or cancelled; or something is missing
        print(error.code, error)
```

`submit`, `submit_plan` and `run` raise `InvalidInput` and its kin, `Unavailable` and `StorageError` before anything is
stored; then there is no task. `result`, `await` and `run` raise `TaskFailed`, `TaskBlocked` or `TaskCancelled`, and
`result(timeout)` Python's own `TimeoutError`, after which the task goes on. `studio.chat` raises `ModelError` and its
kin, `OverBudget` and `EgressRefused`."""

RAISING = ["AVStudioError", "NotFound", "MissingDependency", "ModelError", "RateLimited", "with_hint", "by_code"]
"""Of the errors: what takes more than a message and a hint, and what makes them."""


def errors_page() -> str:
    import avstudio_audio.errors
    import avstudio_video.errors
    from avstudio_server.cli.exits import MEANINGS

    listed = {**vars(errors), **vars(avstudio_audio.errors), **vars(avstudio_video.errors)}.values()
    kinds = [kind for kind in listed if isinstance(kind, type) and issubclass(kind, AVStudioError)]
    rows = [
        f"| {_name(kind)} | `{kind.code}` | {summary(kind)}{_place(kind)} |" for kind in below(AVStudioError, kinds)
    ]
    table = "| class | code | meaning |\n|---|---|---|\n" + "\n".join(rows)
    causes = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in CAUSES.items())
    commands = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in OF_THE_COMMAND.items())
    of_http = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in OF_HTTP.items())
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in MEANINGS.items())
    raising = "\n\n".join(f"::: avstudio_core.errors.{name}\n    options:\n      heading_level: 3" for name in RAISING)
    return (
        f"# Errors and exit codes\n\n{ERRORS_IN_PYTHON}\n\n{table}\n\n"
        "## Why a task failed\n\n`TaskFailed.cause`, and `reason` in `avstudio tasks show`, is the code of an error "
        "above that the run raised (`unreadable_media`, `degraded`, `weights_missing` …), or one of these:\n\n"
        f"| cause | meaning |\n|---|---|\n{causes}\n\n"
        "A task that was cancelled has the reason `cancelled`; a task that an earlier step blocks has `dependency`.\n\n"
        "## Codes of `avstudio --json`\n\nThe codes above, and:\n\n"
        f"| code | meaning |\n|---|---|\n{commands}\n\n"
        "## Codes of `avstudio serve`\n\nThe codes above, and:\n\n"
        f"| code | meaning |\n|---|---|\n{of_http}\n\n"
        f"## Exit codes of `avstudio`\n\n| code | meaning |\n|---|---|\n{codes}\n\n"
        f"## For those who raise them\n\n{raising}\n"
    )


def below(root: type[AVStudioError], kinds: list[type[AVStudioError]]) -> Iterator[type[AVStudioError]]:
    """A class, then each of the kinds below it, like the branches of a tree."""
    yield root
    for kind in kinds:
        if root in kind.__bases__:
            yield from below(kind, kinds)


def _name(kind: type[AVStudioError]) -> str:
    """A class as the table shows it: set in as deep as it stands below the root."""
    depth = sum(issubclass(one, AVStudioError) for one in kind.__mro__) - 1
    return f"{'&emsp;' * depth}`{kind.__name__}`{' *' if kind.__name__ in avstudio_core.__all__ else ''}"


def _place(kind: type[AVStudioError]) -> str:
    """Where to import a class from that is none of the core's."""
    return "" if kind.__module__ == errors.__name__ else f" It is in `{kind.__module__}`."


def summary(kind: type[Any]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").split("\n", 1)[0]
