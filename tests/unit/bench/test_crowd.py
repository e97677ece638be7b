"""Who comes in the opening minute, drawn from a seed."""

from collections import Counter

import pytest

from bench.crowd import Kind, displaced, opening_minute, percentile


def test_the_same_seed_plays_the_same_minute() -> None:
    assert opening_minute(1, 100) == opening_minute(1, 100)
    assert opening_minute(1, 100) != opening_minute(2, 100)


def test_requests_come_in_order_and_as_often_as_was_said() -> None:
    coming = opening_minute(1, 15_000)
    dues = [one.due for one in coming]
    assert dues == sorted(dues)
    assert sum(due < 2 for due in dues) == pytest.approx(6_000, rel=0.15)
    assert sum(due >= 2 for due in dues) == pytest.approx(30_000, rel=0.05)
    assert max(dues) < 62


def test_twenty_of_a_hundred_are_retries_and_five_a_bots() -> None:
    coming = opening_minute(1, 15_000)
    of = Counter(one.kind for one in coming)
    assert of[Kind.RETRY] == pytest.approx(0.2 * len(coming), rel=0.05)
    assert of[Kind.BAD_TOKEN] + of[Kind.UNREGISTERED] + of[Kind.TOO_MANY] == pytest.approx(0.05 * len(coming), rel=0.1)


def test_a_retry_is_the_same_claim_of_the_same_client_after_it() -> None:
    claims: dict[int, int] = {}
    retries = 0
    for one in opening_minute(1, 1_000):
        if one.kind is Kind.CLAIM:
            claims[one.claim] = one.client
        elif one.kind is Kind.RETRY:
            assert claims[one.claim] == one.client
            retries += 1
    assert retries > 1_000


def test_every_claim_has_a_key_of_its_own_and_each_client_its_turn() -> None:
    claims = [one for one in opening_minute(1, 1_000) if one.kind is Kind.CLAIM]
    assert len({one.claim for one in claims}) == len(claims)
    assert {one.client for one in claims[:1_000]} == set(range(1_000))


def test_the_company_that_asks_too_much_does_so_at_once() -> None:
    too_many = [one.due for one in opening_minute(1, 1_000) if one.kind is Kind.TOO_MANY]
    assert len(too_many) > 64
    assert max(too_many) < 0.2


@pytest.mark.parametrize(
    ("stamps", "found"),
    [([], []), ([5, 5, 6], []), ([5, 7, 6, 7], [1]), ([9, 1, 2, 9], [8, 7])],
)
def test_who_stands_behind_a_later_arrival_is_displaced(stamps: list[int], found: list[int]) -> None:
    assert displaced(stamps) == found


@pytest.mark.parametrize(("share", "value"), [(0.5, 51.0), (0.99, 100.0), (0.999, 100.0)])
def test_a_share_of_the_values_does_not_exceed_the_percentile(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], share) == value


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 0.5)
