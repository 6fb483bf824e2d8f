// SPDX-License-Identifier: Apache-2.0
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.tools.DumpLogSegments;

/** DumpLogSegments over every file of a data directory that no broker is using, all in this process. */
final class Judge {
    private static final Pattern FAULT = Pattern.compile("isvalid: false|[Mm]ismatch|\\d is followed by|log timestamp:|Found |out of order"
        + "|[Ee]xception|corrupt|trailing bytes|invalid bytes");
    private static final Pattern ABOUT = Pattern.compile("(?:Non-consecutive offsets in|Found timestamp mismatch in) ?:?(\\S+)");
    private static final int TXNINDEX_ENTRY_BYTES = 34;

    private final List<Path> files;
    private final Predicate<String> isCompacted;
    private final List<String> faults = new ArrayList<>();

    private Judge(List<Path> files, Predicate<String> isCompacted) {
        this.files = files;
        this.isCompacted = isCompacted;
    }

    /** Says what was looked at; throws on any fault. isCompacted is asked with a file's path. */
    static String judge(Path dir, Predicate<String> isCompacted) throws IOException {
        try (Stream<Path> all = Files.find(dir, 2, (path, about) -> about.isRegularFile() && about.size() > 0)) {
            return new Judge(all.sorted().collect(Collectors.toList()), isCompacted).judge();
        }
    }

    private String judge() throws IOException {
        List<Path> metadata = named(true, "log", "checkpoint");
        List<Path> logs = named(false, "log");
        List<Path> indexes = named(false, "index", "timeindex");
        List<Path> transactions = named(false, "txnindex");
        List<Path> snapshots = named(false, "snapshot");
        dump(metadata, "--cluster-metadata-decoder");
        dump(snapshots);
        dump(indexes);
        expect("indexes are sane", indexes.size(), count(dump(indexes, "--index-sanity-check"), " passed sanity check"));
        dump(indexes, "--verify-index-only");
        long aborted = 0;
        for (Path each : transactions) {
            aborted += Files.size(each) / TXNINDEX_ENTRY_BYTES;
            expect(each + " bytes behind the last entry", 0, Files.size(each) % TXNINDEX_ENTRY_BYTES);
        }
        expect("aborted transactions shown", aborted, count(dump(transactions), "lastStableOffset: "));
        List<String> deep = dump(logs, "--deep-iteration");
        for (List<Path> kind : List.of(metadata, logs, indexes, transactions, snapshots)) {
            if (kind.isEmpty()) {
                faults.add("of some kind of file there is none");
            }
        }
        if (!faults.isEmpty()) {
            throw new IllegalStateException(String.join("; ", faults.subList(0, Math.min(5, faults.size()))));
        }
        return logs.size() + " segments of " + count(deep, "baseOffset: ") + " batches, " + indexes.size() + " indexes, " + aborted
            + " aborted transactions, " + snapshots.size() + " snapshots, " + metadata.size() + " files of metadata";
    }

    private List<Path> named(boolean ofMetadata, String... endings) {
        List<String> wanted = List.of(endings);
        return files.stream().filter(f -> f.toString().contains("/__cluster_metadata-0/") == ofMetadata)
            .filter(f -> wanted.contains(f.toString().replaceAll(".*\\.", ""))).filter(f -> Character.isDigit(f.getFileName().toString().charAt(0)))
            .collect(Collectors.toList());
    }

    private static long count(List<String> lines, String part) {
        return lines.stream().filter(line -> line.contains(part)).count();
    }

    private void expect(String what, long wanted, long got) {
        if (wanted != got) {
            faults.add(what + ": " + got + " of " + wanted);
        }
    }

    private List<String> dump(List<Path> of, String... how) {
        if (of.isEmpty()) {
            return List.of();
        }
        List<String> words = new ArrayList<>(List.of(how));
        words.add("--files");
        words.add(of.stream().map(Path::toString).collect(Collectors.joining(",")));
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream stdout = System.out, stderr = System.err;
        try (PrintStream to = new PrintStream(said, false, StandardCharsets.UTF_8)) {
            System.setOut(to);
            System.setErr(to); // offsets that are not consecutive go there
            DumpLogSegments.main(words.toArray(new String[0]));
        } catch (Exception e) {
            faults.add(String.join(" ", how) + ": " + e);
        } finally {
            System.setOut(stdout);
            System.setErr(stderr);
        }
        List<String> lines = said.toString(StandardCharsets.UTF_8).lines().collect(Collectors.toList());
        look(lines);
        return lines;
    }

    /**
     * Of a compacted log the tool complains of two things that are in order, and that Apache Kafka's own have too: offsets that are gone, and a time
     * index entry for a batch of which compaction left only the header: no record in it has a time.
     */
    private void look(List<String> lines) {
        String about = "";
        for (String line : lines) {
            Matcher names = ABOUT.matcher(line);
            if (names.find()) {
                about = names.group(1);
                continue;
            }
            // The tool begins every log at -1, so each segment but the first "follows" it.
            boolean isInOrder = line.startsWith("  -1 is followed by ")
                || isCompacted.test(about) && (line.contains(" is followed by ") || line.endsWith(" log timestamp: -1"));
            if (FAULT.matcher(line).find() && !isInOrder) {
                faults.add((about + " " + line).strip());
            }
        }
    }
}
