// SPDX-License-Identifier: Apache-2.0
// What Apache Kafka's UnifiedLog makes of sequences of transactional appends, as text that src/store/store_txn_test.c
// repeats and compares, byte for byte in the files.
//   TxnOracle SEQUENCES STEPS
//
// log SEED                                          a new log; times start at NOW
// d PID EPOCH SEQUENCE COUNT TXN GUARD TIME         a producer's batch; GUARD is a number that v gave, 0 = none
// m PID EPOCH COMMIT COORDINATOR_EPOCH VERSION TIME a marker
// v PID EPOCH SEQUENCE BUMP                         a verification begins
// h OFFSET / r / t OFFSET / x / k                   high watermark; roll; truncate; stop and start; kill and start
// c FROM TO                                         aborted transactions between them
// Each is followed by
// = ERROR RESULT END STABLE                         RESULT: base offset of d and m, guard of v, else 0
// p PID EPOCH LAST_SEQUENCE LAST_TIME COORDINATOR_EPOCH TXN_START      after d and m, when it is known
// a PID FIRST LAST STABLE                           of c
// and the whole by
// file NAME HEX                                     each .txnindex
// log-crc BASE SIZE CRC32C                          each .log
// s HEX                                             each entry of the last .snapshot, by producer
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.DescribeProducersResponseData.ProducerState;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.utils.Crc32C;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.common.RequestLocal;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.*;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

public class TxnOracle {
    static final long NOW = 1700000000000L;
    static final StringBuilder out = new StringBuilder();

    static final Time TIME = new Time() {
        public long milliseconds() { return NOW; }
        public long nanoseconds() { return NOW * 1000000; }
        public void sleep(long ms) { }
        public void waitObject(Object o, Supplier<Boolean> c, long d) { }
    };

    record Sent(short epoch, int sequence, int count, boolean txn, int life) { }

    final Random random;
    final KafkaScheduler scheduler = new KafkaScheduler(1);
    final Path parent;
    final File dir;
    final Map<VerificationGuard, Integer> numbers = new IdentityHashMap<>();
    final List<VerificationGuard> guards = new ArrayList<>();
    final Map<Long, Integer> newestGuard = new HashMap<>();
    final Map<Long, List<Sent>> sent = new HashMap<>();
    final TreeMap<Long, Boolean> boundaries = new TreeMap<>();
    UnifiedLog log;
    int life = 0;
    long time = NOW;

    TxnOracle(long seed) throws Exception {
        random = new Random(seed);
        parent = Files.createTempDirectory("oracle");
        dir = new File(parent.toFile(), "t-0");
        dir.mkdir();
        scheduler.startup();
        guards.add(VerificationGuard.SENTINEL);
        log = open(true, 0);
        boundaries.put(0L, true);
        out.append("log ").append(seed).append('\n');
    }

    UnifiedLog open(boolean clean, long recoveryPoint) throws Exception {
        return UnifiedLog.create(dir, new LogConfig(Map.of()), 0, recoveryPoint, scheduler, new BrokerTopicStats(false), TIME, 900000,
            new ProducerStateManagerConfig(86400000, true), 600000, new LogDirFailureChannel(1), clean, Optional.empty());
    }

    Optional<ProducerState> state(long pid) {
        return log.activeProducers().stream().filter(p -> p.producerId() == pid).findFirst();
    }

    void line(Object... words) {
        for (int i = 0; i < words.length; i++) out.append(i == 0 ? "" : " ").append(words[i]);
        out.append('\n');
    }

    void outcome(Errors error, long result) { line("=", error.code(), result, log.logEndOffset(), log.lastStableOffset()); }

    void show(long pid) {
        state(pid).ifPresent(p -> line("p", pid, p.producerEpoch(), p.lastSequence(), p.lastTimestamp(), p.coordinatorEpoch(),
            p.currentTxnStartOffset()));
    }

    void append(long pid, MemoryRecords records, AppendOrigin origin, int guard, int version) {
        try {
            LogAppendInfo info = log.appendAsLeader(records, 0, origin, RequestLocal.noCaching(), guards.get(guard), (short) version);
            outcome(Errors.NONE, info.firstOffset());
            boundaries.put(log.logEndOffset(), true);
        } catch (Exception e) {
            outcome(Errors.forException(e), -1);
        }
        show(pid);
    }

    void data(long pid) {
        Optional<ProducerState> p = state(pid);
        short epoch = (short) (p.isPresent() ? Math.max(0, p.get().producerEpoch()) : 0);
        int last = p.isPresent() ? p.get().lastSequence() : -1;
        int sequence = last + 1;
        int count = 1 + random.nextInt(3);
        boolean open = p.isPresent() && p.get().currentTxnStartOffset() >= 0;
        boolean txn = open ? random.nextInt(20) > 0 : random.nextInt(4) > 0;
        int guard = newestGuard.getOrDefault(pid, 0);
        List<Sent> before = sent.computeIfAbsent(pid, k -> new ArrayList<>());
        switch (random.nextInt(16)) {
            case 0: sequence += 1 + random.nextInt(3); break;
            case 1: epoch++; sequence = random.nextInt(4) == 0 ? 1 : 0; break;
            case 2: epoch = (short) Math.max(0, epoch - 1); break;
            case 3: guard = random.nextInt(guards.size()); break;
            case 4:
            case 5:
                if (!before.isEmpty()) {
                    Sent again = before.get(before.size() - 1 - (random.nextInt(2) == 0 ? 0 : random.nextInt(Math.min(7, before.size()))));
                    // Of former lives only the newest batch is remembered for sure.
                    if (again.life < life) again = before.get(before.size() - 1);
                    epoch = again.epoch; sequence = again.sequence; count = again.count; txn = again.txn;
                }
                break;
            default: break;
        }
        if (sequence < 0) sequence = 0;
        time++;
        line("d", pid, epoch, sequence, count, txn ? 1 : 0, guard, time);
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(512), RecordBatch.MAGIC_VALUE_V2, Compression.NONE,
            TimestampType.CREATE_TIME, 0L, RecordBatch.NO_TIMESTAMP, pid, epoch, sequence, txn, RecordBatch.NO_PARTITION_LEADER_EPOCH);
        for (int i = 0; i < count; i++) builder.append(time + i, null, "v".getBytes());
        long end = log.logEndOffset();
        append(pid, builder.build(), AppendOrigin.CLIENT, guard, 0);
        if (log.logEndOffset() > end) before.add(new Sent(epoch, sequence, count, txn, life));
    }

    void marker(long pid) {
        Optional<ProducerState> p = state(pid);
        int version = random.nextInt(3);
        int epoch = p.isPresent() ? Math.max(0, p.get().producerEpoch()) : 0;
        int known = p.isPresent() ? Math.max(0, p.get().coordinatorEpoch()) : 0;
        if (version == 2) epoch++;
        if (random.nextInt(10) == 0) epoch += random.nextInt(3) - 1;
        if (epoch < 0) epoch = 0;
        if (random.nextInt(10) == 0) known += random.nextInt(3) - 1;
        if (known < 0) known = 0;
        boolean commit = random.nextInt(2) == 0;
        time++;
        line("m", pid, epoch, commit ? 1 : 0, known, version, time);
        append(pid, MemoryRecords.withEndTransactionMarker(0L, time, RecordBatch.NO_PARTITION_LEADER_EPOCH, pid, (short) epoch,
            new EndTransactionMarker(commit ? ControlRecordType.COMMIT : ControlRecordType.ABORT, known)), AppendOrigin.COORDINATOR, 0, version);
    }

    void verify(long pid) {
        Optional<ProducerState> p = state(pid);
        short epoch = (short) (p.isPresent() ? Math.max(0, p.get().producerEpoch()) : 0);
        int sequence = p.isPresent() ? p.get().lastSequence() + 1 : 0;
        if (random.nextInt(8) == 0) epoch = (short) Math.max(0, epoch + random.nextInt(3) - 1);
        if (random.nextInt(8) == 0) sequence += 2;
        boolean bump = random.nextInt(4) == 0;
        line("v", pid, epoch, sequence, bump ? 1 : 0);
        try {
            VerificationGuard guard = log.maybeStartTransactionVerification(pid, sequence, epoch, bump);
            int number = 0;
            if (guard != VerificationGuard.SENTINEL) {
                number = numbers.computeIfAbsent(guard, g -> guards.size());
                if (number == guards.size()) guards.add(guard);
                newestGuard.put(pid, number);
            }
            outcome(Errors.NONE, number);
        } catch (Exception e) {
            outcome(Errors.forException(e), 0);
        }
    }

    void watermark(long offset) throws Exception {
        line("h", offset);
        log.updateHighWatermark(offset);
        outcome(Errors.NONE, 0);
    }

    void restart(boolean clean) throws Exception {
        // What was decided but not replicated is forgotten by Kafka when a snapshot is behind it; we still know it.
        watermark(log.logEndOffset());
        long watermark = log.highWatermark();
        line(clean ? "x" : "k");
        if (clean) log.close();
        else log.closeHandlers();
        log = open(clean, clean ? log.logEndOffset() : 0);
        log.updateHighWatermark(watermark);
        newestGuard.clear();
        numbers.clear();
        guards.subList(1, guards.size()).clear();
        life++;
        outcome(Errors.NONE, 0);
    }

    void roll() throws Exception {
        line("r");
        if (log.logEndOffset() > log.activeSegment().baseOffset()) log.roll();
        outcome(Errors.NONE, 0);
    }

    void step() throws Exception {
        long pid = 1000 + random.nextInt(4);
        int dice = random.nextInt(200);
        if (dice < 90) data(pid);
        else if (dice < 130) marker(pid);
        else if (dice < 165) verify(pid);
        else if (dice < 180) watermark(log.highWatermark() + random.nextInt((int) (log.logEndOffset() - log.highWatermark()) + 1));
        else if (dice < 188) {
            long from = random.nextInt((int) log.logEndOffset() + 1), to = from + random.nextInt((int) (log.logEndOffset() - from) + 1);
            line("c", from, to);
            List<AbortedTxn> found = new ArrayList<>(log.collectAbortedTransactions(from, to));
            outcome(Errors.NONE, 0);
            // The call begins its search at the segment of `from` but looks for what touches the whole log.
            found.removeIf(t -> t.lastOffset() < from);
            for (AbortedTxn t : found) line("a", t.producerId(), t.firstOffset(), t.lastOffset(), t.lastStableOffset());
        } else if (dice < 193) roll();
        else if (dice < 196) {
            List<Long> places = new ArrayList<>(boundaries.tailMap(Math.max(0, log.logEndOffset() - 12)).keySet());
            long to = places.get(random.nextInt(places.size()));
            // Kafka keeps the segment that becomes empty, we go on in the one before.
            if (to >= log.logEndOffset() || log.logSegments().stream().anyMatch(s -> s.baseOffset() == to)) return;
            line("t", to);
            boundaries.tailMap(to, false).clear();
            log.truncateTo(to);
            // Kafka drops those that it meets when it reads the log again; we drop all.
            for (long each = 1000; each < 1004; each++) log.producerStateManager().clearVerificationStateEntry(each);
            newestGuard.clear();
            log.updateHighWatermark(Math.min(log.highWatermark(), log.logEndOffset()));
            sent.clear();
            life++;
            outcome(Errors.NONE, 0);
        } else restart(dice < 198);
    }

    static String hex(byte[] bytes) {
        StringBuilder s = new StringBuilder();
        for (byte b : bytes) s.append(String.format("%02x", b));
        return s.toString();
    }

    void end() throws Exception {
        roll();
        log.flush(true);
        File[] files = dir.listFiles();
        java.util.Arrays.sort(files);
        File snapshot = null;
        for (File f : files) {
            if (f.getName().endsWith(".txnindex") && f.length() > 0) line("file", f.getName(), hex(Files.readAllBytes(f.toPath())));
            if (f.getName().endsWith(".snapshot")) snapshot = f;
        }
        for (LogSegment segment : log.logSegments()) {
            if (segment.size() == 0) continue;
            byte[] bytes = Files.readAllBytes(segment.log().file().toPath());
            line("log-crc", segment.baseOffset(), bytes.length, Crc32C.compute(bytes, 0, bytes.length));
        }
        // Kafka keeps its entries in no order.
        byte[] bytes = Files.readAllBytes(snapshot.toPath());
        TreeMap<Long, String> entries = new TreeMap<>();
        for (int at = 10; at < bytes.length; at += 46)
            entries.put(ByteBuffer.wrap(bytes).getLong(at), hex(java.util.Arrays.copyOfRange(bytes, at, at + 46)));
        for (String entry : entries.values()) line("s", entry);
        log.close();
        scheduler.shutdown();
        try (var all = Files.walk(parent)) { all.sorted(Comparator.reverseOrder()).forEach(p -> p.toFile().delete()); }
    }

    public static void main(String[] args) throws Exception {
        for (int seed = 1; seed <= Integer.parseInt(args[0]); seed++) {
            TxnOracle oracle = new TxnOracle(seed);
            for (int i = 0; i < Integer.parseInt(args[1]); i++) oracle.step();
            oracle.end();
        }
        System.out.print(out);
        System.exit(0);
    }
}
