import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A real application that never stops: prints each record as "TOPIC PARTITION VALUE", then commits it. On SIGTERM it
 * commits what it has printed and leaves its group.
 *
 * <p>Usage: java -cp 'JARS/*' Worker.java --bootstrap H:P --group G --topics T,... [--property KEY=VALUE]...
 */
public class Worker {
    public static void main(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        Properties properties = new Properties();
        properties.put("auto.offset.reset", "none");
        properties.put("enable.auto.commit", "false");
        properties.put("isolation.level", "read_committed");
        properties.put("session.timeout.ms", "20000");
        properties.put("heartbeat.interval.ms", "1000");
        properties.put("key.deserializer", StringDeserializer.class.getName());
        properties.put("value.deserializer", StringDeserializer.class.getName());
        for (int i = 0; i + 1 < args.length; i += 2) {
            if (args[i].equals("--property")) {
                String[] pair = args[i + 1].split("=", 2);
                properties.put(pair[0], pair[1]);
            } else {
                options.put(args[i], args[i + 1]);
            }
        }
        properties.put("bootstrap.servers", options.get("--bootstrap"));
        properties.put("group.id", options.get("--group"));
        properties.put("client.id", options.get("--group") + "-java");
        KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties);
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try {
                main.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        consumer.subscribe(Arrays.asList(options.get("--topics").split(",")));
        try {
            while (true) {
                work(consumer, consumer.poll(Duration.ofMillis(100)));
            }
        } catch (WakeupException e) {
            // What was polled was printed and committed.
        } finally {
            consumer.close();
            System.out.println("closed");
        }
    }

    /** A wakeup that comes in the middle must not keep what was printed from being committed. */
    private static void work(KafkaConsumer<String, String> consumer, ConsumerRecords<String, String> records) {
        if (records.isEmpty()) {
            return;
        }
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        StringBuilder lines = new StringBuilder();
        for (ConsumerRecord<String, String> record : records) {
            lines.append(record.topic()).append(' ').append(record.partition()).append(' ').append(record.value())
                    .append('\n');
            next.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        System.out.print(lines);
        System.out.flush();
        try {
            consumer.commitSync(next);
        } catch (WakeupException e) {
            consumer.commitSync(next);
            throw e;
        }
    }
}
