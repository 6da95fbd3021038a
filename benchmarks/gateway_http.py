"""P11 over HTTP: what the studio's OpenAI protocol adds to a model's server: key, limits, policy, route, money.

The same prepared request goes to the server of a model and, in turns, to a studio that asks that server. With
`--litellm COMMAND`, LiteLLM's proxy stands in the studio's place: the path of `litellm` in an environment with it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import http_client
import paired
from gateway import MODELS, PROMPT, mock
from http_client import Load
from served import served

CONNECTIONS = 16
START_SECONDS = 120.0
PROXY = """
model_list:
  - model_name: mock/mock
    litellm_params: {{model: openai/mock, api_base: "{url}", api_key: none}}
general_settings: {{master_key: sk-bench}}
litellm_settings: {{num_retries: 0, telemetry: false}}
"""


def request(path: str, port: int, model: str, **headers: str) -> bytes:
    messages = [{"role": "user", "content": PROMPT}]
    body = json.dumps({"model": model, "messages": messages, "max_tokens": 100})
    return http_client.request("POST", path, port, body, **headers)


def loaded(port: int, sent: bytes, requests: int, connections: int) -> Load:
    return asyncio.run(http_client.load(port, sent, requests, connections, 200))


def show(name: str, gateway: tuple[int, bytes], direct: tuple[int, bytes], requests: int, pairs: int) -> None:
    """One request at a time for what is added; many at a time for how many pass in a second."""
    loaded(*gateway, 200, CONNECTIONS)

    def middle(server: tuple[int, bytes]) -> float:
        return paired.quantile(loaded(*server, requests, 1).seconds, 0.5)

    ours, theirs = paired.interleaved(lambda: middle(gateway), lambda: middle(direct), pairs)
    added = [1000 * (one - other) for one, other in zip(ours, theirs, strict=True)]
    many = [loaded(*gateway, 2 * requests, CONNECTIONS).per_second for _ in range(pairs)]
    print(
        f"{name}: direct p50 {1000 * paired.quantile(theirs, 0.5):.2f} ms; added {paired.quantile(added, 0.5):.2f} ms "
        f"({min(added):.2f} to {max(added):.2f}, {pairs} pairs of {requests}); "
        f"{paired.quantile(many, 0.5):.0f} requests/s from {CONNECTIONS} connections",
        flush=True,
    )


@contextmanager
def proxy(command: str, url: str) -> Iterator[int]:
    """The port of LiteLLM's proxy before the server of a model."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "proxy.yaml")
        config.write_text(PROXY.format(url=url), encoding="utf-8")
        arguments = [command, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(port)
                yield port
            finally:
                process.terminate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("LiteLLM's proxy did not start.")


def main() -> None:
    arguments = paired.arguments(__doc__, litellm="the command of LiteLLM")
    paired.headline("avstudio-core", "avstudio-llm", "avstudio-server", "uvicorn")
    size = (200, 3) if arguments.quick else (1000, 10)
    path = "/v1/chat/completions"
    with mock() as url, tempfile.TemporaryDirectory() as home:
        at = int(url.split(":")[2].partition("/")[0])
        direct = at, request(path, at, "mock")
        Path(home, "models.toml").write_text(MODELS.format(url=url), encoding="utf-8")
        with served(home, plugins="core,llm") as studio:
            ours = request(path, studio.port, "mock/mock", **studio.headers)
            show("AV-Studio  (aim 1.5 ms, 600 requests/s)", (studio.port, ours), direct, *size)
        if arguments.litellm:
            with proxy(arguments.litellm, url) as port:
                theirs = request(path, port, "mock/mock", Authorization="Bearer sk-bench")
                show("LiteLLM's proxy", (port, theirs), direct, *size)


if __name__ == "__main__":
    main()
