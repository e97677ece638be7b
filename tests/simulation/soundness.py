"""What must be true at the end of every world, whatever befell it."""

from collections import Counter

from shared.events.issuance.quotas import ClassQuotaReleased
from shared.events.issuance.vouchers import VoucherCancelled
from tests.simulation.world import World


def assert_sound(world: World) -> None:
    """Check at the end: nothing oversold, one effect a key, acknowledged is durable, places, allowances as the log."""
    tables = world.tables
    quota, claimed = tables.quota, tables.claimed()
    ended = [entry.fact for entry in tables.log if isinstance(entry.fact, VoucherCancelled)]
    issued, returned = sum(fact.amount for _, fact in claimed), sum(fact.amount for fact in ended)
    assert quota.remaining >= 0
    assert (quota.issued, quota.returned, quota.claims) == (issued, returned, len(claimed))
    assert quota.remaining == quota.quota - issued + returned, "money appeared or was lost"
    _assert_parts_are_sound(world)
    assert [fact.place for _, fact in claimed] == list(range(1, len(claimed) + 1)), "places have gaps"
    folded = Counter[tuple[str, int]]()
    for _, fact in claimed:
        folded[fact.claimant_id, fact.year] += fact.amount
    for end in ended:
        folded[end.claimant_id, end.year] -= end.amount
    assert +folded == +Counter(tables.counted), "allowances are not the fold of the log"
    durable = {at: fact.voucher_id for at, fact in claimed}
    kept = Counter(kept.position for kept in tables.kept.values() if kept.position)
    assert kept == Counter(durable.keys()), "an answer without its effect, or an effect without its answer"
    for name, answer in world.told.items():
        if answer.status == 201:
            assert int(answer.headers["Event-Position"]) in durable, f"{name} was acknowledged, and is not in the log"


def _assert_parts_are_sound(world: World) -> None:
    """Check the parts of the classes: drawn, released and left come to the part, and only members have drawn."""
    quota, drawn = world.tables.quota, Counter[str]()
    who = {each.name: each.who for each in quota.classes}
    for _, fact in world.tables.claimed():
        for part in fact.parts:
            assert who[part.name] == f"district:{world.tables.claimants[fact.claimant_id][0].district}"
            drawn[part.name] += part.amount
    for each, rest, released in zip(quota.classes, quota.parts.rests, quota.parts.released, strict=True):
        assert drawn[each.name] + rest + released == each.amount, "a class's money appeared or was lost"
    told = [entry.fact for entry in world.tables.log if isinstance(entry.fact, ClassQuotaReleased)]
    left = {each.name: released for each, released in zip(quota.classes, quota.parts.released, strict=True)}
    assert {fact.name: fact.amount for fact in told} == {fact.name: left[fact.name] for fact in told}
