// SPDX-License-Identifier: Apache-2.0
// Compaction beside Kafka's own: the same appends go into two directories through Kafka's UnifiedLog, then its Cleaner
// takes one and ours the other, at the same time by the clock they are told, several times over. What is left must be
// the same: records, their batches' producers, epochs, sequences, flags and horizons, empty batches that keep a
// producer's state, .txnindex, the first dirty offset, and the times of the files.
//   CompactOracle PROGRAM DIR SEED...
// PROGRAM is store_compact_posix_test, which compacts a directory when it is given one.
import java.io.File;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ScheduledFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.common.RequestLocal;
import org.apache.kafka.server.util.Scheduler;
import org.apache.kafka.storage.internals.log.*;
import org.apache.kafka.storage.internals.utils.Throttler;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

public class CompactOracle {
    static final long DELETE_RETENTION_MS = 10_000;
    static final Uuid TOPIC_ID = new Uuid(0, 111);
    static final ScheduledFuture<?> NOTHING = (ScheduledFuture<?>) Proxy.newProxyInstance(CompactOracle.class.getClassLoader(),
        new Class<?>[] {ScheduledFuture.class}, (proxy, method, args) -> true); // it is cancelled at most
    static final Scheduler NEVER = new Scheduler() {
        public void startup() {}
        public void shutdown() {}
        public ScheduledFuture<?> schedule(String name, Runnable task, long delay, long period) { return NOTHING; }
        public void resizeThreadPool(int size) {}
    };

    final Random random;
    final long start = System.currentTimeMillis() / 1000 * 1000;
    final File[] roots;
    final int segmentBytes, mapBytes;
    final String program;
    long clock = start;
    int written;
    // The same for both directories: producers' next sequences, and which have a transaction open.
    final Map<Long, Integer> sequences = new TreeMap<>();
    final Map<Long, Boolean> open = new TreeMap<>();

    CompactOracle(String program, File dir, long seed) {
        this.program = program;
        random = new Random(seed);
        roots = new File[] {new File(dir, "kafka-" + seed), new File(dir, "ours-" + seed)};
        segmentBytes = 600 + random.nextInt(4000);
        mapBytes = seed % 2 == 0 ? 1 << 20 : 24 * (4 + random.nextInt(20));
    }

    UnifiedLog open(File root) throws Exception {
        Properties p = new Properties();
        p.put("cleanup.policy", "compact");
        p.put(LogConfig.INTERNAL_SEGMENT_BYTES_CONFIG, segmentBytes);
        p.put("segment.index.bytes", 65536);
        // No index entries: where a round begins behind one, Kafka takes transactions for open that were aborted between
        // the segment's base and there, and leaves their producers' next committed records out of its map.
        p.put("index.interval.bytes", 1 << 20);
        p.put("delete.retention.ms", DELETE_RETENTION_MS);
        File dir = new File(root, "t-0");
        Files.createDirectories(dir.toPath());
        UnifiedLog log = UnifiedLog.create(dir, new LogConfig(p), 0, 0, NEVER, new BrokerTopicStats(), Time.SYSTEM, 900_000,
            new ProducerStateManagerConfig(86_400_000, false), 600_000, new LogDirFailureChannel(1), true, Optional.of(TOPIC_ID));
        log.updateHighWatermark(log.logEndOffset());
        return log;
    }

    SimpleRecord[] records(int count) {
        SimpleRecord[] out = new SimpleRecord[count];
        for (int i = 0; i < count; i++) {
            byte[] key = ("k" + random.nextInt(25)).getBytes();
            byte[] value = random.nextInt(6) == 0 ? null : ("v" + written + "-" + "x".repeat(random.nextInt(20))).getBytes();
            out[i] = new SimpleRecord(clock++, key, value);
            written++;
        }
        return out;
    }

    Compression codec() {
        CompressionType[] types = {CompressionType.NONE, CompressionType.NONE, CompressionType.GZIP, CompressionType.LZ4,
            CompressionType.SNAPPY, CompressionType.ZSTD};
        return Compression.of(types[random.nextInt(types.length)]).build();
    }

    static MemoryRecords copy(MemoryRecords records) {
        ByteBuffer from = records.buffer().duplicate(), to = ByteBuffer.allocate(from.remaining());
        to.put(from);
        to.flip();
        return MemoryRecords.readableRecords(to);
    }

    interface Appending { void to(UnifiedLog log) throws Exception; }

    Appending legacy() {
        byte magic = (byte) random.nextInt(2);
        int kind = random.nextInt(3);
        Compression codec = kind == 0 ? Compression.gzip().build() : kind == 1 ? Compression.snappy().build() : Compression.NONE;
        SimpleRecord[] records = records(1 + random.nextInt(6));
        MemoryRecords batch = MemoryRecords.withRecords(magic, codec, records);
        RecordVersion version = magic == 0 ? RecordVersion.V0 : RecordVersion.V1;
        return log -> log.appendAsLeaderWithRecordVersion(copy(batch), 0, version);
    }

    Appending marker(long producer, boolean commit) {
        ControlRecordType type = commit ? ControlRecordType.COMMIT : ControlRecordType.ABORT;
        MemoryRecords batch = MemoryRecords.withEndTransactionMarker(clock++, producer, (short) 0, new EndTransactionMarker(type, 0));
        return log -> log.appendAsLeader(copy(batch), 0, AppendOrigin.COORDINATOR, RequestLocal.noCaching(), VerificationGuard.SENTINEL, (short) 0);
    }

    Appending next() {
        int kind = random.nextInt(10);
        if (kind < 3) {
            MemoryRecords batch = MemoryRecords.withRecords(codec(), records(1 + random.nextInt(6)));
            return log -> log.appendAsLeader(copy(batch), 0);
        }
        if (kind < 5) {
            long producer = 1 + random.nextInt(3);
            SimpleRecord[] records = records(1 + random.nextInt(4));
            int sequence = sequences.getOrDefault(producer, 0);
            sequences.put(producer, sequence + records.length);
            MemoryRecords batch = MemoryRecords.withIdempotentRecords(codec(), producer, (short) 0, sequence, records);
            return log -> log.appendAsLeader(copy(batch), 0);
        }
        long producer = 11 + random.nextInt(5);
        if (open.getOrDefault(producer, false) && random.nextInt(2) == 0) {
            open.put(producer, false);
            return marker(producer, random.nextBoolean());
        }
        if (kind == 9 && random.nextInt(3) == 0) return marker(31 + random.nextInt(2), random.nextBoolean()); // never any data
        SimpleRecord[] records = records(1 + random.nextInt(4));
        int sequence = sequences.getOrDefault(producer, 0);
        sequences.put(producer, sequence + records.length);
        open.put(producer, true);
        MemoryRecords batch = MemoryRecords.withTransactionalRecords(codec(), producer, (short) 0, sequence, records);
        return log -> log.appendAsLeader(copy(batch), 0);
    }

    // The same content has the same times, whoever wrote it and when.
    void date(File root) {
        for (File file : new File(root, "t-0").listFiles())
            if (file.getName().endsWith(".log")) file.setLastModified(start + Long.parseLong(file.getName().substring(0, 20)) * 10);
    }

    void append(int count, boolean isLegacy) throws Exception {
        List<Appending> appendings = new ArrayList<>();
        for (int i = 0; i < count; i++) appendings.add(isLegacy ? legacy() : next());
        if (isLegacy) appendings.add(next()); // Kafka cannot keep an empty batch of magic 0 or 1 at the end of a round
        // Mostly all decided, so that much may be compacted.
        if (random.nextInt(4) > 0)
            for (Map.Entry<Long, Boolean> e : open.entrySet())
                if (e.getValue()) {
                    appendings.add(marker(e.getKey(), random.nextBoolean()));
                    e.setValue(false);
                }
        for (File root : roots) {
            UnifiedLog log = open(root);
            for (Appending a : appendings) a.to(log);
            log.roll();
            log.close();
        }
    }

    long cleanKafkas(long dirty, long now) throws Exception {
        UnifiedLog log = open(roots[0]);
        try {
            Cleaner cleaner = new Cleaner(0, new SkimpyOffsetMap(mapBytes), 65536, 65536, 0.9,
                new Throttler(Double.MAX_VALUE, Long.MAX_VALUE, "throttler", "entries", Time.SYSTEM), Time.SYSTEM, tp -> {});
            long uncleanable = Math.max(dirty, Math.min(log.lastStableOffset(), log.activeSegment().baseOffset()));
            LogToClean what = new LogToClean(log, dirty, uncleanable, false);
            return what.totalBytes() == 0 || what.cleanableRatio() == 0 ? dirty : cleaner.doClean(what, now).getKey();
        } finally {
            log.close();
        }
    }

    long cleanOurs(long dirty, long now) throws Exception {
        Process p = new ProcessBuilder(program, roots[1].getPath(), "" + dirty, "" + now, "" + DELETE_RETENTION_MS, "" + segmentBytes,
            "" + mapBytes).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String said;
        try (InputStream in = p.getInputStream()) { said = new String(in.readAllBytes()).trim(); }
        if (p.waitFor() != 0) throw new IllegalStateException("our compaction failed: " + said);
        return Long.parseLong(said);
    }

    static String text(ByteBuffer bytes) {
        if (bytes == null) return "null";
        byte[] out = new byte[bytes.remaining()];
        bytes.duplicate().get(out);
        for (byte b : out) if (b < 32) return Arrays.toString(out);
        return new String(out);
    }

    // What a group's end is marked with by us, and not by Kafka, says nothing: empty, of no producer, without a time.
    static boolean isFiller(RecordBatch b) {
        return b.magic() == 2 && b.countOrNull() == 0 && b.producerId() < 0;
    }

    List<String> dump(File root) throws Exception {
        List<String> out = new ArrayList<>();
        File[] files = new File(root, "t-0").listFiles();
        Arrays.sort(files);
        for (File file : files) {
            if (file.getName().endsWith(".txnindex")) {
                ByteBuffer b = ByteBuffer.wrap(Files.readAllBytes(file.toPath()));
                while (b.remaining() >= 34)
                    out.add("aborted v" + b.getShort() + " producer " + b.getLong() + " from " + b.getLong() + " to " + b.getLong() + " lso " + b.getLong());
            }
            if (!file.getName().endsWith(".log")) continue;
            FileRecords records = FileRecords.open(file);
            for (FileLogInputStream.FileChannelRecordBatch b : records.batches()) {
                b.ensureValid();
                if (isFiller(b)) continue;
                out.add("batch " + b.baseOffset() + "-" + b.lastOffset() + " magic " + b.magic() + " " + b.compressionType() + " " + b.timestampType() +
                    " max " + b.maxTimestamp() + " producer " + b.producerId() + "/" + b.producerEpoch() + "/" + b.baseSequence() + "-" + b.lastSequence() +
                    " epoch " + b.partitionLeaderEpoch() + (b.isTransactional() ? " txn" : "") + (b.isControlBatch() ? " control" : "") +
                    " horizon " + b.deleteHorizonMs() + " count " + (b.magic() < 2 ? "?" : b.countOrNull()));
                for (org.apache.kafka.common.record.internal.Record r : b)
                    out.add("  " + r.offset() + " at " + r.timestamp() + " " + text(r.key()) + " = " + text(r.value()));
            }
            records.close();
        }
        return out;
    }

    void compare(String when) throws Exception {
        List<String> kafkas = dump(roots[0]), ours = dump(roots[1]);
        if (kafkas.equals(ours)) return;
        for (int i = 0; i < Math.max(kafkas.size(), ours.size()); i++) {
            String k = i < kafkas.size() ? kafkas.get(i) : "(end)", o = i < ours.size() ? ours.get(i) : "(end)";
            if (!k.equals(o)) throw new IllegalStateException(when + ": line " + i + "\n  Kafka: " + k + "\n  ours:  " + o);
        }
    }

    // Only while both sides' segments are the same: what marks our groups' ends takes room, so later groups may differ.
    void compareTimes() {
        for (File file : new File(roots[0], "t-0").listFiles()) {
            long ours = new File(new File(roots[1], "t-0"), file.getName()).lastModified();
            if (file.getName().endsWith(".log") && ours != 0 && file.length() > 0 && ours != file.lastModified())
                throw new IllegalStateException(file + " is of " + file.lastModified() + ", ours of " + ours);
        }
    }

    int run() throws Exception {
        long dirty = 0;
        int rounds = 0;
        for (int phase = 0; phase < 5; phase++) {
            append(phase == 0 ? 20 : 60, phase == 0);
            long now = start + 20_000 + phase * 6_000L;
            for (;;) {
                for (File root : roots) date(root);
                long kafkas = cleanKafkas(dirty, now), ours = cleanOurs(dirty, now);
                String when = "phase " + phase + " dirty from " + dirty;
                if (kafkas != ours) throw new IllegalStateException(when + ": Kafka cleans to " + kafkas + ", ours to " + ours);
                compare(when);
                if (phase == 0 && dirty == 0) compareTimes();
                rounds++;
                if (kafkas == dirty) break;
                dirty = kafkas;
            }
        }
        return rounds;
    }

    public static void main(String[] args) throws Exception {
        int rounds = 0, records = 0;
        for (int i = 2; i < args.length; i++) {
            CompactOracle oracle = new CompactOracle(args[0], new File(args[1]), Long.parseLong(args[i]));
            try {
                rounds += oracle.run();
            } catch (Exception e) {
                System.out.println("seed " + args[i] + ": " + e);
                e.printStackTrace();
                System.exit(1);
            }
            records += oracle.written;
        }
        System.out.println("no difference: " + (args.length - 2) + " logs, " + records + " records, " + rounds + " rounds");
    }
}
