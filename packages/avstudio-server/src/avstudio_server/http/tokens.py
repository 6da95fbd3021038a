"""Short-lived tokens (JWT, RFC 7519) that a program gets for its API key, so that the key stays where it is kept."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import jwt

from avstudio_core import Principal
from avstudio_core.errors import AVStudioError, InvalidInput, KeyRefused, StorageError
from avstudio_server.http.identity import Identity

if TYPE_CHECKING:
    from avstudio_core import Studio

SECRET = "AVSTUDIO_TOKEN_SECRET"
"""The name of the secret that signs tokens."""
ALGORITHM = "HS256"
ISSUER = AUDIENCE = "avstudio"
SECONDS = 900
"""How long a token is valid, in seconds."""
SHORTEST, FEWEST = 32, 12
"""The fewest characters of a secret, and the fewest different ones."""
CLAIMS = ["aud", "exp", "iat", "iss", "sub"]


class Tokens:
    """Issues tokens for keys, and says who shows one. A token is valid no longer than its key."""

    def __init__(self, secret: str, key: Callable[[str], Principal], clock: Callable[[], float] = time.time) -> None:
        """`key` returns the principal of a key by its id. Raises `InvalidInput` for a weak secret."""
        if len(secret) < SHORTEST or len({*secret}) < FEWEST:
            message = f"The secret '{SECRET}' is weak: it needs {SHORTEST} characters, {FEWEST} of them different."
            raise InvalidInput(message, hint="Set a random one, or delete it to get one.")
        self._secret = secret
        self._key = key
        self._clock = clock
        self._id = hashlib.sha256(b"kid" + secret.encode()).hexdigest()[:16]

    def issue(self, principal: Principal, scopes: Collection[str] | None = None, seconds: int = SECONDS) -> str:
        """A token for a key's principal, with all its scopes or some. Raises `InvalidInput`."""
        if principal.key is None:
            raise InvalidInput("Only an API key can be exchanged for a token.", hint="Create a key.")
        wanted = {*principal.scopes} if scopes is None else {*scopes}
        if unknown := wanted - principal.scopes:
            hint = f"It has: {', '.join(sorted(principal.scopes))}."
            raise InvalidInput(f"The key does not have the scope '{min(unknown)}'.", hint=hint)
        now = int(self._clock())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": principal.key, "iat": now, "exp": now + seconds}
        claims |= {"scopes": sorted(wanted), "jti": secrets.token_hex(8)}
        return jwt.encode(claims, self._secret, ALGORITHM, headers={"kid": self._id})

    def identity_of(self, token: str) -> Identity:
        """Who shows a token. Raises `KeyRefused`."""
        claims = self._claims(token)
        principal = self._key(claims["sub"])
        given = [scope for scope in sorted(principal.scopes) if scope in claims["scopes"]]
        left = claims["exp"] - self._clock()
        return Identity(Principal(principal.owner, principal.key, given, principal.project), time.monotonic() + left)

    def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a valid token. Raises `KeyRefused`."""
        try:
            if jwt.get_unverified_header(token).get("kid") != self._id:
                raise KeyRefused("The token was signed with another secret.", hint="Exchange the API key again.")
            found = jwt.decode(
                token, self._secret, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options={"require": CLAIMS}
            )
        except jwt.ExpiredSignatureError:
            raise KeyRefused("The token has expired.", hint="Exchange the API key again.") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise KeyRefused("The token is not valid.", hint="Exchange the API key again.") from None
        if not isinstance(found.get("scopes"), list) or not isinstance(found["sub"], str):
            raise KeyRefused("The token is not valid.", hint="Exchange the API key again.")
        return found


def tokens(studio: Studio) -> Tokens:
    """The tokens of a studio; the first time, its secret is made and kept in the secret store.

    Raises `InvalidInput` for a weak secret, and `StorageError` if there is none and none can be kept.
    """
    secret = studio.secrets.get(SECRET)
    if secret is None:
        secret = secrets.token_urlsafe(48)
        try:
            studio.secrets.set(SECRET, secret)
        except AVStudioError as error:
            message = f"The secret '{SECRET}', which signs tokens, is not set, and cannot be kept: {error.message}"
            raise StorageError(message, hint="Set it where secrets are read from.") from None
    return Tokens(secret, studio.keys.principal_with)
