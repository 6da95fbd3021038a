"""What a request gives a processor: JSON, or a form with files; and the files that its inputs name."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from avstudio_core import artifacts_in
from avstudio_core.errors import AVStudioError, InvalidInput, InvalidParams, NotFound
from avstudio_core.quotes import quoted
from avstudio_server.http.forms import Form, FormPart, is_form
from avstudio_server.http.guard import allow_files
from avstudio_server.operations import form_fields

if TYPE_CHECKING:
    from avstudio_core import Artifact, Declaration, Session
    from avstudio_server.rest.remote_files import RemoteFiles

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
OUTPUT = re.compile(r"(task_[0-9a-f]+)(?::(.+))?", re.DOTALL)
PARAMS = "params"
"""The field of a form with a JSON object of parameters."""


class Arguments:
    """The arguments in a request as they were given, and the files that it sent."""

    def __init__(self, request: Request, session: Session, declaration: Declaration) -> None:
        self._request = request
        self._session = session
        self._declaration = declaration
        self.received: list[Artifact] = []
        self._named = NamedFiles(request, session)
        self.given: dict[str, Any] = {}

    async def read(self) -> None:
        """Read the request. Raises `InvalidInput`."""
        if is_form(self._request):
            self.given = await _form(self._request, self._session, self._declaration, self.received)
        else:
            self.given = json_object(await self._request.body())

    async def named(self) -> dict[str, Any]:
        """The arguments with the ids of the files that they name. Raises `InvalidInput`, `NotFound`."""
        found = dict(self.given)
        for name in self._declaration.inputs.keys() & found.keys():
            found[name] = await self._named.ids(found[name])
        return found

    def as_sent(self) -> dict[str, Any]:
        """The arguments with the content of the files that were sent: the same whenever they are sent again."""
        content = {file.id: f"sha256:{file.sha256}" for file in self.received}
        files = self._declaration.inputs.keys() & self.given.keys()
        return {**self.given, **{name: _replaced(self.given[name], content) for name in files}}

    async def discard(self) -> None:
        """Delete the files that were sent or fetched."""
        await _delete(self._session, self.received)
        await self._named.discard()


class NamedFiles:
    """The files that a request names by URLs, or as outputs of tasks."""

    def __init__(self, request: Request, session: Session) -> None:
        self._remote: RemoteFiles = request.app.state.remote
        self._session = session
        self._fetched: list[Artifact] = []

    async def ids(self, value: Any) -> Any:
        """The ids of artifacts for what names files: an artifact, an output of a task, or a URL.

        Others are for the session. Raises `InvalidInput`.
        """
        if isinstance(value, list):
            return [await self.ids(one) for one in value]
        if isinstance(value, Mapping):
            if value.keys() == {"artifact"} and isinstance(value["artifact"], str):
                return value["artifact"]
            if not isinstance(value.get("task"), str):
                hint = 'Write it as "art_…", {"artifact": "art_…"} or {"task": "task_…", "output": "vocals"}.'
                raise InvalidInput(f"{quoted(json.dumps(dict(value)))} does not name a file.", hint=hint)
            return await asyncio.to_thread(_output, self._session, value.get("task"), value.get("output"))
        if not isinstance(value, str):
            return value
        if found := OUTPUT.fullmatch(value):
            return await asyncio.to_thread(_output, self._session, *found.groups())
        if URL.match(value):
            self._fetched.append(made := await asyncio.to_thread(self._remote.fetch, self._session, value))
            return made.id
        return value

    async def discard(self) -> None:
        """Delete the files that were fetched."""
        await _delete(self._session, self._fetched)


@asynccontextmanager
async def named_files(request: Request, session: Session) -> AsyncIterator[NamedFiles]:
    """The files that a request names. Those that were fetched are deleted again if what is done with them fails."""
    found = NamedFiles(request, session)
    try:
        yield found
    except BaseException:
        await found.discard()
        raise


async def _delete(session: Session, files: Iterable[Artifact]) -> None:
    for artifact in files:
        with suppress(AVStudioError):
            await asyncio.shield(session.adelete_artifact(artifact.id))


@asynccontextmanager
async def arguments(request: Request, session: Session, declaration: Declaration) -> AsyncIterator[Arguments]:
    """The arguments in a request. Files that it sent or had fetched are deleted again if what is done with them fails.

    Raises `InvalidInput`.
    """
    found = Arguments(request, session, declaration)
    try:
        await found.read()
        yield found
    except BaseException:
        await found.discard()
        raise


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    """A value, or a list of values, with other names."""
    if isinstance(value, list):
        return [_replaced(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


def json_object(text: bytes | str) -> dict[str, Any]:
    """A JSON object; an empty text is an empty one. Raises `InvalidInput`."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        raise InvalidInput("The body is not valid JSON.", hint="Send a JSON object.") from None
    if not isinstance(found, dict):
        raise InvalidInput("The body is not a JSON object.", hint="Send the arguments by their names.")
    return found


async def _form(
    request: Request, session: Session, declaration: Declaration, received: list[Artifact]
) -> dict[str, Any]:
    """The arguments in a form; its files are received as they come."""
    allow_files(request)
    texts, files, whole = dict[str, list[str]](), dict[str, list[str]](), dict[str, Any]()
    async for part in Form(request):
        name = part.name.removesuffix("[]")
        if part.file_name is None and name == PARAMS and PARAMS not in declaration.params.get("properties", {}):
            whole |= json_object(await part.text())
        elif part.file_name is None:
            texts.setdefault(name, []).append(await part.text())
        elif part.file_name:
            received.append(made := await _received(part, name, session, declaration))
            files.setdefault(name, []).append(made.id)
    return whole | _joined(files, form_fields.read(texts, declaration.params, declaration.inputs), declaration)


def _joined(files: Mapping[str, list[str]], read: dict[str, Any], declaration: Declaration) -> dict[str, Any]:
    """The fields of a form, with the files that it sent. Raises `InvalidParams`."""
    for name, made_of in files.items():
        given = [*made_of, *_listed(read.get(name))]
        if len(given) > 1 and not declaration.inputs[name]["many"]:
            raise InvalidParams(f"'{name}' is given {len(given)} times.", hint="Give one file.")
        read[name] = given if declaration.inputs[name]["many"] else given[0]
    return read


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


async def _received(part: FormPart, name: str, session: Session, declaration: Declaration) -> Artifact:
    if name not in declaration.inputs:
        hint = NotFound.among("input", name, declaration.inputs).hint
        raise InvalidParams(f"{declaration.name} does not take a file as {quoted(name)}.", hint=hint)
    async with session.receive(part.file_name or "") as incoming:
        await incoming.afill(part.pieces())
        return await incoming.atake()


def _output(session: Session, task_id: Any, output: Any) -> str:
    """The id of a file that a task has made. Raises `NotFound`, `InvalidInput`, and the error of a failed task."""
    task = session.tasks.get(task_id)
    if (failure := task.failure()) is not None:
        raise failure
    if task.result is None or task.waits_for_review:
        raise InvalidInput(f"The task '{task.id}' has not completed.", hint="Wait for it; or send both as a plan.")
    made = artifacts_in(session.result_of(task))
    if output is None and len(made) == 1:
        return next(iter(made.values())).id
    if not isinstance(output, str) or output not in made:
        raise NotFound.among("output of the task", str(output or ""), made)
    return made[output].id
