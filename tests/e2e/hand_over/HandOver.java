// SPDX-License-Identifier: Apache-2.0
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A producer, a consumer and an admin that live on while brokers change under them. Commands on stdin, a line each, answered
 * by "ok" or "not ok": groups NAME (makes groups), send N (records, which the consumer must see once and in order),
 * snapshot FILE (what the broker knows of topics, groups and producers), resume NAME (a group goes on where it stopped).
 */
public final class HandOver {
    private static final TopicPartition KEPT = new TopicPartition("kept", 0);
    private static final TopicPartition DATA = new TopicPartition("data", 0);

    private final String bootstrap;
    private final Admin admin;
    private final KafkaProducer<String, String> producer;
    private final KafkaConsumer<String, String> live;
    private int sent;
    private int seen;

    private HandOver(String bootstrap) throws Exception {
        this.bootstrap = bootstrap;
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        admin.createTopics(List.of(new NewTopic("kept", 1, (short) 1), new NewTopic("data", 2, (short) 1)
            .configs(Map.of("retention.ms", "-1", "max.message.bytes", "65536", "cleanup.policy", "compact,delete")))).all().get();
        // Idempotence is the client's default; it keeps its producer id and counts on.
        this.producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap), new StringSerializer(), new StringSerializer());
        for (int i = 0; i < 100; i++) {
            producer.send(new ProducerRecord<>("data", i % 2, "key-" + i, "value-" + i)).get();
        }
        this.live = member("live", Map.of());
        live.subscribe(List.of("kept"));
    }

    private KafkaConsumer<String, String> member(String group, Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group, "client.id", "member",
            "enable.auto.commit", "false", "auto.offset.reset", "earliest", "group.protocol", "classic"));
        config.putAll(more);
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException(what);
        }
    }

    private KafkaConsumer<String, String> joined(String group, Map<String, Object> more) {
        KafkaConsumer<String, String> member = member(group, more);
        member.subscribe(List.of("data"));
        for (int i = 0; i < 500 && member.assignment().size() < 2; i++) {
            member.poll(Duration.ofMillis(50));
        }
        expect(member.assignment().size() == 2, group + " has no assignment");
        return member;
    }

    /** One of each kind: with offsets and metadata, with a member that stays on record, without members ever, deleted. */
    private void groups(String name) throws Exception {
        try (KafkaConsumer<String, String> half = joined(name + "-half", Map.of())) {
            half.commitSync(Map.of(DATA, new OffsetAndMetadata(21, "metadata of " + name)));
        }
        // A static member does not leave when it closes: the group stays stable, its member on record, for its session.
        KafkaConsumer<String, String> fixed = joined(name + "-static", Map.of("group.instance.id", "fixed", "session.timeout.ms", "300000"));
        fixed.commitSync(Map.of(DATA, new OffsetAndMetadata(7)));
        fixed.close();
        admin.alterConsumerGroupOffsets(name + "-simple", Map.of(DATA, new OffsetAndMetadata(33, "simple"))).all().get();
        admin.alterConsumerGroupOffsets(name + "-gone", Map.of(DATA, new OffsetAndMetadata(44))).all().get();
        admin.deleteConsumerGroups(List.of(name + "-gone")).all().get();
    }

    private void send(int count) throws Exception {
        List<Future<RecordMetadata>> answers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            answers.add(producer.send(new ProducerRecord<>("kept", 0, null, Integer.toString(sent + i))));
        }
        for (int i = 0; i < count; i++) {
            expect(answers.get(i).get().offset() == sent + i, "record " + (sent + i) + " stands at " + answers.get(i).get().offset());
        }
        sent += count;
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (seen < sent && System.nanoTime() < end) {
            for (ConsumerRecord<String, String> r : live.poll(Duration.ofMillis(100))) {
                expect(r.offset() == seen && r.value().equals(Integer.toString(seen)), "record " + seen + " is " + r.value() + " at " + r.offset());
                seen++;
            }
            live.commitSync();
        }
        expect(seen == sent, "the consumer saw " + seen + " of " + sent + " records");
    }

    private void resume(String name) {
        try (KafkaConsumer<String, String> half = joined(name + "-half", Map.of("auto.offset.reset", "none", "max.poll.records", "1"))) {
            OffsetAndMetadata back = half.committed(Set.of(DATA)).get(DATA);
            expect(back.offset() == 21 && back.metadata().equals("metadata of " + name), name + "-half is at " + back);
            expect(half.position(DATA) <= 22, name + "-half goes on at " + half.position(DATA));
        } catch (org.apache.kafka.clients.consumer.NoOffsetForPartitionException e) {
            // The other partition has none, as it should; the one asked about has.
            expect(!e.partitions().contains(DATA), "no offset of " + name + "-half");
        }
    }

    private void topics(List<String> lines) throws Exception {
        Collection<String> names = admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
        admin.describeTopics(names).allTopicNames().get().forEach((name, d) -> lines.add("topic " + d));
        List<ConfigResource> resources = names.stream().map(n -> new ConfigResource(ConfigResource.Type.TOPIC, n)).collect(Collectors.toList());
        admin.describeConfigs(resources).all().get().forEach((resource, config) -> {
            Map<String, String> set = new TreeMap<>();
            for (ConfigEntry e : config.entries()) {
                if (e.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) {
                    set.put(e.name(), e.value());
                }
            }
            lines.add("config " + resource.name() + " " + set);
        });
        for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest())) {
            Map<TopicPartition, OffsetSpec> asked = new HashMap<>(Map.of(KEPT, spec, DATA, spec));
            admin.listOffsets(asked).all().get().forEach((p, o) -> lines.add("offset " + p + " " + o.offset()));
        }
        for (ProducerState p : admin.describeProducers(List.of(KEPT)).partitionResult(KEPT).get().activeProducers()) {
            lines.add("producer " + p.producerId() + " epoch " + p.producerEpoch() + " sequence " + p.lastSequence() + " time " + p.lastTimestamp());
        }
    }

    private void groups(List<String> lines) throws Exception {
        List<String> names = new ArrayList<>();
        for (GroupListing g : admin.listGroups().all().get()) {
            if (!g.groupId().equals("live")) {
                names.add(g.groupId());
                lines.add("group " + g);
            }
        }
        Map<String, ConsumerGroupDescription> described = admin.describeConsumerGroups(names).all().get();
        described.forEach((name, d) -> {
            List<String> members = d.members().stream().map(m -> m.consumerId() + " " + m.groupInstanceId().orElse("-") + " " + m.clientId() + " "
                + m.host() + " " + m.assignment().topicPartitions().stream().map(TopicPartition::toString).sorted().collect(Collectors.toList()))
                .sorted().collect(Collectors.toList());
            lines.add("described " + name + " " + d.groupState() + " " + d.partitionAssignor() + " " + d.isSimpleConsumerGroup() + " " + members);
        });
        for (String name : names) {
            lines.add("offsets " + name + " " + new TreeMap<>(admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get().entrySet()
                .stream().collect(Collectors.toMap(e -> e.getKey().toString(), e -> e.getValue().toString()))));
        }
        OffsetAndMetadata position = admin.listConsumerGroupOffsets("live").partitionsToOffsetAndMetadata().get().get(KEPT);
        lines.add("live at " + (position == null ? "nothing" : position.offset()));
    }

    private void snapshot(Path file) throws Exception {
        List<String> lines = new ArrayList<>();
        topics(lines);
        groups(lines);
        Collections.sort(lines);
        Files.write(file, lines);
    }

    private void obey(String verb, String argument) throws Exception {
        switch (verb) {
            case "groups" -> groups(argument);
            case "send" -> send(Integer.parseInt(argument));
            case "snapshot" -> snapshot(Path.of(argument));
            case "resume" -> resume(argument);
            default -> throw new IllegalArgumentException(verb);
        }
    }

    public static void main(String[] arguments) throws Exception {
        HandOver all = new HandOver(arguments[0]);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("ok");
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String[] words = line.split(" ", 2);
            try {
                all.obey(words[0], words[1]);
                System.out.println("ok");
            } catch (Exception e) {
                System.out.println("not ok " + e);
            }
        }
        // The broker may be gone by now.
        Runtime.getRuntime().halt(0);
    }
}
