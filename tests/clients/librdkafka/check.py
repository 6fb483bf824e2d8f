#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an application does with plain topics, through the unmodified confluent-kafka client (librdkafka)."""
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

ADDRESS = sys.argv[1]
RUN = f"{time.time_ns():x}"
PARTITIONS = 3
RECORDS = 10_000
# A fixed past second: record times must come back as given, whatever the broker's clock says.
FIRST_TIME_MS = 1_700_000_000_000
PATIENCE_S = 30
checks = 0


def check(holds, what):
    global checks
    if not holds:
        print(f"not ok librdkafka: {what} (after {checks} checks)")
        sys.exit(1)
    checks += 1


def same(expected, got, what):
    check(expected == got, f"{what}: expected {expected!r}, got {got!r}")


def fails(code, future, what):
    try:
        future.result()
    except KafkaException as problem:
        same(code, problem.args[0].code(), what)
    else:
        check(False, f"{what} succeeded")


# Every seventh key and every eleventh value is null; values differ in size and compress well.
def record(i):
    return {
        "key": None if i % 7 == 0 else f"key-{i}".encode(),
        "value": None if i % 11 == 0 else f"value-{i}-{'abcdefgh' * (i % 32)}".encode(),
        "headers": [("number", str(i).encode()), ("empty", b""), ("none", None)],
        "timestamp": FIRST_TIME_MS + i,
        "partition": i % PARTITIONS,
    }


def equal(message, i):
    want = record(i)
    return (message.key() == want["key"] and message.value() == want["value"] and message.timestamp()[1] == want["timestamp"]
            and message.headers() == want["headers"])


def consumer():
    return Consumer({"bootstrap.servers": ADDRESS, "group.id": "unused", "enable.auto.commit": False,
                     "auto.offset.reset": "error", "allow.auto.create.topics": False, "enable.partition.eof": False})


def produce(topic, codec):
    offsets = [None] * RECORDS

    def acknowledged(i):
        def report(error, message):
            offsets[i] = error or (message.partition(), message.offset())
        return report

    producer = Producer({"bootstrap.servers": ADDRESS, "compression.type": codec, "linger.ms": 5, "enable.idempotence": True})
    for i in range(RECORDS):
        while True:
            try:
                producer.produce(topic, on_delivery=acknowledged(i), **record(i))
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    same(0, producer.flush(PATIENCE_S), f"{codec}: records not delivered")
    wrong = [(i, o) for i, o in enumerate(offsets) if o != (i % PARTITIONS, i // PARTITIONS)]
    check(not wrong, f"{codec}: offsets of acknowledged records: {wrong[:3]}")


def read_by_offset(topic, codec):
    c = consumer()
    c.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])
    following = [0] * PARTITIONS
    total, good = 0, True
    end = time.monotonic() + PATIENCE_S
    while total < RECORDS and time.monotonic() < end:
        for message in c.consume(1000, timeout=0.2):
            check_error(message, codec)
            p = message.partition()
            good = good and message.offset() == following[p] and equal(message, following[p] * PARTITIONS + p)
            following[p] += 1
            total += 1
    same(RECORDS, total, f"{codec}: records read")
    check(good, f"{codec}: every record as sent, in order within its partition")
    for p in range(PARTITIONS):
        same((0, following[p]), c.get_watermark_offsets(TopicPartition(topic, p), timeout=PATIENCE_S), f"{codec}: bounds of partition {p}")
    c.assign([TopicPartition(topic, 1, 1234)])
    message = c.poll(PATIENCE_S)
    check(message is not None and not message.error() and message.offset() == 1234 and equal(message, 1234 * PARTITIONS + 1),
          f"{codec}: from offset 1234")
    c.close()


def check_error(message, what):
    if message.error():
        check(False, f"{what}: {message.error()}")


def read_by_time(topic, codec):
    c = consumer()
    found = c.offsets_for_times([TopicPartition(topic, p, FIRST_TIME_MS + 5000) for p in range(PARTITIONS)], timeout=PATIENCE_S)
    for answer in found:
        # The first record at or after 5000 ms in a partition that holds p, p+3, p+6, ...
        want = 5000 + (answer.partition - 5000) % PARTITIONS
        same(want // PARTITIONS, answer.offset, f"{codec}: offset for a time in partition {answer.partition}")
    late = c.offsets_for_times([TopicPartition(topic, 0, FIRST_TIME_MS + RECORDS)], timeout=PATIENCE_S)
    same(-1, late[0].offset, f"{codec}: no record after the last")
    c.assign([TopicPartition(topic, found[0].partition, found[0].offset)])
    message = c.poll(PATIENCE_S)
    check(message is not None and not message.error() and message.timestamp()[1] >= FIRST_TIME_MS + 5000, f"{codec}: reading from a time")
    c.close()


def describe(admin, topic):
    metadata = admin.list_topics(timeout=PATIENCE_S)
    same(1, len(metadata.brokers), "brokers")
    check(topic in metadata.topics, "listed")
    same(PARTITIONS, len(metadata.topics[topic].partitions), "described partitions")
    for p in metadata.topics[topic].partitions.values():
        check(p.leader in metadata.brokers and p.isrs == p.replicas == [p.leader], f"partition {p.id} has its leader, replica and ISR")
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    config = admin.describe_configs([resource])[resource].result(PATIENCE_S)
    same("123456789", config["segment.ms"].value, "segment.ms as created")
    same("delete", config["cleanup.policy"].value, "cleanup.policy by default")
    check(config["cleanup.policy"].is_default and not config["segment.ms"].is_default, "what is default and what is not")
    cluster = admin.describe_cluster(request_timeout=PATIENCE_S).result()
    same(1, len(cluster.nodes), "nodes of the cluster")
    check(cluster.cluster_id, "a cluster id")


def errors(admin, topic):
    def create(name, partitions=1, replicas=1, **config):
        return admin.create_topics([NewTopic(name, partitions, replicas, config={k.replace("_", "."): v for k, v in config.items()})],
                                   request_timeout=PATIENCE_S)[name]

    fails(KafkaError.TOPIC_ALREADY_EXISTS, create(topic), "creating it twice")
    fails(KafkaError.TOPIC_EXCEPTION, create("no/slash"), "a slash in a name")
    fails(KafkaError.INVALID_REPLICATION_FACTOR, create(f"three-{RUN}", 1, 3), "three replicas on one broker")
    fails(KafkaError.INVALID_CONFIG, create(f"bad-{RUN}", 1, 1, retention_mss="1"), "an unknown key")
    fails(KafkaError.INVALID_CONFIG, create(f"bad-{RUN}", 1, 1, retention_ms="soon"), "a bad value")
    absent = f"absent-{RUN}"
    fails(KafkaError.UNKNOWN_TOPIC_OR_PART, admin.delete_topics([absent], request_timeout=PATIENCE_S)[absent], "deleting no topic")
    checked = f"only-checked-{RUN}"
    admin.create_topics([NewTopic(checked, 1, 1)], validate_only=True, request_timeout=PATIENCE_S)[checked].result()
    check(checked not in admin.list_topics(timeout=PATIENCE_S).topics, "validate_only creates nothing")
    c = consumer()
    c.assign([TopicPartition(topic, 0, 99_999_999)])
    message = c.poll(PATIENCE_S)
    # librdkafka says "auto offset reset" and names the broker's reason in the text.
    check(message is not None and message.error() and "out of range" in message.error().str().lower(), f"beyond the end: {message and message.error()}")
    c.close()


def main():
    admin = AdminClient({"bootstrap.servers": ADDRESS})
    topics = []
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = f"rdkafka-{codec}-{RUN}"
        topics.append(topic)
        # Record times lie years back: deletion by age must not take them away while we read.
        config = {"retention.ms": "-1", "segment.ms": "123456789"}
        admin.create_topics([NewTopic(topic, PARTITIONS, 1, config=config)], request_timeout=PATIENCE_S)[topic].result()
        produce(topic, codec)
        read_by_offset(topic, codec)
        read_by_time(topic, codec)
    describe(admin, topics[0])
    errors(admin, topics[0])
    for future in admin.delete_topics(topics, request_timeout=PATIENCE_S).values():
        future.result()
    # Apache Kafka answers when the controller has decided; its brokers learn of it a moment later.
    end = time.monotonic() + PATIENCE_S
    while set(topics) & set(admin.list_topics(timeout=PATIENCE_S).topics) and time.monotonic() < end:
        pass
    check(not set(topics) & set(admin.list_topics(timeout=PATIENCE_S).topics), "the topics are gone")
    print(f"ok librdkafka {checks} checks")


main()
