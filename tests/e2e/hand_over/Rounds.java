// SPDX-License-Identifier: Apache-2.0
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * One visit to a broker. read BOOTSTRAP INTO: all records of every topic, once for a consumer of committed records and
 * once for one of all, into INTO/TOPIC.ISOLATION. fill BOOTSTRAP ROUND yes|no INTO: writes (with transactions?), waits until
 * compaction has done what it can, and reads.
 */
public final class Rounds {
    private static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    private static final int KEYS = 150;

    private static KafkaProducer<String, String> producer(String bootstrap, Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "linger.ms", "2", "batch.size", "16384"));
        config.putAll(more);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    private static KafkaProducer<String, String> transactional(String bootstrap, String id) {
        KafkaProducer<String, String> p = producer(bootstrap, Map.of("transactional.id", id, "transaction.timeout.ms", "900000"));
        p.initTransactions();
        return p;
    }

    private static void topics(String bootstrap) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            Set<String> there = admin.listTopics().names().get();
            Map<String, String> compact = Map.of("cleanup.policy", "compact", "segment.bytes", "1048576",
                "min.cleanable.dirty.ratio", "0.01", "delete.retention.ms", "86400000");
            List<NewTopic> wanted = new ArrayList<>();
            for (String codec : CODECS) {
                wanted.add(new NewTopic("rounds-" + codec, 1, (short) 1).configs(Map.of("segment.bytes", "1048576")));
            }
            for (String name : List.of("rounds-txn", "rounds-open", "rounds-raw")) {
                wanted.add(new NewTopic(name, 1, (short) 1));
            }
            for (String name : List.of("rounds-compact", "rounds-compact-txn")) {
                wanted.add(new NewTopic(name, 1, (short) 1).configs(compact));
            }
            wanted.removeIf(t -> there.contains(t.name()));
            admin.createTopics(wanted).all().get();
        }
    }

    private static String value(int round, int i, int size) {
        char[] filler = new char[size];
        Arrays.fill(filler, (char) ('a' + (i + round) % 26));
        return round + ":" + i + ":" + new String(filler);
    }

    private static void keyed(KafkaProducer<String, String> p, String topic, int round, int from, int to, int size) {
        for (int i = from; i < to; i++) {
            boolean gone = i % 17 == 3;
            p.send(new ProducerRecord<>(topic, 0, "key-" + (i * 31 + round) % KEYS, gone ? null : value(round, i, size)));
        }
    }

    private static void fill(String bootstrap, int round, boolean hasTransactions) throws Exception {
        topics(bootstrap);
        for (String codec : CODECS) {
            // Idempotence is the client's default; every other codec goes without.
            boolean idempotent = CODECS.indexOf(codec) % 2 == 0;
            Map<String, Object> config = Map.of("compression.type", codec, "enable.idempotence", Boolean.toString(idempotent));
            try (KafkaProducer<String, String> p = producer(bootstrap, config)) {
                for (int i = 0; i < 600; i++) {
                    ProducerRecord<String, String> r = new ProducerRecord<>("rounds-" + codec, 0, i % 3 == 0 ? null : "k" + i, value(round, i, 900));
                    if (i % 5 == 0) {
                        r.headers().add("round", new byte[] {(byte) round});
                    }
                    p.send(r);
                }
            }
        }
        try (KafkaProducer<String, String> p = producer(bootstrap, Map.of("compression.type", round % 2 == 0 ? "zstd" : "none"))) {
            keyed(p, "rounds-compact", round, 0, 600, 6000);
        }
        if (hasTransactions) {
            transactions(bootstrap, round);
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.deleteRecords(Map.of(new TopicPartition("rounds-none", 0), RecordsToDelete.beforeOffset(round * 130L))).all().get();
        }
    }

    private static void transactions(String bootstrap, int round) throws Exception {
        KafkaProducer<String, String> open = transactional(bootstrap, "left-open"); // ends the one of the round before
        try (KafkaProducer<String, String> first = transactional(bootstrap, "first"); KafkaProducer<String, String> second = transactional(bootstrap, "second")) {
            for (int t = 0; t < 8; t++) {
                first.beginTransaction();
                second.beginTransaction();
                for (int i = 0; i < 20; i++) {
                    first.send(new ProducerRecord<>("rounds-txn", 0, "first-" + t, value(round, i, 50)));
                    second.send(new ProducerRecord<>("rounds-txn", 0, "second-" + t, value(round, i, 50)));
                }
                keyed(first, "rounds-compact-txn", round, t * 40, t * 40 + 40, 6000);
                first.flush();
                second.flush();
                if (t % 3 == 1) {
                    first.abortTransaction();
                } else {
                    first.commitTransaction();
                }
                if (t % 2 == 0) {
                    second.abortTransaction();
                } else {
                    second.commitTransaction();
                }
            }
        }
        open.beginTransaction();
        for (int i = 0; i < 30; i++) {
            open.send(new ProducerRecord<>("rounds-open", 0, "open", value(round, i, 50)));
        }
        open.flush();
        open.close(Duration.ZERO); // neither committed nor aborted
    }

    private static List<String> records(String bootstrap, String topic, String isolation) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "isolation.level", isolation, "enable.auto.commit", "false",
            "max.poll.records", "5000", "fetch.max.wait.ms", "50");
        TopicPartition partition = new TopicPartition(topic, 0);
        List<String> lines = new ArrayList<>();
        try (KafkaConsumer<String, String> c = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            c.assign(List.of(partition));
            c.seekToBeginning(List.of(partition));
            long end = c.endOffsets(List.of(partition)).get(partition);
            lines.add("begins " + c.position(partition) + " ends " + end);
            while (c.position(partition) < end) {
                for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(200))) {
                    lines.add(r.offset() + " " + r.timestampType() + " " + r.timestamp() + " " + r.key() + " "
                        + (r.value() == null ? "null" : r.value().length() + ":" + r.value().hashCode()) + " "
                        + Arrays.stream(r.headers().toArray()).map(h -> h.key() + "=" + Arrays.toString(h.value())).collect(Collectors.toList())
                        + " " + r.leaderEpoch().orElse(-1));
                }
            }
        }
        return lines;
    }

    private static List<String> names(String bootstrap) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            return admin.listTopics().names().get().stream().filter(n -> n.startsWith("rounds-")).sorted().collect(Collectors.toList());
        }
    }

    private static void read(String bootstrap, Path into) throws Exception {
        Files.createDirectories(into);
        for (String topic : names(bootstrap)) {
            for (String isolation : List.of("read_committed", "read_uncommitted")) {
                try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(into.resolve(topic + "." + isolation)))) {
                    records(bootstrap, topic, isolation).forEach(out::println);
                }
            }
        }
    }

    /** Twice the same a second apart, and fewer records than were written. */
    private static void settle(String bootstrap, boolean hasTransactions) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(40).toNanos();
        Map<String, Integer> before = new TreeMap<>();
        for (int calm = 0; calm < 3;) {
            Map<String, Integer> now = new TreeMap<>();
            boolean shrunk = true;
            for (String topic : hasTransactions ? List.of("rounds-compact", "rounds-compact-txn") : List.of("rounds-compact")) {
                List<String> lines = records(bootstrap, topic, "read_uncommitted");
                long written = Long.parseLong(lines.get(0).replaceAll(".* ", ""));
                now.put(topic, lines.size());
                shrunk &= lines.size() < written * 8 / 10;
            }
            calm = shrunk && now.equals(before) ? calm + 1 : 0;
            before = now;
            if (System.nanoTime() > end) {
                throw new IllegalStateException("nothing is compacted: " + now);
            }
            Thread.sleep(350);
        }
        System.out.println(before);
    }

    public static void main(String[] words) throws Exception {
        switch (words[0]) {
            case "fill" -> {
                fill(words[1], Integer.parseInt(words[2]), words[3].equals("yes"));
                settle(words[1], words[3].equals("yes"));
                read(words[1], Path.of(words[4]));
            }
            case "read" -> read(words[1], Path.of(words[2]));
            default -> throw new IllegalArgumentException(words[0]);
        }
        System.out.flush();
        Runtime.getRuntime().halt(0); // a producer whose transaction is open would wait
    }
}
