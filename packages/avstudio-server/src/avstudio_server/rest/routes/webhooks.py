"""Webhooks: addresses that are notified of events."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from avstudio_core import Webhook, WebhookFailure
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.named_values import EventTypeName, Name, PlanId
from avstudio_server.rest.documents import document
from avstudio_server.rest.idempotency import REPLAYED, Key, made_earlier, made_first
from avstudio_server.rest.nouns import routes_of
from avstudio_server.webhooks.calls import Calls

router = routes_of("webhooks")


class NewWebhook(BaseModel):
    """An address that is to be notified of events, from now on."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000, description="Where events are sent: 'https://host/path'.")
    types: list[EventTypeName] = Field(
        default=["task.blocked", "task.completed", "task.failed"],
        min_length=1,
        max_length=50,
        description="The types of events.",
    )
    subjects: list[Name] | None = Field(
        default=None, max_length=100, description="Only events about these tasks, plans …"
    )
    plan: PlanId | None = Field(default=None, description="Only events of the tasks of this plan.")
    on_request: bool = Field(
        default=False, description="Only events of the work of requests that name it: `?webhook=…`."
    )
    secret: str | None = Field(
        default=None, max_length=200, description="`whsec_` and 24 to 64 bytes in Base64; without it, one is made."
    )


class CreatedWebhook(BaseModel):
    """A new webhook with its secret, which is not shown again."""

    webhook: Webhook
    secret: str


class Webhooks(BaseModel):
    """All webhooks of the one who asks."""

    webhooks: list[Webhook]


class WebhookFailures(BaseModel):
    """The first 1000 events that a webhook did not take."""

    failures: list[WebhookFailure]


def _calls(request: Request) -> Calls:
    calls: Calls = request.app.state.webhook_calls
    return calls


@router.post("", response_model=CreatedWebhook, status_code=201, operation_id="create_webhook")
async def create(
    given: NewWebhook, session: CallerSession, calls: Annotated[Calls, Depends(_calls)], key: Key
) -> Response:
    """Be notified of events: each one is sent to the address, signed with the secret (Standard Webhooks)."""
    session.principal.require("run")
    await asyncio.to_thread(calls.check, given.url)
    asked = key.digest(given.model_dump())
    first = await made_earlier(session, key, asked)
    if first is None:
        made, secret = await session.webhooks.acreate(**dict(given))
        first = await made_first(session, key, asked, [made.id])
        if first == [made.id]:
            return _created(made, secret, {})
        await session.webhooks.adelete(made.id)
    made = await session.webhooks.aget(*first)
    return _created(made, await session.webhooks.asecret(made.id), REPLAYED)


def _created(made: Webhook, secret: str, more: dict[str, str]) -> Response:
    headers = {"Location": f"/api/v1/webhooks/{made.id}", "Cache-Control": "no-store", **more}
    return document(CreatedWebhook(webhook=made, secret=secret), 201, headers)


@router.get("", response_model=Webhooks, operation_id="list_webhooks")
def index(session: CallerSession) -> Response:
    """All webhooks, without their secrets."""
    return document(Webhooks(webhooks=session.webhooks.all()))


@router.get("/{webhook_id}", response_model=Webhook, operation_id="show_webhook")
def show(webhook_id: str, session: CallerSession) -> Response:
    """A webhook, and whether its deliveries succeed."""
    return document(session.webhooks.get(webhook_id))


@router.delete("/{webhook_id}", status_code=204, operation_id="delete_webhook")
def delete(webhook_id: str, session: CallerSession) -> Response:
    """Remove a webhook: nothing more is sent to it."""
    session.webhooks.delete(webhook_id)
    return Response(status_code=204)


@router.get("/{webhook_id}/failures", response_model=WebhookFailures, operation_id="webhook_failures")
def failures(webhook_id: str, session: CallerSession) -> Response:
    """The events that the webhook did not take, however often they were sent."""
    return document(WebhookFailures(failures=session.webhooks.failures(webhook_id)))


@router.post("/{webhook_id}/replay", response_model=Webhook, status_code=202, operation_id="replay_webhook")
def replay(webhook_id: str, session: CallerSession) -> Response:
    """Send the events again that the webhook did not take; one that was switched off is active again."""
    return document(session.webhooks.replay(webhook_id), 202)
