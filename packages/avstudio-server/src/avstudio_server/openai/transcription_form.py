"""The form of a request for a transcription: a file, and fields."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from starlette.requests import Request

from avstudio_core.errors import AVStudioError, InvalidInput
from avstudio_server.http.forms import Form, FormPart, is_form
from avstudio_server.http.guard import allow_files
from avstudio_server.openai.errors import refusal

if TYPE_CHECKING:
    from avstudio_core import Artifact, Session

FILE = "file"


class Sent:
    """The texts of a form by the names of its fields, without `[]`, and its file."""

    def __init__(self, session: Session) -> None:
        self.texts: dict[str, list[str]] = {}
        self.received: list[Artifact] = []
        self._session = session

    @property
    def file(self) -> Artifact:
        """Raises `InvalidParams` if there is none."""
        if not self.received:
            raise refusal(FILE, "The form has no file.", "Send the sound as the field 'file', with a file name.")
        return self.received[0]

    async def add(self, part: FormPart) -> None:
        """Read a part. Raises `InvalidInput`."""
        name = part.name.removesuffix("[]")
        if part.file_name is None:
            if name == FILE:
                raise refusal(FILE, "'file' is a text.", "Send it as a file, with a file name.")
            self.texts.setdefault(name, []).append(await part.text())
            return
        if name != FILE or self.received:
            message = "'file' is given twice." if name == FILE else f"'{name}' is a file."
            raise refusal(name, message, "Send one file, as the field 'file'.")
        async with self._session.receive(part.file_name or "sound") as incoming:
            await incoming.afill(part.pieces())
            self.received.append(await incoming.atake())

    async def discard(self) -> None:
        """Delete the file."""
        for artifact in self.received:
            with suppress(AVStudioError):
                await asyncio.shield(self._session.adelete_artifact(artifact.id))


@asynccontextmanager
async def sent(request: Request, session: Session) -> AsyncIterator[Sent]:
    """What a form contains. Its file is deleted again if what is done with it fails. Raises `InvalidInput`."""
    if not is_form(request):
        raise InvalidInput("The body is not a form.", hint="Send multipart/form-data with the field 'file'.")
    allow_files(request)
    found = Sent(session)
    try:
        async for part in Form(request):
            await found.add(part)
        yield found
    except BaseException:
        await found.discard()
        raise
