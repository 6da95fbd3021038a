"""The reference page of the HTTP interface, from its OpenAPI document."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

HEAD = """# HTTP

Every route of `avstudio serve` where these pages were made. `/openapi.json` of a server describes its own, with the
schemas of bodies and answers. Errors under `/api/v1` are [problem details](https://www.rfc-editor.org/rfc/rfc9457)
with a `code` ([all of them](errors.md)) and a `hint`; under `/v1` they have OpenAI's form.

Every request shows an API key, `Authorization: Bearer avs_…`; only `/api/v1/system/health/live` and `/ready` need none.
Parameters that an address does not have are refused.

## WebSockets

| path | messages |
|---|---|
| `/api/v1/stream` | the events that the session sees; `after`, `types`, `subjects`, `plan`, `owner` choose some |
| `/api/v1/tasks/stream/{task_id}` | the events of a task, stored ones first, until it has ended |
| `/api/v1/agents/stream/{task_id}` | the events of an agent's task; 404 until agents are installed |

Each message is an event as JSON: `seq`, `time`, `subject`, `type`, `data`, `owner`, `project`, `plan`, `task_id`.
`stream.heartbeat` comes when nothing else does. The last message is `stream.ended`, `stream.closing` (the server
stops), `stream.lost` (the client was too slow) or `stream.refused` (the key is not valid any more): connect again
with `after` and its `seq`.
"""


def http_page() -> str:
    """Each operation with its parameters, by tag."""
    from avstudio_core import Studio
    from avstudio_server.serve.application import openapi_document

    with tempfile.TemporaryDirectory() as home, Studio(home=home, offline=True, secret_store="file") as studio:
        document = openapi_document(studio)
    tags: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tags.setdefault(operation["tags"][0], []).append("\n".join(_operation(method, path, operation)))
    return HEAD + "".join(f"\n## {tag}\n\n" + "\n".join(parts) for tag, parts in sorted(tags.items()))


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"### {method.upper()} {path}\n"
    yield f"{operation.get('description') or operation['summary']}\n"
    rows = [_row(one) for one in operation.get("parameters", ()) if one["in"] != "path"]
    if rows:
        yield "| parameter | in | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    if kinds := operation.get("requestBody", {}).get("content"):
        yield f"Body: {', '.join(f'`{kind}`' for kind in kinds)}.\n"


def _row(parameter: dict[str, Any]) -> str:
    meaning = parameter.get("description") or parameter["schema"].get("description", "")
    return f"| `{parameter['name']}` | {parameter['in']} | {meaning.replace('|', chr(92) + '|')} |"
