#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Consumer groups, committed offsets and configs, through the unmodified confluent-kafka client (librdkafka)."""
import sys
import time

from confluent_kafka import (Consumer, ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer,
                             TopicPartition)
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, OffsetSpec

ADDRESS = sys.argv[1]
RUN = f"{time.time_ns():x}"
TOPIC = f"rdkafka-groups-{RUN}"
PARTITIONS = 4
EACH = 250
FIRST_TIME_MS = 1_700_000_000_000
PATIENCE_S = 30
checks = 0


def check(holds, what):
    global checks
    if not holds:
        print(f"not ok librdkafka-groups: {what} (after {checks} checks)")
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


def member(group, **more):
    c = Consumer({"bootstrap.servers": ADDRESS, "group.id": group, "client.id": "member", "enable.auto.commit": False,
                  "auto.offset.reset": "earliest", "heartbeat.interval.ms": 200, "session.timeout.ms": 6000, **{k.replace("_", "."): v for k, v in more.items()}})
    c.subscribe([TOPIC])
    return c


def poll(c, into=None):
    for message in c.consume(500, timeout=0.02):
        if message.error():
            # Between two generations a fetch can meet partitions that are about to go.
            check(message.error().retriable() or message.error().code() == KafkaError._MAX_POLL_EXCEEDED, f"reading: {message.error()}")
        elif into is not None:
            into.append(message)


def until(holds, what, *members):
    end = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < end:
        for c in members:
            poll(c)
    check(holds(), what)


def owned(c):
    return {p.partition for p in c.assignment()}


def read(c, count, what):
    got = []
    end = time.monotonic() + PATIENCE_S
    while len(got) < count and time.monotonic() < end:
        poll(c, got)
    same(count, len(got), f"{what}: records read")
    check(all(int(m.value()) == m.offset() * PARTITIONS + m.partition() for m in got), f"{what}: every record at its offset")
    firsts = {}
    for m in got:
        firsts.setdefault(m.partition(), m.offset())
    return firsts


def describe(admin, group):
    return admin.describe_consumer_groups([group], request_timeout=PATIENCE_S)[group].result()


def rebalance(admin, strategy):
    group = f"rdkafka-{strategy}-{RUN}"
    how = {"partition_assignment_strategy": strategy}
    a = member(group, **how)
    until(lambda: len(owned(a)) == PARTITIONS, f"{strategy}: one member has every partition", a)
    b = member(group, **how)
    until(lambda: len(owned(a)) == len(owned(b)) == 2, f"{strategy}: two members share", a, b)
    same(PARTITIONS, len(owned(a) | owned(b)), f"{strategy}: no partition twice")
    d = describe(admin, group)
    same((ConsumerGroupState.STABLE, strategy, 2), (d.state, d.partition_assignor, len(d.members)), f"{strategy}: described")
    check(all(len(m.assignment.topic_partitions) == 2 and m.client_id == "member" for m in d.members), f"{strategy}: its members")
    fails(KafkaError.NON_EMPTY_GROUP, admin.delete_consumer_groups([group], request_timeout=PATIENCE_S)[group], "deleting a group in use")
    b.close()
    until(lambda: len(owned(a)) == PARTITIONS, f"{strategy}: the other left, one has all again", a)
    a.close()
    same(ConsumerGroupState.EMPTY, describe(admin, group).state, f"{strategy}: nobody is left")
    admin.delete_consumer_groups([group], request_timeout=PATIENCE_S)[group].result()
    fails(KafkaError.GROUP_ID_NOT_FOUND, admin.delete_consumer_groups([group], request_timeout=PATIENCE_S)[group], "deleting no group")


def listed(admin, *states):
    return {g.group_id for g in admin.list_consumer_groups(states=set(states), request_timeout=PATIENCE_S).result().valid}


def lag(admin, group):
    whole = [TopicPartition(TOPIC, p) for p in range(PARTITIONS)]
    committed = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, whole)], request_timeout=PATIENCE_S)[group].result()
    ends = admin.list_offsets({p: OffsetSpec.latest() for p in whole}, request_timeout=PATIENCE_S)
    return sum(ends[p].result().offset - max(c.offset, 0) for p, c in zip(whole, committed.topic_partitions))


def resume(admin):
    group = f"rdkafka-resume-{RUN}"
    a = member(group)
    firsts = read(a, PARTITIONS * EACH, "a new group")
    same({p: 0 for p in range(PARTITIONS)}, firsts, "where a new group begins")
    half = [TopicPartition(TOPIC, p, 100 + p, metadata=f"half-{p}") for p in range(PARTITIONS)]
    a.commit(offsets=half, asynchronous=False)
    back = a.committed(half, timeout=PATIENCE_S)
    same([(100 + p, f"half-{p}") for p in range(PARTITIONS)], [(c.offset, c.metadata) for c in back], "committed offsets and their metadata")
    check(group in listed(admin, ConsumerGroupState.STABLE), "listed as stable")
    a.close()
    check(group in listed(admin, ConsumerGroupState.EMPTY), "listed as empty")
    same(PARTITIONS * EACH - 406, lag(admin, group), "lag")
    a = member(group)
    firsts = read(a, PARTITIONS * EACH - 406, "the same group again")
    same({p: 100 + p for p in range(PARTITIONS)}, firsts, "where it goes on")
    times = a.offsets_for_times([TopicPartition(TOPIC, p, FIRST_TIME_MS + 800) for p in range(PARTITIONS)], timeout=PATIENCE_S)
    for p in times:
        a.seek(p)
    firsts = read(a, PARTITIONS * 50, "from a time on")
    same({p: 200 for p in range(PARTITIONS)}, firsts, "the first records from that time on")
    a.commit(asynchronous=False)
    a.close()
    same(0, lag(admin, group), "lag at the end")
    moved = ConsumerGroupTopicPartitions(group, [TopicPartition(TOPIC, 1, 7)])
    admin.alter_consumer_group_offsets([moved], request_timeout=PATIENCE_S)[group].result()
    same(EACH - 7, lag(admin, group), "lag after it was moved")
    admin.delete_consumer_groups([group], request_timeout=PATIENCE_S)[group].result()


def configs(admin):
    for op, value in ((AlterConfigOpType.SET, "7200000"), (AlterConfigOpType.DELETE, "604800000")):
        resource = ConfigResource(ConfigResource.Type.TOPIC, TOPIC,
                                  incremental_configs=[ConfigEntry("retention.ms", value, incremental_operation=op)])
        admin.incremental_alter_configs([resource], request_timeout=PATIENCE_S)[resource].result()
        # Apache Kafka answers when the controller has decided; its brokers learn of it a moment later.
        end, got = time.monotonic() + PATIENCE_S, None
        while got != value and time.monotonic() < end:
            asked = ConfigResource(ConfigResource.Type.TOPIC, TOPIC)
            got = admin.describe_configs([asked])[asked].result(PATIENCE_S)["retention.ms"].value
        same(value, got, f"retention.ms after {op.name}")


def main():
    admin = AdminClient({"bootstrap.servers": ADDRESS})
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1, config={"retention.ms": "-1"})], request_timeout=PATIENCE_S)[TOPIC].result()
    producer = Producer({"bootstrap.servers": ADDRESS})
    for i in range(PARTITIONS * EACH):
        producer.produce(TOPIC, partition=i % PARTITIONS, timestamp=FIRST_TIME_MS + i, value=str(i))
    same(0, producer.flush(PATIENCE_S), "records not delivered")
    for strategy in ("range", "roundrobin", "cooperative-sticky"):
        rebalance(admin, strategy)
    resume(admin)
    configs(admin)
    admin.delete_topics([TOPIC], request_timeout=PATIENCE_S)[TOPIC].result()
    print(f"ok librdkafka-groups {checks} checks")


main()
