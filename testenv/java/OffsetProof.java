import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Do groups go on at the target with exactly the record that follows at the source?
 *
 * <p>`make` commits groups at many offsets of the source's topics; `check` reads what groups have committed on both clusters
 * and judges every pair by the records that a consumer sees there. Usage and output: testenv/README.md.
 *
 * <p>Exit code: 0 all exact, 3 not, 1 for any failure, 2 for usage.
 */
public class OffsetProof {
    private static final int COMMITS_IN_FLIGHT = 64;
    private static final int SEEKS = 20; // of all pairs, so many are consumed from for real

    private final Map<String, String> options = new HashMap<>();

    public static void main(String[] args) throws Exception {
        OffsetProof tool = new OffsetProof();
        if (!tool.parse(args)) {
            System.err.println("usage: OffsetProof make --source H:P --topics REGEX --groups PREFIX --at every|N|0%,50%,...\n"
                    + "       OffsetProof check --source H:P --target H:P --topics REGEX --groups REGEX [options: see testenv/README.md]");
            System.exit(2);
        }
        int exitCode;
        try {
            exitCode = args[0].equals("make") ? tool.make() : tool.check();
        } catch (Exception error) {
            System.err.println("OffsetProof: " + error);
            exitCode = 1;
        }
        System.exit(exitCode);
    }

    private boolean parse(String[] args) {
        String[][] defaults = {{"isolation", "read_committed"}, {"target-prefix", ""}, {"wait-ms", "0"}, {"at", "every"}};
        for (String[] pair : defaults) {
            options.put(pair[0], pair[1]);
        }
        if (args.length == 0 || !(args[0].equals("make") || args[0].equals("check"))) {
            return false;
        }
        for (int i = 1; i < args.length; i++) {
            if (args[i].equals("--identity")) {
                options.put("identity", "yes");
            } else if (args[i].startsWith("--") && i + 1 < args.length) {
                options.put(args[i].substring(2), args[++i]);
            } else {
                return false;
            }
        }
        List<String> needed = new ArrayList<>(List.of("source", "topics", "groups"));
        if (args[0].equals("check")) {
            needed.add("target");
        }
        return options.keySet().containsAll(needed);
    }

    private KafkaConsumer<byte[], byte[]> consumer(String side) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get(side));
        properties.put("isolation.level", options.get("isolation"));
        properties.put("auto.offset.reset", "none");
        properties.put("enable.auto.commit", "false");
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("fetch.max.wait.ms", 50);
        return new KafkaConsumer<>(properties);
    }

    private Admin admin(String side) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get(side));
        return Admin.create(properties);
    }

    // --- make ---

    private int make() throws Exception {
        List<TopicPartition> partitions = new ArrayList<>();
        Map<TopicPartition, List<Long>> offsets = new HashMap<>();
        int groups = 0;
        try (KafkaConsumer<byte[], byte[]> source = consumer("source")) {
            Pattern wanted = Pattern.compile(options.get("topics"));
            for (Map.Entry<String, List<PartitionInfo>> topic : source.listTopics().entrySet()) {
                if (wanted.matcher(topic.getKey()).matches() && !topic.getKey().startsWith("__")) {
                    topic.getValue().forEach(info -> partitions.add(new TopicPartition(info.topic(), info.partition())));
                }
            }
            Map<TopicPartition, Long> starts = source.beginningOffsets(partitions);
            Map<TopicPartition, Long> ends = source.endOffsets(partitions);
            for (TopicPartition partition : partitions) {
                offsets.put(partition, positions(starts.get(partition), ends.get(partition)));
                groups = Math.max(groups, offsets.get(partition).size());
            }
        }
        long committed = 0;
        try (Admin admin = admin("source")) {
            List<KafkaFuture<Void>> inFlight = new ArrayList<>();
            for (int group = 0; group < groups; group++) {
                Map<TopicPartition, OffsetAndMetadata> commit = new HashMap<>();
                for (TopicPartition partition : partitions) {
                    List<Long> own = offsets.get(partition);
                    commit.put(partition, new OffsetAndMetadata(own.get(Math.min(group, own.size() - 1))));
                }
                committed += commit.size();
                inFlight.add(admin.alterConsumerGroupOffsets(String.format("%s%05d", options.get("groups"), group), commit).all());
                if (inFlight.size() == COMMITS_IN_FLIGHT || group + 1 == groups) {
                    for (KafkaFuture<Void> future : inFlight) {
                        future.get();
                    }
                    inFlight.clear();
                }
            }
        }
        System.out.println("{\"groups\":" + groups + ",\"offsets\":" + committed + "}");
        return 0;
    }

    private List<Long> positions(long start, long end) {
        TreeSet<Long> found = new TreeSet<>();
        String at = options.get("at");
        if (at.contains("%")) {
            for (String part : at.split(",")) {
                found.add(start + Math.round((end - start) * Double.parseDouble(part.replace("%", "")) / 100));
            }
        } else {
            long count = at.equals("every") ? end - start + 1 : Math.min(Long.parseLong(at), end - start + 1);
            for (long i = 0; i < count; i++) {
                found.add(count == 1 ? start : start + (end - start) * i / (count - 1));
            }
        }
        return new ArrayList<>(found);
    }

    // --- check ---

    /** What a consumer sees in one partition: offsets and hashes, in order. */
    private static final class Index {
        long end = -1;
        long[] offsets = new long[0];
        long[] hashes = new long[0];
        int size = 0;

        /** The first record at or behind an offset: its index, or `size`. */
        int at(long offset) {
            int found = Arrays.binarySearch(offsets, 0, size, offset);
            return found >= 0 ? found : -found - 1;
        }

        void add(long offset, long hash) {
            if (size == offsets.length) {
                offsets = Arrays.copyOf(offsets, Math.max(1024, size * 2));
                hashes = Arrays.copyOf(hashes, Math.max(1024, size * 2));
            }
            offsets[size] = offset;
            hashes[size++] = hash;
        }
    }

    private final Map<TopicPartition, Index> sourceIndex = new HashMap<>();
    private final Map<TopicPartition, Index> targetIndex = new HashMap<>();
    private int seeks = 0;

    private static final class Result {
        long checked = 0;
        long exact = 0;
        long absent = 0;
        long reRead = 0;
        long worstReRead = 0;
        long skipped = 0;
        long foreignSkipped = 0;
        long offsetDifferences = 0;
        String first;

        boolean ok() {
            return exact == checked && checked > 0;
        }
    }

    private int check() throws Exception {
        long deadline = System.currentTimeMillis() + Long.parseLong(options.get("wait-ms"));
        try (KafkaConsumer<byte[], byte[]> source = consumer("source"); KafkaConsumer<byte[], byte[]> target = consumer("target");
                Admin sourceAdmin = admin("source"); Admin targetAdmin = admin("target")) {
            while (true) {
                Result result = checkOnce(source, target, sourceAdmin, targetAdmin);
                if (result.ok() || System.currentTimeMillis() >= deadline) {
                    print(result);
                    return result.ok() ? 0 : 3;
                }
                Thread.sleep(200);
            }
        }
    }

    private Result checkOnce(KafkaConsumer<byte[], byte[]> source, KafkaConsumer<byte[], byte[]> target, Admin sourceAdmin,
            Admin targetAdmin) throws Exception {
        Map<String, Map<TopicPartition, OffsetAndMetadata>> ours = committed(sourceAdmin, groups(sourceAdmin));
        Map<String, Map<TopicPartition, OffsetAndMetadata>> theirs = committed(targetAdmin, new ArrayList<>(ours.keySet()));
        Pattern topics = Pattern.compile(options.get("topics"));
        Result result = new Result();
        for (Map.Entry<String, Map<TopicPartition, OffsetAndMetadata>> group : ours.entrySet()) {
            for (Map.Entry<TopicPartition, OffsetAndMetadata> entry : group.getValue().entrySet()) {
                TopicPartition partition = entry.getKey();
                if (entry.getValue() == null || !topics.matcher(partition.topic()).matches()) {
                    continue;
                }
                TopicPartition there = new TopicPartition(options.get("target-prefix") + partition.topic(), partition.partition());
                OffsetAndMetadata translated = theirs.get(group.getKey()).get(there);
                judge(result, group.getKey(), partition, entry.getValue().offset(), there, translated, source, target);
            }
        }
        return result;
    }

    private List<String> groups(Admin admin) throws Exception {
        Pattern wanted = Pattern.compile(options.get("groups"));
        List<String> found = new ArrayList<>();
        for (ConsumerGroupListing group : admin.listConsumerGroups().all().get()) {
            if (wanted.matcher(group.groupId()).matches()) {
                found.add(group.groupId());
            }
        }
        return found;
    }

    private static Map<String, Map<TopicPartition, OffsetAndMetadata>> committed(Admin admin, List<String> groups) throws Exception {
        Map<String, Map<TopicPartition, OffsetAndMetadata>> found = new TreeMap<>();
        for (int from = 0; from < groups.size(); from += 500) {
            Map<String, ListConsumerGroupOffsetsSpec> wanted = new HashMap<>();
            groups.subList(from, Math.min(groups.size(), from + 500)).forEach(group -> wanted.put(group, new ListConsumerGroupOffsetsSpec()));
            found.putAll(admin.listConsumerGroupOffsets(wanted).all().get());
        }
        return found;
    }

    private void judge(Result result, String group, TopicPartition partition, long sourceOffset, TopicPartition there,
            OffsetAndMetadata translated, KafkaConsumer<byte[], byte[]> source, KafkaConsumer<byte[], byte[]> target) {
        result.checked++;
        String what = group + " " + partition + " at " + sourceOffset;
        if (translated == null) {
            result.absent++;
            first(result, what + ": no offset on the target");
            return;
        }
        Index from = index(sourceIndex, source, partition);
        Index to = index(targetIndex, target, there);
        int[] places = alignment(partition, from, to);
        int next = from.at(sourceOffset);
        int found = to.at(translated.offset());
        long reRead = 0;
        for (int i = next - 1; i >= 0 && places[i] >= found; i--) {
            reRead++;
        }
        long skipped = 0;
        for (int i = next; i < from.size && places[i] < found; i++) {
            skipped++;
        }
        result.reRead += reRead;
        result.worstReRead = Math.max(result.worstReRead, reRead);
        result.skipped += skipped;
        result.foreignSkipped += Math.max(0, found - (next == 0 ? 0 : places[next - 1] + 1) - skipped);
        boolean sameOffset = !options.containsKey("identity") || translated.offset() == sourceOffset;
        result.offsetDifferences += sameOffset ? 0 : 1;
        boolean consumed = seekShows(target, there, translated.offset(), to, found);
        if (reRead == 0 && skipped == 0 && sameOffset && consumed) {
            result.exact++;
        } else {
            first(result, what + ": on the target " + translated.offset() + ", re-reads " + reRead + ", skips " + skipped
                    + (consumed ? "" : ", and a consumer gets another record there"));
        }
    }

    private static void first(Result result, String text) {
        if (result.first == null) {
            result.first = text;
        }
    }

    private final Map<TopicPartition, int[]> alignments = new HashMap<>();

    /** Where each record of the source is on the target, in order; Integer.MAX_VALUE: not there yet. */
    private int[] alignment(TopicPartition partition, Index from, Index to) {
        return alignments.computeIfAbsent(partition, key -> {
            int[] places = new int[from.size];
            Arrays.fill(places, Integer.MAX_VALUE);
            int next = 0;
            for (int i = 0; i < to.size && next < from.size; i++) {
                if (to.hashes[i] == from.hashes[next]) {
                    places[next++] = i;
                }
            }
            return places;
        });
    }

    /** Reads a partition, or what it has more than the last time. */
    private Index index(Map<TopicPartition, Index> known, KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition) {
        long now = System.currentTimeMillis();
        Index index = known.computeIfAbsent(partition, key -> new Index());
        Long checkedAt = lastLook.get(index);
        if (checkedAt != null && now - checkedAt < 1_000) {
            return index;
        }
        long end = consumer.endOffsets(List.of(partition)).get(partition);
        if (end > index.end) {
            long at = index.end < 0 ? consumer.beginningOffsets(List.of(partition)).get(partition) : index.end;
            consumer.assign(List.of(partition));
            consumer.seek(partition, at);
            long deadline = now + 60_000;
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100)).records(partition)) {
                    if (record.offset() < end) {
                        index.add(record.offset(), hash(record));
                    }
                }
                if (System.currentTimeMillis() > deadline) {
                    throw new IllegalStateException(partition + ": cannot be read up to " + end + " in 60 s");
                }
            }
            index.end = end;
            alignments.clear();
        }
        lastLook.put(index, System.currentTimeMillis());
        return index;
    }

    private final Map<Index, Long> lastLook = new HashMap<>();

    private boolean seekShows(KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, long offset, Index index, int expected) {
        if (expected >= index.size || seeks >= SEEKS) {
            return true;
        }
        seeks++;
        consumer.assign(List.of(partition));
        consumer.seek(partition, offset);
        long deadline = System.currentTimeMillis() + 10_000;
        while (System.currentTimeMillis() < deadline) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100)).records(partition)) {
                return record.offset() == index.offsets[expected] && hash(record) == index.hashes[expected];
            }
        }
        return false;
    }

    private static long hash(ConsumerRecord<byte[], byte[]> record) {
        long hash = add(add(record.timestamp(), record.key()), record.value());
        for (Header header : record.headers()) {
            hash = add(add(hash, header.key().getBytes(StandardCharsets.UTF_8)), header.value());
        }
        return hash;
    }

    private static long add(long hash, byte[] bytes) {
        hash = hash * 0x9e3779b97f4a7c15L + (bytes == null ? 1 : 2 + bytes.length);
        for (int i = 0; bytes != null && i < bytes.length; i++) {
            hash = (hash ^ bytes[i]) * 0x100000001b3L;
        }
        return hash ^ (hash >>> 29);
    }

    private static void print(Result result) {
        System.out.println("{\"ok\":" + result.ok() + ",\"checked\":" + result.checked + ",\"exact\":" + result.exact + ",\"absent\":"
                + result.absent + ",\"re_read\":" + result.reRead + ",\"worst_re_read\":" + result.worstReRead + ",\"skipped\":"
                + result.skipped + ",\"foreign_skipped\":" + result.foreignSkipped + ",\"offset_differences\":" + result.offsetDifferences
                + ",\"first_difference\":" + (result.first == null ? "null" : "\"" + result.first.replace("\"", "'") + "\"") + "}");
    }
}
