#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an application does, through the unmodified kafka-python client: topics, every codec, groups, times, lag."""
import sys
import time

import kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import AlterConfigOp, ConfigResource, ConfigResourceType, NewTopic
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

ADDRESS = sys.argv[1]
RUN = f"{time.time_ns():x}"
PARTITIONS = 4
EACH = 250
TOTAL = PARTITIONS * EACH
# A fixed past second: record times must come back as given, whatever the broker's clock says.
FIRST_TIME_MS = 1_700_000_000_000
PATIENCE_S = 30
checks = 0


def check(holds, what):
    global checks
    if not holds:
        print(f"not ok kafka-python: {what} (after {checks} checks)")
        sys.exit(1)
    checks += 1


def same(expected, got, what):
    check(expected == got, f"{what}: expected {expected!r}, got {got!r}")


def fails(error, call, what):
    try:
        call()
    except error:
        check(True, what)
    else:
        check(False, f"{what} succeeded")


def value(i):
    return None if i % 11 == 0 else f"value-{i}-{'abcdefgh' * (i % 32)}".encode()


def produce(topic, codec):
    producer = KafkaProducer(bootstrap_servers=ADDRESS, compression_type=codec, linger_ms=5, acks="all")
    sent = [producer.send(topic, value=value(i), key=b"key-%d" % i, headers=[("number", b"%d" % i)], partition=i % PARTITIONS,
                          timestamp_ms=FIRST_TIME_MS + i) for i in range(TOTAL)]
    producer.flush(PATIENCE_S)
    metadata = [future.get(PATIENCE_S) for future in sent]
    check(all(m.partition == i % PARTITIONS and m.offset == i // PARTITIONS for i, m in enumerate(metadata)), f"{codec}: offsets of acknowledged records")
    producer.close()


def consumer(**more):
    return KafkaConsumer(bootstrap_servers=ADDRESS, enable_auto_commit=False, auto_offset_reset="earliest", **more)


def partitions(topic):
    return [TopicPartition(topic, p) for p in range(PARTITIONS)]


def read(c, count, what):
    """Exactly `count` records, each as it was sent; returns the first offset in each partition."""
    got = []
    end = time.monotonic() + PATIENCE_S
    while len(got) < count and time.monotonic() < end:
        for rows in c.poll(timeout_ms=100).values():
            got += rows
    same(count, len(got), f"{what}: records read")
    firsts, right = {}, True
    for r in got:
        i = r.offset * PARTITIONS + r.partition
        right = right and (r.value, r.key, r.timestamp) == (value(i), b"key-%d" % i, FIRST_TIME_MS + i) and list(r.headers) == [("number", b"%d" % i)]
        firsts.setdefault(r.partition, r.offset)
    check(right, f"{what}: every record as it was sent")
    return firsts


def plain(topic, codec):
    produce(topic, codec)
    c = consumer()
    whole = partitions(topic)
    c.assign(whole)
    same(dict.fromkeys(range(PARTITIONS), 0), read(c, TOTAL, f"{codec}"), f"{codec}: first offsets")
    same(dict.fromkeys(whole, EACH), c.end_offsets(whole), f"{codec}: end offsets")
    same(dict.fromkeys(whole, 0), c.beginning_offsets(whole), f"{codec}: beginning offsets")
    found = c.offsets_for_times(dict.fromkeys(whole, FIRST_TIME_MS + 501))
    # The first record at or after 501 ms in a partition that holds p, p+4, p+8, ...
    for p in whole:
        record = 501 + (p.partition - 501) % PARTITIONS
        same((record // PARTITIONS, FIRST_TIME_MS + record), (found[p].offset, found[p].timestamp), f"{codec}: offset for a time in {p.partition}")
        c.seek(p, found[p].offset)
    same({p.partition: found[p].offset for p in whole}, read(c, TOTAL - 501, f"{codec} from a time"), f"{codec}: where that begins")
    same({whole[0]: None}, c.offsets_for_times({whole[0]: FIRST_TIME_MS + TOTAL}), f"{codec}: no record after the last")
    c.close()


def until(holds, what, *members):
    end = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < end:
        for c in members:
            c.poll(timeout_ms=20)
    check(holds(), what)


def member(topic, group, **more):
    c = consumer(group_id=group, client_id="member", heartbeat_interval_ms=200, session_timeout_ms=6000, **more)
    # Its leader may assign before it knows the topic, and then assigns nothing, until something else wakes it.
    same(set(range(PARTITIONS)), c.partitions_for_topic(topic), "partitions of the topic")
    c.subscribe([topic])
    return c


def rebalance(admin, topic, assignor):
    name = assignor.name
    group = f"python-{name}-{RUN}"
    how = {"partition_assignment_strategy": [assignor]}
    a = member(topic, group, **how)
    until(lambda: len(a.assignment()) == PARTITIONS, f"{name}: one member has every partition", a)
    b = member(topic, group, **how)
    until(lambda: len(a.assignment()) == len(b.assignment()) == 2, f"{name}: two members share", a, b)
    same(set(partitions(topic)), a.assignment() | b.assignment(), f"{name}: no partition twice")
    d = admin.describe_groups([group])[group]
    same(("Stable", name, "consumer", 2), (d["group_state"], d["protocol_data"], d["protocol_type"], len(d["members"])), f"{name}: described")
    check(group in {g["group_id"] for g in admin.list_groups(states_filter=["Stable"])}, f"{name}: listed as stable")
    same("NonEmptyGroupError", admin.delete_groups([group])[group], f"{name}: deleting a group in use")
    b.close()
    until(lambda: len(a.assignment()) == PARTITIONS, f"{name}: the other left, one has all again", a)
    a.close()
    check(group in {g["group_id"] for g in admin.list_groups(states_filter=["Empty"])}, f"{name}: listed as empty")
    same("OK", admin.delete_groups([group])[group], f"{name}: deleting it after")
    check(group not in {g["group_id"] for g in admin.list_groups()}, f"{name}: it is gone")


def lag(admin, topic, group):
    c = consumer()
    ends = c.end_offsets(partitions(topic))
    c.close()
    committed = admin.list_group_offsets(group)[group]
    return sum(ends[p] - committed[p].offset for p in partitions(topic))


def resume(admin, topic):
    group = f"python-resume-{RUN}"
    a = member(topic, group)
    same(dict.fromkeys(range(PARTITIONS), 0), read(a, TOTAL, "a new group"), "where a new group begins")
    half = {p: OffsetAndMetadata(100 + p.partition, f"half-{p.partition}", -1) for p in partitions(topic)}
    a.commit(half)
    for p in partitions(topic):
        got = a.committed(p, metadata=True)
        same((100 + p.partition, f"half-{p.partition}"), (got.offset, got.metadata), f"committed in {p.partition}")
    a.close()
    same(TOTAL - 406, lag(admin, topic, group), "lag")
    a = member(topic, group)
    same({p: 100 + p for p in range(PARTITIONS)}, read(a, TOTAL - 406, "the same group again"), "where it goes on")
    found = a.offsets_for_times(dict.fromkeys(partitions(topic), FIRST_TIME_MS + 800))
    for p, at in found.items():
        a.seek(p, at.offset)
    same(dict.fromkeys(range(PARTITIONS), 200), read(a, PARTITIONS * 50, "from a time on"), "the first records from that time on")
    a.commit()
    a.close()
    same(0, lag(admin, topic, group), "lag at the end")
    admin.alter_group_offsets(group, {TopicPartition(topic, 1): OffsetAndMetadata(7, "", -1)})
    same(EACH - 7, lag(admin, topic, group), "lag after it was moved")
    same("OK", admin.delete_groups([group])[group], "deleting the group")


def configs(admin, topic):
    for op, want in ((AlterConfigOp.SET, "7200000"), (AlterConfigOp.DELETE, "604800000")):
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": (op, want)})])
        # Apache Kafka answers when the controller has decided; its brokers learn of it a moment later.
        end, got = time.monotonic() + PATIENCE_S, None
        while got != want and time.monotonic() < end:
            answer = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
            got = answer["topic"][topic]["retention.ms"]["value"]
        same(want, got, f"retention.ms after {op.name}")


def described(admin, topic):
    (d,) = admin.describe_topics([topic])
    same((0, topic, PARTITIONS), (d["error_code"], d["name"], len(d["partitions"])), "described")
    check(all(p["leader_id"] == p["replica_nodes"][0] == p["isr_nodes"][0] for p in d["partitions"]), "every partition has its leader")
    check(topic in admin.list_topics(), "listed")
    fails(kafka.errors.TopicAlreadyExistsError, lambda: admin.create_topics([NewTopic(topic, 1, 1)]), "creating it twice")
    fails(kafka.errors.InvalidTopicError, lambda: admin.create_topics([NewTopic("no/slash", 1, 1)]), "a slash in a name")
    fails(kafka.errors.InvalidReplicationFactorError, lambda: admin.create_topics([NewTopic(f"three-{RUN}", 1, 3)]), "three replicas")
    fails(kafka.errors.UnknownTopicOrPartitionError, lambda: admin.delete_topics([f"absent-{RUN}"]), "deleting no topic")
    admin.create_partitions({topic: PARTITIONS + 1})
    end = time.monotonic() + PATIENCE_S
    while len(admin.describe_topics([topic])[0]["partitions"]) != PARTITIONS + 1 and time.monotonic() < end:
        pass
    same(PARTITIONS + 1, len(admin.describe_topics([topic])[0]["partitions"]), "a partition more")


def main():
    admin = KafkaAdminClient(bootstrap_servers=ADDRESS)
    topics = []
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = f"python-{codec}-{RUN}"
        topics.append(topic)
        # Record times lie years back: deletion by age must not take them away while we read.
        admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs={"retention.ms": "-1"})])
        plain(topic, codec)
    for assignor in (RangePartitionAssignor, RoundRobinPartitionAssignor):
        rebalance(admin, topics[0], assignor)
    resume(admin, topics[0])
    configs(admin, topics[1])
    described(admin, topics[2])
    admin.delete_topics(topics)
    # As above: a moment later.
    end = time.monotonic() + PATIENCE_S
    while set(topics) & set(admin.list_topics()) and time.monotonic() < end:
        pass
    check(not set(topics) & set(admin.list_topics()), "the topics are gone")
    admin.close()
    print(f"ok kafka-python {checks} checks")


main()
