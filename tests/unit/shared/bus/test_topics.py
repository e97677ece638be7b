"""Which partition a key belongs to."""

import pytest
from aiokafka.partitioner import DefaultPartitioner

from shared.bus.topics import partition_of


@pytest.mark.parametrize("partitions", [1, 4, 7])
def test_a_key_goes_where_kafkas_own_partitioner_sends_it(partitions: int) -> None:
    theirs = DefaultPartitioner()
    everything = list(range(partitions))
    for key in [f"clm_{number}" for number in range(50)] + ["创新券", ""]:
        assert partition_of(key, partitions) == theirs(key.encode(), everything, everything)


@pytest.mark.parametrize(("key", "hashed"), [("21", -973932308), ("foobar", -790332482), ("abc", 479470107)])
def test_the_hash_is_the_one_of_the_java_client(key: str, hashed: int) -> None:
    """The values are those of Apache Kafka's own test of murmur2; the partitioner makes them positive."""
    assert partition_of(key, 1 << 31) == hashed & 0x7FFFFFFF
