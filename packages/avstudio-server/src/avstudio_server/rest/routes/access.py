"""Ways in besides API keys: a browser's link, and tokens for a key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from avstudio_core.errors import KeyRefused, NotAllowed
from avstudio_server.http.browsers import COOKIE, SECONDS, Browsers
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.tokens import SECONDS as TOKEN_SECONDS, Tokens
from avstudio_server.rest.nouns import routes_of

LOGIN = "/login"


class TokenRequest(BaseModel):
    """What a token may do, if it is less than its key may."""

    model_config = ConfigDict(extra="forbid")

    scopes: list[str] | None = Field(default=None, description="Some of the scopes of the key.")


class IssuedToken(BaseModel):
    """A token, to send as `Authorization: Bearer …`."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int = TOKEN_SECONDS


def access_routes(tokens: Tokens, browsers: Browsers, *, secure: bool) -> tuple[APIRouter, APIRouter]:
    """The route that lets a browser in, and those below `/system`."""
    door, system = APIRouter(), routes_of("system")

    @door.get(LOGIN, include_in_schema=False)
    async def login(request: Request, token: Annotated[str, Query(max_length=200)]) -> Response:
        """Let the first browser in that follows the printed link."""
        value = browsers.let_in(token)
        if value is None:
            raise KeyRefused("This link was used before, or is not known.", hint="Restart the server for a new one.")
        answer = PlainTextResponse("This browser may use AV-Studio now.\n", headers={"Cache-Control": "no-store"})
        answer.set_cookie(
            COOKIE, value, max_age=round(SECONDS), httponly=True, samesite="strict", secure=secure, path="/"
        )
        return answer

    @system.post("/token", status_code=201)
    def token(request: Request, session: CallerSession, given: TokenRequest | None = None) -> IssuedToken:
        """Exchange an API key for a token that is valid for 15 minutes."""
        if session.principal.key is not None and request.state.until is not None:
            raise NotAllowed("A token cannot be exchanged for another one.", hint="Show the API key.")
        scopes = given.scopes if given is not None else None
        return IssuedToken(access_token=tokens.issue(session.principal, scopes))

    return door, system
