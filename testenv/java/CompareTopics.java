import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Does a consumer see the same on both sides? Reads every partition of the topics on both clusters in step and compares the
 * sequences of (timestamp, key, value, headers); with --identity offsets, log starts and ends too.
 *
 * <p>Knows nothing of kferry: it is the Java client's word. Usage and output: testenv/README.md.
 *
 * <p>Memory: a hash per record of the partitions that are being compared, one per thread. Exit code: 0 the same, 3 not the
 * same, 1 for any failure, 2 for usage.
 */
public class CompareTopics {
    private static final int AHEAD = 2_000; // records kept per side before the other one is read on
    private static final int MOST_LISTED = 50;

    private final Map<String, String> options = new HashMap<>();
    private final Properties sourceProperties = new Properties();
    private final Properties targetProperties = new Properties();
    private boolean identity;
    private boolean timestamps;
    private boolean readLists;

    public static void main(String[] args) throws Exception {
        CompareTopics tool = new CompareTopics();
        if (!tool.parse(args)) {
            System.err.println("usage: CompareTopics --source H:P --target H:P --topics REGEX [options: see testenv/README.md]");
            System.exit(2);
        }
        int exitCode;
        try {
            exitCode = tool.run();
        } catch (Exception error) {
            System.err.println("CompareTopics: " + error);
            exitCode = 1;
        }
        System.exit(exitCode);
    }

    private boolean parse(String[] args) {
        String[][] defaults = {{"isolation", "read_committed"}, {"target-prefix", ""}, {"threads", "2"}, {"timeout-ms", "60000"},
            {"times", "0"}};
        for (String[] pair : defaults) {
            options.put(pair[0], pair[1]);
        }
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--identity") || args[i].equals("--ignore-timestamps") || args[i].equals("--per-partition")) {
                options.put(args[i].substring(2), "yes");
            } else if (args[i].startsWith("--") && i + 1 < args.length) {
                String name = args[i].substring(2);
                String value = args[++i];
                if (name.equals("source-property") || name.equals("target-property")) {
                    String[] pair = value.split("=", 2);
                    (name.startsWith("source") ? sourceProperties : targetProperties).put(pair[0], pair[1]);
                } else {
                    options.put(name, value);
                }
            } else {
                return false;
            }
        }
        identity = options.containsKey("identity");
        timestamps = !options.containsKey("ignore-timestamps");
        readLists = options.containsKey("per-partition");
        return options.keySet().containsAll(Arrays.asList("source", "target", "topics"));
    }

    private KafkaConsumer<byte[], byte[]> consumer(String side) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get(side));
        properties.put("isolation.level", options.get("isolation"));
        properties.put("auto.offset.reset", "none");
        properties.put("enable.auto.commit", "false");
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("max.poll.records", AHEAD);
        properties.put("max.partition.fetch.bytes", 4 << 20);
        properties.put("receive.buffer.bytes", 1 << 20);
        properties.put("fetch.max.wait.ms", 100);
        properties.putAll(side.equals("source") ? sourceProperties : targetProperties);
        return new KafkaConsumer<>(properties);
    }

    // --- What there is to compare ---

    /** One partition and where its log begins and ends on both sides, for this isolation level. */
    private static final class Pair {
        final TopicPartition source;
        final TopicPartition target;
        long sourceStart;
        long sourceEnd;
        long targetStart;
        long targetEnd;
        Result result;

        Pair(TopicPartition source, TopicPartition target) {
            this.source = source;
            this.target = target;
        }
    }

    private final List<String> rangeDifferences = new ArrayList<>();
    private long rangeDifferenceCount = 0;

    private List<Pair> pairs() {
        Pattern wanted = Pattern.compile(options.get("topics"));
        List<Pair> found = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> source = consumer("source"); KafkaConsumer<byte[], byte[]> target = consumer("target")) {
            Map<String, List<PartitionInfo>> onTarget = target.listTopics();
            for (Map.Entry<String, List<PartitionInfo>> topic : new TreeMap<>(source.listTopics()).entrySet()) {
                if (!wanted.matcher(topic.getKey()).matches() || topic.getKey().startsWith("__")) {
                    continue;
                }
                String name = options.get("target-prefix") + topic.getKey();
                int partitions = topic.getValue().size();
                int there = onTarget.containsKey(name) ? onTarget.get(name).size() : 0;
                if (partitions != there) {
                    rangeDifference("%s has %d partitions, on the target %d", topic.getKey(), partitions, there);
                }
                for (int i = 0; i < Math.min(partitions, there); i++) {
                    found.add(new Pair(new TopicPartition(topic.getKey(), i), new TopicPartition(name, i)));
                }
            }
            readRanges(source, target, found);
        }
        return found;
    }

    private void readRanges(KafkaConsumer<byte[], byte[]> source, KafkaConsumer<byte[], byte[]> target, List<Pair> pairs) {
        List<TopicPartition> sources = new ArrayList<>();
        List<TopicPartition> targets = new ArrayList<>();
        for (Pair pair : pairs) {
            sources.add(pair.source);
            targets.add(pair.target);
        }
        Map<TopicPartition, Long> sourceStarts = source.beginningOffsets(sources);
        Map<TopicPartition, Long> sourceEnds = source.endOffsets(sources);
        Map<TopicPartition, Long> targetStarts = target.beginningOffsets(targets);
        Map<TopicPartition, Long> targetEnds = target.endOffsets(targets);
        for (Pair pair : pairs) {
            pair.sourceStart = sourceStarts.get(pair.source);
            pair.sourceEnd = sourceEnds.get(pair.source);
            pair.targetStart = targetStarts.get(pair.target);
            pair.targetEnd = targetEnds.get(pair.target);
            if (identity && (pair.sourceStart != pair.targetStart || pair.sourceEnd != pair.targetEnd)) {
                rangeDifference("%s is %d..%d, on the target %d..%d", pair.source, pair.sourceStart, pair.sourceEnd, pair.targetStart,
                        pair.targetEnd);
            }
        }
    }

    private synchronized void rangeDifference(String format, Object... arguments) {
        rangeDifferenceCount++;
        if (rangeDifferences.size() < MOST_LISTED) {
            rangeDifferences.add(String.format(format, arguments));
        }
    }

    // --- Reading ---

    /** The records of one partition up to an end, a bounded number of them in memory. */
    private final class Reader {
        private final KafkaConsumer<byte[], byte[]> consumer;
        private final TopicPartition partition;
        private final long end;
        private final ArrayDeque<ConsumerRecord<byte[], byte[]>> records = new ArrayDeque<>();
        private boolean over;

        Reader(KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, long start, long end) {
            this.consumer = consumer;
            this.partition = partition;
            this.end = end;
            over = start >= end;
            if (!over) {
                consumer.assign(List.of(partition));
                consumer.seek(partition, start);
            }
        }

        /** The next record, which stays; null at the end. */
        ConsumerRecord<byte[], byte[]> peek() {
            long deadline = System.currentTimeMillis() + Long.parseLong(options.get("timeout-ms"));
            while (records.isEmpty() && !over) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200)).records(partition)) {
                    if (record.offset() < end) {
                        records.add(record);
                    }
                }
                over = consumer.position(partition) >= end;
                if (System.currentTimeMillis() > deadline) {
                    throw new IllegalStateException(partition + ": no record after offset " + consumer.position(partition) + ", the end is "
                            + end);
                }
            }
            return records.peek();
        }

        ConsumerRecord<byte[], byte[]> take() {
            peek();
            return records.poll();
        }
    }

    // --- Comparing ---

    private static final class Result {
        long compared = 0; // records of the source that the target has in their place
        long sourceRecords = 0;
        long targetRecords = 0;
        long duplicates = 0;
        long missing = 0;
        long extra = 0;
        long outOfOrder = 0;
        long offsetDifferences = 0;
        long timeDifferences = 0;
        String first; // the first difference, as JSON
        final CRC32C digest = new CRC32C();

        boolean same() {
            return duplicates + missing + extra + outOfOrder + offsetDifferences + timeDifferences == 0;
        }

        void add(Result other) {
            compared += other.compared;
            sourceRecords += other.sourceRecords;
            targetRecords += other.targetRecords;
            duplicates += other.duplicates;
            missing += other.missing;
            extra += other.extra;
            outOfOrder += other.outOfOrder;
            offsetDifferences += other.offsetDifferences;
            timeDifferences += other.timeDifferences;
            first = first == null ? other.first : first;
        }
    }

    /**
     * Walks along the target. A record that is not the source's next one is a duplicate if the source's part that has been
     * passed has it; else the source is searched ahead, and what is skipped by that is missing, or out of order if it turns
     * up later; else it is extra.
     */
    private final class Comparison {
        private final Reader source;
        private final Reader target;
        private final Result result;
        private final boolean identical;
        private final LongCounts passed = new LongCounts();
        private final LongCounts skipped = new LongCounts();
        private final List<Long> sampledTimes = new ArrayList<>();
        // Hashes of records of the source that were read ahead, from `aheadAt` on; then `source` goes on.
        private long[] ahead = new long[0];
        private int aheadAt = 0;
        private int aheadEnd = 0;

        Comparison(Reader source, Reader target, Result result) {
            this.source = source;
            this.target = target;
            this.result = result;
            this.identical = identity;
        }

        void run(boolean digest) {
            while (true) {
                ConsumerRecord<byte[], byte[]> theirs = target.take();
                if (theirs == null) {
                    break;
                }
                result.targetRecords++;
                if (aheadAt == aheadEnd) {
                    ConsumerRecord<byte[], byte[]> ours = source.peek();
                    if (ours != null && sameRecord(ours, theirs)) {
                        source.take();
                        noteSource(ours, digest);
                        matched(ours, theirs, hash(ours));
                        continue;
                    }
                }
                differs(theirs, digest);
            }
            while (nextAhead(digest)) {
                skipped.add(ahead[aheadAt++], 1);
            }
            result.missing = skipped.total();
            if (result.missing > 0 && result.first == null) {
                result.first = json("kind", "missing", "partition", source.partition.toString());
            }
        }

        private void noteSource(ConsumerRecord<byte[], byte[]> record, boolean digest) {
            if (digest) {
                note(result.digest, record);
            }
            result.sourceRecords++;
        }

        private void matched(ConsumerRecord<byte[], byte[]> ours, ConsumerRecord<byte[], byte[]> theirs, long hash) {
            result.compared++;
            passed.add(hash, 1);
            if (identical && ours != null && ours.offset() != theirs.offset()) {
                result.offsetDifferences++;
                first("offset", ours, theirs);
            }
        }

        private void differs(ConsumerRecord<byte[], byte[]> theirs, boolean digest) {
            long hash = hash(theirs);
            first("record", aheadAt == aheadEnd ? source.peek() : null, theirs);
            if (aheadAt < aheadEnd && ahead[aheadAt] == hash) {
                aheadAt++;
                matched(null, theirs, hash);
                return;
            }
            if (skipped.take(hash)) {
                result.outOfOrder++;
                passed.add(hash, 1);
                return;
            }
            if (passed.has(hash)) {
                result.duplicates++;
                return;
            }
            int found = find(hash, digest);
            if (found < 0) {
                result.extra++;
                return;
            }
            while (aheadAt < found) {
                skipped.add(ahead[aheadAt++], 1);
            }
            aheadAt++;
            matched(null, theirs, hash);
        }

        /** Its index in `ahead`; reads the source to its end if need be: hashes only, and once. -1: nowhere. */
        private int find(long hash, boolean digest) {
            if (aheadHashes != null && aheadAt < aheadEnd && !aheadHashes.has(hash) && source.peek() == null) {
                return -1;
            }
            for (int i = aheadAt; ; i++) {
                if (i == aheadEnd && !readAhead(digest)) {
                    return -1;
                }
                if (ahead[i] == hash) {
                    return i;
                }
            }
        }

        private LongCounts aheadHashes;

        private boolean readAhead(boolean digest) {
            ConsumerRecord<byte[], byte[]> record = source.take();
            if (record == null) {
                return false;
            }
            noteSource(record, digest);
            if (aheadHashes == null) {
                aheadHashes = new LongCounts();
            }
            if (aheadEnd == ahead.length) {
                ahead = Arrays.copyOf(ahead, Math.max(1024, ahead.length * 2));
            }
            ahead[aheadEnd] = hash(record);
            aheadHashes.add(ahead[aheadEnd], 1);
            aheadEnd++;
            return true;
        }

        private boolean nextAhead(boolean digest) {
            return aheadAt < aheadEnd || readAhead(digest);
        }

        private void first(String kind, ConsumerRecord<byte[], byte[]> ours, ConsumerRecord<byte[], byte[]> theirs) {
            if (result.first == null) {
                result.first = json("kind", kind, "partition", source.partition.toString(), "source_offset",
                        ours == null ? null : (Object) ours.offset(), "target_offset", theirs == null ? null : (Object) theirs.offset(),
                        "source_record", ours == null ? null : describe(ours), "target_record", theirs == null ? null : describe(theirs));
            }
        }
    }

    private boolean sameRecord(ConsumerRecord<byte[], byte[]> one, ConsumerRecord<byte[], byte[]> other) {
        if ((timestamps && one.timestamp() != other.timestamp()) || !Arrays.equals(one.key(), other.key())
                || !Arrays.equals(one.value(), other.value())) {
            return false;
        }
        Header[] ours = one.headers().toArray();
        Header[] theirs = other.headers().toArray();
        boolean same = ours.length == theirs.length;
        for (int i = 0; same && i < ours.length; i++) {
            same = ours[i].key().equals(theirs[i].key()) && Arrays.equals(ours[i].value(), theirs[i].value());
        }
        return same;
    }

    private long hash(ConsumerRecord<byte[], byte[]> record) {
        long hash = timestamps ? mix(record.timestamp()) : 7;
        hash = add(add(hash, record.key()), record.value());
        for (Header header : record.headers()) {
            hash = add(add(hash, header.key().getBytes(java.nio.charset.StandardCharsets.UTF_8)), header.value());
        }
        return hash;
    }

    private static final java.lang.invoke.VarHandle LONGS =
            java.lang.invoke.MethodHandles.byteArrayViewVarHandle(long[].class, java.nio.ByteOrder.LITTLE_ENDIAN);

    private static long add(long hash, byte[] bytes) {
        if (bytes == null) {
            return mix(hash + 1);
        }
        hash = mix(hash + 2 + bytes.length);
        int i = 0;
        for (; i + 8 <= bytes.length; i += 8) {
            hash = mix(hash ^ (long) LONGS.get(bytes, i));
        }
        for (; i < bytes.length; i++) {
            hash = mix(hash ^ bytes[i]);
        }
        return hash;
    }

    /** The finalizer of SplittableRandom. */
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L + 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    /** How often each of many longs occurs; open addressing, since boxed ones would take ten times the memory. */
    private static final class LongCounts {
        private long[] keys = new long[1024];
        private int[] counts = new int[1024];
        private int used = 0;
        private long total = 0;

        void add(long key, int count) {
            if (used * 2 > keys.length) {
                grow();
            }
            int at = find(key);
            if (counts[at] == 0 && keys[at] != key) {
                used++;
            }
            keys[at] = key;
            counts[at] += count;
            total += count;
        }

        boolean has(long key) {
            return counts[find(key)] > 0;
        }

        /** One less of it; false when there is none. */
        boolean take(long key) {
            int at = find(key);
            if (counts[at] == 0) {
                return false;
            }
            counts[at]--;
            total--;
            return true;
        }

        long total() {
            return total;
        }

        private int find(long key) {
            int at = (int) (key ^ (key >>> 32)) & (keys.length - 1);
            while (keys[at] != key && (keys[at] != 0 || counts[at] > 0)) {
                at = (at + 1) & (keys.length - 1);
            }
            return at;
        }

        private void grow() {
            long[] oldKeys = keys;
            int[] oldCounts = counts;
            keys = new long[oldKeys.length * 2];
            counts = new int[oldKeys.length * 2];
            used = 0;
            total = 0;
            for (int i = 0; i < oldKeys.length; i++) {
                if (oldCounts[i] > 0) {
                    add(oldKeys[i], oldCounts[i]);
                }
            }
        }
    }

    // --- The digest of java/Load.java: over the CRC32C of each record's key, value and headers ---

    private static void note(CRC32C digest, ConsumerRecord<byte[], byte[]> record) {
        CRC32C one = new CRC32C();
        noteBytes(one, record.key());
        noteBytes(one, record.value());
        Header[] headers = record.headers().toArray();
        noteInt(one, headers.length);
        for (Header header : headers) {
            noteBytes(one, header.key().getBytes(java.nio.charset.StandardCharsets.UTF_8));
            noteBytes(one, header.value());
        }
        noteInt(digest, (int) one.getValue());
    }

    private static void noteBytes(CRC32C crc, byte[] bytes) {
        noteInt(crc, bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            crc.update(bytes, 0, bytes.length);
        }
    }

    private static void noteInt(CRC32C crc, int value) {
        crc.update(value >>> 24);
        crc.update(value >>> 16);
        crc.update(value >>> 8);
        crc.update(value);
    }

    // --- offsetsForTimes ---

    /** Asks both sides for the offsets of some timestamps between the first record's and beyond the last one's. */
    private void compareTimes(Pair pair, KafkaConsumer<byte[], byte[]> source, KafkaConsumer<byte[], byte[]> target, Span span) {
        int wanted = Integer.parseInt(options.get("times"));
        for (int i = 0; wanted > 0 && span.lowest <= span.highest && i <= wanted; i++) {
            long time = span.lowest + (span.highest - span.lowest + 1) * i / wanted;
            if (time < 0) {
                continue;
            }
            OffsetAndTimestamp ours = source.offsetsForTimes(Map.of(pair.source, time)).get(pair.source);
            OffsetAndTimestamp theirs = target.offsetsForTimes(Map.of(pair.target, time)).get(pair.target);
            boolean same = ours == null || theirs == null ? ours == theirs
                    : ours.timestamp() == theirs.timestamp() && (!identity || ours.offset() == theirs.offset());
            if (!same) {
                pair.result.timeDifferences++;
                if (pair.result.first == null) {
                    pair.result.first = json("kind", "time", "partition", pair.source.toString(), "timestamp", time,
                            "source_offset", ours == null ? null : (Object) ours.offset(),
                            "target_offset", theirs == null ? null : (Object) theirs.offset());
                }
            }
        }
    }

    private static final class Span {
        long lowest = Long.MAX_VALUE;
        long highest = Long.MIN_VALUE;
    }

    /** The timestamps of the first and last record that the source shows. */
    private Span span(Pair pair, KafkaConsumer<byte[], byte[]> consumer) {
        Span span = new Span();
        for (long at : new long[] {pair.sourceStart, Math.max(pair.sourceStart, pair.sourceEnd - 100)}) {
            Reader reader = new Reader(consumer, pair.source, at, pair.sourceEnd);
            for (int i = 0; i < 200 && reader.peek() != null; i++) {
                long time = reader.take().timestamp();
                span.lowest = Math.min(span.lowest, time);
                span.highest = Math.max(span.highest, time);
            }
        }
        return span;
    }

    // --- All of it ---

    private int run() throws Exception {
        long began = System.nanoTime();
        List<Pair> pairs = pairs();
        ConcurrentLinkedQueue<Pair> left = new ConcurrentLinkedQueue<>(pairs);
        List<Thread> workers = new ArrayList<>();
        List<Throwable> failures = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(options.get("threads")); i++) {
            Thread worker = new Thread(() -> compareAll(left));
            worker.setUncaughtExceptionHandler((thread, error) -> {
                synchronized (failures) {
                    failures.add(error);
                }
                left.clear();
            });
            workers.add(worker);
            worker.start();
        }
        for (Thread worker : workers) {
            worker.join();
        }
        if (!failures.isEmpty()) {
            throw new IllegalStateException(failures.get(0).toString(), failures.get(0));
        }
        return report(pairs, (System.nanoTime() - began) / 1e9);
    }

    private void compareAll(Collection<Pair> queue) {
        ConcurrentLinkedQueue<Pair> left = (ConcurrentLinkedQueue<Pair>) queue;
        try (KafkaConsumer<byte[], byte[]> source = consumer("source"); KafkaConsumer<byte[], byte[]> target = consumer("target")) {
            for (Pair pair = left.poll(); pair != null; pair = left.poll()) {
                pair.result = new Result();
                new Comparison(new Reader(source, pair.source, pair.sourceStart, pair.sourceEnd),
                        new Reader(target, pair.target, pair.targetStart, pair.targetEnd), pair.result).run(readLists);
                if (!options.get("times").equals("0") && pair.sourceStart < pair.sourceEnd) {
                    compareTimes(pair, source, target, span(pair, source));
                }
            }
        }
    }

    private int report(List<Pair> pairs, double seconds) {
        Result all = new Result();
        List<String> listed = new ArrayList<>();
        for (Pair pair : pairs) {
            all.add(pair.result);
            if (readLists || (!pair.result.same() && listed.size() < MOST_LISTED)) {
                Result one = pair.result;
                listed.add(json("topic", pair.source.topic(), "partition", pair.source.partition(), "records", one.sourceRecords,
                        "target_records", one.targetRecords, "duplicates", one.duplicates, "missing", one.missing, "extra", one.extra,
                        "out_of_order", one.outOfOrder, "offset_differences", one.offsetDifferences, "time_differences",
                        one.timeDifferences, "source_start", pair.sourceStart, "source_end", pair.sourceEnd, "target_start",
                        pair.targetStart, "target_end", pair.targetEnd, "digest",
                        readLists ? String.format("%08x", one.digest.getValue()) : null));
            }
        }
        boolean same = all.same() && rangeDifferenceCount == 0;
        List<String> ranges = new ArrayList<>();
        rangeDifferences.forEach(text -> ranges.add(quote(text)));
        String summary = json("same", same, "partitions", pairs.size(), "source_records", all.sourceRecords, "target_records",
                all.targetRecords, "compared", all.compared, "duplicates", all.duplicates, "missing", all.missing, "extra", all.extra,
                "out_of_order", all.outOfOrder, "offset_differences", all.offsetDifferences, "time_differences", all.timeDifferences,
                "range_difference_count", rangeDifferenceCount);
        System.out.println(summary.substring(0, summary.length() - 1) + ",\"range_differences\":[" + String.join(",", ranges)
                + "],\"first_difference\":" + all.first + ",\"listed\":[" + String.join(",", listed) + "],\"seconds\":"
                + String.format("%.2f", seconds) + "}");
        return same ? 0 : 3;
    }

    private static String describe(ConsumerRecord<byte[], byte[]> record) {
        return record.timestamp() + " " + shorten(record.key()) + "=" + shorten(record.value()) + " (" + record.headers().toArray().length
                + " headers)";
    }

    private static String shorten(byte[] bytes) {
        return bytes == null ? "null" : new String(bytes, 0, Math.min(bytes.length, 80), java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    private static String json(Object... pairs) {
        List<String> parts = new ArrayList<>();
        for (int i = 0; i < pairs.length; i += 2) {
            Object value = pairs[i + 1];
            parts.add("\"" + pairs[i] + "\":" + (value instanceof String ? quote((String) value) : String.valueOf(value)));
        }
        return "{" + String.join(",", parts) + "}";
    }

    private static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20 || c > 0x7e) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
