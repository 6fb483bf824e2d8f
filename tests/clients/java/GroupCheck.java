// SPDX-License-Identifier: Apache-2.0
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Consumer groups, committed offsets and configs, through the unmodified Java client. */
final class GroupCheck {
    private static final int PARTITIONS = 4;
    private static final int EACH = 250;
    private static final long FIRST_TIME_MS = 1_700_000_000_000L;

    private final Admin admin;
    private final String bootstrap;
    private final String topic;
    private final String prefix;

    GroupCheck(Admin admin, String bootstrap, String run) {
        this.admin = admin;
        this.bootstrap = bootstrap;
        this.topic = "java-groups-" + run;
        this.prefix = "java-" + run + "-";
    }

    private KafkaConsumer<String, String> member(String group, Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group, "client.id", "member",
            "enable.auto.commit", "false", "auto.offset.reset", "earliest", "group.protocol", "classic", "heartbeat.interval.ms", "200"));
        config.putAll(more);
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    /** Polls the members in turn until it holds; what they read goes to the floor. */
    @SafeVarargs
    private static void until(BooleanSupplier holds, String what, KafkaConsumer<String, String>... members) {
        long end = System.nanoTime() + ClientCheck.PATIENCE.toNanos();
        while (!holds.getAsBoolean() && System.nanoTime() < end) {
            for (KafkaConsumer<String, String> member : members) {
                member.poll(Duration.ofMillis(20));
            }
        }
        ClientCheck.check(holds.getAsBoolean(), what);
    }

    private TopicPartition partition(int p) {
        return new TopicPartition(topic, p);
    }

    private boolean owns(KafkaConsumer<String, String> member, int count) {
        return member.assignment().size() == count;
    }

    private void fill() throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1).configs(Map.of("retention.ms", "-1")))).all().get();
        try (KafkaProducer<String, String> producer =
                 new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap), new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < PARTITIONS * EACH; i++) {
                producer.send(new ProducerRecord<>(topic, i % PARTITIONS, FIRST_TIME_MS + i, null, Integer.toString(i)));
            }
        }
    }

    /** One member has all, two share, one has all again; the group's description says so. */
    private void rebalance(String assignor, String className) throws Exception {
        String group = prefix + assignor;
        Map<String, Object> how = Map.of("partition.assignment.strategy", className);
        try (KafkaConsumer<String, String> a = member(group, how)) {
            a.subscribe(List.of(topic));
            until(() -> owns(a, PARTITIONS), assignor + ": one member has every partition", a);
            try (KafkaConsumer<String, String> b = member(group, how)) {
                b.subscribe(List.of(topic));
                until(() -> owns(a, PARTITIONS / 2) && owns(b, PARTITIONS / 2), assignor + ": two members share", a, b);
                Set<TopicPartition> both = new HashSet<>(a.assignment());
                both.addAll(b.assignment());
                ClientCheck.same(PARTITIONS, both.size(), assignor + ": no partition twice");
                ConsumerGroupDescription d = describe(group);
                ClientCheck.same(GroupState.STABLE, d.groupState(), assignor + ": state");
                ClientCheck.same(assignor, d.partitionAssignor(), assignor + ": the protocol chosen");
                ClientCheck.same(2, d.members().size(), assignor + ": members");
                ClientCheck.check(d.members().stream().allMatch(m -> m.assignment().topicPartitions().size() == 2
                    && m.clientId().equals("member") && m.host().startsWith("/127.")), assignor + ": what is said of members: " + d.members());
                ClientCheck.fails(GroupNotEmptyException.class, admin.deleteConsumerGroups(List.of(group)).all(), "deleting a group in use");
                ClientCheck.fails(UnknownMemberIdException.class,
                    admin.alterConsumerGroupOffsets(group, Map.of(partition(0), new OffsetAndMetadata(1))).all(), "moving a group in use");
            }
            until(() -> owns(a, PARTITIONS), assignor + ": the other left, one has all again", a);
        }
        ClientCheck.same(GroupState.EMPTY, describe(group).groupState(), assignor + ": state without members");
        admin.deleteConsumerGroups(List.of(group)).all().get();
        ClientCheck.check(!listed(Set.of()).contains(group), assignor + ": the group is gone");
        ClientCheck.fails(GroupIdNotFoundException.class, admin.deleteConsumerGroups(List.of(group)).all(), "deleting no group");
    }

    private ConsumerGroupDescription describe(String group) throws Exception {
        return admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    }

    private Set<String> listed(Set<GroupState> states) throws Exception {
        Set<String> names = new HashSet<>();
        for (GroupListing g : admin.listGroups(new ListGroupsOptions().inGroupStates(states)).all().get()) {
            names.add(g.groupId());
        }
        return names;
    }

    /** Reads until every partition gave `each` records; returns the first offset of each partition. */
    private Map<Integer, Long> read(KafkaConsumer<String, String> member, int each) {
        Map<Integer, Long> firsts = new HashMap<>();
        int[] seen = new int[PARTITIONS];
        boolean[] right = {true};
        long end = System.nanoTime() + ClientCheck.PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            for (ConsumerRecord<String, String> r : member.poll(Duration.ofMillis(50))) {
                firsts.putIfAbsent(r.partition(), r.offset());
                right[0] &= Long.parseLong(r.value()) == r.offset() * PARTITIONS + r.partition();
                seen[r.partition()]++;
            }
            boolean all = true;
            for (int n : seen) {
                all &= n >= each;
            }
            if (all) {
                break;
            }
        }
        for (int n : seen) {
            ClientCheck.same(each, n, "records of a partition");
        }
        ClientCheck.check(right[0], "every record at its offset");
        return firsts;
    }

    private long lag(String group) throws Exception {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        for (int p = 0; p < PARTITIONS; p++) {
            asked.put(partition(p), OffsetSpec.latest());
        }
        var ends = admin.listOffsets(asked).all().get();
        var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        long lag = 0;
        for (TopicPartition p : asked.keySet()) {
            lag += ends.get(p).offset() - (committed.get(p) == null ? 0 : committed.get(p).offset());
        }
        return lag;
    }

    /** Commits, comes back where it stopped, goes to a time, and the lag is what is left. */
    private void resume() throws Exception {
        String group = prefix + "resume";
        try (KafkaConsumer<String, String> a = member(group, Map.of())) {
            a.subscribe(List.of(topic));
            Map<Integer, Long> firsts = read(a, EACH);
            Map<TopicPartition, OffsetAndMetadata> half = new HashMap<>();
            for (int p = 0; p < PARTITIONS; p++) {
                ClientCheck.same(0L, firsts.get(p), "a new group begins at the beginning");
                half.put(partition(p), new OffsetAndMetadata(100 + p, "half-" + p));
            }
            a.commitSync(half);
            ClientCheck.same(half, a.committed(half.keySet()), "committed offsets and their metadata");
            ClientCheck.check(listed(Set.of(GroupState.STABLE)).contains(group), "listed as stable");
            ClientCheck.check(!listed(Set.of(GroupState.EMPTY)).contains(group), "not listed as empty");
        }
        ClientCheck.same((long) PARTITIONS * EACH - 406, lag(group), "lag");
        try (KafkaConsumer<String, String> a = member(group, Map.of("max.poll.records", "10"))) {
            a.subscribe(List.of(topic));
            until(() -> owns(a, PARTITIONS), "back in the group", a);
            for (int p = 0; p < PARTITIONS; p++) {
                ClientCheck.check(a.position(partition(p)) >= 100 + p, "resumed at or after what was committed");
            }
            // Back to a time: record 400 and those after it.
            Map<TopicPartition, Long> times = new HashMap<>();
            a.assignment().forEach(p -> times.put(p, FIRST_TIME_MS + 400));
            a.offsetsForTimes(times).forEach((p, found) -> a.seek(p, found.offset()));
            Map<Integer, Long> firsts = read(a, EACH - 100);
            for (int p = 0; p < PARTITIONS; p++) {
                ClientCheck.same(100L, firsts.get(p), "the first record from that time on");
                ClientCheck.same(0L, a.currentLag(partition(p)).orElse(-1), "the consumer's own lag");
            }
            a.commitSync();
        }
        ClientCheck.same(0L, lag(group), "lag at the end");
        try (KafkaConsumer<String, String> a = member(group, Map.of("auto.offset.reset", "none"))) {
            a.subscribe(List.of(topic));
            until(() -> owns(a, PARTITIONS), "and once more", a);
            ClientCheck.same((long) EACH, a.position(partition(3)), "a restart begins at the committed offset");
        }
        admin.alterConsumerGroupOffsets(group, Map.of(partition(1), new OffsetAndMetadata(7))).all().get();
        admin.deleteConsumerGroupOffsets(group, Set.of(partition(2))).all().get();
        var left = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        ClientCheck.same(7L, left.get(partition(1)).offset(), "an altered offset");
        ClientCheck.check(left.get(partition(2)) == null, "a deleted offset");
    }

    /** A static member comes back within its session: same partitions, no new generation. */
    private void staticMember() throws Exception {
        String group = prefix + "static";
        Map<String, Object> one = Map.of("group.instance.id", "one");
        KafkaConsumer<String, String> other = member(group, Map.of("group.instance.id", "two"));
        int generation;
        try (other) {
            other.subscribe(List.of(topic));
            Set<TopicPartition> before;
            try (KafkaConsumer<String, String> a = member(group, one)) {
                a.subscribe(List.of(topic));
                until(() -> owns(a, 2) && owns(other, 2), "two static members share", a, other);
                before = Set.copyOf(a.assignment());
                generation = a.groupMetadata().generationId();
            }
            try (KafkaConsumer<String, String> a = member(group, one)) {
                a.subscribe(List.of(topic));
                until(() -> owns(a, 2), "back under the same name", a, other);
                ClientCheck.same(before, a.assignment(), "with the same partitions");
                ClientCheck.same(generation, a.groupMetadata().generationId(), "in the same generation");
                Set<String> names = new HashSet<>();
                describe(group).members().forEach(m -> names.add(m.groupInstanceId().orElse("")));
                ClientCheck.same(Set.of("one", "two"), names, "instance ids");
            }
            admin.removeMembersFromConsumerGroup(group,
                new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("one")))).all().get();
            until(() -> owns(other, PARTITIONS), "the removed member's partitions came over", other);
        }
        admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions()).all().get();
        ClientCheck.same(GroupState.EMPTY, describe(group).groupState(), "all were removed");
    }

    /** A member that did not poll for too long is out, and may not commit. */
    private void tooSlow() {
        String group = prefix + "slow";
        try (KafkaConsumer<String, String> a = member(group, Map.of("max.poll.interval.ms", "300", "session.timeout.ms", "6000"));
             KafkaConsumer<String, String> b = member(group, Map.of())) {
            a.subscribe(List.of(topic));
            until(() -> owns(a, PARTITIONS), "alone", a);
            b.subscribe(List.of(topic));
            until(() -> owns(b, PARTITIONS), "the one that does not poll loses its partitions", b);
            try {
                a.commitSync(Map.of(partition(0), new OffsetAndMetadata(5)));
                throw new AssertionError("a member that was put out committed");
            } catch (CommitFailedException | RebalanceInProgressException e) {
                ClientCheck.check(true, "no commit");
            }
        }
    }

    private void configs() throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        for (var step : List.of(Map.entry(AlterConfigOp.OpType.SET, "7200000"), Map.entry(AlterConfigOp.OpType.DELETE, "604800000"))) {
            AlterConfigOp op = new AlterConfigOp(new ConfigEntry("retention.ms", step.getValue()), step.getKey());
            admin.incrementalAlterConfigs(Map.of(resource, List.of(op))).all().get();
            // Apache Kafka answers when the controller has decided; its brokers learn of it a moment later.
            String value = null;
            long end = System.nanoTime() + ClientCheck.PATIENCE.toNanos();
            while (!step.getValue().equals(value) && System.nanoTime() < end) {
                value = admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value();
            }
            ClientCheck.same(step.getValue(), value, "retention.ms after " + step.getKey());
        }
    }

    void all() throws Exception {
        fill();
        String names = "org.apache.kafka.clients.consumer.";
        rebalance("range", names + "RangeAssignor");
        rebalance("roundrobin", names + "RoundRobinAssignor");
        rebalance("sticky", names + "StickyAssignor");
        rebalance("cooperative-sticky", names + "CooperativeStickyAssignor");
        resume();
        staticMember();
        tooSlow();
        configs();
        List<String> groups = new ArrayList<>(listed(Set.of()));
        groups.removeIf(g -> !g.startsWith(prefix));
        admin.deleteConsumerGroups(groups).all().get();
        admin.deleteTopics(List.of(topic)).all().get();
    }
}
