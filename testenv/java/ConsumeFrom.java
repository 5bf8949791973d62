import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Where does an upgraded consumer start? Joins a group like any application, with auto.offset.reset=none,
 * and prints one JSON line per partition; optionally consumes, commits and leaves.
 *
 * <p>Runs with kafka-clients from 0.9 to 4.x; calls whose signature changed go through reflection.
 * Usage: java -cp 'JARS/*' ConsumeFrom.java --bootstrap H:P --group G --topics T,... [--consume N]
 * [--idle-ms 1500] [--timeout-ms 30000] [--property KEY=VALUE]...
 *
 * <p>Exit code: 0, 3 when a partition has no valid offset, 1 for any other failure, 2 for usage.
 */
public class ConsumeFrom {
    private final Map<String, String> options = new HashMap<>();
    private final Properties properties = new Properties();
    private KafkaConsumer<byte[], byte[]> consumer;

    private static final class Start {
        Long committed;
        Long position;
        Long firstOffset;
        String firstValue;
        String error;
    }

    private final Map<String, Start> starts = new TreeMap<>();
    private boolean assigned = false;

    public static void main(String[] args) throws Exception {
        ConsumeFrom tool = new ConsumeFrom();
        if (!tool.parse(args)) {
            System.err.println("usage: ConsumeFrom --bootstrap H:P --group G --topics T,... [--consume N] [--idle-ms N]"
                    + " [--timeout-ms N] [--property KEY=VALUE]...");
            System.exit(2);
        }
        System.exit(tool.run());
    }

    private boolean parse(String[] args) {
        options.put("consume", "0");
        options.put("idle-ms", "1500");
        options.put("timeout-ms", "30000");
        for (int i = 0; i < args.length; i += 2) {
            if (!args[i].startsWith("--") || i + 1 == args.length) {
                return false;
            }
            if (args[i].equals("--property")) {
                String[] pair = args[i + 1].split("=", 2);
                properties.put(pair[0], pair[1]);
            } else {
                options.put(args[i].substring(2), args[i + 1]);
            }
        }
        return options.keySet().containsAll(Arrays.asList("bootstrap", "group", "topics"));
    }

    private int run() throws Exception {
        Properties defaults = new Properties();
        defaults.put("bootstrap.servers", options.get("bootstrap"));
        defaults.put("group.id", options.get("group"));
        defaults.put("auto.offset.reset", "none");
        defaults.put("enable.auto.commit", "false");
        defaults.put("key.deserializer", ByteArrayDeserializer.class.getName());
        defaults.put("value.deserializer", ByteArrayDeserializer.class.getName());
        defaults.putAll(properties);
        consumer = new KafkaConsumer<>(defaults);
        int exitCode = 0;
        try {
            consume();
        } catch (Exception error) {
            exitCode = isMissingOffset(error) ? 3 : 1;
            print(json("error", error.getClass().getSimpleName(), "message", String.valueOf(error.getMessage())));
        }
        for (Map.Entry<String, Start> entry : starts.entrySet()) {
            print(describe(entry.getKey(), entry.getValue()));
            if (entry.getValue().error != null && exitCode == 0) {
                exitCode = 3;
            }
        }
        consumer.close();
        return exitCode;
    }

    /** Polls until `--consume` records were read, or none came for `--idle-ms`; then commits what was read. */
    private void consume() throws Exception {
        subscribe(Arrays.asList(options.get("topics").split(",")));
        long wanted = Long.parseLong(options.get("consume"));
        long idleMs = Long.parseLong(options.get("idle-ms"));
        long deadline = System.currentTimeMillis() + Long.parseLong(options.get("timeout-ms"));
        Map<TopicPartition, OffsetAndMetadata> commits = new LinkedHashMap<>();
        long consumed = 0;
        long lastRecordMs = System.currentTimeMillis();
        while (System.currentTimeMillis() < deadline) {
            ConsumerRecords<byte[], byte[]> records = poll(200);
            long now = System.currentTimeMillis();
            if (!assigned) {
                lastRecordMs = now;
                continue;
            }
            for (ConsumerRecord<byte[], byte[]> record : records) {
                lastRecordMs = now;
                noteFirst(record);
                if (consumed < wanted) {
                    consumed++;
                    commits.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
                }
            }
            boolean allStarted = starts.values().stream().allMatch(start -> start.firstOffset != null || start.error != null);
            if ((allStarted && consumed >= wanted) || now - lastRecordMs > idleMs) {
                break;
            }
        }
        if (!assigned) {
            throw new IllegalStateException("no partitions assigned after " + options.get("timeout-ms") + " ms");
        }
        if (wanted > 0) {
            consumer.commitSync(commits);
            List<String> parts = new ArrayList<>();
            commits.forEach((partition, offset) -> parts.add("\"" + partition + "\":" + offset.offset()));
            System.out.println("{\"consumed\":" + consumed + ",\"commits\":{" + String.join(",", parts) + "}}");
        }
    }

    private void noteFirst(ConsumerRecord<byte[], byte[]> record) {
        Start start = starts.computeIfAbsent(record.topic() + "-" + record.partition(), key -> new Start());
        if (start.firstOffset == null) {
            start.firstOffset = record.offset();
            start.firstValue = record.value() == null ? null : new String(record.value());
        }
    }

    private void subscribe(List<String> topics) throws Exception {
        ConsumerRebalanceListener listener = new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                for (TopicPartition partition : partitions) {
                    starts.put(partition.toString(), look(partition));
                }
                assigned = true;
            }
        };
        Method subscribe;
        try {
            subscribe = KafkaConsumer.class.getMethod("subscribe", Collection.class, ConsumerRebalanceListener.class);
        } catch (NoSuchMethodException before010) {
            subscribe = KafkaConsumer.class.getMethod("subscribe", List.class, ConsumerRebalanceListener.class);
        }
        invoke(subscribe, topics, listener);
    }

    private Start look(TopicPartition partition) {
        Start start = new Start();
        try {
            start.committed = committed(partition);
            start.position = position(partition, start.committed != null);
        } catch (Exception error) {
            start.error = error.getClass().getSimpleName();
        }
        return start;
    }

    /** From 1.0 on, position() of one partition throws once for another one that has no offset. */
    private long position(TopicPartition partition, boolean again) {
        try {
            return consumer.position(partition);
        } catch (RuntimeException error) {
            if (!again || !isMissingOffset(error)) {
                throw error;
            }
            return consumer.position(partition);
        }
    }

    private Long committed(TopicPartition partition) throws Exception {
        Object found;
        try {
            Method many = KafkaConsumer.class.getMethod("committed", Set.class);
            found = ((Map<?, ?>) invoke(many, java.util.Collections.singleton(partition))).get(partition);
        } catch (NoSuchMethodException before24) {
            found = invoke(KafkaConsumer.class.getMethod("committed", TopicPartition.class), partition);
        }
        return found == null ? null : ((OffsetAndMetadata) found).offset();
    }

    @SuppressWarnings("unchecked")
    private ConsumerRecords<byte[], byte[]> poll(long timeoutMs) throws Exception {
        try {
            return (ConsumerRecords<byte[], byte[]>) invoke(KafkaConsumer.class.getMethod("poll", Duration.class), Duration.ofMillis(timeoutMs));
        } catch (NoSuchMethodException before20) {
            return (ConsumerRecords<byte[], byte[]>) invoke(KafkaConsumer.class.getMethod("poll", long.class), timeoutMs);
        }
    }

    private Object invoke(Method method, Object... arguments) throws Exception {
        try {
            return method.invoke(consumer, arguments);
        } catch (java.lang.reflect.InvocationTargetException wrapped) {
            throw wrapped.getCause() instanceof Exception ? (Exception) wrapped.getCause() : wrapped;
        }
    }

    private static boolean isMissingOffset(Exception error) {
        String name = error.getClass().getSimpleName();
        return name.equals("NoOffsetForPartitionException") || name.equals("OffsetOutOfRangeException");
    }

    private static String describe(String partition, Start start) {
        int dash = partition.lastIndexOf('-');
        return json("topic", partition.substring(0, dash), "partition", Integer.valueOf(partition.substring(dash + 1)),
                "committed", start.committed, "position", start.position, "first_offset", start.firstOffset,
                "first_value", start.firstValue, "error", start.error);
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
            } else if (c < 0x20) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    private static void print(String line) {
        System.out.println(line);
    }
}
