"""What aiokafka does with clients that are hardly begun."""

from shared.bus.image import TopicReader
from shared.bus.kafka import TopicPartition, new_consumer, stop_consumer


async def test_a_consumer_that_was_only_just_assigned_can_be_stopped(kafka_bootstrap: str) -> None:
    consumer = new_consumer(kafka_bootstrap, "test")
    await consumer.start()
    consumer.assign([TopicPartition("nothing-is-here", 0)])
    await stop_consumer(consumer)


async def test_a_reader_that_has_read_nothing_can_be_stopped(kafka_bootstrap: str) -> None:
    reader = TopicReader(kafka_bootstrap, "nothing-is-here")
    await reader.start()
    await reader.stop()
