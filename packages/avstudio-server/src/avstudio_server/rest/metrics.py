"""The figures of a server for Prometheus, read from its studio when they are asked for. No ids are labels."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from avstudio_core.gateway.ledger.model_figures import ModelFigures
from avstudio_server.http.request_log import BOUNDS, RequestLog

if TYPE_CHECKING:
    from avstudio_core import Studio

MOST_NAMES = 200
"""How many models have lines of their own, since requests may name any: the most expensive ones."""
OTHERS = "other"
"""The label of all other models together."""


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
        """What calls of language models used and cost, as recorded in the data folder."""
        calls = CounterMetricFamily("avs_llm_requests", "Calls of language models.", labels=["model", "outcome"])
        tokens = CounterMetricFamily("avs_llm_tokens", "Tokens of these calls.", labels=["model", "kind"])
        cost = CounterMetricFamily("avs_llm_cost_usd", "What these calls cost.", labels=["model"])
        first = HistogramMetricFamily(
            "avs_llm_first_token_seconds", "Time until the first token of a streamed answer.", labels=["model"]
        )
        administration = self._studio.administration
        for model, one in _shown(administration.model_figures()):
            for outcome, number in one.calls.items():
                calls.add_metric([model, outcome], number)
            for kind, number in one.tokens.items():
                tokens.add_metric([model, kind], number)
            cost.add_metric([model], one.cost_micro / 1e6)
            if one.within[-1]:
                buckets = _buckets(administration.first_token_bounds, one.within)
                first.add_metric([model], buckets, one.first_token_seconds)
        yield from (calls, tokens, cost, first)

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


def _shown(models: Mapping[str, ModelFigures]) -> list[tuple[str, ModelFigures]]:
    """The most expensive models, and all others as one, so that sums over models are complete."""
    shown, rest = [*models.items()][:MOST_NAMES], [*models.values()][MOST_NAMES:]
    if not rest:
        return shown
    others = ModelFigures()
    for one in rest:
        others.add(one)
    return [*shown, (OTHERS, others)]


def _buckets(bounds: Iterable[float], within: list[int]) -> list[tuple[str, float]]:
    """The buckets of a histogram; each has also what is in those before."""
    return [*zip([*map(str, bounds), "+Inf"], map(float, within), strict=True)]
