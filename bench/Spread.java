import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.SplittableRandom;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Messages spread over many topics, PREFIX0 to PREFIXn. Prints JSON.
 *
 * <p>once     --source H:P --prefix P --topics N: one record into each topic
 * <p>messages --source H:P --target H:P --prefix P --target-prefix P --topics N --partitions N --rate N --seconds N: at random over all
 * partitions; what goes to every 20th topic is consumed at the target, and its latency measured
 */
public class Spread {
    private static final int SAMPLED = 20;
    private static final Map<String, String> options = new HashMap<>();

    public static void main(String[] args) throws Exception {
        for (int i = 1; i + 1 < args.length; i += 2) {
            options.put(args[i].substring(2), args[i + 1]);
        }
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get("source"));
        properties.put("key.serializer", ByteArraySerializer.class.getName());
        properties.put("value.serializer", ByteArraySerializer.class.getName());
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties)) {
            System.out.println(args[0].equals("once") ? once(producer) : messages(producer));
        }
        System.exit(0);
    }

    private static int number(String name) {
        return Integer.parseInt(options.get(name));
    }

    private static String once(KafkaProducer<byte[], byte[]> producer) {
        for (int i = 0; i < number("topics"); i++) {
            producer.send(new ProducerRecord<>(options.get("prefix") + i, 0, null, new byte[100]));
        }
        producer.flush();
        return "{\"sent\":" + number("topics") + "}";
    }

    private static String messages(KafkaProducer<byte[], byte[]> producer) throws Exception {
        int count = number("rate") * number("seconds");
        for (int i = 0; i < number("topics"); i++) {
            producer.partitionsFor(options.get("prefix") + i);
        }
        long[] latencies = new long[count];
        int[] sampled = new int[1];
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get("target"));
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("enable.auto.commit", "false");
        int received = 0;
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
            List<TopicPartition> there = new ArrayList<>();
            for (int i = 0; i < number("topics"); i += SAMPLED) {
                for (int p = 0; p < number("partitions"); p++) {
                    there.add(new TopicPartition(options.get("target-prefix") + options.get("prefix") + i, p));
                }
            }
            consumer.assign(there);
            consumer.endOffsets(there).forEach(consumer::seek);
            Thread sending = new Thread(() -> sampled[0] = send(producer, count));
            sending.start();
            long deadline = System.nanoTime() + (number("seconds") + 30) * 1_000_000_000L;
            while (System.nanoTime() < deadline && (sending.isAlive() || received < sampled[0])) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    if (record.value().length == 200) {
                        ByteBuffer value = ByteBuffer.wrap(record.value());
                        latencies[value.getInt()] = System.nanoTime() - value.getLong();
                        received++;
                    }
                }
            }
            sending.join();
        }
        long[] sorted = Arrays.stream(latencies).filter(one -> one != 0).sorted().toArray();
        return String.format("{\"sent\":%d,\"sampled\":%d,\"received\":%d,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}", count, sampled[0],
                received, at(sorted, 0.5), at(sorted, 0.99), at(sorted, 1));
    }

    private static double at(long[] sorted, double part) {
        return sorted.length == 0 ? -1 : sorted[(int) Math.min(sorted.length - 1, sorted.length * part)] / 1e6;
    }

    /** Returns how many went to sampled topics. */
    private static int send(KafkaProducer<byte[], byte[]> producer, int count) {
        SplittableRandom random = new SplittableRandom(7);
        int sampled = 0;
        long began = System.nanoTime();
        for (int i = 0; i < count; i++) {
            long due = began + i * 1_000_000_000L / number("rate");
            while (System.nanoTime() < due) {
                java.util.concurrent.locks.LockSupport.parkNanos(due - System.nanoTime());
            }
            int topic = random.nextInt(number("topics"));
            sampled += topic % SAMPLED == 0 ? 1 : 0;
            byte[] value = new byte[200];
            ByteBuffer.wrap(value).putInt(i).putLong(System.nanoTime());
            producer.send(new ProducerRecord<>(options.get("prefix") + topic, random.nextInt(number("partitions")), null, value));
        }
        producer.flush();
        return sampled;
    }
}
