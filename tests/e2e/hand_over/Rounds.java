// SPDX-License-Identifier: Apache-2.0
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The clients of hand_over_rounds.sh, one process for all of it. Commands come line by line, each is answered by `ok` and
 * what there is to say, or `not ok` and why:
 *   fill TURN coordinator|raw   writes, deletes, waits for compaction, and remembers all there is to read
 *   same                        reads it all again, which must give what is remembered
 *   judge DIR                   DumpLogSegments over a directory at rest
 */
public final class Rounds {
    private static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    private static final List<String> COMPACTED = List.of("rounds-compact", "rounds-compact-txn");
    private static final int KEYS = 150;
    /** A segment of a megabyte holds 350 of them when they are compressed, and that many may be too young for compaction. */
    private static final int BIG = 6000, UNCOMPACTED_MAX = 360;
    private static final long FIRST_RAW_ID = 700000;

    private final String bootstrap;
    private Map<String, List<String>> remembered = Map.of();

    private Rounds(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    private Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    private KafkaProducer<String, String> producer(Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "linger.ms", "2", "batch.size", "16384"));
        config.putAll(more);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    private KafkaProducer<String, String> transactional(String id) {
        KafkaProducer<String, String> p = producer(Map.of("transactional.id", id, "transaction.timeout.ms", "900000"));
        p.initTransactions();
        return p;
    }

    // ---- writing ----

    private void topics(Admin admin) throws Exception {
        Set<String> there = admin.listTopics().names().get();
        List<NewTopic> wanted = new ArrayList<>();
        for (String codec : CODECS) {
            wanted.add(new NewTopic("rounds-" + codec, 1, (short) 1).configs(Map.of("segment.bytes", "1048576")));
        }
        for (String name : List.of("rounds-txn", "rounds-open", "rounds-raw")) {
            wanted.add(new NewTopic(name, 1, (short) 1));
        }
        for (String name : COMPACTED) {
            wanted.add(new NewTopic(name, 1, (short) 1).configs(Map.of("cleanup.policy", "compact", "segment.bytes", "1048576",
                "min.cleanable.dirty.ratio", "0.01", "delete.retention.ms", "86400000")));
        }
        wanted.removeIf(t -> there.contains(t.name()));
        admin.createTopics(wanted).all().get();
    }

    /** Half as long when compressed. */
    private static String value(int turn, int i, int size) {
        Random random = new Random(turn * 100000L + i);
        StringBuilder filler = new StringBuilder(turn + ":" + i + ":");
        for (int n = 0; n < size; n++) {
            filler.append((char) ('a' + random.nextInt(16)));
        }
        return filler.toString();
    }

    private static String key(int turn, int i) {
        return "key-" + (i * 31 + turn) % KEYS;
    }

    /** Now and then a key is deleted. */
    private static String keyedValue(int turn, int i) {
        return i % 17 == 3 ? null : value(turn, i, BIG);
    }

    private static void keyed(KafkaProducer<String, String> p, String topic, int turn, int from, int to) {
        for (int i = from; i < to; i++) {
            p.send(new ProducerRecord<>(topic, 0, key(turn, i), keyedValue(turn, i)));
        }
    }

    private void plain(int turn) {
        for (String codec : CODECS) {
            // Idempotence is the client's default; every other codec goes without.
            boolean idempotent = (CODECS.indexOf(codec) + turn) % 2 == 0;
            Map<String, Object> config = Map.of("compression.type", codec, "enable.idempotence", Boolean.toString(idempotent));
            try (KafkaProducer<String, String> p = producer(config)) {
                for (int i = 0; i < 600; i++) {
                    ProducerRecord<String, String> r =
                        new ProducerRecord<>("rounds-" + codec, 0, i % 3 == 0 ? null : "k" + i, value(turn, i, 900));
                    if (i % 5 == 0) {
                        r.headers().add("turn", new byte[] {(byte) turn});
                    }
                    p.send(r);
                }
            }
        }
    }

    private void fill(int turn, boolean hasCoordinator) throws Exception {
        try (Admin admin = admin()) {
            topics(admin);
            abortOpen(admin, "rounds-raw");
            plain(turn);
            if (hasCoordinator) {
                coordinated(turn);
            } else {
                raw(turn);
            }
            try (KafkaProducer<String, String> p = producer(Map.of("compression.type", turn % 2 == 0 ? "zstd" : "none"))) {
                keyed(p, "rounds-compact", turn, 0, 600);
                keyed(p, "rounds-compact-txn", turn, 1000, 1200); // so that segments with transactions are behind the active one
                for (int i = 0; i < 20; i++) {
                    for (String topic : List.of("rounds-txn", "rounds-open", "rounds-raw")) {
                        p.send(new ProducerRecord<>(topic, 0, "plain", value(turn, i, 50)));
                    }
                }
            }
            TopicPartition none = new TopicPartition("rounds-none", 0);
            admin.deleteRecords(Map.of(none, RecordsToDelete.beforeOffset(turn * 500L))).all().get();
        }
    }

    private void coordinated(int turn) {
        KafkaProducer<String, String> open = transactional("left-open"); // ends the one of its last turn
        try (KafkaProducer<String, String> first = transactional("first"); KafkaProducer<String, String> second = transactional("second")) {
            for (int t = 0; t < 8; t++) {
                first.beginTransaction();
                second.beginTransaction();
                for (int i = 0; i < 20; i++) {
                    first.send(new ProducerRecord<>("rounds-txn", 0, "first-" + t, value(turn, i, 50)));
                    second.send(new ProducerRecord<>("rounds-txn", 0, "second-" + t, value(turn, i, 50)));
                }
                keyed(first, "rounds-compact-txn", turn, t * 40, t * 40 + 40);
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
            open.send(new ProducerRecord<>("rounds-open", 0, "open", value(turn, i, 50)));
        }
        open.flush();
        open.close(Duration.ZERO); // neither committed nor aborted
    }

    private void raw(int turn) throws Exception {
        long first = FIRST_RAW_ID + 10 * turn, second = first + 1, third = first + 2;
        try (RawTransactions raw = new RawTransactions(bootstrap)) {
            for (int t = 0; t < 8; t++) {
                for (int i = 0; i < 3; i++) {
                    int at = 3 * t + i;
                    raw.send("rounds-raw", first, 2 * at, 2, n -> "first", n -> value(turn, n, 200));
                    raw.send("rounds-raw", second, at, 1, n -> "second", n -> value(turn, n, 200));
                    raw.send("rounds-compact-txn", first, 14 * at, 14, n -> key(turn, n), n -> keyedValue(turn, n));
                }
                raw.end("rounds-raw", first, t % 2 == 0);
                raw.end("rounds-raw", second, t % 3 == 1);
                raw.end("rounds-compact-txn", first, t % 3 != 1);
            }
            raw.send("rounds-raw", third, 0, 5, n -> "open", n -> value(turn, n, 50));
        }
    }

    private static List<ProducerState> producers(Admin admin, TopicPartition partition) throws Exception {
        List<ProducerState> found =
            new ArrayList<>(admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers());
        found.sort(Comparator.comparingLong(ProducerState::producerId));
        return found;
    }

    private static void abortOpen(Admin admin, String topic) throws Exception {
        TopicPartition partition = new TopicPartition(topic, 0);
        for (ProducerState s : producers(admin, partition)) {
            if (s.currentTransactionStartOffset().isPresent()) {
                AbortTransactionSpec spec =
                    new AbortTransactionSpec(partition, s.producerId(), (short) s.producerEpoch(), s.coordinatorEpoch().orElse(0));
                admin.abortTransaction(spec).all().get();
            }
        }
    }

    // ---- reading ----

    private static String line(ConsumerRecord<String, String> r) {
        String value = r.value() == null ? "null" : r.value().length() + ":" + r.value().hashCode();
        String headers = Arrays.stream(r.headers().toArray()).map(h -> h.key() + "=" + Arrays.toString(h.value())).collect(Collectors.joining(","));
        return r.offset() + " " + r.timestampType() + " " + r.timestamp() + " " + r.key() + " " + value + " [" + headers + "] epoch "
            + r.leaderEpoch().orElse(-1);
    }

    private void read(List<TopicPartition> from, String isolation, Map<String, List<String>> into) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "isolation.level", isolation, "enable.auto.commit", "false",
            "max.poll.records", "5000", "fetch.max.wait.ms", "50");
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        try (KafkaConsumer<String, String> c = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            Map<TopicPartition, Long> begins = c.beginningOffsets(from);
            Map<TopicPartition, Long> ends = c.endOffsets(from);
            Map<TopicPartition, Long> middle = new HashMap<>();
            for (TopicPartition p : from) {
                into.put(p.topic() + "." + isolation, new ArrayList<>(List.of("begins " + begins.get(p) + " ends " + ends.get(p))));
            }
            c.assign(from);
            c.seekToBeginning(from);
            while (from.stream().anyMatch(p -> c.position(p) < ends.get(p))) {
                for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(200))) {
                    into.get(r.topic() + "." + isolation).add(line(r));
                    // Not of compacted logs: an empty segment's time is for Apache Kafka that of its file, which hides the segments behind it.
                    if (!COMPACTED.contains(r.topic()) && r.offset() < ends.get(new TopicPartition(r.topic(), 0)) * 3 / 4) {
                        middle.put(new TopicPartition(r.topic(), 0), r.timestamp());
                    }
                }
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException(isolation + ": some end was not reached in a minute, of " + ends);
                }
            }
            c.offsetsForTimes(middle).forEach((p, found) -> into.get(p.topic() + "." + isolation).add(middle.get(p) + " is at " + found));
        }
    }

    private Map<String, List<String>> readAll() throws Exception {
        Map<String, List<String>> all = new TreeMap<>();
        try (Admin admin = admin()) {
            List<TopicPartition> partitions = admin.listTopics().names().get().stream().filter(n -> n.startsWith("rounds-"))
                .map(n -> new TopicPartition(n, 0)).collect(Collectors.toList());
            for (String isolation : List.of("read_committed", "read_uncommitted")) {
                read(partitions, isolation, all);
            }
            for (TopicPartition p : partitions) {
                all.put(p.topic() + ".producers", producers(admin, p).stream().map(ProducerState::toString).collect(Collectors.toList()));
            }
        }
        return all;
    }

    private static String count(Map<String, List<String>> readings) {
        return readings.values().stream().mapToInt(List::size).sum() + " lines of " + readings.size() + " readings";
    }

    private String same() throws Exception {
        Map<String, List<String>> now = readAll();
        if (!now.keySet().equals(remembered.keySet())) {
            throw new IllegalStateException("other topics: " + now.keySet());
        }
        for (Map.Entry<String, List<String>> e : now.entrySet()) {
            List<String> before = remembered.get(e.getKey()), after = e.getValue();
            for (int i = 0; i < Math.max(before.size(), after.size()); i++) {
                String was = i < before.size() ? before.get(i) : "nothing", is = i < after.size() ? after.get(i) : "nothing";
                if (!was.equals(is)) {
                    throw new IllegalStateException(e.getKey() + " line " + i + " of " + before.size() + " was " + was + ", is " + is);
                }
            }
        }
        return count(now);
    }

    /** No more than the newest of each key and one segment, and the same again and again. */
    private String settle() throws Exception {
        List<TopicPartition> from = COMPACTED.stream().map(n -> new TopicPartition(n, 0)).collect(Collectors.toList());
        long deadline = System.nanoTime() + Duration.ofSeconds(40).toNanos();
        Map<String, List<String>> before = Map.of();
        for (int calm = 0; calm < 2;) {
            Map<String, List<String>> now = new TreeMap<>();
            read(from, "read_uncommitted", now);
            boolean shrunk = now.values().stream().allMatch(lines -> lines.size() <= KEYS + UNCOMPACTED_MAX);
            calm = shrunk && now.equals(before) ? calm + 1 : 0;
            before = now;
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("too little is compacted: " + count(now));
            }
            Thread.sleep(500);
        }
        return before.values().stream().map(lines -> lines.size() + " left, " + lines.get(0)).collect(Collectors.joining("; "));
    }

    private String obey(String[] words) throws Exception {
        switch (words[0]) {
            case "fill" -> {
                fill(Integer.parseInt(words[1]), words[2].equals("coordinator"));
                String compacted = settle();
                remembered = readAll();
                for (String topic : List.of("rounds-txn", "rounds-open")) {
                    if (remembered.get(topic + ".read_committed").size() >= remembered.get(topic + ".read_uncommitted").size()) {
                        throw new IllegalStateException(topic + ": nothing is open or aborted");
                    }
                }
                return count(remembered) + ", compacted: " + compacted;
            }
            case "same" -> {
                return same();
            }
            case "judge" -> {
                return Judge.judge(Path.of(words[1]), file -> file.contains("/rounds-compact"));
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Rounds rounds = new Rounds(arguments[0]);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            try {
                System.out.println("ok " + rounds.obey(line.split(" ")));
            } catch (Exception e) {
                System.out.println("not ok " + e + " " + Arrays.stream(e.getStackTrace()).filter(at -> at.getClassName().startsWith("Rounds")).findFirst());
            }
        }
        System.out.flush();
        Runtime.getRuntime().halt(0); // the broker may be gone by now
    }
}
