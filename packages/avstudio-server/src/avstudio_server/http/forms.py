"""Multipart forms, read as they come: a file is never kept in memory, nor written twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from avstudio_core.errors import InvalidInput, TooLarge
from avstudio_server.http.json_values import MOST_VALUES, JsonValues

MOST_PARTS = 200
"""The most parts of a form."""
MOST_TEXT = 2 << 20
"""The most bytes of all fields of a form together that are not files."""
FORM = "multipart/form-data"


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


class FormPart:
    """A part of a form: a field, or a file if it has a file name. Read it before the next one."""

    def __init__(self, form: Form, name: str, file_name: str | None) -> None:
        self._form = form
        self.name = name
        self.file_name = file_name

    def pieces(self) -> AsyncIterator[bytes]:
        """Its content as it comes."""
        return self._form.content()

    async def text(self) -> str:
        """Its content as text. Raises `InvalidInput`, and `TooLarge` if the fields of the form have too much."""
        found = bytearray()
        async for piece in self.pieces():
            found += piece
            self._form.texts += len(piece)
            if self._form.texts > MOST_TEXT:
                raise TooLarge(f"The fields of the form have more than {MOST_TEXT} bytes.", hint="Send files as files.")
        if found.lstrip().startswith((b"[", b"{")) and JsonValues().too_many(bytes(found)):
            raise TooLarge(f"The field '{self.name}' has more than {MOST_VALUES} values.", hint="Send fewer.")
        try:
            return found.decode()
        except UnicodeDecodeError:
            raise InvalidInput(f"The field '{self.name}' is not UTF-8.", hint="Send text, or a file.") from None


class Form:
    """The form in a request: `async for part in Form(request)`. Raises `InvalidInput` for what is not a valid form."""

    def __init__(self, request: Request) -> None:
        self.texts = 0
        self._parts = 0
        self._events: list[tuple[str, bytes]] = []
        self._stream = request.stream()
        self._within = False
        self._complete = False
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add("field", data[start:end]),
            "on_header_value": lambda data, start, end: self._add("value", data[start:end]),
            "on_header_end": lambda: self._add("header"),
            "on_headers_finished": lambda: self._add("part"),
            "on_part_data": lambda data, start, end: self._add("data", data[start:end]),
            "on_part_end": lambda: self._add("end"),
            "on_end": lambda: self._add("whole"),
        }
        with _refusing():
            self._parser = MultipartParser(_boundary(request), callbacks)

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TooLarge(f"The form has more than {MOST_PARTS} parts.", hint="Send fewer.")

    def _add(self, kind: str, data: bytes = b"") -> None:
        self._events.append((kind, data))

    async def _next(self) -> tuple[str, bytes] | None:
        """The next event; `None` at the end of the form."""
        while not self._events:
            if self._complete:
                return None
            piece = await anext(self._stream, b"")
            if not piece:
                raise InvalidInput("The form is not complete.", hint="Send it again.")
            with _refusing():
                self._parser.write(piece)
            self._events.reverse()
        kind, data = self._events.pop()
        self._complete = self._complete or kind == "whole"
        return kind, data

    async def __aiter__(self) -> AsyncIterator[FormPart]:
        headers: dict[bytes, bytes] = {}
        field = value = b""
        while (event := await self._next()) is not None:
            match event:
                case "field", data:
                    field += data
                case "value", data:
                    value += data
                case "header", _:
                    headers[field.lower()] = value
                    field = value = b""
                case "part", _:
                    self._within = True
                    yield self._part(headers)
                    async for _ in self.content():
                        pass
                    headers = {}
        async for _ in self._stream:  # what follows the form is not read
            pass

    async def content(self) -> AsyncIterator[bytes]:
        """The content of the part that is being read."""
        while self._within and (event := await self._next()) is not None:
            if event[0] == "end":
                self._within = False
            elif event[0] == "data":
                yield event[1]

    def _part(self, headers: dict[bytes, bytes]) -> FormPart:
        kind, options = parse_options_header(headers.get(b"content-disposition", b""))
        name, file_name = options.get(b"name"), options.get(b"filename")
        if kind != b"form-data" or not name:
            raise InvalidInput("A part of the form has no name.", hint="Give each part a name.")
        given = None if file_name is None else file_name.decode(errors="replace")
        return FormPart(self, name.decode(errors="replace"), given)


def _boundary(request: Request) -> bytes:
    """What separates the parts. Raises `InvalidInput`."""
    if boundary := parse_options_header(request.headers.get("content-type", ""))[1].get(b"boundary"):
        return boundary
    hint = "Let the client write this header: it chooses the boundary."
    raise InvalidInput("The header 'Content-Type' of the form has no boundary.", hint=hint)


@contextmanager
def _refusing() -> Iterator[None]:
    """Raises `InvalidInput` for what the parser refuses."""
    try:
        yield
    except FormParserError as error:
        raise InvalidInput(f"The form is not valid: {error}.", hint="Send multipart/form-data.") from None
