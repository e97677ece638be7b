"""The connections to Kafka, each made here: aiokafka's clients, which carry no types, and librdkafka's bulk reader."""

import asyncio
import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition, partitioner
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, config_resource
from confluent_kafka import Consumer as BulkConsumer
from confluent_kafka import KafkaException as BulkError
from confluent_kafka import TopicPartition as BulkPlace

__all__ = [
    "BulkConsumer",
    "BulkError",
    "BulkPlace",
    "TopicPartition",
    "configuration_of",
    "hash_of",
    "new_admin",
    "new_bulk_consumer",
    "new_consumer",
    "new_producer",
    "new_topic",
    "stop_consumer",
]

# Their constructors carry no types, so they are Any from the start.
_Producer: Any = AIOKafkaProducer
_Consumer: Any = AIOKafkaConsumer
_Admin: Any = AIOKafkaAdminClient
_NewTopic: Any = NewTopic
_ConfigResource: Any = config_resource.ConfigResource
_murmur2: Any = partitioner.murmur2


def new_producer(bootstrap: str, client_id: str, **options: Any) -> Any:
    """Make an `AIOKafkaProducer`, not started yet."""
    return _Producer(bootstrap_servers=bootstrap, client_id=client_id, **options)


def new_consumer(bootstrap: str, client_id: str, **options: Any) -> Any:
    """Make an `AIOKafkaConsumer` with small buffers that never commits by itself, not started yet."""
    small = {"fetch_max_bytes": 1 << 20, "max_partition_fetch_bytes": 1 << 18, "metadata_max_age_ms": 5_000}
    return _Consumer(bootstrap_servers=bootstrap, client_id=client_id, enable_auto_commit=False, **(small | options))


def new_bulk_consumer(bootstrap: str, client_id: str) -> BulkConsumer:
    """Make a reader of whole topics: it fetches ahead on threads of its own, and each of its calls blocks.

    It belongs to no group and stores no offsets; a place it cannot read from is an error, not another place.
    """
    return BulkConsumer(
        {
            "bootstrap.servers": bootstrap,
            "client.id": client_id,
            "group.id": client_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "check.crcs": True,
            "fetch.wait.max.ms": 20,
            "queued.min.messages": 100_000,
            "queued.max.messages.kbytes": 64 * 1024,
            "socket.timeout.ms": 10_000,
        },
        logger=logging.getLogger("librdkafka"),
    )


async def stop_consumer(consumer: Any) -> None:
    """Stop a consumer, even one that has only just been started."""
    # A task of aiokafka that is cancelled before its first step raises CancelledError into `stop`; this is that step.
    await asyncio.sleep(0)
    await consumer.stop()


def new_admin(bootstrap: str, client_id: str, request_limit_ms: int) -> Any:
    """Make an `AIOKafkaAdminClient`, not started yet."""
    return _Admin(bootstrap_servers=bootstrap, client_id=client_id, request_timeout_ms=request_limit_ms)


def new_topic(name: str, partitions: int, replication: int, configuration: dict[str, str]) -> Any:
    """Describe a topic that is to be created."""
    return _NewTopic(name, num_partitions=partitions, replication_factor=replication, topic_configs=configuration)


def configuration_of(topic: str) -> Any:
    """Name a topic whose settings are to be read."""
    return _ConfigResource(config_resource.ConfigResourceType.TOPIC, topic)


def hash_of(key: bytes) -> int:
    """Give Kafka's own hash of a key, 31 bits."""
    return int(_murmur2(key)) & 0x7FFFFFFF
