"""Answers are counted as the library's own meters would count them."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from shared.answer_meters import _BOUNDS, ANSWERS, AnswerMeters
from shared.http.middleware import note_answer

ANSWERED = [
    ("issuance", "claimVoucher", 201, 0.0004),
    ("issuance", "claimVoucher", 409, 0.001),
    ("issuance", "claimVoucher", 409, 0.0010001),
    ("issuance", "none", 404, 5.0),
    ("registry", "none", 404, 5.5),
    ("registry", "none", 200, 0.0),
]


def _lines(registry: CollectorRegistry) -> set[str]:
    return {line for line in generate_latest(registry).decode().splitlines() if "_created" not in line}


def test_what_is_told_is_what_the_librarys_own_meters_tell() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    meters = AnswerMeters()
    ours.register(meters)
    requests = Counter("cxq_http_requests", "Requests answered", ["context", "operation", "status"], registry=theirs)
    times = Histogram(
        "cxq_http_request_seconds",
        "Time to answer a request",
        ["context", "operation"],
        registry=theirs,
        buckets=_BOUNDS,
    )
    for context, operation, status, seconds in ANSWERED:
        meters.note(context, operation, status, seconds)
        requests.labels(context, operation, str(status)).inc()
        times.labels(context, operation).observe(seconds)
    assert _lines(ours) == _lines(theirs)
    assert len(_lines(ours)) > 3 * len(_BOUNDS)


def test_every_answer_of_the_process_is_counted_in_one_place() -> None:
    assert "ANSWERS" in note_answer.__code__.co_names
    assert isinstance(ANSWERS, AnswerMeters)
