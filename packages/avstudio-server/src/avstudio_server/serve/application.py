"""The HTTP application of a studio: all routes, behind the guard."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute, Match

from avstudio_core import Roots
from avstudio_core.errors import AVStudioError
from avstudio_core.paths import user_path
from avstudio_server.http.addresses import addresses
from avstudio_server.http.answers import add_error_answers
from avstudio_server.http.browsers import COOKIE
from avstudio_server.http.credentials import Credentials
from avstudio_server.http.guard import App, Entrance, Guard, Receive, Scope, Send
from avstudio_server.http.rate_limits import RateLimits
from avstudio_server.http.tokens import Tokens, tokens
from avstudio_server.openai import api as openai
from avstudio_server.openai.transcriber import transcriber
from avstudio_server.rest.api import api
from avstudio_server.rest.remote_files import RemoteFiles
from avstudio_server.rest.routes.access import LOGIN, access_routes
from avstudio_server.rest.routes.system import PUBLIC, system_routes
from avstudio_server.serve.route_table import RouteTable
from avstudio_server.webhooks.calls import Calls
from avstudio_server.websocket import routes as websocket

if TYPE_CHECKING:
    from avstudio_core import Studio

SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, or a token for one."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "browser": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "From the link that was printed."},
}
DESCRIPTION = "A local-first studio for audio, video and language models."


def application(studio: Studio, entrance: Entrance) -> App:
    """The application that a server runs. Raises `InvalidInput` and `StorageError` for the secret of tokens."""
    signed = tokens(studio)
    app = routes(studio, signed, entrance)
    credentials = Credentials(studio.keys, signed, entrance.browsers)
    session = partial(studio.session, roots=roots(studio))
    return Guard(app, entrance, credentials, session, PUBLIC | {LOGIN}, studio.keys.refused)


def routes(studio: Studio, signed: Tokens, entrance: Entrance) -> FastAPI:
    """All routes, without the guard."""
    app = FastAPI(
        title="AV-Studio",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.streams = entrance.streams
    app.state.webhook_calls = Calls(studio.settings, studio.gate)
    app.state.remote = RemoteFiles(studio.settings, studio.gate)
    app.state.transcriber = transcriber(studio.catalogue, studio.shelf)
    add_error_answers(app)
    door, access = access_routes(signed, entrance.browsers, secure=entrance.addresses.scheme == "https")
    routers, schemas = api(studio.catalogue, studio.plugins.kind("event_types"))
    system = system_routes(studio, entrance)
    for router in (*routers, access, system, *openai.api(), websocket.router, door):
        app.router.routes.extend(router.routes)
    app.router.middleware_stack = RouteTable(app.router)
    app.openapi = lambda: _described(app, schemas)  # type: ignore[method-assign]
    mount_interfaces(app, studio)
    return app


def openapi_document(studio: Studio) -> dict[str, Any]:
    """The OpenAPI document of a studio's server."""
    entrance = Entrance(addresses("127.0.0.1", 80, "http", [], []), RateLimits(0))
    return routes(studio, tokens(studio), entrance).openapi()


def roots(studio: Studio) -> Roots:
    """The folders whose files requests may name; the data folder is never one of them."""
    listed = studio.settings.roots or ""
    named = (user_path(one).absolute() for one in listed.split(":") if one.strip())
    return Roots(named, closed=[studio.settings.home])


def mount_interfaces(app: FastAPI, studio: Studio) -> None:
    """Add what other interfaces mount; the guard is before them, too. One that fails is shown with its plugin."""
    plugins = studio.plugins
    for name, interface in plugins.kind("interfaces").items():
        with suppress(AVStudioError):
            mount = plugins.make(interface).mount
            mounted = plugins.guard(interface).call(f"'mount' of interface '{name}'", mount, studio)
            if mounted is not None:
                app.mount(*mounted)
                app.router.routes.append(Exact(*mounted))


class Exact(BaseRoute):
    """The path of a mounted application itself, which `Mount` leaves out: there is no redirect to one with a slash."""

    def __init__(self, path: str, app: App) -> None:
        self._path = path
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = scope["type"] in ("http", "websocket") and scope["path"] == self._path
        root = scope.get("root_path", "")
        inner = {"root_path": root + self._path, "app_root_path": scope.get("app_root_path", root)}
        return (Match.FULL, inner) if found else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _described(app: FastAPI, schemas: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document, with the schemas of the processors."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _summarize(made["paths"])
        parts = made.setdefault("components", {})
        parts.setdefault("schemas", {}).update(schemas)
        parts["securitySchemes"] = SCHEMES
        made["security"] = [{name: []} for name in SCHEMES]
        app.openapi_schema = made
    return app.openapi_schema


def _summarize(paths: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Give each operation the first sentence of its description as its summary, instead of a function's name."""
    for operation in (one for item in paths.values() for one in item.values()):
        first = operation.get("description", "").partition("\n")[0].partition(". ")[0]
        operation["summary"] = first.rstrip(".") or operation["summary"]
