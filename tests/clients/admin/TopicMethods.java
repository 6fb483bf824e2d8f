// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreatePartitionsOptions;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringSerializer;

/** Topics, partitions, records and configs. */
final class TopicMethods {
    private static final long FIRST_TIME_MS = 1_600_000_000_000L;

    private final AllMethods all;
    private final Admin admin;

    TopicMethods(AllMethods all) {
        this.all = all;
        this.admin = all.admin;
    }

    private static TopicPartition partition(String topic, int p) {
        return new TopicPartition(topic, p);
    }

    private void create(String what, NewTopic topic, CreateTopicsOptions options) {
        all.show("createTopics", what, () -> {
            var answer = admin.createTopics(List.of(topic), options);
            answer.all().get();
            Map<String, String> set = new TreeMap<>();
            answer.config(topic.name()).get().entries().forEach(e -> {
                if (e.source() != ConfigEntry.ConfigSource.DEFAULT_CONFIG) {
                    set.put(e.name(), e.value() + " " + e.source());
                }
            });
            return List.of(answer.numPartitions(topic.name()).get(), answer.replicationFactor(topic.name()).get(), set,
                !answer.topicId(topic.name()).get().equals(Uuid.ZERO_UUID));
        });
    }

    private void topics() throws Exception {
        CreateTopicsOptions really = new CreateTopicsOptions();
        create("one", new NewTopic("one", 3, (short) 1).configs(Map.of("retention.ms", "-1")), really);
        create("defaults", new NewTopic("two", Optional.empty(), Optional.empty()), really);
        create("by assignment", new NewTopic("assigned", Map.of(0, List.of(1), 1, List.of(1))), really);
        create("only validated", new NewTopic("validated", 2, (short) 1), new CreateTopicsOptions().validateOnly(true));
        create("twice", new NewTopic("one", 3, (short) 1), really);
        create("bad name", new NewTopic("one/two", 3, (short) 1), really);
        create("colliding name", new NewTopic("o.ne_", 1, (short) 1), really);
        create("colliding name again", new NewTopic("o_ne.", 1, (short) 1), really);
        create("no partitions", new NewTopic("none", 0, (short) 1), really);
        create("two replicas", new NewTopic("replicas", 1, (short) 2), really);
        create("unknown broker", new NewTopic("nine", Map.of(0, List.of(9))), really);
        create("unknown key", new NewTopic("key", 1, (short) 1).configs(Map.of("no.such.key", "1")), really);
        create("bad value", new NewTopic("value", 1, (short) 1).configs(Map.of("retention.ms", "soon")), really);
        all.await("listTopics", "all", t -> t.contains("o.ne_") && t.contains("two"),
            () -> admin.listTopics(new ListTopicsOptions().listInternal(true)).names());
        DescribeTopicsOptions operations = new DescribeTopicsOptions().includeAuthorizedOperations(true);
        all.await("describeTopics", "by name", t -> t.contains("leader=127"), () -> admin.describeTopics(List.of("one", "assigned"), operations).allTopicNames());
        Uuid id = admin.describeTopics(List.of("two")).allTopicNames().get().get("two").topicId();
        all.show("describeTopics", "by id", () -> admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds());
        all.show("describeTopics", "unknown name", () -> admin.describeTopics(List.of("absent")).allTopicNames());
        all.show("describeTopics", "unknown id",
            () -> admin.describeTopics(TopicCollection.ofTopicIds(List.of(new Uuid(1, 2)))).allTopicIds());
    }

    private void records() throws Exception {
        try (KafkaProducer<String, String> producer =
                 new KafkaProducer<>(Map.of("bootstrap.servers", all.bootstrap), new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < 30; i++) {
                producer.send(new ProducerRecord<>("one", i % 3, FIRST_TIME_MS + (i * 7) % 30, null, "value-" + i)).get();
            }
        }
        Map<String, OffsetSpec> specs = new TreeMap<>(Map.of("earliest", OffsetSpec.earliest(), "latest", OffsetSpec.latest(), "max timestamp",
            OffsetSpec.maxTimestamp(), "earliest local", OffsetSpec.earliestLocal(), "latest tiered", OffsetSpec.latestTiered(),
            "timestamp", OffsetSpec.forTimestamp(FIRST_TIME_MS + 15), "late", OffsetSpec.forTimestamp(FIRST_TIME_MS + 1000)));
        specs.put("earliest pending upload", OffsetSpec.earliestPendingUpload());
        specs.forEach((name, spec) -> all.show("listOffsets", name, () -> admin.listOffsets(Map.of(partition("one", 0), spec)).all()));
        all.show("describeProducers", "one", () -> {
            var active = admin.describeProducers(List.of(partition("one", 1))).partitionResult(partition("one", 1)).get().activeProducers();
            return active.stream().map(p -> List.of(p.producerId() >= 0, p.producerEpoch(), p.lastSequence(), p.currentTransactionStartOffset(),
                p.coordinatorEpoch())).collect(Collectors.toList());
        });
        all.show("deleteRecords", "before 4", () -> admin.deleteRecords(Map.of(partition("one", 0), RecordsToDelete.beforeOffset(4))).all());
        all.show("deleteRecords", "low watermark", () -> admin.deleteRecords(Map.of(partition("one", 0), RecordsToDelete.beforeOffset(-1)))
            .lowWatermarks().get(partition("one", 0)).get().lowWatermark());
        all.show("deleteRecords", "beyond the end", () -> admin.deleteRecords(Map.of(partition("one", 0), RecordsToDelete.beforeOffset(99))).all());
        all.show("listOffsets", "earliest after", () -> admin.listOffsets(Map.of(partition("one", 0), OffsetSpec.earliest())).all());
    }

    private void createPartitions(String what, String topic, NewPartitions wanted, boolean validateOnly) {
        all.show("createPartitions", what,
            () -> admin.createPartitions(Map.of(topic, wanted), new CreatePartitionsOptions().validateOnly(validateOnly)).all());
    }

    private void partitions() throws Exception {
        createPartitions("five", "one", NewPartitions.increaseTo(5), false);
        createPartitions("as many", "one", NewPartitions.increaseTo(5), false);
        createPartitions("fewer", "one", NewPartitions.increaseTo(2), false);
        createPartitions("only validated", "two", NewPartitions.increaseTo(9), true);
        createPartitions("assigned", "two", NewPartitions.increaseTo(2, List.of(List.of(1))), false);
        createPartitions("assigned to nobody", "two", NewPartitions.increaseTo(3, List.of(List.of(9))), false);
        createPartitions("unknown topic", "absent", NewPartitions.increaseTo(3), false);
        all.await("createPartitions", "seen", "5"::equals, () -> admin.describeTopics(List.of("one")).allTopicNames().get().get("one").partitions().size());
        all.show("electLeaders", "preferred", () -> admin.electLeaders(ElectionType.PREFERRED, Set.of(partition("one", 0))).partitions());
        all.show("electLeaders", "unclean", () -> admin.electLeaders(ElectionType.UNCLEAN, Set.of(partition("one", 0))).partitions());
        all.show("electLeaders", "unknown", () -> admin.electLeaders(ElectionType.PREFERRED, Set.of(partition("absent", 0))).partitions());
        all.show("electLeaders", "all", () -> admin.electLeaders(ElectionType.PREFERRED, null).partitions());
        Map<String, Optional<NewPartitionReassignment>> targets = new TreeMap<>(Map.of("cancel", Optional.empty(), "to where it is",
            Optional.of(new NewPartitionReassignment(List.of(1))), "to nobody", Optional.of(new NewPartitionReassignment(List.of(9))),
            "twice", Optional.of(new NewPartitionReassignment(List.of(1, 1)))));
        targets.forEach((name, target) -> all.show("alterPartitionReassignments", name,
            () -> admin.alterPartitionReassignments(Map.of(partition("one", 1), target)).all()));
        all.show("alterPartitionReassignments", "unknown partition",
            () -> admin.alterPartitionReassignments(Map.of(partition("one", 77), targets.get("to where it is"))).all());
        all.show("listPartitionReassignments", "all", () -> admin.listPartitionReassignments().reassignments());
        all.show("listPartitionReassignments", "one", () -> admin.listPartitionReassignments(Set.of(partition("one", 0))).reassignments());
        all.show("listPartitionReassignments", "unknown", () -> admin.listPartitionReassignments(Set.of(partition("absent", 0))).reassignments());
    }

    private void directories() throws Exception {
        all.show("describeLogDirs", "node 1", () -> {
            List<String> lines = new ArrayList<>();
            for (LogDirDescription d : admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values()) {
                Map<String, String> replicas = new TreeMap<>();
                d.replicaInfos().forEach((p, r) -> {
                    if (p.topic().equals("one")) {
                        replicas.put(p.toString(), r.toString());
                    }
                });
                lines.add(d.error() + " " + replicas + " " + d.totalBytes().isPresent() + " " + d.usableBytes().isPresent());
            }
            return lines;
        });
        TopicPartitionReplica replica = new TopicPartitionReplica("one", 0, 1);
        all.show("describeReplicaLogDirs", "one", () -> admin.describeReplicaLogDirs(List.of(replica)).all());
        all.show("alterReplicaLogDirs", "no such directory", () -> admin.alterReplicaLogDirs(Map.of(replica, "/no/such/directory")).all());
        String here = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).keySet().iterator().next();
        all.show("alterReplicaLogDirs", "to where it is", () -> admin.alterReplicaLogDirs(Map.of(replica, here)).all());
        all.show("alterReplicaLogDirs", "unknown partition",
            () -> admin.alterReplicaLogDirs(Map.of(new TopicPartitionReplica("absent", 0, 1), here)).all());
    }

    private static String entry(ConfigEntry e) {
        return e.name() + "=" + e.value() + " " + e.source() + " " + e.type() + (e.isReadOnly() ? " ro" : "") + (e.isSensitive() ? " sensitive" : "")
            + " " + e.synonyms().stream().map(s -> s.source() + ":" + s.name() + "=" + s.value()).collect(Collectors.toList())
            + (e.documentation() == null || e.documentation().isEmpty() ? " undocumented" : "");
    }

    /** What is not left at its default, and with `whole` all else too. */
    private void describe(String what, ConfigResource resource, boolean whole, String until) throws Exception {
        DescribeConfigsOptions options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
        all.await("describeConfigs", what, t -> t.contains(until), () -> {
            Config config = admin.describeConfigs(List.of(resource), options).all().get().get(resource);
            // Keys that Apache Kafka does not have say so in their names.
            return config.entries().stream().filter(e -> !e.name().startsWith("odradek.")).filter(e -> whole || e.source() != ConfigEntry.ConfigSource.DEFAULT_CONFIG).map(TopicMethods::entry)
                .sorted().collect(Collectors.toList());
        });
    }

    private void alter(String what, ConfigResource resource, AlterConfigOp... ops) {
        Map<ConfigResource, Collection<AlterConfigOp>> changes = new HashMap<>(Map.of(resource, List.of(ops)));
        all.show("incrementalAlterConfigs", what, () -> admin.incrementalAlterConfigs(changes).all());
    }

    private static AlterConfigOp op(OpType type, String name, String value) {
        return new AlterConfigOp(new ConfigEntry(name, value), type);
    }

    private void configs() throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "one");
        ConfigResource cluster = new ConfigResource(ConfigResource.Type.BROKER, "");
        ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, "g");
        ConfigResource metrics = new ConfigResource(ConfigResource.Type.CLIENT_METRICS, "m");
        ConfigResource logger = new ConfigResource(ConfigResource.Type.BROKER_LOGGER, "1");
        describe("topic, whole", topic, true, "");
        alter("set", topic, op(OpType.SET, "segment.ms", "777777"), op(OpType.APPEND, "cleanup.policy", "compact"));
        describe("topic, set", topic, false, "777777");
        alter("delete", topic, op(OpType.DELETE, "segment.ms", null), op(OpType.SUBTRACT, "cleanup.policy", "delete"));
        describe("topic, deleted", topic, false, "cleanup.policy=compact ");
        alter("bad value", topic, op(OpType.SET, "segment.ms", "-5"));
        alter("unknown key", topic, op(OpType.SET, "no.such.key", "1"));
        alter("append to a number", topic, op(OpType.APPEND, "segment.ms", "1"));
        alter("unknown topic", new ConfigResource(ConfigResource.Type.TOPIC, "absent"), op(OpType.SET, "segment.ms", "1"));
        alter("cluster", cluster, op(OpType.SET, "log.retention.ms", "86400000"));
        describe("cluster", cluster, false, "86400000");
        describe("topic, under the cluster's", new ConfigResource(ConfigResource.Type.TOPIC, "two"), false, "86400000");
        alter("cluster, read-only", cluster, op(OpType.SET, "process.roles", "broker"));
        alter("cluster, reset", cluster, op(OpType.DELETE, "log.retention.ms", null));
        alter("group", group, op(OpType.SET, "consumer.session.timeout.ms", "50000"));
        describe("group", group, false, "50000");
        alter("group, bad", group, op(OpType.SET, "consumer.session.timeout.ms", "1"));
        alter("client metrics", metrics, op(OpType.SET, "metrics", "org.apache.kafka.producer."), op(OpType.SET, "interval.ms", "60000"));
        describe("client metrics", metrics, true, "60000");
        alter("client metrics, bad", metrics, op(OpType.SET, "interval.ms", "5"));
        alter("logger, delete the root", logger, op(OpType.DELETE, "root", null));
        all.await("listConfigResources", "all", t -> t.contains("name='m'"), () -> Set.copyOf(admin.listConfigResources().all().get()));
        all.show("listConfigResources", "groups", () -> admin.listConfigResources(Set.of(ConfigResource.Type.GROUP),
            new org.apache.kafka.clients.admin.ListConfigResourcesOptions()).all());
    }

    private void delete() throws Exception {
        Uuid id = admin.describeTopics(List.of("assigned")).allTopicNames().get().get("assigned").topicId();
        all.show("deleteTopics", "by name", () -> admin.deleteTopics(List.of("two", "o.ne_")).all());
        all.show("deleteTopics", "by id", () -> admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
        all.show("deleteTopics", "unknown name", () -> admin.deleteTopics(List.of("absent")).all());
        all.show("deleteTopics", "unknown id", () -> admin.deleteTopics(TopicCollection.ofTopicIds(Collections.singleton(new Uuid(1, 2)))).all());
        all.await("listTopics", "after", t -> !t.contains("assigned"), () -> admin.listTopics().names());
    }

    void call() throws Exception {
        topics();
        records();
        partitions();
        directories();
        configs();
        delete();
    }
}
