"""The tables that a server needs: webhooks, and what repeated requests made. With them, `metadata` has all tables."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text

from avstudio_core.storage.tables import LONG, metadata as metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False, index=True),
    Column("project", String),
    Column("url", Text, nullable=False),
    Column("types", Text, nullable=False),
    Column("subjects", Text),
    Column("plan", String),
    Column("on_request", Boolean, nullable=False),
    Column("secret", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("reason", Text),
    Column("seq", LONG, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("created_at", Float, nullable=False),
)

webhook_failures = Table(
    "webhook_failures",
    metadata,
    Column("webhook_id", String, primary_key=True),
    Column("seq", LONG, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failed_at", Float, nullable=False),
    Column("replaying", Boolean, nullable=False),
)

made_once = Table(
    "made_once",
    metadata,
    Column("owner", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("made", Text, nullable=False),
    Column("created_at", Float, nullable=False, index=True),
)
