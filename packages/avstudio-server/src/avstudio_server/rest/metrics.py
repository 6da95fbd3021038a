"""The figures of a server for Prometheus, read from its studio when they are asked for. No ids are labels."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from avstudio_server.http.request_log import BOUNDS, RequestLog

if TYPE_CHECKING:
    from avstudio_core import Studio

MOST_NAMES = 200
"""How many models have lines of their own, since requests may name any: the most expensive ones."""


class Metrics:
    """The metrics of one server. Ended runs are counted since it was made."""

    def __init__(self, studio: Studio, requests: RequestLog) -> None:
        self._studio = studio
        self._requests = requests
        self._lock = threading.Lock()
        self._bounds, (self._seq, _) = studio.administration.run_bounds, studio.administration.ended_runs(None)
        self._within: dict[tuple[str, str], list[int]] = {}
        self._seconds = Counter[tuple[str, str]]()

    def text(self) -> bytes:
        """All metrics in the format of Prometheus."""
        with self._lock:
            return generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        yield from self._tasks()
        yield from self._runs()
        yield from self._models()
        yield from self._calls()
        yield self._budgets()
        yield self._http()

    def _tasks(self) -> Iterator[Metric]:
        tasks = GaugeMetricFamily("avs_tasks", "Tasks that have not completed.", labels=["processor", "state"])
        waiting = 0
        for processor, state, count in self._studio.administration.unfinished_tasks():
            tasks.add_metric([processor, state], count)
            waiting += count if state == "PENDING" else 0
        yield tasks
        yield GaugeMetricFamily("avs_queue_depth", "Tasks that wait to run.", waiting)

    def _runs(self) -> Iterator[Metric]:
        """The runs that have ended, with those since the last call."""
        self._seq, new = self._studio.administration.ended_runs(self._seq)
        for one in new:
            key = (one.processor, one.outcome)
            known = self._within.setdefault(key, [0] * (len(self._bounds) + 1))
            self._within[key] = [before + more for before, more in zip(known, (*one.within, one.number), strict=True)]
            self._seconds[key] += one.seconds  # type: ignore[assignment]
        labels = ["processor", "outcome"]
        runs = HistogramMetricFamily("avs_task_duration_seconds", "How long runs of tasks took.", labels=labels)
        for key, within in self._within.items():
            runs.add_metric([*key], _buckets(self._bounds, within), self._seconds[key])
        yield runs

    def _models(self) -> Iterator[Metric]:
        pool, used = self._studio.pool, Counter[str]()
        for model in pool.loaded():
            used[model.device] += model.memory_mb << 20
        memory = GaugeMetricFamily("avs_model_pool_bytes", "Memory that loaded models take.", labels=["device"])
        for device, taken in used.items():
            memory.add_metric([device], taken)
        yield memory
        yield GaugeMetricFamily("avs_model_pool_limit_bytes", "Memory for all models.", pool.budget_mb() << 20)
        yield CounterMetricFamily("avs_model_loads", "Models that were loaded.", pool.loads)
        yield CounterMetricFamily("avs_model_evictions", "Models that were evicted for others.", pool.evictions)

    def _calls(self) -> Iterator[Metric]:
        """What calls to language models used and cost, as recorded in the data folder."""
        lines = self._studio.costs("model")[:MOST_NAMES]
        calls = CounterMetricFamily("avs_llm_requests", "Calls to language models.", labels=["model", "outcome"])
        tokens = CounterMetricFamily("avs_llm_tokens", "Tokens of these calls.", labels=["model", "kind"])
        cost = CounterMetricFamily("avs_llm_cost_usd", "What these calls cost.", labels=["model"])
        for line in lines:
            calls.add_metric([line.name, "settled"], line.calls - line.lost)
            calls.add_metric([line.name, "lost"], line.lost)
            tokens.add_metric([line.name, "input"], line.input)
            tokens.add_metric([line.name, "output"], line.output)
            cost.add_metric([line.name], line.cost_micro / 1e6)
        yield from (calls, tokens, cost)

    def _budgets(self) -> Metric:
        """The fullest budget of each kind of scope and period: scopes themselves contain ids."""
        fullest: dict[tuple[str, str], float] = {}
        for one in self._studio.budgets():
            kind = one.scope.partition(":")[0], str(one.period)
            taken = (one.spent_micro + one.reserved_micro) / one.limit_micro if one.limit_micro else 1.0
            fullest[kind] = max(taken, fullest.get(kind, 0.0))
        ratio = GaugeMetricFamily("avs_budget_used_ratio", "The fullest budget.", labels=["scope", "period"])
        for kind, taken in fullest.items():
            ratio.add_metric([*kind], taken)
        return ratio

    def _http(self) -> Metric:
        labels = ["method", "route", "status"]
        found = HistogramMetricFamily("avs_http_request_duration_seconds", "Requests by HTTP.", labels=labels)
        for key, tally in [*self._requests.tallies.items()]:
            found.add_metric([*key], _buckets(BOUNDS, [*accumulate(tally.buckets)]), tally.seconds)
        return found


def _buckets(bounds: Iterable[float], within: list[int]) -> list[tuple[str, float]]:
    """The buckets of a histogram; each has also what is in those before."""
    return [*zip([*map(str, bounds), "+Inf"], map(float, within), strict=True)]
