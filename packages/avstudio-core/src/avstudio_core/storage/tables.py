"""The tables. Times are seconds since the epoch; JSON is stored as text."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    literal_column,
)

metadata = MetaData()
LONG = BigInteger().with_variant(Integer(), "sqlite")
"""The type of sizes, row and event numbers, and money: 64 bits, as in SQLite."""
LOCAL_OWNER = "local"
"""The owner of the work of this machine's user."""
DEFAULT_PROJECT = "default"
"""The project of work for which none is named."""

projects = Table(
    "projects",
    metadata,
    Column("name", String, primary_key=True),
    Column("created_at", Float, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", String, primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("size", LONG, nullable=False),
    Column("media_type", String, nullable=False),
    Column("facts", Text, nullable=False),
    Column("lineage", Text),
    Column("trust", String, nullable=False, server_default="media"),
    Column("task_id", String, index=True),
    Column("owner", String, nullable=False),
    Column("created_at", Float, nullable=False),
)

media_files = Table(
    "media_files",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("project", ForeignKey("projects.name"), nullable=False),
    Column("artifact_id", ForeignKey("artifacts.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("owner", String, nullable=False, server_default=LOCAL_OWNER),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("project", "artifact_id", "path"),
)
Index("media_files_artifact", media_files.c.artifact_id)
Index("media_files_owner", media_files.c.owner, media_files.c.artifact_id)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False, index=True),
    Column("project", String, nullable=False),
    Column("name", String, nullable=False),
    Column("size", LONG, nullable=False),
    Column("sha256", String(64)),
    Column("artifact_id", String),
    Column("touched_at", Float, nullable=False),
)

plans = Table(
    "plans",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("project", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("project", String, nullable=False),
    Column("key", String),
    Column("limits", Text, nullable=False),
    Column("most_steps", Integer),
    Column("most_tokens", LONG),
    Column("used_steps", Integer, nullable=False),
    Column("used_tokens", LONG, nullable=False),
    Column("deadline", Float),
    Column("cancelling", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("request", String(64)),
    Column("webhook", String),
    UniqueConstraint("owner", "project", "key"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", String, primary_key=True),
    Column("plan_id", String, nullable=False, index=True),
    Column("run_id", String),
    Column("step", String, nullable=False),
    Column("project", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("key", String),
    Column("origin", String, nullable=False),
    Column("processor", String, nullable=False),
    Column("lane", String, nullable=False, server_default="general"),
    Column("params", Text, nullable=False),
    Column("source", Text),
    Column("inputs", Text),
    Column("state", String, nullable=False),
    Column("reason", String),
    Column("priority", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
    Column("leads", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("available_at", Float, nullable=False),
    Column("strict", Boolean, nullable=False),
    Column("cache", Boolean, nullable=False, server_default="1"),
    Column("reviewer", String, nullable=False),
    Column("feedback", Text),
    Column("fence", LONG, nullable=False),
    Column("cancelling", Boolean, nullable=False),
    Column("cache_key", String(64)),
    Column("result", Text),
    Column("continuation", Text),
    Column("error", Text),
    Column("percent", Float, nullable=False),
    Column("message", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
)
_ready = and_(tasks.c.state == "PENDING", tasks.c.waiting == 0)
_in_turn = (tasks.c.owner, tasks.c.priority.desc(), tasks.c.id)
Index("tasks_ready", tasks.c.lane, *_in_turn, sqlite_where=_ready)
Index("tasks_own", tasks.c.lane, tasks.c.origin, *_in_turn, sqlite_where=_ready)
_paused = and_(_ready, tasks.c.available_at > 0.0)
Index("tasks_run", tasks.c.run_id, tasks.c.state, sqlite_where=tasks.c.run_id.is_not(None))
Index("tasks_paused", tasks.c.available_at, sqlite_where=_paused)
_cached = and_(tasks.c.state == "COMPLETED", tasks.c.cache_key.is_not(None))
_unfinished = tasks.c.state != "COMPLETED"
Index("tasks_unfinished", tasks.c.state, tasks.c.id, sqlite_where=_unfinished)
_foreign = tasks.c.owner != literal_column(f"'{LOCAL_OWNER}'")
_named = tasks.c.project != literal_column(f"'{DEFAULT_PROJECT}'")
Index("tasks_project", tasks.c.project, tasks.c.id, sqlite_where=_named)
Index("tasks_owner", tasks.c.owner, tasks.c.id, tasks.c.project, sqlite_where=_foreign)
Index("tasks_cached", tasks.c.cache_key, tasks.c.finished_at, sqlite_where=_cached)

dependencies = Table(
    "dependencies",
    metadata,
    Column("task_id", ForeignKey("tasks.id"), primary_key=True),
    Column("needs_id", ForeignKey("tasks.id"), primary_key=True, index=True),
    Column("ended", Boolean, nullable=False, server_default="0"),
)

task_inputs = Table(
    "task_inputs",
    metadata,
    Column("task_id", ForeignKey("tasks.id"), primary_key=True),
    Column("artifact_id", ForeignKey("artifacts.id"), primary_key=True, index=True),
)

model_answers = Table(
    "model_answers",
    metadata,
    Column("task_id", ForeignKey("tasks.id"), primary_key=True),
    Column("request_hash", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("answer", Text, nullable=False),
)

studios = Table(
    "studios",
    metadata,
    Column("id", String, primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("host", String, nullable=False),
    Column("started_at", Float, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("task_id", ForeignKey("tasks.id"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("studio", String, nullable=False),
    Column("apart", Boolean, nullable=False, server_default="0"),
    Column("fence", LONG, nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("assigned_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("outcome", String),
)
Index("jobs_open", jobs.c.studio, sqlite_where=jobs.c.ended_at.is_(None))

events = Table(
    "events",
    metadata,
    Column("seq", LONG, primary_key=True),
    Column("subject", String, nullable=False, index=True),
    Column("time", Float, nullable=False),
    Column("type", String, nullable=False),
    Column("data", Text, nullable=False),
    Column("owner", String),
    Column("project", String),
    sqlite_autoincrement=True,
)

texts = Table(
    "texts",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("owner", String, nullable=False),
    Column("project", String, nullable=False),
    Column("processor", String, nullable=False),
    Column("task_id", ForeignKey("tasks.id"), index=True),
    Column("artifact_id", ForeignKey("artifacts.id", deferrable=True, initially="DEFERRED"), index=True),
    Column("source_id", String),
    Column("kind", String, nullable=False),
    Column("start", Float),
    Column("end", Float),
    Column("created_at", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("words", Text),
)

loaded_models = Table(
    "loaded_models",
    metadata,
    Column("id", String, primary_key=True),
    Column("studio", String, nullable=False, index=True),
    Column("lane", String, nullable=False),
    Column("family", String, nullable=False),
    Column("device", String, nullable=False),
    Column("memory_mb", Integer, nullable=False),
    Column("evicting", Boolean, nullable=False),
    Column("used_at", Float, nullable=False),
)

measured_models = Table(
    "measured_models",
    metadata,
    Column("lane", String, primary_key=True),
    Column("memory_mb", Integer, nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    Column("scope", String, primary_key=True),
    Column("period", String, primary_key=True),
    Column("limit_micro", LONG, nullable=False),
    Column("set_at", Float, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("scope", String, primary_key=True),
    Column("period_start", String, primary_key=True),
    Column("period", String, nullable=False),
    Column("limit_micro", LONG, nullable=False),
    Column("spent_micro", LONG, nullable=False),
    Column("reserved_micro", LONG, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("scope", String, primary_key=True),
    Column("period_start", String, primary_key=True),
    Column("percent", Integer, primary_key=True),
    Column("period", String, nullable=False),
    Column("at", Float, nullable=False),
)

reservations = Table(
    "reservations",
    metadata,
    Column("id", String, primary_key=True),
    Column("request_id", String, nullable=False),
    Column("studio", String, nullable=False),
    Column("verb", String, nullable=False),
    Column("backend", String, nullable=False),
    Column("model", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("project", String, nullable=False),
    Column("owner", String, nullable=False, server_default=LOCAL_OWNER),
    Column("key", String),
    Column("task", String),
    Column("agent", String),
    Column("run", String),
    Column("amount_micro", LONG, nullable=False),
    Column("at", Float, nullable=False),
    Column("seconds", Float, nullable=False),
)

api_calls = Table(
    "api_calls",
    metadata,
    Column("id", String, primary_key=True),
    Column("request_id", String, nullable=False),
    Column("studio", String, nullable=False),
    Column("verb", String, nullable=False),
    Column("backend", String, nullable=False),
    Column("model", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("project", String, nullable=False),
    Column("owner", String, nullable=False, server_default=LOCAL_OWNER),
    Column("key", String),
    Column("task", String),
    Column("agent", String),
    Column("run", String),
    Column("at", Float, nullable=False, index=True),
    Column("outcome", String, nullable=False),
    Column("error", String),
    Column("seconds", Float, nullable=False),
    Column("first_token_seconds", Float),
)
Index("api_calls_run", api_calls.c.run, sqlite_where=api_calls.c.run.is_not(None))
Index("api_calls_task", api_calls.c.task, sqlite_where=api_calls.c.task.is_not(None))

token_usage = Table(
    "token_usage",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("call_id", ForeignKey("api_calls.id"), nullable=False, index=True),
    Column("input", LONG, nullable=False),
    Column("output", LONG, nullable=False),
    Column("cached", LONG, nullable=False),
    Column("cache_written", LONG, nullable=False),
    Column("reasoning", LONG, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("characters", LONG, nullable=False),
    Column("estimated", Boolean, nullable=False),
)

cost_records = Table(
    "cost_records",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("call_id", ForeignKey("api_calls.id"), nullable=False, index=True),
    Column("cost_micro", LONG, nullable=False),
    Column("recorded_at", Float, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("beginning", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("project", String),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("used_at", Float),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String, primary_key=True),
    Column("store", String, nullable=False),
    Column("set_at", Float, nullable=False),
)

refused_connections = Table(
    "refused_connections",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("time", Float, nullable=False),
    Column("host", String, nullable=False),
    Column("reason", String, nullable=False),
)
