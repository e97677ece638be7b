"""How many answers each operation gave, and how fast: what every request is counted in, and nothing may be slower."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""In seconds; a time on a bound is within it."""
_NAMES = (*(str(bound) for bound in _BOUNDS), "+Inf")


class _Times:
    """The times of an operation: how many fell between two bounds, and their sum."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_NAMES)
        self.seconds = 0.0


class AnswerMeters(Collector):
    """Counts answers; as one thread does, it needs no locks, of which the library's own meters take three an answer."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, int], int] = {}
        self._times: dict[tuple[str, str], _Times] = {}

    def note(self, context: str, operation: str, status: int, seconds: float) -> None:
        """Count an answer of an operation, given after so many seconds."""
        name = context, operation, status
        self._answers[name] = self._answers.get(name, 0) + 1
        times = self._times.get((context, operation))
        if times is None:
            times = self._times[context, operation] = _Times()
        times.counts[bisect_left(_BOUNDS, seconds)] += 1
        times.seconds += seconds

    def collect(self) -> Iterable[Metric]:
        """Tell what was counted."""
        requests = CounterMetricFamily(
            "cxq_http_requests", "Requests answered", labels=["context", "operation", "status"]
        )
        for (context, operation, status), count in list(self._answers.items()):
            requests.add_metric([context, operation, str(status)], count)
        seconds = HistogramMetricFamily(
            "cxq_http_request_seconds", "Time to answer a request", labels=["context", "operation"]
        )
        for labels, times in list(self._times.items()):
            upto = zip(_NAMES, accumulate(times.counts), strict=True)
            seconds.add_metric(labels, [(name, count) for name, count in upto], times.seconds)
        return requests, seconds


ANSWERS = AnswerMeters()
"""Those of the process."""
REGISTRY.register(ANSWERS)
