"""Uploads: a file in one request, or in parts that go on where they broke off."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Annotated, Any

from fastapi import Header, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from avstudio_core import Artifact, Session, Upload
from avstudio_core.errors import InvalidInput, InvalidParams
from avstudio_core.validation import problems
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.forms import Form, is_form
from avstudio_server.http.guard import allow_files
from avstudio_server.rest.documents import document
from avstudio_server.rest.idempotency import REPLAYED, Key, RequestKey, made_earlier, made_first
from avstudio_server.rest.nouns import routes_of

router = routes_of("uploads")
ARTIFACTS = "/api/v1/artifacts/"
UPLOADS = "/api/v1/uploads/"
PART = re.compile(r"bytes ([0-9]{1,19})-[0-9]{1,19}/(?:[0-9]{1,19}|\*)")
SHA256 = r"^[0-9a-f]{64}$"
ANY = {"schema": {"contentMediaType": "application/octet-stream"}}
RAW = {"requestBody": {"content": {"*/*": ANY}, "required": True}}
LONGEST_NAME = 1000


class FileFacts(BaseModel):
    """What the address says about the content of a request."""

    sha256: str | None = Field(default=None, pattern=SHA256, description="What the content must have.")
    project: str | None = Field(default=None, description="The project to which the file belongs.")


class NamedFile(FileFacts):
    """A file that is the body of a request."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME, description="The name of the file.")


class SentFile(FileFacts):
    """A file that may be the body of a request."""

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_NAME,
        description="The name of the file, if the body is its content.",
    )


class NewUpload(BaseModel):
    """A file that is going to be sent in parts."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=1000, description="The name of the file.")
    size: int = Field(ge=1, description="Its bytes.", json_schema_extra={"unit": "B"})
    sha256: str | None = Field(default=None, pattern=SHA256, description="What the content must have.")
    project: str | None = Field(default=None, description="The project to which the file belongs.")


class TusHeaders(BaseModel):
    """The headers of tus 1.0 that begin an upload."""

    upload_length: int | None = Field(default=None, ge=1, description="Begin an upload of so many bytes.")
    upload_metadata: str = Field(default="", max_length=4096, description="`filename` in Base64.")

    @property
    def file_name(self) -> str:
        """The file name in the metadata: pairs of a key and text in Base64. Raises `InvalidInput`."""
        pairs = dict(one.strip().partition(" ")[::2] for one in self.upload_metadata.split(","))
        try:
            return base64.b64decode(pairs.get("filename", ""), validate=True).decode() or "file"
        except ValueError:
            raise InvalidInput("The file name in 'Upload-Metadata' is not valid.", hint="Send it in Base64.") from None


NO_HEADERS = TusHeaders()


class Uploaded(BaseModel):
    """The files of a form."""

    artifacts: list[Artifact]


_FORM = {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}
_BODY = {
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/NewUpload"}},
        "multipart/form-data": {"schema": _FORM},
        "*/*": ANY,
    },
    "required": True,
}
MADE: dict[int | str, dict[str, Any]] = {
    201: {"description": "The upload, or the artifacts.", "model": Upload | Artifact | Uploaded}
}


@router.put("", response_model=Artifact, status_code=201, openapi_extra=RAW, operation_id="put_file")
async def put(
    request: Request,
    session: CallerSession,
    sent: Annotated[NamedFile, Query()],
    key: Key,
) -> Response:
    """Send a file in one request: the body is its content. The answer is its artifact."""
    return await _received(request, session, key, sent.name, sent)


@router.post("", status_code=201, responses=MADE, openapi_extra={"requestBody": _BODY}, operation_id="upload")
async def post(
    request: Request,
    session: CallerSession,
    sent: Annotated[SentFile, Query()],
    key: Key,
    tus: Annotated[TusHeaders, Header()] = NO_HEADERS,
) -> Response:
    """Begin an upload in parts with a JSON object; or send files as a form, or one file as the body with its `name`."""
    if tus.upload_length is not None:
        if await request.body():
            raise InvalidParams("A request with 'Upload-Length' has no body.", hint="Send the content with PATCH.")
        return await _begun(session, key, NewUpload(name=tus.file_name[:1000], size=tus.upload_length))
    if is_form(request):
        return await _form(request, session, key, sent.project)
    if sent.name is not None:
        return await _received(request, session, key, sent.name, sent)
    try:
        return await _begun(session, key, NewUpload.model_validate_json(await request.body()))
    except ValidationError as error:
        hint = "Send a JSON object with 'name' and 'size', a form, or a file with its 'name' in the address."
        raise InvalidParams(f"The upload is not valid: {problems(error)}.", hint=hint) from None


async def _received(request: Request, session: Session, key: RequestKey, name: str, sent: FileFacts) -> Response:
    """Receive the body as a file."""
    allow_files(request)
    async with session.receive(name, sent.project) as incoming:
        await incoming.afill(request.stream())
        received = await incoming.atake(sent.sha256)
    (made,), replayed = await _kept(session, key, [received])
    return document(made, 201, {"Location": f"{ARTIFACTS}{made.id}", **replayed})


async def _kept(session: Session, key: RequestKey, received: list[Artifact]) -> tuple[list[Artifact], dict[str, str]]:
    """The files that a request stands for: if it was sent before, those of then. Raises `InvalidParams`, `NotFound`."""
    ids = [one.id for one in received]
    try:
        first = await made_first(session, key, key.digest([[one.name, one.sha256] for one in received]), ids)
    except InvalidParams:
        await _discard(session, ids)
        raise
    if first == ids:
        return received, {}
    await _discard(session, ids)
    return [await session.aartifact(one) for one in first], REPLAYED


async def _discard(session: Session, ids: list[str]) -> None:
    """Delete files that were sent for nothing."""
    if ids:
        await asyncio.shield(session.adelete_artifact(*ids))


async def _form(request: Request, session: Session, key: RequestKey, project: str | None) -> Response:
    """Receive the files of a form."""
    allow_files(request)
    received: list[Artifact] = []
    try:
        async for part in Form(request):
            if part.file_name is None:
                raise InvalidInput(f"The field '{part.name}' is not a file.", hint="Send only files.")
            async with session.receive(part.file_name, project) as incoming:
                await incoming.afill(part.pieces())
                received.append(await incoming.atake())
    except BaseException:
        await _discard(session, [one.id for one in received])
        raise
    if not received:
        raise InvalidInput("The form has no file.", hint="Send at least one.")
    made, replayed = await _kept(session, key, received)
    return document(Uploaded(artifacts=made), 201, replayed)


async def _begun(session: Session, key: RequestKey, given: NewUpload) -> Response:
    asked = key.digest(given.model_dump())
    first = await made_earlier(session, key, asked)
    if first is None:
        made = await session.uploads.acreate(given.name, given.size, given.sha256, given.project)
        first = await made_first(session, key, asked, [made.id])
        if first == [made.id]:
            return _status(made, 201, {"Location": f"{UPLOADS}{made.id}"})
        await session.uploads.adelete(made.id)
    return _status(await session.uploads.aget(*first), 201, {"Location": f"{UPLOADS}{first[0]}", **REPLAYED})


def _status(upload: Upload, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An upload as it is now, also in the headers of tus 1.0."""
    more = {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.size), "Tus-Resumable": "1.0.0"}
    more |= {"Cache-Control": "no-store"} | (headers or {})
    if upload.artifact is not None:
        more |= {"Content-Location": f"{ARTIFACTS}{upload.artifact}"}
    return document(upload, status, more)


@router.get("/{upload_id}", response_model=Upload, operation_id="show_upload")
@router.head("/{upload_id}", response_model=Upload, operation_id="upload_offset")
async def show(upload_id: str, session: CallerSession) -> Response:
    """How much of an upload has been received, also in the header `Upload-Offset`; and its artifact when all has."""
    return _status(await session.uploads.aget(upload_id))


@router.patch("/{upload_id}", response_model=Upload, openapi_extra=RAW, operation_id="append_to_upload")
@router.put("/{upload_id}", response_model=Upload, openapi_extra=RAW, operation_id="put_part_of_upload")
async def append(
    request: Request,
    upload_id: str,
    session: CallerSession,
    upload_offset: Annotated[int | None, Header(ge=0, description="Where the body begins in the file.")] = None,
    content_range: Annotated[str, Header(max_length=100, description="The same as `bytes 0-99/1000`.")] = "",
) -> Response:
    """Send the next part of a file. After a break, ask for the offset, and go on from there."""
    allow_files(request)
    part = await session.uploads.aopen(upload_id, _offset(upload_offset, content_range))
    async with part:
        await part.afill(request.stream())
        return _status(await part.afinish())


def _offset(stated: int | None, content_range: str) -> int:
    """Where a part begins; without either header, at the beginning. Raises `InvalidInput`."""
    if stated is not None or not content_range:
        return stated or 0
    found = PART.fullmatch(content_range.strip())
    if found is None:
        raise InvalidInput("The header 'Content-Range' is not valid.", hint="Send 'bytes 0-99/1000'.")
    return int(found[1])


@router.delete("/{upload_id}", status_code=204, operation_id="delete_upload")
async def delete(upload_id: str, session: CallerSession) -> Response:
    """Give an upload up; what was received is removed. An artifact that was made of it stays."""
    await session.uploads.adelete(upload_id)
    return Response(status_code=204)
