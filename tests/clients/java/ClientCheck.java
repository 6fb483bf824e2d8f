// SPDX-License-Identifier: Apache-2.0
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** What an application does with plain topics, through the unmodified Java client; GroupCheck has its groups. */
public final class ClientCheck {
    private static final int PARTITIONS = 3;
    private static final int RECORDS = 10_000;
    // A fixed past second: record times must come back as given, whatever the broker's clock says.
    private static final long FIRST_TIME_MS = 1_700_000_000_000L;
    static final Duration PATIENCE = Duration.ofSeconds(30);
    private static int checks;

    private final String bootstrap;
    private final String run = Long.toHexString(System.nanoTime());

    private ClientCheck(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
        checks++;
    }

    static void same(Object expected, Object got, String what) {
        check(Objects.equals(expected, got), what + ": expected " + expected + ", got " + got);
    }

    static void fails(Class<? extends Exception> with, Future<?> future, String what) throws InterruptedException {
        try {
            future.get();
            throw new AssertionError(what + " succeeded, expected " + with.getSimpleName());
        } catch (ExecutionException e) {
            check(with.isInstance(e.getCause()), what + ": expected " + with.getSimpleName() + ", got " + e.getCause());
        }
    }

    private Map<String, Object> client(Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "client.id", "client-check"));
        config.putAll(more);
        return config;
    }

    private KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
        return new KafkaProducer<>(client(more), new ByteArraySerializer(), new ByteArraySerializer());
    }

    private KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> more) {
        Map<String, Object> config = client(more);
        config.putIfAbsent("auto.offset.reset", "none");
        config.put("allow.auto.create.topics", "false");
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    // Every seventh key and every eleventh value is null; values differ in size and compress well.
    private static byte[] key(int i) {
        return i % 7 == 0 ? null : bytes("key-" + i);
    }

    private static byte[] value(int i) {
        return i % 11 == 0 ? null : bytes("value-" + i + "-" + "abcdefgh".repeat(i % 32));
    }

    private static ProducerRecord<byte[], byte[]> record(String topic, int i) {
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, i % PARTITIONS, FIRST_TIME_MS + i, key(i), value(i));
        record.headers().add(new RecordHeader("number", bytes(Integer.toString(i))));
        record.headers().add(new RecordHeader("empty", new byte[0]));
        record.headers().add(new RecordHeader("none", null));
        return record;
    }

    private static boolean equalRecord(ConsumerRecord<byte[], byte[]> got, int i) {
        return Arrays.equals(got.key(), key(i)) && Arrays.equals(got.value(), value(i)) && got.timestamp() == FIRST_TIME_MS + i
            && got.headers().toArray().length == 3
            && Arrays.equals(got.headers().lastHeader("number").value(), bytes(Integer.toString(i)))
            && got.headers().lastHeader("empty").value().length == 0 && got.headers().lastHeader("none").value() == null;
    }

    private static List<TopicPartition> partitions(String topic) {
        List<TopicPartition> all = new ArrayList<>();
        for (int p = 0; p < PARTITIONS; p++) {
            all.add(new TopicPartition(topic, p));
        }
        return all;
    }

    private static int recordsIn(int partition) {
        return (RECORDS - partition + PARTITIONS - 1) / PARTITIONS;
    }

    private void produce(String topic, String codec) throws Exception {
        // Idempotence and acks=all are the client's defaults.
        try (KafkaProducer<byte[], byte[]> producer = producer(Map.of("compression.type", codec, "linger.ms", 5))) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < RECORDS; i++) {
                sent.add(producer.send(record(topic, i)));
            }
            producer.flush();
            boolean inOrder = true;
            for (int i = 0; i < RECORDS; i++) {
                RecordMetadata m = sent.get(i).get();
                inOrder &= m.partition() == i % PARTITIONS && m.offset() == i / PARTITIONS && m.timestamp() == FIRST_TIME_MS + i;
            }
            check(inOrder, codec + ": offsets and times of acknowledged records");
            same(PARTITIONS, producer.partitionsFor(topic).size(), codec + ": partitionsFor");
        }
    }

    private void readByOffset(String topic, String codec) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of())) {
            List<TopicPartition> all = partitions(topic);
            consumer.assign(all);
            consumer.seekToBeginning(all);
            int[] next = new int[PARTITIONS];
            int total = 0;
            boolean equal = true;
            long end = System.nanoTime() + PATIENCE.toNanos();
            while (total < RECORDS && System.nanoTime() < end) {
                for (ConsumerRecord<byte[], byte[]> got : consumer.poll(Duration.ofMillis(200))) {
                    equal &= got.offset() == next[got.partition()];
                    equal &= equalRecord(got, next[got.partition()] * PARTITIONS + got.partition());
                    next[got.partition()]++;
                    total++;
                }
            }
            same(RECORDS, total, codec + ": records read");
            check(equal, codec + ": every record as sent, in order within its partition");
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            Map<TopicPartition, Long> begins = consumer.beginningOffsets(all);
            for (TopicPartition p : all) {
                same((long) recordsIn(p.partition()), ends.get(p), codec + ": end offset of " + p);
                same(0L, begins.get(p), codec + ": beginning offset of " + p);
            }
            // From the middle of a batch: the broker answers whole batches, the client must start at the offset asked for.
            TopicPartition one = all.get(1);
            consumer.assign(List.of(one));
            consumer.seek(one, 1234);
            ConsumerRecord<byte[], byte[]> first = first(consumer);
            check(first != null && first.offset() == 1234 && equalRecord(first, 1234 * PARTITIONS + 1), codec + ": seek to 1234");
        }
    }

    private static ConsumerRecord<byte[], byte[]> first(KafkaConsumer<byte[], byte[]> consumer) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            for (ConsumerRecord<byte[], byte[]> got : consumer.poll(Duration.ofMillis(200))) {
                return got;
            }
        }
        return null;
    }

    private void readByTime(String topic, String codec) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of())) {
            Map<TopicPartition, Long> asked = new HashMap<>();
            for (TopicPartition p : partitions(topic)) {
                asked.put(p, FIRST_TIME_MS + 5000);
            }
            Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(asked);
            for (TopicPartition p : partitions(topic)) {
                // The first record at or after 5000 ms in a partition that holds p, p+3, p+6, ...
                int record = 5000 + Math.floorMod(p.partition() - 5000, PARTITIONS);
                same((long) (record / PARTITIONS), found.get(p).offset(), codec + ": offset for a time in " + p);
                same(FIRST_TIME_MS + record, found.get(p).timestamp(), codec + ": time of that record in " + p);
            }
            TopicPartition zero = new TopicPartition(topic, 0);
            Map<TopicPartition, OffsetAndTimestamp> late = consumer.offsetsForTimes(Map.of(zero, FIRST_TIME_MS + RECORDS));
            same(null, late.get(zero), codec + ": no record after the last");
            Map<TopicPartition, OffsetAndTimestamp> early = consumer.offsetsForTimes(Map.of(zero, 0L));
            same(0L, early.get(zero).offset(), codec + ": the first record after the epoch");
        }
    }

    private void describe(Admin admin, String topic) throws Exception {
        TopicDescription d = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        same(PARTITIONS, d.partitions().size(), "described partitions");
        same(false, d.isInternal(), "not internal");
        check(d.partitions().stream().allMatch(p -> p.leader() != null && p.isr().size() == 1 && p.replicas().size() == 1),
            "every partition has its leader, replica and ISR");
        check(admin.listTopics().names().get().contains(topic), "listed");
        same(topic, admin.describeTopics(org.apache.kafka.common.TopicCollection.ofTopicIds(List.of(d.topicId())))
            .allTopicIds().get().get(d.topicId()).name(), "described by id");
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        same("123456789", config.get("segment.ms").value(), "segment.ms as created");
        same(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config.get("segment.ms").source(), "source of segment.ms");
        same("delete", config.get("cleanup.policy").value(), "cleanup.policy by default");
        same(ConfigEntry.ConfigSource.DEFAULT_CONFIG, config.get("cleanup.policy").source(), "source of cleanup.policy");
        for (String name : List.of("segment.bytes", "max.message.bytes", "min.insync.replicas", "compression.type", "message.timestamp.type")) {
            check(config.get(name) != null && config.get(name).value() != null, "config " + name);
        }
        var latest = admin.listOffsets(Map.of(new TopicPartition(topic, 0), OffsetSpec.latest())).all().get();
        same((long) recordsIn(0), latest.get(new TopicPartition(topic, 0)).offset(), "listOffsets latest");
        var newest = admin.listOffsets(Map.of(new TopicPartition(topic, 0), OffsetSpec.maxTimestamp())).all().get();
        same((long) recordsIn(0) - 1, newest.get(new TopicPartition(topic, 0)).offset(), "listOffsets max timestamp");
    }

    private void cluster(Admin admin) throws Exception {
        Collection<org.apache.kafka.common.Node> nodes = admin.describeCluster().nodes().get();
        same(1, nodes.size(), "nodes");
        check(admin.describeCluster().controller().get() != null, "a controller");
        check(!admin.describeCluster().clusterId().get().isEmpty(), "a cluster id");
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, Integer.toString(nodes.iterator().next().id()));
        Config config = admin.describeConfigs(List.of(broker)).all().get().get(broker);
        check(config.get("log.dirs") != null && config.get("num.partitions") != null, "the broker's configuration");
    }

    private void errors(Admin admin, String existing) throws Exception {
        fails(TopicExistsException.class, admin.createTopics(List.of(new NewTopic(existing, 1, (short) 1))).all(), "creating it twice");
        fails(InvalidTopicException.class, admin.createTopics(List.of(new NewTopic("no/slash", 1, (short) 1))).all(), "a slash in a name");
        fails(InvalidTopicException.class, admin.createTopics(List.of(new NewTopic("a".repeat(250), 1, (short) 1))).all(), "250 letters");
        fails(InvalidPartitionsException.class, admin.createTopics(List.of(new NewTopic("zero-" + run, 0, (short) 1))).all(), "no partitions");
        fails(InvalidReplicationFactorException.class, admin.createTopics(List.of(new NewTopic("three-" + run, 1, (short) 3))).all(),
            "three replicas on one broker");
        fails(InvalidConfigurationException.class,
            admin.createTopics(List.of(new NewTopic("bad-" + run, 1, (short) 1).configs(Map.of("retention.mss", "1")))).all(), "an unknown key");
        fails(InvalidConfigurationException.class,
            admin.createTopics(List.of(new NewTopic("bad-" + run, 1, (short) 1).configs(Map.of("retention.ms", "soon")))).all(), "a bad value");
        fails(UnknownTopicOrPartitionException.class, admin.describeTopics(List.of("absent-" + run)).allTopicNames(), "describing no topic");
        fails(UnknownTopicOrPartitionException.class, admin.deleteTopics(List.of("absent-" + run)).all(), "deleting no topic");
        admin.createTopics(List.of(new NewTopic("only-checked-" + run, 1, (short) 1)), new CreateTopicsOptions().validateOnly(true)).all().get();
        check(!admin.listTopics().names().get().contains("only-checked-" + run), "validateOnly creates nothing");
        TopicPartition p = new TopicPartition(existing, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of())) {
            consumer.assign(List.of(p));
            consumer.seek(p, 99_999_999L);
            try {
                first(consumer);
                throw new AssertionError("reading beyond the end succeeded");
            } catch (OffsetOutOfRangeException e) {
                same(Set.of(p), e.partitions(), "the partition whose offset is out of range");
            }
        }
        String small = "small-" + run;
        admin.createTopics(List.of(new NewTopic(small, Optional.of(1), Optional.empty()).configs(Map.of("max.message.bytes", "1000")))).all().get();
        try (KafkaProducer<byte[], byte[]> producer = producer(Map.of())) {
            fails(RecordTooLargeException.class, producer.send(new ProducerRecord<>(small, new byte[5000])), "a record above max.message.bytes");
            same(0L, producer.send(new ProducerRecord<>(small, new byte[500])).get().offset(), "a smaller one after it");
        }
        admin.deleteTopics(List.of(small)).all().get();
    }

    private void delete(Admin admin, List<String> topics) throws Exception {
        admin.deleteTopics(topics).all().get();
        for (String topic : topics) {
            // Apache Kafka answers when the controller has decided; its brokers learn of it a moment later.
            long end = System.nanoTime() + PATIENCE.toNanos();
            boolean there = true;
            while (there && System.nanoTime() < end) {
                there = admin.listTopics().names().get().contains(topic);
            }
            check(!there, topic + " is gone");
        }
        fails(UnknownTopicOrPartitionException.class, admin.describeTopics(List.of(topics.get(0))).allTopicNames(), "describing it after");
    }

    private void all() throws Exception {
        try (Admin admin = Admin.create(client(Map.of()))) {
            cluster(admin);
            List<String> topics = new ArrayList<>();
            for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
                String topic = "java-" + codec + "-" + run;
                topics.add(topic);
                // Record times lie years back: deletion by age must not take them away while we read.
                NewTopic wanted = new NewTopic(topic, PARTITIONS, (short) 1)
                    .configs(Map.of("retention.ms", "-1", "segment.ms", "123456789"));
                same(PARTITIONS, admin.createTopics(List.of(wanted)).numPartitions(topic).get(), "created partitions");
                produce(topic, codec);
                readByOffset(topic, codec);
                readByTime(topic, codec);
            }
            describe(admin, topics.get(0));
            errors(admin, topics.get(0));
            new GroupCheck(admin, bootstrap, run).all();
            delete(admin, topics);
        }
    }

    public static void main(String[] arguments) throws Exception {
        try {
            new ClientCheck(arguments[0]).all();
            System.out.println("ok java " + checks + " checks");
        } catch (AssertionError failure) {
            System.out.println("not ok java: " + failure.getMessage() + " (after " + checks + " checks)");
            System.exit(1);
        }
    }
}
