// SPDX-License-Identifier: Apache-2.0
// What Apache Kafka's own classes write, read and refuse, as text that src/record/golden_test.c compares with ours.
//   RecordOracle batches           batches of the Java client's builder, every codec and flag
//   RecordOracle verdicts          produced batches, good and bad, and what UnifiedLog makes of them
//   RecordOracle describe          stdin: lines "NAME HEX"; the same with what is in the batch
//   RecordOracle check             stdin: text as above, written by us; exit 1 unless Kafka reads the same
//
// batch NAME HEX
// h baseOffset leaderEpoch attributes lastOffsetDelta baseTimestamp maxTimestamp producerId producerEpoch baseSequence count
// r offset timestamp key value header:value...           bytes in hex, "." empty, "-" null, "#SIZE.CRC32C" when long
//
// case NAME
// o produceVersion isCompacted timestampType beforeMaxMs afterMaxMs nowMs maxMessageBytes targetCodec (-1 = producer)
// i HEX                                                   the records field of the request
// a HEX                                                   accepted, stored so (first offset 0, leader epoch 5)
// e CODE  /  m MESSAGE  /  x INDEX TEXT                   refused; message and record errors as in the response
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Supplier;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.requests.ProduceResponse;
import org.apache.kafka.common.utils.Crc32C;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.common.RequestLocal;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.*;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

public class RecordOracle {
    static final long NOW = 1700000000000L;
    static final CompressionType[] CODECS = CompressionType.values();
    static PrintStream out = System.out;

    // ---- describing ----

    static String hex(byte[] bytes) {
        StringBuilder s = new StringBuilder();
        for (byte b : bytes) s.append(String.format("%02x", b));
        return s.toString();
    }

    static byte[] unhex(String s) {
        byte[] bytes = new byte[s.length() / 2];
        for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) Integer.parseInt(s.substring(2 * i, 2 * i + 2), 16);
        return bytes;
    }

    static byte[] bytesOf(ByteBuffer buffer) {
        if (buffer == null) return null;
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    static String field(byte[] bytes) {
        if (bytes != null && bytes.length > 64) return "#" + bytes.length + "." + Long.toHexString(Crc32C.compute(bytes, 0, bytes.length));
        return bytes == null ? "-" : bytes.length == 0 ? "." : hex(bytes);
    }

    static void describe(String name, byte[] bytes, PrintStream to) {
        to.println("batch " + name + " " + hex(bytes));
        ByteBuffer raw = ByteBuffer.wrap(bytes);
        for (RecordBatch b : MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches()) {
            b.ensureValid();
            to.println("h " + b.baseOffset() + " " + b.partitionLeaderEpoch() + " " + raw.getShort(21) + " " + raw.getInt(23) + " "
                + raw.getLong(27) + " " + b.maxTimestamp() + " " + b.producerId() + " " + b.producerEpoch() + " " + b.baseSequence()
                + " " + b.countOrNull());
            for (Record r : b) {
                StringBuilder line = new StringBuilder("r " + r.offset() + " " + r.timestamp() + " " + field(bytesOf(r.key())) + " "
                    + field(bytesOf(r.value())));
                for (Header h : r.headers())
                    line.append(" ").append(field(h.key().getBytes(StandardCharsets.UTF_8))).append(":").append(field(h.value()));
                to.println(line);
            }
        }
    }

    // ---- batches ----

    static byte[] text(String s) { return s == null ? null : s.getBytes(StandardCharsets.UTF_8); }

    static Compression codec(CompressionType type) { return Compression.of(type).build(); }

    static byte[] finish(MemoryRecordsBuilder builder) { return bytesOf(builder.build().buffer()); }

    static MemoryRecordsBuilder builder(CompressionType type, TimestampType ts, long base, long append, long pid, int epoch, int seq,
                                        boolean txn, boolean control) {
        return new MemoryRecordsBuilder(ByteBuffer.allocate(512), RecordBatch.MAGIC_VALUE_V2, codec(type), ts, base, append, pid,
            (short) epoch, seq, txn, control, 7, 1 << 20);
    }

    static byte[] mixed(CompressionType type, TimestampType ts, long base, long pid, int epoch, int seq, boolean txn) {
        MemoryRecordsBuilder b = builder(type, ts, base, ts == TimestampType.LOG_APPEND_TIME ? NOW + 5 : -1, pid, epoch, seq, txn, false);
        b.append(NOW, text("k"), text("v"));
        b.append(NOW - 7, null, text("older, without a key"));
        b.append(NOW + 100000, text("tombstone"), null);
        b.append(NOW, text(""), text(""), new Header[] {new RecordHeader("h", text("1")), new RecordHeader("h", null), new RecordHeader("\u00fc\u20ac", new byte[0])});
        b.append(NOW + 1, text("repeats"), text("0123456789".repeat(9)));
        return finish(b);
    }

    static byte[] large(CompressionType type) {
        MemoryRecordsBuilder b = builder(type, TimestampType.CREATE_TIME, 1000, -1, -1, -1, -1, false, false);
        for (int i = 0; i < 3; i++) b.append(NOW + i, text("key " + i), text(("line " + i + " of many\n").repeat(3500)));
        return finish(b);
    }

    static void batches() throws Exception {
        for (CompressionType type : CODECS) {
            describe("plain-" + type, mixed(type, TimestampType.CREATE_TIME, 0, -1, -1, -1, false), out);
            if (type != CompressionType.NONE) describe("large-" + type, large(type), out);
        }
        describe("append-time", mixed(CompressionType.NONE, TimestampType.LOG_APPEND_TIME, 1L << 40, -1, -1, -1, false), out);
        describe("append-time-lz4", mixed(CompressionType.LZ4, TimestampType.LOG_APPEND_TIME, 3, -1, -1, -1, false), out);
        describe("idempotent", mixed(CompressionType.NONE, TimestampType.CREATE_TIME, 9, 4711, 2, Integer.MAX_VALUE - 1, false), out);
        describe("transactional", mixed(CompressionType.ZSTD, TimestampType.CREATE_TIME, 9, 4711, 2, 17, true), out);
        for (int level : new int[] {1, 9, 12, 17})
            describe("lz4-level-" + level, finish(leveled(Compression.lz4().level(level).build())), out);
        for (int level : new int[] {-5, 1, 19, 22})
            describe("zstd-level-" + level, finish(leveled(Compression.zstd().level(level).build())), out);
        for (int level : new int[] {1, 9}) describe("gzip-level-" + level, finish(leveled(Compression.gzip().level(level).build())), out);
        describe("commit", bytesOf(MemoryRecords.withEndTransactionMarker(12, NOW, 3, 77, (short) 1, new EndTransactionMarker(ControlRecordType.COMMIT, 5)).buffer()), out);
        describe("abort", bytesOf(MemoryRecords.withEndTransactionMarker(4, 2100, 4, 8, (short) 0, new EndTransactionMarker(ControlRecordType.ABORT, 9)).buffer()), out);
        MemoryRecordsBuilder control = builder(CompressionType.NONE, TimestampType.CREATE_TIME, 0, -1, -1, -1, -1, false, true);
        control.appendLeaderChangeMessage(NOW, new LeaderChangeMessage().setLeaderId(1).setVoters(List.of(new LeaderChangeMessage.Voter().setVoterId(1))));
        control.appendKRaftVersionMessage(NOW, new KRaftVersionRecord().setKRaftVersion((short) 1));
        describe("kraft-control", finish(control), out);
        ByteBuffer empty = ByteBuffer.allocate(61);
        DefaultRecordBatch.writeEmptyHeader(empty, RecordBatch.MAGIC_VALUE_V2, 5, (short) 1, 3, 10, 19, 2, TimestampType.CREATE_TIME, NOW, true, false);
        describe("empty", empty.array(), out);
        MemoryRecordsBuilder gaps = builder(CompressionType.GZIP, TimestampType.CREATE_TIME, 50, -1, -1, -1, -1, false, false);
        gaps.appendWithOffset(52, NOW, text("a"), text("1"), new Header[0]);
        gaps.appendWithOffset(57, NOW, text("b"), text("2"), new Header[0]);
        gaps.overrideLastOffset(60);
        describe("compacted", finish(gaps), out);
    }

    static MemoryRecordsBuilder leveled(Compression compression) {
        MemoryRecordsBuilder b = new MemoryRecordsBuilder(ByteBuffer.allocate(512), RecordBatch.MAGIC_VALUE_V2, compression,
            TimestampType.CREATE_TIME, 0, -1, -1, (short) -1, -1, false, false, -1, 1 << 20);
        for (int i = 0; i < 20; i++) b.append(NOW + i, text("key " + i), text("some value, " + i * i));
        return b;
    }

    // ---- verdicts ----

    static class Options {
        int version = 12, maxBytes = 1048588, codec = -1;
        boolean compacted = false, appendTime = false;
        long before = Long.MAX_VALUE, after = 3600000, now = NOW;
        Options with(int codec) { this.codec = codec; return this; }
    }

    static Time at(long now) {
        return new Time() {
            public long milliseconds() { return now; }
            public long nanoseconds() { return now * 1000000; }
            public void sleep(long ms) { }
            public void waitObject(Object o, Supplier<Boolean> c, long d) { }
        };
    }

    static int cases = 0;

    static void verdict(String name, Options o, byte[] records) throws Exception {
        out.println("case " + name);
        out.println("o " + o.version + " " + (o.compacted ? 1 : 0) + " " + (o.appendTime ? 1 : 0) + " " + o.before + " " + o.after + " "
            + o.now + " " + o.maxBytes + " " + o.codec);
        out.println("i " + (records.length == 0 ? "." : hex(records)));
        Map<String, String> props = new HashMap<>();
        props.put("cleanup.policy", o.compacted ? "compact" : "delete");
        props.put("message.timestamp.type", o.appendTime ? "LogAppendTime" : "CreateTime");
        props.put("message.timestamp.before.max.ms", "" + o.before);
        props.put("message.timestamp.after.max.ms", "" + o.after);
        props.put("max.message.bytes", "" + o.maxBytes);
        props.put("compression.type", o.codec < 0 ? "producer" : o.codec == 0 ? "uncompressed" : CompressionType.forId(o.codec).name);
        Path parent = Files.createTempDirectory("oracle");
        File dir = new File(parent.toFile(), "topic-0");
        dir.mkdir();
        KafkaScheduler scheduler = new KafkaScheduler(1);
        scheduler.startup();
        UnifiedLog log = UnifiedLog.create(dir, new LogConfig(props), 0, 0, scheduler, new BrokerTopicStats(false), at(o.now), 900000,
            new ProducerStateManagerConfig(86400000, false), 600000, new LogDirFailureChannel(1), true, Optional.empty());
        try {
            MemoryRecords sent = MemoryRecords.readableRecords(ByteBuffer.wrap(records.clone()));
            ProduceRequest.validateRecords((short) o.version, sent);
            log.appendAsLeader(sent, 5, AppendOrigin.CLIENT, RequestLocal.noCaching(), VerificationGuard.SENTINEL, (short) 0);
            log.flush(false);
            out.println("a " + hex(Files.readAllBytes(new File(dir, "00000000000000000000.log").toPath())));
        } catch (RecordValidationException e) {
            out.println("e " + Errors.forException(e.invalidException()).code());
            out.println("m " + e.invalidException().getMessage());
            for (ProduceResponse.RecordError r : e.recordErrors()) out.println("x " + r.batchIndex + " " + r.message);
        } catch (Throwable t) {
            out.println("e " + Errors.forException(t).code());
            if (System.getenv("WHY") != null) System.err.println(name + ": " + t);
        } finally {
            log.close();
            scheduler.shutdown();
            try (var files = Files.walk(parent)) { files.sorted((a, b) -> b.compareTo(a)).forEach(p -> p.toFile().delete()); }
        }
        cases++;
    }

    interface Patch { void apply(ByteBuffer batch); }

    static byte[] patched(byte[] batch, Patch patch) {
        byte[] copy = batch.clone();
        patch.apply(ByteBuffer.wrap(copy));
        return sealed(copy);
    }

    static byte[] sealed(byte[] batch) {
        ByteBuffer.wrap(batch).putInt(8, batch.length - 12);
        ByteBuffer.wrap(batch).putInt(17, (int) Crc32C.compute(batch, 21, batch.length - 21));
        return batch;
    }

    static byte[] good(CompressionType type) { return mixed(type, TimestampType.CREATE_TIME, 0, -1, -1, -1, false); }

    static byte[] simple(CompressionType type, long... timestamps) {
        MemoryRecordsBuilder b = builder(type, TimestampType.CREATE_TIME, 0, -1, -1, -1, -1, false, false);
        for (long t : timestamps) b.append(t, text("k"), text("v"));
        return finish(b);
    }

    // Records given as raw bytes behind the header of a batch, so that they may be anything.
    static byte[] raw(int count, CompressionType type, String records) throws Exception {
        byte[] header = Arrays.copyOf(simple(CompressionType.NONE, NOW), 61);
        org.apache.kafka.common.utils.ByteBufferOutputStream bytes = new org.apache.kafka.common.utils.ByteBufferOutputStream(512);
        try (var stream = codec(type).wrapForOutput(bytes, RecordBatch.MAGIC_VALUE_V2)) { stream.write(unhex(records)); }
        byte[] body = bytesOf((ByteBuffer) bytes.buffer().duplicate().flip());
        byte[] batch = Arrays.copyOf(header, 61 + body.length);
        System.arraycopy(body, 0, batch, 61, body.length);
        ByteBuffer.wrap(batch).putShort(21, (short) type.id).putInt(23, count - 1).putInt(57, count);
        return sealed(batch);
    }

    static byte[] join(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    static byte[] appendTimeFlag(byte[] batch, long max) { return patched(batch, b -> b.putShort(21, (short) (b.getShort(21) | 8)).putLong(35, max)); }

    static void framing() throws Exception {
        byte[] batch = good(CompressionType.NONE);
        verdict("empty", new Options(), new byte[0]);
        for (int size : new int[] {1, 11, 12, 16, 17, 60, 61, batch.length - 1}) verdict("cut-" + size, new Options(), Arrays.copyOf(batch, size));
        verdict("second-partial", new Options(), join(batch, Arrays.copyOf(batch, 70)));
        verdict("second-complete", new Options(), join(batch, batch));
        verdict("second-bad-magic", new Options(), join(batch, patched(batch, b -> b.put(16, (byte) 9))));
        verdict("second-bad-length", new Options(), join(batch, new byte[20]));
        for (int magic : new int[] {0, 1, 3, 127, -1}) verdict("magic-" + magic, new Options(), patched(batch, b -> b.put(16, (byte) magic)));
        for (int length : new int[] {-1, 0, 13, Integer.MAX_VALUE}) {
            byte[] copy = batch.clone();
            ByteBuffer.wrap(copy).putInt(8, length);
            verdict("length-" + length, new Options(), copy);
        }
        for (int version : new int[] {3, 6, 7, 13}) {
            Options o = new Options();
            o.version = version;
            verdict("zstd-produce-" + version, o, good(CompressionType.ZSTD));
            verdict("lz4-produce-" + version, o, good(CompressionType.LZ4));
        }
    }

    static void headers() throws Exception {
        for (CompressionType type : new CompressionType[] {CompressionType.NONE, CompressionType.GZIP}) {
            byte[] batch = good(type);
            String s = "-" + type;
            verdict("base-offset" + s, new Options(), patched(batch, b -> b.putLong(0, 5)));
            Options small = new Options();
            small.maxBytes = batch.length - 1;
            verdict("too-large" + s, small, batch);
            small.maxBytes = batch.length;
            verdict("just-fits" + s, small, batch);
            byte[] flipped = batch.clone();
            flipped[70] ^= 1;
            verdict("crc" + s, new Options(), flipped);
            verdict("crc-and-base-offset" + s, new Options(), join(new byte[] {0, 0, 0, 0, 0, 0, 0, 1}, Arrays.copyOfRange(flipped, 8, flipped.length)));
            for (int delta : new int[] {-1, 3, 5, Integer.MAX_VALUE}) verdict("last-delta-" + delta + s, new Options(), patched(batch, b -> b.putInt(23, delta)));
            for (int count : new int[] {-1, 0, 4, 6}) verdict("count-" + count + s, new Options(), patched(batch, b -> b.putInt(57, count).putInt(23, count - 1)));
            verdict("control" + s, new Options(), patched(batch, b -> b.putShort(21, (short) (b.getShort(21) | 32))));
            verdict("no-sequence" + s, new Options(), patched(batch, b -> b.putLong(43, 1).putShort(51, (short) 0)));
            verdict("producer" + s, new Options(), patched(batch, b -> b.putLong(43, 1).putShort(51, (short) 0).putInt(53, 0)));
            verdict("negative-producer" + s, new Options(), patched(batch, b -> b.putLong(43, -2).putShort(51, (short) 0).putInt(53, -5)));
            verdict("sequence-alone" + s, new Options(), patched(batch, b -> b.putInt(53, 9)));
            for (int bits : new int[] {5, 6, 7}) verdict("codec-" + bits + s, new Options(), patched(batch, b -> b.putShort(21, (short) bits)));
            verdict("unused-bits" + s, new Options(), patched(batch, b -> b.putShort(21, (short) (b.getShort(21) | 0x7f80))));
            verdict("unused-bits-rewritten" + s, new Options(), patched(batch, b -> b.putShort(21, (short) (b.getShort(21) | 0x7f80)).putLong(35, 3)));
            verdict("delete-horizon" + s, new Options(), patched(batch, b -> b.putShort(21, (short) (b.getShort(21) | 64))));
            verdict("delete-horizon-rewritten" + s, new Options(), patched(batch, b -> b.putShort(21, (short) (b.getShort(21) | 64)).putLong(35, 3)));
            verdict("leader-epoch" + s, new Options(), patched(batch, b -> b.putInt(12, 99)));
            verdict("max-timestamp" + s, new Options(), patched(batch, b -> b.putLong(35, 3)));
        }
    }

    static void codecs() throws Exception {
        for (CompressionType from : CODECS)
            for (int to = -1; to < CODECS.length; to++) verdict(from + "-to-" + to, new Options().with(to), good(from));
        for (CompressionType type : CODECS) {
            if (type == CompressionType.NONE) continue;
            byte[] batch = good(type);
            verdict("garbled-" + type, new Options(), patched(batch, b -> b.put(61, (byte) 0x55).put(62, (byte) 0x55).put(64, (byte) 0x55)));
            verdict("stream-cut-" + type, new Options(), sealed(Arrays.copyOf(batch, 75)));
            verdict("stream-empty-" + type, new Options(), sealed(Arrays.copyOf(batch, 61)));
            MemoryRecordsBuilder b = builder(type, TimestampType.CREATE_TIME, 0, -1, -1, -1, -1, false, false);
            b.appendWithOffset(0, NOW, text("a"), text("b"), new Header[0]);
            b.appendWithOffset(2, NOW, text("a"), text("b"), new Header[0]);
            byte[] gap = patched(finish(b), x -> x.putInt(23, 1));
            verdict("gap-" + type, new Options(), gap);
            verdict("gap-rebuilt-" + type, new Options().with(0), gap);
            MemoryRecordsBuilder noise = builder(type, TimestampType.CREATE_TIME, 0, -1, -1, -1, -1, false, false);
            noise.append(NOW, text("k"), text("v".repeat(3000)));
            Options tight = new Options().with(0);
            tight.maxBytes = 2000;
            verdict("too-large-rebuilt-" + type, tight, finish(noise));
            verdict("negative-timestamp-" + type, new Options(), simple(CompressionType.NONE, 0, 0));
        }
    }

    static void times() throws Exception {
        for (CompressionType type : new CompressionType[] {CompressionType.NONE, CompressionType.LZ4}) {
            for (int to : new int[] {-1, 4}) {
                String s = "-" + type + "-to-" + to;
                Options o = new Options().with(to);
                verdict("future" + s, o, simple(type, NOW, NOW + 3600000, NOW + 3600001));
                verdict("none" + s, o, simple(type, -1, -1));
                verdict("old-unlimited" + s, o, simple(type, 0, 1));
                verdict("below-minus-one" + s, o, patched(simple(type, 5, 5), b -> b.putLong(27, -5)));
                verdict("wraps" + s, o, patched(simple(type, 5, 5), b -> b.putLong(27, Long.MIN_VALUE)));
                verdict("flagged" + s, o, appendTimeFlag(simple(type, NOW, NOW + 1), NOW + 1));
                verdict("flagged-other-max" + s, o, appendTimeFlag(simple(type, NOW, NOW + 1), NOW - 50));
                verdict("flagged-without" + s, o, appendTimeFlag(simple(type, NOW, NOW + 1), -1));
                Options old = new Options().with(to);
                old.before = 1000;
                verdict("old" + s, old, simple(type, NOW - 1001, NOW - 1000, NOW - 1002, -1));
                Options append = new Options().with(to);
                append.appendTime = true;
                append.before = 1000;
                verdict("append-time" + s, append, simple(type, 1, NOW + 9999999));
                verdict("append-time-flagged" + s, append, appendTimeFlag(simple(type, NOW, NOW), NOW));
                Options compacted = new Options().with(to);
                compacted.compacted = true;
                verdict("null-key" + s, compacted, good(type));
                compacted.before = 1000;
                MemoryRecordsBuilder b = builder(type, TimestampType.CREATE_TIME, 0, -1, -1, -1, -1, false, false);
                for (int i = 0; i < 5; i++) b.append(NOW, null, text("v"));
                verdict("null-keys" + s, compacted, finish(b));
                b = builder(type, TimestampType.CREATE_TIME, 0, -1, -1, -1, -1, false, false);
                b.append(NOW, null, text("v"));
                b.append(5, text("k"), text("v"));
                b.append(5, null, text("v"));
                verdict("null-key-and-old" + s, compacted, finish(b));
            }
        }
    }

    static void bodies() throws Exception {
        String[][] bodies = {
            {"good", "10 00 00 00 02 6b 02 76 00"}, {"attributes", "10 7f 00 00 02 6b 02 76 00"}, {"short", "0e 00 00 00 02 6b 02 76 00"},
            {"long", "12 00 00 00 02 6b 02 76 00 00"}, {"trailing", "10 00 00 00 02 6b 02 76 00 10"}, {"cut", "10 00 00 00 02 6b 02 76"},
            {"nothing", ""}, {"size-zero", "00"}, {"size-negative", "01 00 00 00 02 6b 02 76 00"}, {"size-overflow", "ff ff ff ff ff 01 00 00 00"},
            {"key-minus-2", "0e 00 00 00 03 02 76 00"}, {"value-minus-2", "0e 00 00 00 02 6b 03 00"}, {"key-too-long", "10 00 00 00 20 6b 02 76 00"},
            {"headers-negative", "10 00 00 00 02 6b 02 76 01"}, {"headers-many", "10 00 00 00 02 6b 02 76 7e"},
            {"header-null-key", "14 00 00 00 02 6b 02 76 02 01 00"}, {"header-null-value", "16 00 00 00 02 6b 02 76 02 02 61 01"},
            {"header-minus-2", "16 00 00 00 02 6b 02 76 02 02 61 03"}, {"header-not-utf8", "18 00 00 00 02 6b 02 76 02 02 ff 02 ff"},
            {"varint-long", "14 00 00 80 00 02 6b 02 76 80 00"}, {"varint-too-long", "1a 00 00 80 80 80 80 80 00 02 6b 02 76 00"},
        };
        for (String[] body : bodies) {
            String bytes = body[1].replace(" ", "");
            verdict("body-" + body[0], new Options(), raw(1, CompressionType.NONE, bytes));
            verdict("body-to-lz4-" + body[0], new Options().with(3), raw(1, CompressionType.NONE, bytes));
            verdict("body-lz4-" + body[0], new Options(), raw(1, CompressionType.LZ4, bytes));
            verdict("body-from-lz4-" + body[0], new Options().with(0), raw(1, CompressionType.LZ4, bytes));
        }
        byte[] batch = good(CompressionType.NONE);
        Random random = new Random(7);
        for (int i = 0; i < 250; i++) {
            int at = i % 4 == 0 ? 21 + random.nextInt(40) : 61 + random.nextInt(80);
            byte with = (byte) (i % 3 == 0 ? batch[at] + 1 : i % 3 == 1 ? batch[at] ^ (1 << random.nextInt(8)) : random.nextInt(256));
            verdict("changed-" + i + "-" + at, new Options(), patched(batch, b -> b.put(at, with)));
        }
    }

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "batches": batches(); break;
            case "verdicts": framing(); headers(); codecs(); times(); bodies(); break;
            case "describe":
            case "check": {
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
                List<String> given = new ArrayList<>();
                java.io.ByteArrayOutputStream read = new java.io.ByteArrayOutputStream();
                PrintStream to = new PrintStream(read);
                for (String line; (line = in.readLine()) != null;) {
                    given.add(line);
                    String[] words = line.split(" ");
                    if (args[0].equals("describe")) describe(words[0], unhex(words[1]), to);
                    else if (words[0].equals("batch")) describe(words[1], unhex(words[2]), to);
                }
                if (args[0].equals("describe")) { out.write(read.toByteArray()); break; }
                List<String> kafka = Arrays.asList(read.toString().split("\n"));
                for (int i = 0; i < Math.max(kafka.size(), given.size()); i++) {
                    String ours = i < given.size() ? given.get(i) : "(nothing)", theirs = i < kafka.size() ? kafka.get(i) : "(nothing)";
                    if (ours.equals(theirs)) continue;
                    System.err.println("line " + (i + 1) + "\nours  " + ours + "\nKafka " + theirs);
                    System.exit(1);
                }
                System.out.println("record oracle: " + given.stream().filter(l -> l.startsWith("batch ")).count() + " batches of ours read by Apache Kafka, no difference");
                break;
            }
            default: throw new IllegalArgumentException(args[0]);
        }
        out.flush();
    }
}
