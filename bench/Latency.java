import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * How long a message takes from a producer at the source to a consumer at the target, and a group's commit from one to the other; one
 * process, so one clock. Prints JSON.
 *
 * <p>messages --source H:P --target H:P --topic T --target-topic T --rate N --seconds N
 * <p>group    --source H:P --target H:P --topic T --target-topic T --group G --rounds N --timeout-ms N
 *     produces a few records, waits until they are mirrored, commits the group at the end of every partition, and waits until it stands at
 *     the end of every partition of the target.
 */
public class Latency {
    private static final Map<String, String> options = new HashMap<>();

    public static void main(String[] args) throws Exception {
        for (int i = 1; i + 1 < args.length; i += 2) {
            options.put(args[i].substring(2), args[i + 1]);
        }
        System.out.println(args[0].equals("messages") ? messages() : group());
        System.exit(0);
    }

    private static KafkaProducer<byte[], byte[]> producer() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get("source"));
        properties.put("key.serializer", ByteArraySerializer.class.getName());
        properties.put("value.serializer", ByteArraySerializer.class.getName());
        return new KafkaProducer<>(properties);
    }

    private static List<TopicPartition> partitions(KafkaProducer<byte[], byte[]> producer, String topic) {
        List<TopicPartition> found = new ArrayList<>();
        producer.partitionsFor(options.get("topic")).forEach(info -> found.add(new TopicPartition(topic, info.partition())));
        return found;
    }

    // --- messages ---

    private static String messages() throws Exception {
        int rate = Integer.parseInt(options.get("rate"));
        int count = rate * Integer.parseInt(options.get("seconds"));
        long[] latencies = new long[count];
        int received = 0;
        int duplicates = 0;
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get("target"));
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("enable.auto.commit", "false");
        try (KafkaProducer<byte[], byte[]> producer = producer(); KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
            List<TopicPartition> there = partitions(producer, options.get("target-topic"));
            consumer.assign(there);
            consumer.seekToEnd(there);
            for (TopicPartition partition : there) {
                consumer.position(partition);
            }
            Thread sending = new Thread(() -> send(producer, rate, count, there.size()));
            sending.start();
            long deadline = System.nanoTime() + (count / rate + 60) * 1_000_000_000L;
            while (received < count && System.nanoTime() < deadline) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    long now = System.nanoTime();
                    ByteBuffer value = ByteBuffer.wrap(record.value());
                    int number = value.getInt();
                    if (record.value().length != 200 || number < 0 || number >= count) {
                        continue;
                    }
                    if (latencies[number] != 0) {
                        duplicates++;
                        continue;
                    }
                    latencies[number] = now - value.getLong();
                    received++;
                }
            }
            sending.join();
        }
        int lost = count - received;
        long[] sorted = Arrays.stream(latencies).filter(one -> one != 0).sorted().toArray();
        return String.format("{\"sent\":%d,\"lost\":%d,\"duplicates\":%d,\"p50_ms\":%.2f,\"p90_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}", count,
                lost, duplicates, at(sorted, 0.5), at(sorted, 0.9), at(sorted, 0.99), at(sorted, 1));
    }

    private static double at(long[] sorted, double part) {
        return sorted.length == 0 ? -1 : sorted[(int) Math.min(sorted.length - 1, sorted.length * part)] / 1e6;
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, int rate, int count, int partitions) {
        long began = System.nanoTime();
        for (int i = 0; i < count; i++) {
            long due = began + i * 1_000_000_000L / rate;
            while (System.nanoTime() < due) {
                java.util.concurrent.locks.LockSupport.parkNanos(due - System.nanoTime());
            }
            byte[] value = new byte[200];
            ByteBuffer.wrap(value).putInt(i).putLong(System.nanoTime());
            producer.send(new ProducerRecord<>(options.get("topic"), i % partitions, null, value));
        }
        producer.flush();
    }

    // --- group ---

    private static String group() throws Exception {
        String group = options.get("group");
        List<String> seconds = new ArrayList<>();
        long behind = 0;
        try (KafkaProducer<byte[], byte[]> producer = producer(); Admin source = admin("source"); Admin target = admin("target")) {
            List<TopicPartition> here = partitions(producer, options.get("topic"));
            List<TopicPartition> there = partitions(producer, options.get("target-topic"));
            for (int round = 0; round < Integer.parseInt(options.get("rounds")); round++) {
                for (TopicPartition partition : here) {
                    for (int i = 0; i < 10; i++) {
                        producer.send(new ProducerRecord<>(partition.topic(), partition.partition(), null, new byte[100]));
                    }
                }
                producer.flush();
                Map<TopicPartition, Long> ends = ends(source, here);
                long deadline = System.currentTimeMillis() + 60_000;
                while (!ends(target, there).values().stream().mapToLong(Long::longValue).boxed().sorted().toList()
                        .equals(ends.values().stream().sorted().toList())) {
                    if (System.currentTimeMillis() > deadline) {
                        throw new IllegalStateException("the records are not on the target after 60 s");
                    }
                    Thread.sleep(50);
                }
                Map<TopicPartition, OffsetAndMetadata> commit = new HashMap<>();
                ends.forEach((partition, end) -> commit.put(partition, new OffsetAndMetadata(end)));
                long began = System.nanoTime();
                source.alterConsumerGroupOffsets(group, commit).all().get();
                behind = await(target, group, ends(target, there));
                seconds.add(behind == 0 ? String.format("%.3f", (System.nanoTime() - began) / 1e9) : "null");
            }
        }
        return "{\"seconds\":[" + String.join(",", seconds) + "],\"records_behind\":" + behind + "}";
    }

    /** 0 once the group stands at all of `wanted`; else, when the time is over, how many records it is short of that. */
    private static long await(Admin target, String group, Map<TopicPartition, Long> wanted) throws Exception {
        long deadline = System.currentTimeMillis() + Long.parseLong(options.get("timeout-ms"));
        while (true) {
            Map<TopicPartition, OffsetAndMetadata> found = target.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            long behind = 0;
            for (Map.Entry<TopicPartition, Long> one : wanted.entrySet()) {
                OffsetAndMetadata offset = found.get(one.getKey());
                behind += Math.abs(one.getValue() - (offset == null ? 0 : offset.offset()));
            }
            if (behind == 0 || System.currentTimeMillis() > deadline) {
                return behind;
            }
            Thread.sleep(10);
        }
    }

    private static Admin admin(String side) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get(side));
        return Admin.create(properties);
    }

    private static Map<TopicPartition, Long> ends(Admin admin, List<TopicPartition> partitions) throws Exception {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        partitions.forEach(partition -> asked.put(partition, OffsetSpec.latest()));
        Map<TopicPartition, Long> found = new HashMap<>();
        admin.listOffsets(asked).all().get().forEach((partition, info) -> found.put(partition, info.offset()));
        return found;
    }
}
