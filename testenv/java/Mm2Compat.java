import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.connect.mirror.Checkpoint;
import org.apache.kafka.connect.mirror.Heartbeat;
import org.apache.kafka.connect.mirror.OffsetSync;
import org.apache.kafka.connect.mirror.RemoteClusterUtils;

/**
 * What MirrorMaker 2's own, unmodified classes make of the topics that a mirror keeps for tools: RemoteClusterUtils, Checkpoint,
 * OffsetSync and Heartbeat. Usage and output: testenv/README.md.
 *
 * <p>Exit code: 0, 3 when a record cannot be read by them, 1 for any failure, 2 for usage.
 */
public class Mm2Compat {
    private static final int MOST_LISTED = 200;

    private final Map<String, String> options = new HashMap<>();
    private final List<String> errors = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        Mm2Compat tool = new Mm2Compat();
        if (!tool.parse(args)) {
            System.err.println("usage: Mm2Compat --target H:P [--source H:P] [--source-alias A] [--target-alias A] [--groups G,...]"
                    + " [--policy CLASS] [--offset-syncs-on source|target] [--timeout-ms N]");
            System.exit(2);
        }
        int exitCode;
        try {
            exitCode = tool.run();
        } catch (Exception error) {
            System.err.println("Mm2Compat: " + error);
            exitCode = 1;
        }
        System.exit(exitCode);
    }

    private boolean parse(String[] args) {
        String[][] defaults = {{"source-alias", "source"}, {"target-alias", "target"}, {"groups", ""}, {"policy", ""},
            {"offset-syncs-on", "target"}, {"timeout-ms", "30000"}};
        for (String[] pair : defaults) {
            options.put(pair[0], pair[1]);
        }
        for (int i = 0; i + 1 < args.length; i += 2) {
            if (!args[i].startsWith("--")) {
                return false;
            }
            options.put(args[i].substring(2), args[i + 1]);
        }
        return args.length % 2 == 0 && options.containsKey("target");
    }

    private int run() throws Exception {
        String alias = options.get("source-alias");
        Map<String, Object> client = new HashMap<>();
        client.put("bootstrap.servers", options.get("target"));
        if (!options.get("policy").isEmpty()) {
            client.put("replication.policy.class", options.get("policy"));
            client.put("source.cluster.alias", alias);
        }
        StringBuilder out = new StringBuilder("{\"checkpoint_topics\":" + list(RemoteClusterUtils.checkpointTopics(client)));
        out.append(",\"heartbeat_topics\":" + list(RemoteClusterUtils.heartbeatTopics(client)));
        out.append(",\"upstream_clusters\":" + list(RemoteClusterUtils.upstreamClusters(client)));
        out.append(",\"replication_hops\":" + RemoteClusterUtils.replicationHops(client, alias));
        out.append(",\"translated\":" + translated(client, alias));
        out.append(",\"checkpoints\":" + checkpoints(alias + ".checkpoints.internal"));
        out.append(",\"heartbeats\":" + heartbeats());
        boolean onTarget = options.get("offset-syncs-on").equals("target");
        // Named after the other cluster, as seen from where it is.
        String syncs = "mm2-offset-syncs." + (onTarget ? alias : options.get("target-alias")) + ".internal";
        if (onTarget || options.containsKey("source")) {
            out.append(",\"offset_syncs\":" + offsetSyncs(options.get(onTarget ? "target" : "source"), syncs));
        }
        System.out.println(out.append(",\"errors\":" + list(errors)).append("}"));
        return errors.isEmpty() ? 0 : 3;
    }

    /** {group: {"topic-0": offset}}. */
    private String translated(Map<String, Object> client, String alias) throws InterruptedException, TimeoutException {
        List<String> groups = new ArrayList<>();
        for (String group : options.get("groups").split(",")) {
            if (group.isEmpty()) {
                continue;
            }
            Map<TopicPartition, OffsetAndMetadata> found = RemoteClusterUtils.translateOffsets(client, alias, group,
                    Duration.ofMillis(Long.parseLong(options.get("timeout-ms"))));
            Map<String, Long> sorted = new TreeMap<>();
            found.forEach((partition, offset) -> sorted.put(partition.toString(), offset.offset()));
            List<String> parts = new ArrayList<>();
            sorted.forEach((partition, offset) -> parts.add(quote(partition) + ":" + offset));
            groups.add(quote(group) + ":{" + String.join(",", parts) + "}");
        }
        return "{" + String.join(",", groups) + "}";
    }

    private interface Printer {
        String print(ConsumerRecord<byte[], byte[]> record);
    }

    private String checkpoints(String topic) {
        return latest(options.get("target"), topic, record -> {
            Checkpoint found = Checkpoint.deserializeRecord(record);
            return "{\"group\":" + quote(found.consumerGroupId()) + ",\"partition\":" + quote(found.topicPartition().toString())
                    + ",\"upstream_offset\":" + found.upstreamOffset() + ",\"downstream_offset\":" + found.downstreamOffset()
                    + ",\"metadata\":" + quote(found.metadata()) + "}";
        });
    }

    private String heartbeats() {
        return latest(options.get("target"), "heartbeats", record -> {
            Heartbeat found = Heartbeat.deserializeRecord(record);
            return "{\"source\":" + quote(found.sourceClusterAlias()) + ",\"target\":" + quote(found.targetClusterAlias())
                    + ",\"timestamp\":" + found.timestamp() + "}";
        });
    }

    private String offsetSyncs(String bootstrap, String topic) {
        return latest(bootstrap, topic, record -> {
            OffsetSync found = OffsetSync.deserializeRecord(record);
            return "{\"partition\":" + quote(found.topicPartition().toString()) + ",\"upstream_offset\":" + found.upstreamOffset()
                    + ",\"downstream_offset\":" + found.downstreamOffset() + "}";
        });
    }

    /** {"topic", "partitions", "records": all there are, "latest": [of each key]}. */
    private String latest(String bootstrap, String topic, Printer printer) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "none");
        properties.put("isolation.level", "read_committed");
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        Map<String, String> byKey = new TreeMap<>();
        long records = 0;
        int partitions = 0;
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
            List<PartitionInfo> found = consumer.listTopics().get(topic);
            if (found == null) {
                return "null";
            }
            partitions = found.size();
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            long deadline = System.currentTimeMillis() + Long.parseLong(options.get("timeout-ms"));
            while (consumer.position(partition) < end && System.currentTimeMillis() < deadline) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    records++;
                    note(byKey, record, printer);
                }
            }
        }
        List<String> listed = new ArrayList<>(byKey.values());
        return "{\"topic\":" + quote(topic) + ",\"partitions\":" + partitions + ",\"records\":" + records + ",\"keys\":" + listed.size()
                + ",\"latest\":[" + String.join(",", listed.subList(0, Math.min(MOST_LISTED, listed.size()))) + "]}";
    }

    private void note(Map<String, String> byKey, ConsumerRecord<byte[], byte[]> record, Printer printer) {
        String key = Arrays.toString(record.key());
        if (record.value() == null) {
            byKey.remove(key);
            return;
        }
        try {
            byKey.put(key, printer.print(record));
        } catch (RuntimeException error) {
            if (errors.size() < MOST_LISTED) {
                errors.add(record.topic() + " offset " + record.offset() + ": " + error);
            }
        }
    }

    private static String list(Iterable<String> items) {
        List<String> quoted = new ArrayList<>();
        Set<String> sorted = new TreeSet<>();
        items.forEach(sorted::add);
        sorted.forEach(item -> quoted.add(quote(item)));
        return "[" + String.join(",", quoted) + "]";
    }

    private static String quote(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    }
}
