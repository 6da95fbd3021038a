"""Errors of servers and connections, translated into the core's errors."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    BadAnswer,
    ContextTooLong,
    CredentialsRefused,
    InvalidInput,
    ModelError,
    RateLimited,
    RequestRefused,
    Unsupported,
)
from avstudio_core.nearest import did_you_mean
from avstudio_llm.keys import without_key

if TYPE_CHECKING:
    from avstudio_core import Backend
    from avstudio_core.chat import Usage

LONGEST_QUOTE = 300
"""The most characters of a server's message that are quoted."""
LONGEST_READ = 4000
"""The most characters of it that are searched for the kind of error."""
NOT_IMPLEMENTED = 501
"""A server that cannot do something at all: not an outage."""

_CONTEXT = re.compile(
    r"context[_ ](length|window|size|limit)|exceed_context|maximum (model|prompt) length|(prompt|input) is too long"
    r"|token count.*exceeds|tokens exceed|too many tokens|reduce the length|`max_new_tokens` must be",
    re.IGNORECASE,
)
_BATCH = re.compile(
    r"batch size (\d+ > |is invalid|exceeds)|maximum (allowed )?batch size|too many inputs", re.IGNORECASE
)
_UNKNOWN_MODEL = re.compile(
    r"(invalid|unknown) model|model_not_found|\bmodels?\b.*(not found|not exist)", re.IGNORECASE
)
_OTHER_KIND = re.compile(
    r"does not support (chat|generat|completion|tools|embed)|not a (chat|language|embedding) model|not an llm\b"
    r"|only (supports )?embeddings?|no model is loaded|not support.*(chat|generation)",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(r"api[ _]key[ _](not valid|invalid|expired)|(invalid|incorrect) api[ _]key", re.IGNORECASE)
_NO_CREDIT = re.compile(r"insufficient_quota|credit balance", re.IGNORECASE)

LONGEST_WAIT = 1e9
"""A longer time to wait, in seconds, is not a time that a server means."""
_STATUS_OF_TYPE = {
    "api_error": 500,
    "authentication_error": 401,
    "billing_error": 402,
    "insufficient_quota": 402,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "overloaded_error": 529,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "request_too_large": 413,
    "timeout_error": 504,
}
"""HTTP statuses for errors inside a stream, which have none."""


@asynccontextmanager
async def translated(backend: Backend, model: str, seconds: float) -> AsyncIterator[None]:
    """Translate any exception of a library into an error of the core."""
    try:
        yield
    except AVStudioError:
        raise
    except Exception as error:
        translation = await _translation(backend, error, model, seconds)
        if isinstance(translation, ModelError):
            translation.used = translation.used or getattr(error, "used", None)
        raise translation from error


def refused(
    backend: Backend, status: int, body: object, model: str = "", headers: Mapping[str, str] | None = None
) -> ModelError:
    """The error for a refused request, from the HTTP status (or that of an error inside a stream) and the message."""
    said, quote, where = str(body)[:LONGEST_READ], _quoted(backend, _said(body)), whereabouts(backend)
    if status in (401, 403) or (status < 500 and _BAD_KEY.search(said)):
        if _UNKNOWN_MODEL.search(said):
            return Unsupported(f"{where} does not allow its key to use the model '{model}'{quote}.")
        return CredentialsRefused(f"{where} refuses {_key_of(backend)}{quote}.")
    if status == 402 or (status < 500 and _NO_CREDIT.search(said)):
        return CredentialsRefused(f"{where} reports that the credit of {_key_of(backend)} is used up{quote}.")
    if status == 429:
        message = f"{where} received too many requests{quote}."
        wait = _retry_after(headers or {}, body)
        return RateLimited(message, hint="" if wait else "Try again later.", retry_after=wait)
    if status == 413 or _CONTEXT.search(said) or (status < 500 and _BATCH.search(said)):
        return _too_large(backend, said, f"{where} cannot fit the request into the model '{model}'{quote}.")
    if status == 404 and not model:
        return RequestRefused(f"{where} has nothing there (status 404){quote}.", hint="Check its base_url.")
    if status in (400, 404, 422, NOT_IMPLEMENTED) and (lacking := _lacking(said, unknown=status == 404)):
        return Unsupported(f"{where} {lacking} '{model}'{quote}.")
    if 300 <= status < 400:
        elsewhere = _short(backend, (headers or {}).get("location", ""))
        return RequestRefused(f"{where} redirects requests to '{elsewhere}'.", hint="Set base_url to that address.")
    if status != NOT_IMPLEMENTED and (status >= 500 or status == 408):
        wait = _retry_after(headers or {}, body)
        return BackendDown(f"{where} reports an outage (status {status}){quote}.", retry_after=wait)
    return RequestRefused(f"{where} refuses the request to the model '{model}' (status {status}){quote}.")


def _too_large(backend: Backend, said: str, message: str) -> ModelError:
    if _BATCH.search(said):
        return RequestRefused(message, hint=f"Set embed_batch in the section [backends.{backend.config.name}].")
    return ContextTooLong(message, hint="Send less, or choose another model.")


def _lacking(said: str, *, unknown: bool) -> str | None:
    """What the server's message says that it lacks, or `None`."""
    if _OTHER_KIND.search(said):
        return "cannot do this with model"
    return "has no model" if unknown or _UNKNOWN_MODEL.search(said) else None


def is_error(answer: dict[str, Any]) -> bool:
    """Whether a server sent an error in place of an answer, in any of their formats."""
    return not (answer.get("choices") or answer.get("data")) and bool(_said(answer) or answer.get("error"))


def in_stream(backend: Backend, body: object, model: str) -> ModelError:
    """An error that a server sends inside a stream, after a status of 200."""
    return refused(backend, _status_in(body), body, model)


def unreadable(backend: Backend, what: str) -> BadAnswer:
    """The error for an answer that violates the protocol; `what` is the reason."""
    end = "" if what.endswith("?") else "."
    return BadAnswer(f"{whereabouts(backend)} sent an answer that cannot be read: {what.rstrip('.')}{end}")


def broken_off(backend: Backend) -> BackendDown:
    """The error for a stream that broke off."""
    return BackendDown(f"{whereabouts(backend)} broke off in the middle of its answer.", worked=True)


@contextmanager
def reported(usage: Usage | None) -> Iterator[None]:
    """Add the usage that the server reported to the error of an unusable answer."""
    try:
        yield
    except Exception as error:
        vars(error)["used"] = getattr(error, "used", None) or usage
        raise


def whereabouts(backend: Backend) -> str:
    """The name of the backend and its host, for messages."""
    parts = urlsplit(backend.url or "")
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    return f"Backend '{backend.config.name}' at '{host}'"


async def _translation(backend: Backend, error: Exception, model: str, seconds: float) -> AVStudioError:
    import anyio
    import httpx2

    where = whereabouts(backend)
    lost = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)
    spoilt = (httpx2.TransportError, httpx2.DecodingError)
    cause = _first(error, *spoilt, AVStudioError, UnicodeEncodeError, OSError, *lost)
    response = getattr(error, "response", None)
    body = getattr(error, "body", None)
    if isinstance(cause, AVStudioError):
        return cause
    if isinstance(cause, UnicodeEncodeError):
        message = f"The request contains {cause.object[cause.start]!r}, a lone surrogate, which is not valid text."
        return InvalidInput(message, hint="Decode the text again, as UTF-8.")
    if isinstance(cause, httpx2.TimeoutException):
        limit = _limit(cause, seconds)
        worked = not isinstance(cause, httpx2.ConnectTimeout | httpx2.PoolTimeout)
        waited = limit if limit == seconds else None  # only a limit of the caller may be too short
        return BackendDown(f"{where} did not answer within {limit:.3g} s.", waited=waited, worked=worked)
    if isinstance(cause, (httpx2.RemoteProtocolError, httpx2.ReadError, *lost)):
        return broken_off(backend)
    if isinstance(cause, httpx2.SSEError | httpx2.DecodingError):
        return unreadable(backend, _words(backend, cause))
    if isinstance(cause, httpx2.TransportError | OSError):
        return BackendDown(f"{where} cannot be reached ({_words(backend, cause)}).", hint="Is it running?")
    if response is not None and response.status_code >= 300:
        failure = refused(backend, response.status_code, _body(response, body), model, response.headers)
        unknown = isinstance(failure, Unsupported) and model
        return await _with_suggestion(backend, failure, model) if unknown else failure
    if body is not None:
        return in_stream(backend, body, model)
    return unreadable(backend, _words(backend, error))


async def _with_suggestion(backend: Backend, failure: ModelError, model: str) -> Unsupported:
    """The same error with the nearest model name of the server as the hint."""
    try:
        names = [known.name for known in await backend.models()]
    except AVStudioError:
        names = []
    hint = did_you_mean(model, [name for name in names if name != model]) or "See the list of models."
    return Unsupported(failure.message, hint=hint)


def _first(error: BaseException | None, *kinds: type[Exception]) -> BaseException | None:
    """The first exception of those types among an exception and its causes."""
    while error is not None and not isinstance(error, kinds):
        error = error.__cause__
    return error


def _limit(cause: Exception, seconds: float) -> float:
    import httpx2

    from avstudio_llm.http import CONNECT_SECONDS

    return min(CONNECT_SECONDS, seconds) if isinstance(cause, httpx2.ConnectTimeout) else seconds


def _words(backend: Backend, error: BaseException) -> str:
    """The message of an exception on one line."""
    return _short(backend, f"{type(error).__name__}: {error}".removesuffix(": "))


def _body(response: Any, parsed: object) -> object:
    if parsed is not None:
        return parsed
    try:
        return json.loads(response.content)
    except ValueError:
        return response.text


def _said(body: object) -> str:
    """The message of an error in any of the formats that servers use."""
    while isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict):
        return next((_said(body[key]) for key in ("error", "detail", "message", "msg") if body.get(key)), "")
    return body if isinstance(body, str) else ""


def _status_in(body: object) -> int:
    inner = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        return 500
    code = inner.get("code")
    if isinstance(code, int | str) and re.fullmatch(r"[45]\d\d", str(code)):
        return int(code)
    return next((_STATUS_OF_TYPE[kind] for kind in (str(inner.get("type")), str(code)) if kind in _STATUS_OF_TYPE), 500)


def _quoted(backend: Backend, said: str) -> str:
    """The server's message in quotes; empty if there is none, or if it is an HTML page."""
    short = _short(backend, said)
    return f": '{short.rstrip('.')}'" if short and not short.startswith("<") else ""


def _short(backend: Backend, text: str) -> str:
    """The beginning of a text on one line, with all parts of the key removed."""
    text = " ".join(without_key(backend, text).split())
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…"


def _key_of(backend: Backend) -> str:
    variable = backend.key_variable
    return f"the key in '{variable}'" if variable else "requests without a key (set key_variable for it)"


def _retry_after(headers: Mapping[str, str], body: object) -> float | None:
    """Seconds to wait, from a header in seconds or as a date, or from Google's `retryDelay`."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value or "").timestamp() - time.time())
    except (ValueError, OverflowError):
        delay = re.search(r"'retryDelay': '([\d.]+)s'", str(body))
        return _number(delay[1]) if delay else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number <= LONGEST_WAIT else None
